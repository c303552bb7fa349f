"""A picture as Foxglove's messages: boxes, arrows and names of road users, hazards that stand while they hold.

Needs the extra `foxglove`; imported only where it is wanted.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from foxglove.messages import (
    ArrowPrimitive,
    Color,
    CubePrimitive,
    Duration,
    LocationFix,
    Log,
    LogLevel,
    Pose,
    Quaternion,
    SceneEntity,
    SceneEntityDeletion,
    SceneUpdate,
    SpherePrimitive,
    TextPrimitive,
    Timestamp,
    Vector3,
)

from controller.geometry import grounded
from controller.hazard.hazard import Phase
from interfaces.spec import VULNERABLE, ObjectClass

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from controller.fusion.track import Tracks
    from controller.geometry import LocalFrame
    from controller.hazard.hazard import Hazard
    from controller.slot import PoleReport

FRAME: Final = "pole"  # local ENU, metres
TRACK_LIFE: Final = Duration(0, 500_000_000)
LEAST_M: Final = 0.3  # of a side that is not known
STANDS_MPS: Final = 0.5
LEVELS: Final = (LogLevel.Info, LogLevel.Warning, LogLevel.Error)  # by availability
_NAMES: Final = {int(one): one.name.lower() for one in ObjectClass}
_WEAK: Final = frozenset(int(one) for one in VULNERABLE)
_ORANGE, _BLUE = Color(r=0.9, g=0.34, b=0.18, a=0.7), Color(r=0.18, g=0.53, b=0.67, a=0.7)
_RED, _WHITE = Color(r=0.88, g=0.0, b=0.1, a=0.5), Color(r=1.0, g=1.0, b=1.0, a=1.0)


def scene(tracks: Tracks, hazards: Iterable[Hazard]) -> SceneUpdate:
    """Every track for half a second, every hazard that was said for as long as it is valid; cancelled ones go."""
    at = stamp(tracks.valid_at_ns)
    said = list(hazards)
    gone = [
        SceneEntityDeletion(timestamp=at, id=f"hazard-{one.action_id}") for one in said if one.phase is Phase.CANCEL
    ]
    standing = [_hazard(one, at) for one in said if one.phase is not Phase.CANCEL]
    return SceneUpdate(deletions=gone, entities=[*(_track(row, at) for row in tracks.objects), *standing])


def fix(frame: LocalFrame, at_ns: int) -> LocationFix:
    """Where the frame's origin lies."""
    return LocationFix(
        timestamp=stamp(at_ns),
        frame_id=FRAME,
        latitude=frame.latitude_deg,
        longitude=frame.longitude_deg,
        altitude=frame.height_m,
    )


def told(status: PoleReport, at_ns: int) -> Log:
    """The pole's state as a line of a log panel."""
    words = "; ".join(status.reasons) or "all is well"
    return Log(timestamp=stamp(at_ns), level=LEVELS[min(status.availability, 2)], message=words, name="pole")


def event(words: str, name: str, at_ns: int) -> Log:
    """A hazard or a near miss as a line of a log panel."""
    return Log(timestamp=stamp(at_ns), level=LogLevel.Warning, message=words, name=name)


def stamp(utc_ns: int) -> Timestamp:
    """UTC ns as Foxglove has it."""
    return Timestamp(utc_ns // 1_000_000_000, utc_ns % 1_000_000_000)


def _track(row: Any, at: Timestamp) -> SceneEntity:
    x, y, z = float(row["x"]), float(row["y"]), float(grounded(row["z"]))
    length, width, height = (max(_known(row[side]), LEAST_M) for side in ("length", "width", "height"))
    kind, vx, vy = int(row["object_class"]), _known(row["vx"]), _known(row["vy"])
    speed, color = math.hypot(vx, vy), _ORANGE if kind in _WEAK else _BLUE
    arrows = []
    if speed > STANDS_MPS:  # as long as the way of the next second
        pose = _pose(x, y, z + height, math.atan2(vy, vx))
        arrows = [
            ArrowPrimitive(
                pose=pose, shaft_length=speed, shaft_diameter=0.2, head_length=0.6, head_diameter=0.5, color=color
            )
        ]
    words = f"{_NAMES.get(kind, str(kind))} {int(row['id'])}\n{speed * 3.6:.0f} km/h"
    box = CubePrimitive(
        pose=_pose(x, y, z + height / 2, _known(row["yaw"])),
        size=Vector3(x=length, y=width, z=height),
        color=color,
    )
    name = TextPrimitive(pose=_pose(x, y, z + height + 1, 0.0), billboard=True, font_size=0.8, color=_WHITE, text=words)
    return SceneEntity(
        timestamp=at,
        frame_id=FRAME,
        id=f"track-{int(row['id'])}",
        lifetime=TRACK_LIFE,
        cubes=[box],
        arrows=arrows,
        texts=[name],
    )


def _hazard(one: Hazard, at: Timestamp) -> SceneEntity:
    z = float(grounded(one.z))
    ball = SpherePrimitive(pose=_pose(one.x, one.y, z, 0.0), size=Vector3(x=4.0, y=4.0, z=1.0), color=_RED)
    words = f"{one.kind} {one.probability:.0%}"
    name = TextPrimitive(pose=_pose(one.x, one.y, z + 3, 0.0), billboard=True, font_size=1.2, color=_WHITE, text=words)
    seconds, rest = divmod(max(one.validity_s, 0.1), 1.0)
    return SceneEntity(
        timestamp=at,
        frame_id=FRAME,
        id=f"hazard-{one.action_id}",
        lifetime=Duration(int(seconds), int(rest * 1e9)),
        spheres=[ball],
        texts=[name],
    )


def _pose(x: float, y: float, z: float, yaw: float) -> Pose:
    turn = Quaternion(x=0.0, y=0.0, z=math.sin(yaw / 2), w=math.cos(yaw / 2))
    return Pose(position=Vector3(x=x, y=y, z=z), orientation=turn)


def _known(value: Any) -> float:
    return float(value) if math.isfinite(value) else 0.0
