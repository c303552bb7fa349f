"""What a pole had to say of a recording, and what it could have said as well: by the truth alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from interfaces.spec import VEHICLES
from sim.evaluation.encounters import encounters
from sim.evaluation.events import Expected
from sim.evaluation.goals import KINDS, NEAR_MISS, RULES
from sim.evaluation.right_of_way import right_of_way
from sim.happening import LASTING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.evaluation.encounters import Encounter
    from sim.evaluation.recording import Recording
    from sim.happening import Happening

PLACES: Final = frozenset({"queue_tail"})  # their ids are no road users
CHANGES: Final = frozenset({"sudden_braking"})  # of a motion: who was not in sight for a second before has shown none
SOMEWHAT_HARD_MPS2: Final = 3.2  # braking from here on may be told
QUIET_S: Final = 2.0  # a near miss is told when it has been over for so long
TOGETHER_S: Final = 1.0  # in sight: a track must come to be, and its conflict last for half a second
STEP_NS: Final = 100_000_000
# A speed m/s, and the limit of its lane, at which these are so by a margin.
BEYOND_DOUBT: Final[dict[str, Callable[[float, float], bool]]] = {
    "slow_vehicle": lambda speed, limit: speed < min(45 / 3.6, 0.38 * limit),
    "speeding": lambda speed, limit: speed > limit + 26 / 3.6,
    "wrong_way": lambda speed, _limit: speed > 3.0,
}
QUEUE_MPS, COMING_MPS, QUEUE_SEEN_S = 9 / 3.6, 54 / 3.6, 1.5
_VEHICLES: Final = [int(c) for c in VEHICLES]


def expectations(recording: Recording) -> list[Expected]:
    """Everything, by its beginning. Who is in sight for less than a hazard's time to detect need not be told of."""
    seen = _seen(recording)
    found = [_hazard(one, seen, recording) for one in recording.happenings if one.kind != NEAR_MISS]
    over_s = recording.truth.seconds(recording.truth.times_ns[-1])
    for met in encounters(recording.truth, recording.site):
        found += _near(met, seen, over_s)
    found += _somewhat_braking(recording)
    if not recording.told:
        found += right_of_way(recording, seen)
    return sorted(found, key=lambda one: (one.start_s, one.kind))


def kinds_of(recording: Recording) -> frozenset[str]:
    """Kinds of hazard whose truth is known: those reckoned, and those somebody told in the truth."""
    return KINDS | {one.kind for one in recording.happenings} - {NEAR_MISS}


def _seen(recording: Recording) -> dict[int, list[float]]:
    """For each road user the seconds at which it counts, STEP_NS apart."""
    times = recording.truth.times_ns
    found: dict[int, list[float]] = {}
    for instant_ns in range(times[0], times[-1] + 1, STEP_NS):
        for one in recording.counted_at(instant_ns):
            found.setdefault(one, []).append(recording.truth.seconds(instant_ns))
    return found


def _hazard(one: Happening, seen: dict[int, list[float]], recording: Recording) -> Expected:
    if one.kind in PLACES:
        return _queue(one, seen, recording)
    if not one.ids:
        return Expected(one.kind, one.start_s, one.end_s, frozenset(), one.start_s)
    within = [at_s for who in one.ids for at_s in seen.get(who, ()) if one.start_s - 1e-6 <= at_s <= one.end_s + 1e-6]
    if one.kind in BEYOND_DOUBT and not recording.told:
        within = [at_s for at_s in within if _beyond_doubt(one, at_s, recording)]
    lasting_s = max(within) - min(within) if within else -math.inf
    rule = RULES.get(one.kind)
    must = lasting_s >= max(rule.goal_s if rule else 0.0, LASTING.get(one.kind, (0.0, 0.0))[0]) - 1e-6
    if one.kind in CHANGES:
        must &= all(sum(-1.0 <= at_s - one.start_s < 0.0 for at_s in seen.get(who, ())) >= 9 for who in one.ids)
    return Expected(one.kind, one.start_s, one.end_s, frozenset(one.ids), min(within, default=one.start_s), must)


def _beyond_doubt(one: Happening, at_s: float, recording: Recording) -> bool:
    """Whether its speed is so by a margin: no module measures speeds to the last km/h."""
    rows = recording.truth.at(recording.truth.times_ns[0] + round(at_s * 1e9))
    if rows is None or one.ids[0] not in rows["id"]:
        return False
    row = rows[rows["id"] == one.ids[0]]
    lane = recording.site.lane_of(np.stack([row["x"], row["y"]], 1), row["yaw"]).lane[0]
    limit = recording.site.lanes[lane].speed_limit_mps if lane >= 0 else math.nan
    return bool(BEYOND_DOUBT[one.kind](math.hypot(row["vx"][0], row["vy"][0]), limit))


def _queue(one: Happening, seen: dict[int, list[float]], recording: Recording) -> Expected:
    """A queue in a lane has to be told once three of it and one coming fast have been in sight for QUEUE_SEEN_S."""
    if recording.told:
        return Expected(one.kind, one.start_s, one.end_s, frozenset(), one.start_s)
    shown = []
    sight = {who: {round(at_s, 3) for at_s in times} for who, times in seen.items()}
    for n in range(round(one.start_s / 0.1), round(one.end_s / 0.1) + 1):
        rows = recording.truth.at(recording.truth.times_ns[0] + n * STEP_NS)
        if rows is None or not len(rows):
            continue
        rows = rows[[round(n * 0.1, 3) in sight.get(int(who), ()) for who in rows["id"]]]
        speed = np.hypot(rows["vx"], rows["vy"])
        match = recording.site.lane_of(np.stack([rows["x"], rows["y"]], 1), rows["yaw"])
        here = (match.lane == one.ids[0]) & np.isin(rows["object_class"], _VEHICLES)
        queue = match.along_m[here & (speed < QUEUE_MPS)]
        if len(queue) >= 3 and (here & (speed > COMING_MPS) & (match.along_m < queue.min())).any():
            shown.append(n * 0.1)
    must = len(shown) * 0.1 >= QUEUE_SEEN_S
    return Expected(one.kind, one.start_s, one.end_s, frozenset(), min(shown, default=one.start_s), must)


def _near(met: Encounter, seen: dict[int, list[float]], over_s: float) -> Iterator[Expected]:
    """A near miss, and the collision risk that went before it; what ends with the recording cannot be told any more."""
    ids, (start_s, end_s) = frozenset(met.ids), met.near_s
    both = set(seen.get(met.ids[0], ())) & set(seen.get(met.ids[1], ()))
    close = [at_s for at_s in both if start_s - 1e-6 <= at_s <= end_s + 1e-6]
    sure = met.sure and bool(close) and sum(at_s <= end_s + 1e-6 for at_s in both) * 0.1 >= TOGETHER_S - 1e-6
    if math.isfinite(start_s):
        yield Expected(NEAR_MISS, met.start_s, met.end_s, ids, end_s, sure and end_s <= over_s - QUIET_S)
    if math.isfinite(met.ttc_s):
        risk = sure and met.risk
        late = [at_s for at_s in close if at_s >= met.lead_s - 1e-6] or close
        yield Expected("collision_risk", met.start_s, met.end_s, ids, min(late) if risk else start_s, risk)


def _somewhat_braking(recording: Recording) -> Iterator[Expected]:
    """Vehicles that brake almost as hard as has to be told."""
    spans: dict[int, tuple[float, float]] = {}
    for instant_ns, rows in zip(recording.truth.times_ns, recording.truth.frames, strict=True):
        speed = np.maximum(np.hypot(rows["vx"], rows["vy"]), 1e-6)
        along = (rows["ax"] * rows["vx"] + rows["ay"] * rows["vy"]) / speed
        at_s = recording.truth.seconds(instant_ns)
        for who in rows["id"][(along < -SOMEWHAT_HARD_MPS2) & np.isin(rows["object_class"], _VEHICLES)].tolist():
            start_s, last_s = spans.get(who, (at_s, at_s))
            if at_s - last_s > 1.0:
                yield Expected("sudden_braking", start_s, last_s, frozenset({who}), start_s, must=False)
                start_s = at_s
            spans[who] = start_s, at_s
    for who, (start_s, last_s) in spans.items():
        yield Expected("sudden_braking", start_s, last_s, frozenset({who}), start_s, must=False)
