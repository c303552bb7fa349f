"""Claims of vehicles → detections of the comms module's slot, after checks that unauthenticated data need.

The slot is the flag: what rests on it is cooperative, and a publication names its slots.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from controller.publication.radio.claim import Claim, from_cam, from_rc013
from interfaces.proto import pmi_pb2 as pb
from modules.detection import Axes, Detections, empty_objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from controller.geometry import LocalFrame
    from controller.publication.radio.uper import Codec
    from modules.comms import Heard, RadioReading

OLD_NS: Final = 1_000_000_000
EARLY_NS: Final = 200_000_000  # clocks differ
SPEED_MAX_MPS: Final = 70.0
HEIGHT_MAX_M: Final = 100.0  # above or below the pole's origin
JUMP_SLACK_M: Final = 5.0
STATIONS_MAX: Final = 256
SIGMA_M: Final = (1.0, 5.0)  # at best, whatever is claimed; and when nothing is
SIGMA_MPS: Final = (0.5, 2.0)
CONFIDENCE: Final = 0.5


class Cooperative:
    """Checks claims and remembers who claimed what. `counters` count, by reason, what was refused.

    `geoid_height_m` turns heights above sea level into those above the ellipsoid; `range_m` bounds who is listened to.
    Stations keep their numbers to themselves: a detection's id is one hashed with `secret`, of this run alone.
    """

    def __init__(self, frame: LocalFrame, geoid_height_m: float, range_m: float, secret: bytes = b"") -> None:
        self.counters: Counter[str] = Counter()
        self.codec: Codec | None = None  # without it CAM are not read
        self._frame, self._geoid_height_m, self._range_m, self._secret = frame, geoid_height_m, range_m, secret
        self._last: dict[int, tuple[int, float, float]] = {}  # by station: time ns, x, y

    def detections(self, slot: str, reading: RadioReading, heard_at_ns: int, now_ns: int, error_s: float) -> Detections:
        """What one report of the radio is worth, brought to the instant `heard_at_ns` (UTC) of the report."""
        self._last = {one: known for one, known in self._last.items() if heard_at_ns - known[0] < 2 * OLD_NS}
        newest: dict[int, Claim] = {}
        for claim in self._claims(reading, heard_at_ns):
            known = newest.get(claim.station)
            if known is None or known.time_ns < claim.time_ns:
                newest[claim.station] = claim
        rows = [row for claim in newest.values() if (row := self._row(claim, heard_at_ns)) is not None]
        objects = np.concatenate(rows) if rows else empty_objects(0)
        return Detections(slot, heard_at_ns, now_ns, Axes.ENU, objects, max(reading.total, len(objects)), error_s)

    def _claims(self, reading: RadioReading, now_ns: int) -> Iterator[Claim]:
        for heard in reading.heard:
            claim = self._claim(heard, now_ns)
            if isinstance(claim, Claim):
                yield claim
            else:
                self.counters[claim] += 1

    def _claim(self, heard: Heard, now_ns: int) -> Claim | str:
        if heard.format == pb.RC013:
            claim = from_rc013(heard.payload, now_ns)
        elif heard.format == pb.ETSI_CAM and self.codec is not None:
            claim = from_cam(heard.payload, now_ns, self.codec)
        else:
            return "format"
        if isinstance(claim, str):
            return "unreadable"
        return fault(claim, now_ns) or claim

    def _row(self, claim: Claim, at_ns: int) -> NDArray[np.void] | None:
        heading = math.radians(claim.heading_deg)
        east, north = math.sin(heading), math.cos(heading)
        height = claim.height_m + (0.0 if claim.ellipsoidal else self._geoid_height_m)
        known = math.isfinite(height)
        up = height if known else self._frame.height_m
        x, y, z = (float(one) for one in self._frame.to_enu(claim.latitude_deg, claim.longitude_deg, up))
        x, y = x - claim.back_m * east, y - claim.back_m * north
        reason = self._place_fault(claim, x, y, z)
        if reason:
            self.counters[reason] += 1
            return None
        self._last[claim.station] = claim.time_ns, x, y
        late_s = (at_ns - claim.time_ns) / 1e9
        row = empty_objects(1)
        told: dict[str, Any] = {
            "id": self._pseudonym(claim.station),
            "object_class": claim.object_class,
            "confidence": CONFIDENCE,
            "x": x + claim.speed_mps * east * late_s,
            "y": y + claim.speed_mps * north * late_s,
            "z": z if known else math.nan,
            "vx": claim.speed_mps * east,
            "vy": claim.speed_mps * north,
            "yaw": math.atan2(north, east),
            "length": claim.length_m,
            "width": claim.width_m,
            "sigma_vel": _doubt(claim.sigma_speed_mps, SIGMA_MPS),
        }
        told["sigma_pos"] = math.hypot(_doubt(claim.sigma_position_m, SIGMA_M), told["sigma_vel"] * late_s)
        for name, value in told.items():
            row[name] = value
        return row

    def _pseudonym(self, station: int) -> int:
        """32 bits, never 0, which would stand for none."""
        digest = hashlib.blake2s(station.to_bytes(4, "big"), digest_size=4, key=self._secret).digest()
        return int.from_bytes(digest, "big") or 1

    def _place_fault(self, claim: Claim, x: float, y: float, z: float) -> str:
        if not math.hypot(x, y) <= self._range_m or not abs(z) <= HEIGHT_MAX_M:
            return "far"
        known = self._last.get(claim.station)
        if known is None:
            return "too many" if len(self._last) >= STATIONS_MAX else ""
        reach_m = SPEED_MAX_MPS * max(claim.time_ns - known[0], 0) / 1e9 + JUMP_SLACK_M
        if claim.time_ns < known[0]:
            return "repeated"
        return "jump" if math.hypot(x - known[1], y - known[2]) > reach_m else ""


def fault(claim: Claim, now_ns: int) -> str:
    """Why a claim cannot be believed by itself; empty when it can."""
    if not -EARLY_NS <= now_ns - claim.time_ns <= OLD_NS:
        return "stale"
    if not (math.isfinite(claim.latitude_deg) and math.isfinite(claim.longitude_deg)):
        return "nowhere"
    if not claim.speed_mps <= SPEED_MAX_MPS or not math.isfinite(claim.heading_deg):
        return "motion"
    return ""


def _doubt(sigma: float, bounds: tuple[float, float]) -> float:
    return max(sigma, bounds[0]) if math.isfinite(sigma) else bounds[1]
