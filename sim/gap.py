"""How a driver judges gaps: following (IDM: Treiber, Hennecke, Helbing 2000), giving way, stopping."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sim.path import Meeting
    from sim.road_user import Manner, Route, User

COMFORTABLE_MPS2: Final = 3.0
CLEAR: Final = 0.3  # share of the gap for which one lets who has passed get away


def follow(speed: float, free: float, gap: float, leader: float, manner: Manner) -> float:
    """IDM's acceleration behind a leader, m/s2."""
    closing = speed * (speed - leader) / (2 * math.sqrt(manner.accelerate * manner.brake))
    wanted = manner.standstill_m + max(speed * manner.headway_s + closing, 0.0)
    return manner.accelerate * (1 - (speed / max(free, 0.1)) ** 4 - (wanted / max(gap, 0.1)) ** 2)


def contested(user: User, other: User, meeting: Meeting, gap_s: float) -> bool:
    """Whether the other would be there from `gap_s` before `user` comes to `gap_s` after it has gone."""
    if other.along_m - other.body[0] / 2 > meeting.other_leave_m + CLEAR * gap_s * other.speed:
        return False
    pace = min(user.wish_mps, user.path.comfortable_at(user.along_m) + 2.0)
    arrive = _time_to(meeting.enter_m - user.along_m - user.body[0] / 2, user.speed, pace, user.route)
    # In a merge one need not clear the rest of the way, only be up to speed on it.
    leave_m = min(meeting.leave_m, meeting.enter_m + 15.0)
    leave = _time_to(leave_m - user.along_m + user.body[0] / 2, user.speed, pace, user.route)
    other_pace = max(other.speed, 0.7 * other.wish_mps, 0.1)
    comes = (meeting.other_enter_m - other.along_m - other.body[0] / 2) / other_pace
    goes_m = min(meeting.other_leave_m, meeting.other_enter_m + 15.0)
    goes = (goes_m - other.along_m + other.body[0] / 2) / max(other.speed, 0.5)
    return comes < leave + gap_s and goes > arrive - gap_s * 0.9


def can_stop(user: User, room_m: float) -> bool:
    """Whether `user` comes to a halt within `room_m` at no more than COMFORTABLE_MPS2."""
    return room_m > -0.5 and user.speed**2 / (2 * COMFORTABLE_MPS2) <= max(room_m, 0.0) + 0.5


def _time_to(distance: float, speed: float, pace: float, route: Route | None) -> float:
    """Seconds for `distance` when speeding up from `speed` to `pace`."""
    if distance <= 0:
        return 0.0
    rate = 0.7 * (route.manner.accelerate if route else 1.0)
    pace = max(pace, speed, 0.1)
    ramp = (pace * pace - speed * speed) / (2 * rate)
    if distance <= ramp:
        return (math.sqrt(speed * speed + 2 * rate * distance) - speed) / rate
    return (pace - speed) / rate + (distance - ramp) / pace
