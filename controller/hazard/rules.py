"""The rule table: every hazard the pole warns of, its DENM code and its timing. Docs and engine read this alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from controller.hazard import lane_rules, road_user_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.config import Hazards
    from controller.hazard.scene import Scene, Sighting


class Rule(NamedTuple):
    """A hazard begins once `find` has held for `on_s` and `on_m` of way, ends when it has not for `off_s`."""

    kind: str
    japanese: str
    cause: int
    subcause: int
    on_s: float
    on_m: float
    off_s: float
    validity_s: float
    begin: float  # least probability to begin with; less keeps an active one alive
    reach_m: float  # sightings so near to another of the same hazard are that hazard
    find: Callable[[Scene, Hazards], list[Sighting]]


def rules(config: Hazards) -> tuple[Rule, ...]:
    """The table with the operator's thresholds; rules in `config.off` are left out."""
    own, lane = road_user_rules, lane_rules
    table = (
        Rule("wrong_way", "逆走", 14, 2, 0.9, 5.0, 2.0, 5.0, 0.0, 5.0, lane.wrong_way),
        Rule("stationary_vehicle", "停止車両", 94, 0, 0.3, 0.0, 2.0, 5.0, 0.0, 3.0, lane.stationary_vehicle),
        Rule("slow_vehicle", "低速車両", 26, 0, 3.0, 0.0, 3.0, 6.0, 0.0, 5.0, lane.slow_vehicle),
        Rule("queue_tail", "渋滞末尾", 27, 1, 1.0, 0.0, 10.0, 15.0, 0.0, 30.0, lane.queue_tail),
        Rule("speeding", "速度超過", 99, 0, 2.0, 0.0, 2.0, 5.0, 0.0, 5.0, lane.speeding),
        Rule("person_on_road", "道路上の人", 12, 0, config.person_s, 0.0, 1.5, 4.0, 0.8, 2.0, own.person_on_road),
        Rule("animal", "動物", 11, 0, 0.5, 0.0, 2.0, 5.0, 0.0, 3.0, own.animal),
        Rule("fallen_object", "落下物", 10, 1, 0.5, 0.0, 3.0, 6.0, 0.0, 2.0, own.fallen_object),
        Rule("sudden_braking", "急ブレーキ", 99, 1, 0.2, 0.0, 1.0, 3.0, 0.0, 5.0, own.sudden_braking),
        Rule("collision_risk", "衝突のおそれ", 97, 0, 0.25, 0.0, 1.0, 3.0, 0.0, 5.0, own.collision_risk),
    )
    return tuple(rule for rule in table if rule.kind not in config.off)
