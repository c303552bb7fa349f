"""New tracks from detections that belong to none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion.attributes import boxes, vote
from controller.fusion.bank import NEVER_NS, STORY, Bank, new_ids, vulnerable
from controller.fusion.motion import born
from controller.fusion.reference_point import Shares, reference
from controller.fusion.silhouette import silhouettes
from controller.fusion.unknown import known_or

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.fusion.frame import Frame

    Floats = NDArray[np.float64]
    Index = NDArray[np.intp]

LONG_M: Final = 5.0  # from which on it matters which point of a body is seen
FIRST_PACE: Final = 15.0  # m/s, 1 sigma, of vehicles whose velocity nobody told


def births(bank: Bank, frame: Frame, rows: Index, near: Shares, seed: int) -> Bank:
    """With a tentative track for each of these rows of the frame."""
    if not len(rows):
        return bank
    det = frame.rows[rows]
    story = np.zeros(len(rows), STORY)
    keys = [f"{frame.sensor.slot_index}:".encode() + row.tobytes() for row in det]
    ids, issued = new_ids(seed, frame.stamp_ns, keys, bank.issued)
    story["id"] = ids
    story["first_ns"] = story["last_ns"] = frame.stamp_ns
    story["hits"], story["z"], story["slot_ns"] = 1, np.nan, NEVER_NS
    story["slot_ns"][:, frame.sensor.slot_index] = frame.stamp_ns
    story["slot_object"][:, frame.sensor.slot_index] = det["id"]
    story["born_slot"] = frame.sensor.slot_index
    story["sure"] = np.clip(det["confidence"], 0.0, 1.0)
    mean, covariance = _prior(frame, rows)
    vote(story, det, mean[:, 2:4])
    if (boxes(story)[:, 0] > LONG_M).any():
        point = reference(near, silhouettes(frame.sensor, mean, story))
        mean[:, :2] -= point.offset
        covariance[:, :2, :2] += point.spread
    story["shadow"] = mean[:, :4]
    motion = bank.motion.joined(born(mean, covariance))
    both = np.empty(len(bank.story) + len(story), STORY)  # to concatenate records takes numpy ten times as long
    both[: len(bank.story)], both[len(bank.story) :] = bank.story, story
    return replace(bank, motion=motion, story=both, issued=issued)


def _prior(frame: Frame, rows: Index) -> tuple[Floats, Floats]:
    det = frame.rows[rows]
    mean, covariance = np.zeros((len(rows), 6)), np.zeros((len(rows), 6, 6))
    mean[:, 0], mean[:, 1] = det["x"], det["y"]
    covariance[:, :2, :2] = frame.noise[rows]
    slow = vulnerable(np.minimum(det["object_class"], 15))
    moving = np.isfinite(det["vx"]) & np.isfinite(det["vy"]) & (np.hypot(det["vx"], det["vy"]) < 70)
    mean[:, 2], mean[:, 3] = np.where(moving, det["vx"], 0.0), np.where(moving, det["vy"], 0.0)
    # A first velocity is not trusted so far that the next position could not refute it.
    told = np.clip(known_or(det["sigma_vel"], 1.0), 1.0, 10.0) + 0.5 * np.hypot(mean[:, 2], mean[:, 3])
    speed = np.where(moving, told, np.where(slow, 2.0, FIRST_PACE))
    covariance[:, 2, 2] = covariance[:, 3, 3] = speed**2
    covariance[:, 4, 4] = covariance[:, 5, 5] = np.where(slow, 0.5, 1.0) ** 2
    return mean, covariance
