"""Truth-based measures of tracking, in small: each by its paper.

Frames are (truth ids, truth xy, track ids, track xy).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from controller.fusion.assignment import hungarian

if TYPE_CHECKING:
    from numpy.typing import NDArray

Frame = tuple[Sequence[int], "NDArray[np.float64]", Sequence[int], "NDArray[np.float64]"]


def match(cost: NDArray[np.float64], limit: float) -> list[tuple[int, int]]:
    """Pairs of least total cost, none dearer than `limit`."""
    if 0 in cost.shape:
        return []
    turned = cost.shape[0] > cost.shape[1]
    square = np.minimum(cost.T if turned else cost, limit * 1e3 + 1)
    square = np.where(square > limit, limit * 1e3 + 1, square)
    pairs = [(i, j) for i, j in enumerate(hungarian(square.tolist())) if square[i, j] <= limit]
    return [(j, i) for i, j in pairs] if turned else pairs


def distances(frame: Frame) -> NDArray[np.float64]:
    a, b = np.reshape(frame[1], (-1, 2)), np.reshape(frame[3], (-1, 2))
    return np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1])


def gospa(frames: Sequence[Frame], c: float = 4.0, p: float = 2.0) -> float:
    """Mean GOSPA, alpha = 2 (Rahmathullah, García-Fernández, Svensson 2017)."""
    values = []
    for frame in frames:
        d = distances(frame)
        pairs = match(d**p, c**p)
        missed = d.shape[0] + d.shape[1] - 2 * len(pairs)
        values.append((sum(d[i, j] ** p for i, j in pairs) + c**p / 2 * missed) ** (1 / p))
    return float(np.mean(values))


def clear(frames: Sequence[Frame], limit: float = 2.0) -> dict[str, float]:
    """MOTA, identity switches and location RMSE (Bernardin and Stiefelhagen 2008): a kept pair keeps its match."""
    last: dict[int, int] = {}
    switches = misses = false = count = 0
    squares: list[float] = []
    for frame in frames:
        truth, _, tracks, _ = frame
        d = distances(frame)
        bonus = np.array([[-1e3 if last.get(t) == k else 0.0 for k in tracks] for t in truth]).reshape(d.shape)
        pairs = match(np.where(d <= limit, d + bonus + 1e3, 1e9), 2e3)
        for i, j in pairs:
            switches += truth[i] in last and last[truth[i]] != tracks[j]
            last[truth[i]] = tracks[j]
            squares.append(d[i, j] ** 2)
        misses += len(truth) - len(pairs)
        false += len(tracks) - len(pairs)
        count += len(truth)
    return {
        "mota": 1 - (misses + false + switches) / max(count, 1),
        "switches": switches,
        "misses": misses,
        "false": false,
        "rmse": float(np.sqrt(np.mean(squares))) if squares else float("nan"),
    }


def _counts(frames: Sequence[Frame]) -> tuple[dict[int, int], dict[int, int]]:
    truth = [t for frame in frames for t in frame[0]]
    tracks = [k for frame in frames for k in frame[2]]
    return {t: truth.count(t) for t in set(truth)}, {k: tracks.count(k) for k in set(tracks)}


def idf1(frames: Sequence[Frame], limit: float = 2.0) -> float:
    """IDF1 (Ristani et al. 2016): one track per object over the whole run."""
    truth, tracks = _counts(frames)
    rows, columns = {t: i for i, t in enumerate(sorted(truth))}, {k: i for i, k in enumerate(sorted(tracks))}
    together = np.zeros((len(rows), len(columns)))
    for frame in frames:
        for i, j in np.argwhere(distances(frame) <= limit):
            together[rows[frame[0][i]], columns[frame[2][j]]] += 1
    best = sum(together[i, j] for i, j in match(together.max(initial=0) - together, 1e9))
    return float(2 * best / max(sum(truth.values()) + sum(tracks.values()), 1))


def hota(frames: Sequence[Frame], zero: float = 4.0) -> float:
    """HOTA (Luiten et al. 2021) over 19 thresholds; similarity falls linearly to 0 at `zero` m."""
    truth, tracks = _counts(frames)
    rows, columns = {t: i for i, t in enumerate(sorted(truth))}, {k: i for i, k in enumerate(sorted(tracks))}
    potential = np.zeros((len(rows), len(columns)))
    similar = [np.maximum(0.0, 1 - distances(frame) / zero) for frame in frames]
    for frame, s in zip(frames, similar, strict=True):
        if s.size:
            total = s.sum(0)[None] + s.sum(1)[:, None] - s
            share = np.divide(s, total, out=np.zeros_like(s), where=total > 0)
            potential[np.ix_([rows[t] for t in frame[0]], [columns[k] for k in frame[2]])] += share
    n = np.array([truth[t] for t in sorted(truth)])[:, None]
    m = np.array([tracks[k] for k in sorted(tracks)])[None]
    alignment = potential / np.maximum(n + m - potential, 1e-9)
    found = np.zeros((19, len(rows), len(columns)))
    alphas = np.arange(1, 20) / 20
    for frame, s in zip(frames, similar, strict=True):
        if not s.size:
            continue
        r, c = [rows[t] for t in frame[0]], [columns[k] for k in frame[2]]
        score = alignment[np.ix_(r, c)] * s
        for i, j in match(2.0 - score - 1e-6 * s, 3.0):
            found[s[i, j] >= alphas - 1e-12, r[i], c[j]] += 1
    scores = []
    for hits in found:
        tp = hits.sum()
        association = (hits * hits / np.maximum(n + m - hits, 1)).sum() / max(tp, 1)
        scores.append(np.sqrt(tp / max(n.sum() + m.sum() - tp, 1) * association))
    return float(np.mean(scores))
