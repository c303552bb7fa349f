"""The rule table: every hazard the pole warns of, its DENM code and its timing. Docs and engine read this alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from controller.hazard import lane_rules, right_of_way_rules, road_user_rules, service_rules, weather_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.config import Hazards
    from controller.hazard.scene import Scene, Sighting

# ユースケース類型 of CAVC.
ON_FOOT, REAR_END, MERGES, MERGE_OWN, RUNS_OUT_ON_US, RUN_OUT, PASS_BY = 0x1A, 0x20, 0x28, 0x29, 0x30, 0x35, 0x39
PAIRS: Final = frozenset({"collision_risk", "merging_vehicle", "crossing_path"})


class Rule(NamedTuple):
    """A hazard begins once `find` has held for `on_s` and `on_m` of way, ends when it has not for `off_s`."""

    kind: str
    japanese: str
    cause: int  # 0: none in DENM
    subcause: int
    on_s: float
    on_m: float
    off_s: float
    validity_s: float
    begin: float  # least probability to begin with; less keeps an active one alive
    reach_m: float  # sightings so near to another of the same hazard are that hazard
    goal_s: float  # the longest it may take from when it is so to NEW; 0: before it comes to pass
    use_cases: tuple[int, ...]  # those of collision_risk follow from the kind of conflict
    find: Callable[[Scene, Hazards], list[Sighting]]


def rules(config: Hazards) -> tuple[Rule, ...]:
    """The table with the operator's thresholds; rules in `config.off` are left out."""
    own, lane, way, sky = road_user_rules, lane_rules, right_of_way_rules, weather_rules
    behind, past, foot = (REAR_END,), (REAR_END, PASS_BY), (ON_FOOT,)
    cuts_in = (RUNS_OUT_ON_US,)
    least, person = sky.BEGIN, config.person_s
    table = (
        Rule("wrong_way", "逆走", 14, 2, 0.9, 5.0, 2.0, 5.0, 0.0, 5.0, 1.5, (), lane.wrong_way),
        Rule("stationary_vehicle", "停止車両", 94, 0, 1.5, 0, 2.0, 5.0, 0.0, 3.0, 8.0, past, lane.stationary_vehicle),
        Rule("slow_vehicle", "低速車両", 26, 0, 2.5, 0.0, 3.0, 6.0, 0.0, 5.0, 5.0, behind, lane.slow_vehicle),
        Rule("queue_tail", "渋滞末尾", 27, 1, 1.0, 0.0, 10.0, 15.0, 0.0, 30.0, 5.0, behind, lane.queue_tail),
        Rule("speeding", "速度超過", 99, 0, 2.0, 0.0, 2.0, 5.0, 0.0, 5.0, 3.0, (), lane.speeding),
        Rule("person_on_road", "道路上の人", 12, 0, person, 0, 1.5, 4.0, 0.8, 2.0, 1.0, foot, own.person_on_road),
        Rule("animal", "動物", 11, 0, 0.5, 0.0, 2.0, 5.0, 0.0, 3.0, 1.0, (), own.animal),
        Rule("fallen_object", "落下物", 10, 1, 0.5, 0.0, 3.0, 6.0, 0.0, 2.0, 5.0, past, own.fallen_object),
        Rule("sudden_braking", "急ブレーキ", 99, 1, 0.1, 0.0, 1.0, 3.0, 0.0, 5.0, 0.6, behind, own.sudden_braking),
        Rule("collision_risk", "衝突のおそれ", 97, 0, 0.2, 0, 1.0, 3.0, 0.0, 5.0, 0.0, (), own.collision_risk),
        Rule("red_light_running", "信号無視", 98, 2, 0.2, 0, 2, 3, 0.8, 5, 0.0, cuts_in, way.red_light_running),
        Rule("merging_vehicle", "合流", 97, 3, 0.5, 0, 1.5, 3, 0.6, 5, 0.0, (MERGES, MERGE_OWN), way.merging_vehicle),
        Rule("crossing_path", "出会い頭", 97, 2, 0.4, 0, 1.0, 3.0, 0.6, 5.0, 0.0, (RUN_OUT,), way.crossing_path),
        Rule("low_visibility", "視界不良", 18, 0, 3, 0, 60, 120, least, 1, 60, (), sky.low_visibility),
        Rule("heavy_precipitation", "大雨・大雪", 19, 1, 3, 0, 60, 120, least, 1, 60, (), sky.heavy_precipitation),
        Rule("slippery_road", "路面凍結・積雪", 6, 0, 3, 0, 60, 120, least, 1, 60, (), sky.slippery_road),
        Rule("aquaplaning", "ハイドロプレーニング", 7, 0, 3, 0, 60, 120, least, 1, 60, (), sky.aquaplaning),
        Rule("flooded_road", "冠水", 7, 0, 3, 0, 60, 120, least, 1, 60, (), sky.flooded_road),
        Rule("strong_wind", "強風", 17, 1, 3, 0, 60, 120, least, 1, 60, (), sky.strong_wind),
        Rule("service_degraded", "縮退", 0, 0, 0.3, 0, 1, 5, 0.0, 1.0, 1.0, (), service_rules.service_degraded),
    )
    return tuple(rule for rule in table if rule.kind not in config.off)
