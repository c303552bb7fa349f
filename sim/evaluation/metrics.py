"""Measures of tracking against truth, each by its paper: pure functions of a sequence of frames.

Similarity falls linearly from 1 at no distance to 0 at ZERO_M; CLEAR, IDF1 and the errors pair within MATCH_M, which is
a similarity of one half.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.evaluation.frame import best_pairs, distances

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from sim.evaluation.frame import Frame

    Floats = NDArray[np.float64]

ZERO_M: Final = 4.0
MATCH_M: Final = 2.0
ALPHAS: Final = np.arange(1, 20) / 20
GOSPA_C_M: Final = 4.0
GOSPA_P: Final = 2.0
_KEPT: Final = 1000.0  # no similarity outweighs the pair of the instant before
_EPSILON: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Hota:
    """HOTA and its parts over ALPHAS, arrays (19,); the attributes of a single number are their means."""

    over_alpha: Floats
    detection: Floats
    association: Floats
    localisation: Floats

    @property
    def hota(self) -> float:
        """Mean over the thresholds."""
        return float(self.over_alpha.mean())

    @property
    def deta(self) -> float:
        """Detection accuracy."""
        return float(self.detection.mean())

    @property
    def assa(self) -> float:
        """Association accuracy."""
        return float(self.association.mean())

    @property
    def loca(self) -> float:
        """Localisation accuracy."""
        return float(self.localisation.mean())


@dataclass(frozen=True, slots=True)
class Clear:
    """CLEAR MOT. `motp_m`, `rmse_m`: mean and root mean square distance of pairs; NaN where nothing was paired."""

    mota: float
    motp_m: float
    switches: int
    fragmentations: int
    misses: int
    false: int
    truths: int
    rmse_m: float
    velocity_rmse_mps: float


@dataclass(frozen=True, slots=True)
class Gospa:
    """Mean over the frames of GOSPA (m), and the means of the parts of its square (m²) that sum up under the root."""

    gospa_m: float
    localisation_m2: float
    missed_m2: float
    false_m2: float


def hota(frames: Sequence[Frame], zero_m: float = ZERO_M) -> Hota:
    """HOTA (Luiten et al. 2021) over ALPHAS."""
    truth, tracks = _Ids(frame.truth for frame in frames), _Ids(frame.tracks for frame in frames)
    similar = [np.maximum(0.0, 1 - distances(frame) / zero_m) for frame in frames]
    potential = np.zeros((len(truth.counts), len(tracks.counts)))
    for frame, s in zip(frames, similar, strict=True):
        if s.size:
            total = s.sum(0)[None] + s.sum(1)[:, None] - s
            share = np.divide(s, total, out=np.zeros_like(s), where=total > 0)
            potential[np.ix_(truth.rows(frame.truth), tracks.rows(frame.tracks))] += share
    n, m = truth.counts[:, None], tracks.counts[None]
    alignment = potential / np.maximum(n + m - potential, _EPSILON)
    together = np.zeros((len(ALPHAS), *potential.shape))
    near = np.zeros(len(ALPHAS))
    for frame, s in zip(frames, similar, strict=True):
        if not s.size:
            continue
        r, c = truth.rows(frame.truth), tracks.rows(frame.tracks)
        for i, j in best_pairs(alignment[np.ix_(r, c)] * s):
            good = s[i, j] >= ALPHAS - _EPSILON
            together[good, r[i], c[j]] += 1
            near[good] += s[i, j]
    hits = together.sum((1, 2))
    joined = together / np.maximum(n + m - together, 1)
    detection = hits / np.maximum(truth.counts.sum() + tracks.counts.sum() - hits, 1)
    association = (together * joined).sum((1, 2)) / np.maximum(hits, 1)
    localisation = np.where(hits > 0, near / np.maximum(hits, 1), 1.0)
    return Hota(np.sqrt(detection * association), detection, association, localisation)


def clear(frames: Sequence[Frame], match_m: float = MATCH_M) -> Clear:
    """CLEAR MOT (Bernardin and Stiefelhagen 2008): a pair of the instant before is kept while it is near enough."""
    last: dict[int, int] = {}
    before: dict[int, int] = {}
    spans: dict[int, int] = {}
    switches = misses = false = count = 0
    away: list[float] = []
    errors: list[float] = []
    for frame in frames:
        count += len(frame.truth)
        if not frame.truth or not frame.tracks:  # nothing breaks off where there is nothing to pair
            misses, false = misses + len(frame.truth), false + len(frame.tracks)
            continue
        pairs = _kept_pairs(frame, before, match_m)
        now = {frame.truth[i]: frame.tracks[j] for i, j in pairs}
        switches += sum(last.get(one, track) != track for one, track in now.items())
        for one in now.keys() - before.keys():
            spans[one] = spans.get(one, 0) + 1
        last |= now
        before = now
        misses, false = misses + len(frame.truth) - len(pairs), false + len(frame.tracks) - len(pairs)
        d = distances(frame)
        away += [float(d[i, j]) for i, j in pairs]
        errors += velocity_errors(frame, pairs)
    return Clear(
        1 - (misses + false + switches) / max(count, 1),
        float(np.mean(away)) if away else float("nan"),
        switches,
        sum(spans.values()) - len(spans),
        misses,
        false,
        count,
        _rms(away),
        _rms(errors),
    )


def idf1(frames: Sequence[Frame], match_m: float = MATCH_M) -> float:
    """IDF1 (Ristani et al. 2016): one track per road user over the whole run."""
    truth, tracks = _Ids(frame.truth for frame in frames), _Ids(frame.tracks for frame in frames)
    together = np.zeros((len(truth.counts), len(tracks.counts)))
    for frame in frames:
        near = distances(frame) <= match_m + _EPSILON
        if near.size:
            together[np.ix_(truth.rows(frame.truth), tracks.rows(frame.tracks))] += near
    best = sum(together[i, j] for i, j in best_pairs(together))
    return float(2 * best / max(truth.counts.sum() + tracks.counts.sum(), 1))


def gospa(frames: Sequence[Frame], c_m: float = GOSPA_C_M, p: float = GOSPA_P) -> Gospa:
    """GOSPA, alpha = 2 (Rahmathullah, García-Fernández, Svensson 2017)."""
    if not frames:
        return Gospa(float("nan"), float("nan"), float("nan"), float("nan"))
    parts = np.zeros((len(frames), 3))
    for row, frame in zip(parts, frames, strict=True):
        d = distances(frame)
        pairs = best_pairs(c_m**p - d**p)
        row[0] = sum(d[i, j] ** p for i, j in pairs)
        row[1:] = c_m**p / 2 * (np.array(d.shape) - len(pairs))
    localisation, missed, false = parts.mean(0).tolist()
    return Gospa(float((parts.sum(1) ** (1 / p)).mean()), localisation, missed, false)


def velocity_errors(frame: Frame, pairs: Iterable[tuple[int, int]]) -> list[float]:
    """m/s between the velocities of each pair; none where a frame has no velocities."""
    if frame.truth_v is None or frame.track_v is None:
        return []
    return [float(np.hypot(*(frame.truth_v[i] - frame.track_v[j]))) for i, j in pairs]


def _kept_pairs(frame: Frame, before: dict[int, int], match_m: float) -> list[tuple[int, int]]:
    d = distances(frame)
    gain = np.where(d <= match_m + _EPSILON, 1 - d / (2 * match_m), 0.0)
    columns = {track: j for j, track in enumerate(frame.tracks)}
    for i, one in enumerate(frame.truth):
        j = columns.get(before.get(one, -1), -1)
        if j >= 0 and gain[i, j] > 0:
            gain[i, j] += _KEPT
    return best_pairs(gain)


def _rms(values: list[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if values else float("nan")


class _Ids:
    """Rows of a matrix for ids, and in how many frames each is."""

    def __init__(self, lists: Iterable[Sequence[int]]) -> None:
        everything = [one for ids in lists for one in ids]
        unique, counts = np.unique(np.array(everything, np.int64), return_counts=True)
        self._row = {one: row for row, one in enumerate(unique.tolist())}
        self.counts = counts.astype(float)

    def rows(self, ids: Sequence[int]) -> list[int]:
        return [self._row[one] for one in ids]
