"""What a pole of the tests publishes: each row of the topic table, from the encoders of the pole itself."""

from __future__ import annotations

from dataclasses import replace

from controller.config import Config
from controller.fusion.track import Tracks, empty_tracks
from controller.geometry import LocalFrame
from controller.hazard.hazard import Hazard, Phase
from controller.hazard.near_miss import NearMiss, Participant
from controller.publication.hazard import hazard
from controller.publication.near_miss import near_miss
from controller.publication.objects import objects
from controller.publication.profile import profile, said
from controller.publication.publication import Sender, Stamp
from controller.publication.slots import slot_status
from controller.publication.status import pole_status, will
from controller.publication.weather import weather
from controller.slot import ModuleIdentity, PoleReport, SlotReport
from modules.environment import EnvironmentReading

T0 = 1_760_000_000_000_000_000
NAN = float("nan")
AT = (35.6, 139.7)  # latitude, longitude of ENU (0, 0)
SENDER = Sender(7, 9, ("cam", "lidar"), LocalFrame(*AT, 60.0), geoid_height_m=37.0)
HAZARD = Hazard(5, "wrong_way", Phase.NEW, 14, 2, T0, T0, 5.0, 10.0, 20.0, NAN, 1.0, 8.0, 0.9, 5, (3,), 3)
SIDE = Participant(1, 2, 0.0, 1.0, 5.0, 0.1, 4.0, 2.0, 6.0)
NEAR = NearMiss(
    8, T0, T0, T0, 3, "中", "crossing", -20.0, -10.0, 0.0, NAN, 0.9, 3.5, NAN, 0.8, 0.9, 5.0, 1.0, (SIDE, SIDE), 3, 6
)
WHO = ModuleIdentity(b"u" * 16, 1, "v", "LiDAR X", "S1", 1, "1.0", b"", b"", 256, 2)
SLOT = SlotReport("lidar", "all round", "lidar", True, "serial:///x", "ACTIVE", "plan accepted", T0, WHO, rate_hz=10.0)
REPORT = PoleReport(True, 1, 0, ("required slot cam is LOST",), 0.0, 3, 4, 20.0, 0.004, 0.012, T0, "0.1.0", {"a": 1})
READING = EnvironmentReading(0, 800.0, 4.0, 10.0, 8.0, None, 3.0, 90.0, 0.0, 2)
CONFIG = Config.model_validate(
    {
        "pole": {"service_location_id": 7, "roadside_unit_id": 9, "name": "見本"},
        "origin": {"latitude_deg": AT[0], "longitude_deg": AT[1], "altitude_m": 23.0, "geoid_height_m": 37.0},
        "slot": {"cam": {"class": "camera"}, "lidar": {"class": "lidar", "required": True}},
    }
)


def stamp(sequence=1, after_s=0.0):
    return Stamp(sequence, T0 + round(after_s * 1e9), 0.002)


def road(*points, sequence=1, sender=SENDER):
    """Objects at x, y with class car, driving east at 10 m/s."""
    rows = empty_tracks(len(points))
    rows["id"] = range(1, len(points) + 1)
    rows["x"], rows["y"] = zip(*points, strict=True) if points else ((), ())
    rows["vx"], rows["object_class"], rows["z"] = 10.0, 2, NAN
    return tuple(objects(Tracks(T0, rows), sender, stamp(sequence)))


def danger(phase=Phase.NEW, *, sequence=1, sender=SENDER, **changes):
    """One statement of the hazard, all its publications."""
    return hazard(replace(HAZARD, phase=phase, **changes), sender, stamp(sequence), at=(HAZARD.x, HAZARD.y))


def state(sequence=1, **changes):
    return pole_status(replace(REPORT, **changes), SENDER, stamp(sequence))


def gone():
    return will(SENDER, stamp())


def everything():
    """Publications by row of the table; each has its twin."""
    return {
        "status": state(1),
        "profile": said(profile(CONFIG, SENDER), SENDER, stamp(2)),
        "slot": slot_status(SLOT, SENDER, stamp(3)),
        "objects": road((30.0, 40.0), (-30.0, 10.0), sequence=4),
        "hazard": danger(sequence=5),
        "nearmiss": near_miss(NEAR, SENDER, stamp(6)),
        "weather": weather(((1, READING), (2, READING)), SENDER, stamp(7)),
    }
