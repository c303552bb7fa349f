"""Class, box, heading and height of a track: confidence-weighted votes of the detections assigned to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion.unknown import known_or
from interfaces.spec import ObjectClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MEMORY: Final = 30.0  # hits after which the mean of a box forgets
CLASS_DECAY: Final = 0.97
HEADING_DECAY: Final = 0.6
MOVING_MPS: Final = 0.8  # slower, a course is noise
FORWARDS_MPS: Final = 3.0  # hardly anybody reverses faster
PLAIN: Final = 0.5  # a word as weighty as that leaves no more than HEADING_DECAY of what was said before
_BOXES = {
    ObjectClass.LARGE_VEHICLE: (10.0, 2.5, 3.2),
    ObjectClass.MEDIUM_VEHICLE: (6.5, 2.2, 2.8),
    ObjectClass.CAR: (4.5, 1.8, 1.5),
    ObjectClass.MOTORCYCLE: (2.1, 0.8, 1.5),
    ObjectClass.BICYCLE: (1.8, 0.6, 1.7),
    ObjectClass.LIGHT_VEHICLE: (2.0, 0.8, 1.6),
    ObjectClass.PEDESTRIAN: (0.5, 0.5, 1.7),
    ObjectClass.TRAM: (18.0, 2.6, 3.5),
    ObjectClass.ANIMAL: (1.0, 0.5, 0.8),
    ObjectClass.OBSTACLE: (0.8, 0.8, 0.5),
}
USUAL_BOX: Final = np.array(
    [_BOXES.get(ObjectClass(c), (2.0, 1.0, 1.5)) if c in {*ObjectClass} else (2.0, 1.0, 1.5) for c in range(16)]
)


def vote(story: NDArray[np.void], rows: NDArray[np.void], velocity: Floats) -> None:
    """Add one detection each (n,) to the stories (n,), in place; `velocity` (n, 2) is the track's own."""
    confidence = np.clip(known_or(rows["confidence"], 0.5), 0.05, 1.0)
    classes = np.minimum(rows["object_class"], ObjectClass.UNKNOWN)
    votes = story["votes"] * CLASS_DECAY
    votes[np.arange(len(votes)), classes] += np.where(classes != ObjectClass.UNKNOWN, confidence, 0.0)
    story["votes"] = votes
    story["object_class"] = np.where(votes.max(1, initial=0) > 0, votes.argmax(1), int(ObjectClass.UNKNOWN))
    _vote_box(story, rows, confidence)
    _vote_heading(story, rows["yaw"], confidence, velocity)
    z = rows["z"]
    mixed = np.where(np.isfinite(story["z"]), story["z"] + 0.2 * (z - story["z"]), z)
    story["z"] = np.where(np.isfinite(z), mixed, story["z"])


def boxes(story: NDArray[np.void]) -> Floats:
    """Length, width and height (n, 3) of the stories: as measured, else as usual for the class."""
    return np.where(story["box_weight"] > 0, story["box"], USUAL_BOX[story["object_class"]])


def _vote_box(story: NDArray[np.void], rows: NDArray[np.void], confidence: Floats) -> None:
    size = np.stack((rows["length"], rows["width"], rows["height"]), 1)
    weight = np.where((size > 0.05) & (size < 60), confidence[:, None], 0.0)
    total = np.minimum(story["box_weight"] + weight, MEMORY)
    gain = np.divide(weight, total, out=np.zeros_like(total), where=total > 0)
    story["box"] += gain * (np.where(weight > 0, size, 0.0) - story["box"])
    story["box_weight"] = total


def _vote_heading(story: NDArray[np.void], yaw: Floats, confidence: Floats, velocity: Floats) -> None:
    speed = np.hypot(velocity[:, 0], velocity[:, 1])
    pull = np.where(speed > MOVING_MPS, np.minimum(speed / 3, 2.0), 0.0)
    measured = np.isfinite(yaw)
    said = np.where(measured, confidence, 0.0)
    # Who stands and shows no box goes on pointing where it pointed.
    kept = 1 - (1 - HEADING_DECAY) * np.minimum((pull + said) / PLAIN, 1.0)
    heading = kept[:, None] * story["heading"] + (pull / np.maximum(speed, 1e-9))[:, None] * velocity
    if measured.any():
        angle = np.where(measured, yaw, 0.0)
        pointing = np.stack((np.cos(angle), np.sin(angle)), 1)
        # A box has no front: a yaw that points against the motion is meant the other way round.
        flipped = (speed > FORWARDS_MPS) & ((pointing * velocity).sum(1) < 0)
        heading += np.where(flipped, -said, said)[:, None] * pointing
    story["heading"] = heading
