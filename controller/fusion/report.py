"""A bank of tracks as the rest of the controller reads it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion.attributes import boxes
from controller.fusion.bank import SLOTS, Bank, walking
from controller.fusion.motion import MANOEUVRE, STANDING, predict
from controller.fusion.track import Tracks, empty_tracks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SUPPORT_NS: Final = 1_000_000_000
SETTLED_NS: Final = 150_000_000  # a message that is still on its way may make a track younger than this another one
LEAST_EXISTENCE: Final = 0.2
MAX_DOUBT_M: Final = 3.0
STANDING_MPS: Final = 0.5
# Places err more than the filter says, by what the frames of a module have in common; velocities less, since it makes
# room for manoeuvres that are rare. Measured on simulated roads: NEES in docs/evaluation.md.
PLACE_DOUBT, VELOCITY_DOUBT = 1.25, 0.6
_CALIBRATION: Final = np.outer(*[np.repeat([PLACE_DOUBT, VELOCITY_DOUBT], 2)] * 2)


def report(bank: Bank, valid_at_ns: int) -> Tracks:
    """The confirmed tracks of `bank`, predicted to `valid_at_ns` with grown covariance."""
    dt = max((valid_at_ns - bank.time_ns) / 1e9, 0.0)
    existence = 1 / (1 + np.exp(-np.clip(bank.story["llr"], -50, 50)))
    settled = bank.story["first_ns"] <= valid_at_ns - SETTLED_NS
    rows = np.flatnonzero(bank.story["confirmed"] & (existence >= LEAST_EXISTENCE) & settled)
    story = bank.story[rows]
    motion = predict(bank.motion.take(rows), dt, walking(story["object_class"]))
    mean, covariance = motion.combined()
    tracks = empty_tracks(len(rows))
    for i, name in enumerate(("x", "y", "vx", "vy", "ax", "ay")):
        tracks[name] = mean[:, i]
    tracks["cov"] = covariance[:, :4, :4] * _CALIBRATION
    tracks["id"], tracks["z"], tracks["existence"] = story["id"], story["z"], existence[rows]
    _classify(tracks, story)
    _turn(tracks, story, motion.weight[MANOEUVRE])
    tracks["stationary"] = _standing(mean, covariance, motion.weight[STANDING])
    tracks["age_s"] = (valid_at_ns - story["first_ns"]) / 1e9
    tracks["measured_at_ns"] = story["last_ns"]
    recent = story["slot_ns"] >= valid_at_ns - SUPPORT_NS
    tracks["sources"] = (recent.astype(np.uint64) << np.arange(SLOTS, dtype=np.uint64)).sum(1)
    doubt = np.sqrt(np.maximum(covariance[:, 0, 0], covariance[:, 1, 1]))
    return Tracks(valid_at_ns, tracks[doubt <= MAX_DOUBT_M + 2.0 * min(dt, 1.0)])


def _classify(tracks: NDArray[np.void], story: NDArray[np.void]) -> None:
    total = story["votes"].sum(1)
    tracks["object_class"] = story["object_class"]
    tracks["class_confidence"] = np.where(total > 0, story["votes"].max(1, initial=0) / (total + 0.3), 0.0)
    box = boxes(story)
    tracks["length"], tracks["width"], tracks["height"] = box[:, 0], box[:, 1], box[:, 2]


def _turn(tracks: NDArray[np.void], story: NDArray[np.void], manoeuvring: Floats) -> None:
    vx, vy = tracks["vx"], tracks["vy"]
    speed2 = vx * vx + vy * vy
    heading = story["heading"]
    known = np.hypot(heading[:, 0], heading[:, 1]) > 1e-6
    tracks["yaw"] = np.where(known, np.arctan2(heading[:, 1], heading[:, 0]), np.arctan2(vy, vx))
    rate = (vx * tracks["ay"] - vy * tracks["ax"]) / np.maximum(speed2, 4.0)
    tracks["yaw_rate"] = np.clip(np.where(manoeuvring > 0.05, rate, 0.0), -1.5, 1.5)


def _standing(mean: Floats, covariance: Floats, standing: Floats) -> Floats:
    """P(|v| < 0.5 m/s): the standing mode's weight, or a Gaussian of the mixture's speed when that says more."""
    variance = np.maximum(0.5 * (covariance[:, 2, 2] + covariance[:, 3, 3]), 1e-6)
    speed = np.hypot(mean[:, 2], mean[:, 3])
    sigma = np.sqrt(variance)
    # Rice distribution by its Gaussian neighbour at speed, and by Rayleigh at rest.
    rest = 1 - np.exp(-(STANDING_MPS**2) / (2 * variance))
    moving = np.array([0.5 * (1 + math.erf(z)) for z in ((STANDING_MPS - speed) / (sigma * math.sqrt(2))).tolist()])
    gaussian = np.where(speed > sigma, moving, rest * np.exp(-(speed**2) / (2 * variance)))
    return np.clip(np.maximum(standing, gaussian), 0.0, 1.0)
