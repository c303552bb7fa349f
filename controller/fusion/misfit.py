"""What is grossly wrong with a module that sees its objects elsewhere than the others do: the guess that fits best."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

    # What a module saw (n, 2), where the tracks of others were then that it should see (m, 2), and their velocities
    # (m, 2); its mount stands at the origin and looks along x.
    Sight = tuple[Floats, Floats, Floats]

NOTHING: Final = "what it sees is not where the others see anything: check its mounting, its units and its clock"
LOOKS: Final = "looks "
FEW: Final = 12
LEAST: Final = 20  # objects that were seen: a few fit under some guess by chance
SIGHTS, MOST_SIGHTS, HELD = 20, 100, 40
FITS: Final = 0.6
PACE_MPS: Final = 10.0
BETTER_BY: Final = 0.25
STRICT: Final = 0.75  # of the gate, where many guesses are tried
_SCALES: Final = (
    (1 / 0.3048, "it reports feet, not metres"),
    (0.3048, "its metres are divided as if they were feet"),
    (100.0, "it reports centimetres, not metres"),
    (1000.0, "it reports millimetres, not metres"),
    (0.01, "its metres are divided as if they were centimetres"),
)


def nearest(seen: Floats, place: Floats) -> tuple[Floats, NDArray[np.intp], NDArray[np.bool_]]:
    """Of each seen point (n, 2): the distance to the nearest place (m, 2), which it is, whether it is so both ways."""
    if not len(place):
        return np.full(len(seen), np.inf), np.zeros(len(seen), np.intp), np.zeros(len(seen), bool)
    away = np.hypot(seen[:, 0, None] - place[None, :, 0], seen[:, 1, None] - place[None, :, 1])
    chosen = away.argmin(1)
    mutual: NDArray[np.bool_] = away.argmin(0)[chosen] == np.arange(len(seen)) if len(seen) else np.zeros(0, bool)
    return away[np.arange(len(seen)), chosen], chosen, mutual


def matched(seen: Floats, place: Floats, velocity: Floats) -> tuple[Floats, NDArray[np.intp], NDArray[np.bool_]]:
    """As `nearest`, with what lies along a track's motion (m, 2) counted less the faster it is: stamps may be wrong."""
    if not len(place):
        return nearest(seen, place)
    pace = np.hypot(velocity[:, 0], velocity[:, 1])
    ahead = velocity / np.maximum(pace, 1e-9)[:, None]
    off = seen[:, None] - place[None]
    along = (off * ahead).sum(2)
    away = np.sqrt(np.maximum((off**2).sum(2) - along**2 + (along / (1 + pace / PACE_MPS)) ** 2, 0.0))
    chosen = away.argmin(1)
    mutual: NDArray[np.bool_] = away.argmin(0)[chosen] == np.arange(len(seen)) if len(seen) else np.zeros(0, bool)
    return away[np.arange(len(seen)), chosen], chosen, mutual


def recent(sights: list[Sight]) -> list[Sight]:
    """The newest SIGHTS, and those before them while they hold less than HELD objects together."""
    held = 0
    for n, (seen, _, _) in enumerate(reversed(sights), 1):
        held += len(seen)
        if n >= MOST_SIGHTS or (n >= SIGHTS and held >= HELD):
            return sights[-n:]
    return sights


def explained(
    sights: Sequence[Sight], gate_m: float, shift: Floats, turn: float, late_s: float, range_scale: float
) -> float:
    """Share of the tracks that are seen once a module's small errors are taken out: shift (2,) m, turn rad, late_s s,
    and its distances over those that are right.
    """
    moved = [(seen - shift, place, velocity) for seen, place, velocity in sights]
    return _fit(moved, STRICT * gate_m, _turn(-turn) / range_scale, late_s)[1]


def misfit(sights: Sequence[Sight], gate_m: float, share: float = 0.0) -> str:
    """The guess under which something was seen within `gate_m` of most tracks; `NOTHING` when none is far better than
    what explains a `share` of them already, and than none.

    Empty when too little was seen to say anything; with a little more it is `NOTHING` before it has a name.
    """
    total = sum(len(seen) for seen, _, _ in sights)
    if total < LEAST:
        return NOTHING if total >= FEW else ""
    plain = max(share, _fit(sights, gate_m, np.eye(2), 0.0)[1])
    _, share, words = max(
        ((*_fit(sights, gate_m * stretch, change, late_s), words) for change, late_s, stretch, words in _guesses()),
        key=lambda guess: guess[0],
    )
    return LOOKS + words if share >= max(FITS, plain + BETTER_BY) else NOTHING


def _guesses() -> Iterator[tuple[Floats, float, float, str]]:
    """What would put it right (2, 2), how late its stamps are, how strict the gate has to be, and in words."""
    yield np.diag([1.0, -1.0]), 0.0, 1.0, "mirrored: left and right are exchanged"
    yield np.array([[0.0, 1.0], [1.0, 0.0]]), 0.0, 1.0, "as if x and y were exchanged"
    for factor, words in _SCALES:
        yield np.eye(2) / factor, 0.0, 1.0, f"scaled by {factor:g}: {words}"
    for degrees in range(-180, 180, 3):
        if degrees:
            yield _turn(-math.radians(degrees)), 0.0, STRICT, f"turned by about {degrees:+d}° counter-clockwise"
    for late_s in (-2.0, -1.5, -1.0, -0.7, -0.5, -0.35, -0.25, 0.25, 0.35, 0.5, 0.7, 1.0, 1.5, 2.0):
        yield np.eye(2), late_s, STRICT, f"as if its stamps were {abs(late_s):g} s too {'new' if late_s > 0 else 'old'}"


def _turn(angle: float) -> Floats:
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])


def _fit(sights: Sequence[Sight], gate_m: float, change: Floats, late_s: float) -> tuple[float, float]:
    """How near to the tracks something was seen, from 0 to 1, and share of them near which something was."""
    close = near = total = 0.0
    for seen, place, velocity in sights:
        away, _, mutual = nearest(seen @ change.T, place - velocity * late_s)
        close += float(np.maximum(1 - away[mutual] / gate_m, 0.0).sum())
        near += float((mutual & (away < gate_m)).sum())
        total += len(place)
    return close / max(total, 1.0), near / max(total, 1.0)
