"""The tracker: detections in, in any order of arrival within the ring; tracks out at any instant."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion.bank import SLOTS, Bank, empty_bank, forgotten, unlearned
from controller.fusion.frame import Frame
from controller.fusion.report import report
from controller.fusion.step import step
from controller.fusion.unknown import known_or
from modules.detection import Axes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from controller.fusion.sensor import Sensor
    from controller.fusion.track import Tracks
    from modules.detection import Detections

MAX_DETECTIONS: Final = 500
RESTART_AFTER: Final = 10
MAX_FUTURE_NS: Final = 1_000_000_000
MEAN_OF: Final = 50  # messages
UNDONE_MOST: Final = 0.25  # messages fused again for each that comes
LIMITS: Final = {
    "z": 1e4,
    "vx": 100.0,
    "vy": 100.0,
    "yaw": 100.0,
    "sigma_vel": 100.0,
    "range_rate": 100.0,
    "confidence": 1.0,
}

Key = tuple[int, int, bytes]


@dataclass(frozen=True, slots=True)
class Added:
    """What became of one message: fused or not, older than the newest or not, and how many were fused again."""

    accepted: bool
    late: bool
    replayed: int


@dataclass(slots=True)
class Counters:
    """Messages and rows since the start."""

    accepted: int = 0
    late: int = 0  # older than the newest, fused by going back
    too_late: int = 0  # older than the ring
    future: int = 0  # stamped after their arrival
    unknown_slot: int = 0
    replayed: int = 0
    rows_dropped: int = 0
    restarts: int = 0


class Tracker:
    """Fuses the detections of hot-plugged sensors. The tracks do not depend on the order of arrival within the ring.

    `history_s` is the ring's length, `coast_s` how long a track lives unseen; `seed` shapes the track ids.
    """

    __slots__ = (
        "_banks",
        "_base",
        "_behind",
        "_coast_s",
        "_frames",
        "_history_ns",
        "_keys",
        "_late_ns",
        "_seed",
        "_sensors",
        "_undone",
        "counters",
    )

    def __init__(
        self, sensors: Mapping[str, Sensor], *, history_s: float = 1.0, coast_s: float = 1.5, seed: int = 0
    ) -> None:
        self._sensors = dict(sensors)
        self._history_ns, self._coast_s, self._seed = round(history_s * 1e9), coast_s, seed
        self._keys: list[Key] = []
        self._frames: list[Frame] = []
        self._banks: list[Bank] = []  # the bank after each frame, as far as somebody has asked
        self._base: Bank | None = None  # the bank before the first frame of the ring
        self._late_ns = self._undone = 0.0  # means of how late messages come, and of how many they come before
        self._behind = 0  # messages in a row that arrived before the ring
        self.counters = Counters()

    def set_sensor(self, slot: str, sensor: Sensor | None) -> None:
        """Plug, move or unplug one slot; messages already fused keep the sensor they were seen with."""
        if sensor is None:
            self._sensors.pop(slot, None)
        else:
            self._sensors[slot] = sensor

    def forget(self, slot_index: int) -> None:
        """All that one slot's module taught, and how all are turned against one another: it was part of that."""
        self._banks = [forgotten(bank, slot_index) for bank in self._banks]
        self._base = forgotten(self._base, slot_index) if self._base is not None else None

    def unlearn(self, slot_index: int) -> None:
        """Likewise of a module that was wrong: what it said within the ring, and what came of all before that."""
        kept = [n for n, frame in enumerate(self._frames) if frame.sensor.slot_index != slot_index]
        self._keys, self._frames = [self._keys[n] for n in kept], [self._frames[n] for n in kept]
        self._banks.clear()
        self._base = unlearned(self._base, slot_index) if self._base is not None else None

    def add(self, detections: Detections) -> Added:
        """Fuse one message in ENU axes; never raises: what cannot be used is dropped and counted."""
        sensor = self._sensors.get(detections.slot)
        stamp = detections.measured_at_ns
        if sensor is None or detections.axes is not Axes.ENU or not 0 <= sensor.slot_index < SLOTS:
            self.counters.unknown_slot += 1
            return Added(accepted=False, late=False, replayed=0)
        if stamp > detections.arrived_at_ns + MAX_FUTURE_NS:
            self.counters.future += 1
            return Added(accepted=False, late=False, replayed=0)
        if self._keys and stamp < self._keys[-1][0] - self._history_ns and not self._restarted(detections):
            self.counters.too_late += 1
            return Added(accepted=False, late=True, replayed=0)
        return self._insert(self._frame(detections, sensor))

    def at(self, valid_at_ns: int) -> Tracks:
        """Every confirmed track at `valid_at_ns`, from the messages measured up to then."""
        index = bisect.bisect_right(self._keys, (valid_at_ns, SLOTS, b""))
        self._step_to(index)
        bank = self._banks[index - 1] if index else self._base
        return report(bank if bank is not None else empty_bank(valid_at_ns), valid_at_ns)

    def advance(self, valid_at_ns: int, frames: int) -> bool:
        """Do some of the work that `at` has to do, at most `frames` messages of it; whether there is more."""
        index = bisect.bisect_right(self._keys, (valid_at_ns, SLOTS, b""))
        self._step_to(min(index, len(self._banks) + frames))
        return len(self._banks) < index

    def _insert(self, frame: Frame) -> Added:
        key = (frame.stamp_ns, frame.sensor.slot_index, frame.rows.tobytes())
        index = bisect.bisect_right(self._keys, key)
        late = index < len(self._keys)
        self._keys.insert(index, key)
        self._frames.insert(index, frame)
        del self._banks[index:]
        self._step_to(bisect.bisect_left(self._keys, (self._keys[-1][0] - self._patience_ns(index), -1, b"")))
        replayed = len(self._frames) - index - 1
        self._behind = 0
        self.counters.accepted += 1
        self.counters.late += late
        self.counters.replayed += replayed
        self._trim()
        return Added(accepted=True, late=late, replayed=replayed)

    def _step_to(self, index: int) -> None:
        """Fuse the first `index` frames of the ring."""
        for pending in self._frames[len(self._banks) : index]:
            before = self._banks[-1] if self._banks else self._base or empty_bank(pending.stamp_ns)
            self._banks.append(step(before, pending, seed=self._seed, coast_s=self._coast_s))

    def _patience_ns(self, index: int) -> int:
        """How long messages wait for late ones before they are fused: not at all, unless these often undo some."""
        late_ns, undone = self._keys[-1][0] - self._keys[index][0], len(self._keys) - index - 1
        self._late_ns += (late_ns - self._late_ns) / MEAN_OF
        self._undone += (undone - self._undone) / MEAN_OF
        return round(4 * self._late_ns) if self._undone > UNDONE_MOST else 0

    def _trim(self) -> None:
        oldest = self._keys[-1][0] - self._history_ns
        passed = bisect.bisect_left(self._keys, (oldest, -1, b""))
        if passed:
            self._step_to(passed)
            self._base = self._banks[passed - 1]
            del self._keys[:passed], self._frames[:passed], self._banks[:passed]

    def _restarted(self, detections: Detections) -> bool:
        """Whether the pole's own clock went back: messages even arrive before the ring. Then start anew."""
        if detections.arrived_at_ns >= self._keys[-1][0] - self._history_ns:
            return False
        self._behind += 1
        if self._behind < RESTART_AFTER:
            return False
        self._keys.clear()
        self._frames.clear()
        self._banks.clear()
        self._base = None
        self.counters.restarts += 1
        return True

    def _frame(self, detections: Detections, sensor: Sensor) -> Frame:
        rows = detections.objects
        usable = np.flatnonzero((np.abs(rows["x"]) < 1e5) & (np.abs(rows["y"]) < 1e5))
        if len(usable) > MAX_DETECTIONS:
            confidence = known_or(rows["confidence"][usable], 0.5)
            usable = np.sort(usable[np.argsort(-confidence, kind="stable")[:MAX_DETECTIONS]])
        self.counters.rows_dropped += len(rows) - len(usable)
        rows = _sound(rows[usable])
        error = (
            min(max(detections.clock_error_s, 0.0), 1.0)
            if detections.clock_error_s == detections.clock_error_s
            else 0.0
        )
        place = np.stack((rows["x"], rows["y"]), 1)
        return Frame(detections.measured_at_ns, sensor, rows, place, sensor.noise(rows), error)


def _sound(rows: NDArray[np.void]) -> NDArray[np.void]:
    """The rows with every number beyond what a road can show made unknown."""
    for name, limit in LIMITS.items():
        rows[name] = np.where(np.abs(rows[name]) <= limit, rows[name], np.nan)
    return rows
