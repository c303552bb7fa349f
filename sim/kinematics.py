"""What a truth leaves out of the motion of its road users, from the instants around each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MOVING_MPS: Final = 0.5  # slower, a course says nothing
TURN_S: Final = 0.25  # a rate of turn is the change of yaw from so long before to so long after


def derive(frames: Sequence[NDArray[np.void]], times_s: Sequence[float]) -> None:
    """Fill in place what is NaN in TRUTH rows at ascending times: velocity, acceleration, yaw, rate of turn.

    Rates are the change from the instant before to the one after; yaw is the course, of who stands that of before or
    after.
    """
    times = np.asarray(times_s)
    for seen in _lives(frames).values():
        life = np.concatenate([frames[k][row : row + 1] for k, row in seen])
        at_s = times[[k for k, _ in seen]]
        _rates(life, at_s, ("x", "y"), ("vx", "vy"))
        _rates(life, at_s, ("vx", "vy"), ("ax", "ay"))
        _turn(life, at_s)
        for (k, row), one in zip(seen, life, strict=True):
            frames[k][row] = one


def _lives(frames: Sequence[NDArray[np.void]]) -> dict[int, list[tuple[int, int]]]:
    """In which rows of which frames each road user stands, in order of time."""
    lives: dict[int, list[tuple[int, int]]] = {}
    for k, rows in enumerate(frames):
        for row, one in enumerate(rows["id"].tolist()):
            lives.setdefault(one, []).append((k, row))
    return lives


def _rates(life: NDArray[np.void], at_s: Floats, of: tuple[str, str], to: tuple[str, str]) -> None:
    k = np.arange(len(life))
    before, after = np.maximum(k - 1, 0), np.minimum(k + 1, len(life) - 1)
    missing = np.isnan(life[to[0]]) | np.isnan(life[to[1]])
    for name, rate in zip(of, to, strict=True):
        life[rate][missing] = _change(life[name], at_s, before, after)[missing]


def _turn(life: NDArray[np.void], at_s: Floats) -> None:
    moving = np.flatnonzero(np.hypot(life["vx"], life["vy"]) > MOVING_MPS)
    if len(moving):
        last = np.maximum(np.searchsorted(moving, np.arange(len(life)), side="right") - 1, 0)
        course = np.arctan2(life["vy"], life["vx"])[moving[last]]
    else:
        course = np.zeros(len(life))
    life["yaw"] = np.where(np.isnan(life["yaw"]), course, life["yaw"])
    before = np.searchsorted(at_s, at_s - TURN_S - 1e-6)
    after = np.searchsorted(at_s, at_s + TURN_S + 1e-6) - 1
    rate = _change(np.unwrap(life["yaw"]), at_s, before, after)
    life["yaw_rate"] = np.where(np.isnan(life["yaw_rate"]), rate, life["yaw_rate"])


def _change(values: Floats, at_s: Floats, before: NDArray[np.intp], after: NDArray[np.intp]) -> Floats:
    """Per second; 0 of who was there for one instant only."""
    span_s = at_s[after] - at_s[before]
    change: Floats = (values[after] - values[before]) / np.where(span_s > 0, span_s, math.inf)
    return change
