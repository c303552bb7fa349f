"""What the pole is held to: one row a figure, and its own table of hazards. Times in s, lengths in m."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from controller.config import Hazards
from controller.hazard.rules import rules
from sim.happening import LASTING


class Goal(NamedTuple):
    """A figure's name for people, its unit, digits, and its goal: at least `least`, at most `most`; None: no goal."""

    english: str
    japanese: str
    unit: str = ""
    digits: int = 3
    least: float | None = None
    most: float | None = None

    def met(self, value: float) -> bool | None:
        """Whether the figure is as good as wanted; None where nothing is wanted or known."""
        if math.isnan(value) or (self.least is None and self.most is None):
            return None
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    @property
    def words(self) -> str:
        """The goal as people write it."""
        if self.least is not None and self.most is not None:
            return f"{self.least:g} to {self.most:g}"
        bounds = (("≥", self.least), ("≤", self.most))
        return " ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)


FIGURES: Final = {
    "hota": Goal("HOTA", "HOTA 総合追跡精度", least=0.945),
    "deta": Goal("detection accuracy DetA", "検出精度 DetA"),
    "assa": Goal("association accuracy AssA", "対応付け精度 AssA"),
    "loca": Goal("localisation accuracy LocA", "位置精度 LocA"),
    "mota": Goal("MOTA", "MOTA 追跡正解率"),
    "idf1": Goal("IDF1", "IDF1 識別一貫性"),
    "switches_per_100_s": Goal("identity switches in 100 s", "ID の入れ替わり（100 秒あたり）", digits=1, most=12.0),
    "fragmentations": Goal("fragmentations", "追跡の途切れ", digits=0),
    "gospa_m": Goal("GOSPA (c = 4 m, p = 2)", "GOSPA 誤差", "m", 2, most=1.15),
    "gospa_localisation_m2": Goal("of its square: localisation", "うち位置", "m²", 2),
    "gospa_missed_m2": Goal("of its square: missed", "うち見逃し", "m²", 2),
    "gospa_false_m2": Goal("of its square: false", "うち誤検出", "m²", 2),
    "location_rmse_m": Goal("location RMSE", "位置の RMSE", "m", most=0.20),
    "velocity_rmse_mps": Goal("velocity RMSE", "速度の RMSE", "m/s"),
    "place_nees": Goal(
        "place: squared error by covariance, 2 is honest", "位置の正規化誤差 NEES", digits=2, least=1.0, most=3.0
    ),
    "velocity_nees": Goal("velocity: likewise", "速度の正規化誤差 NEES", digits=2, least=1.0, most=3.0),
    "missed_per_instant": Goal("missed at an instant", "瞬間あたり見逃し", digits=2),
    "twins_per_instant": Goal("false beside somebody real, at an instant", "瞬間あたり二重の誤検出", digits=2),
    "ghosts_per_instant": Goal("false where nobody is, at an instant", "瞬間あたり虚像", digits=2),
    "age_p50_s": Goal("age of what is published, median", "公表情報の古さ（中央値）", "s"),
    "age_p95_s": Goal("age of what is published, 95 %", "公表情報の古さ（95 %）", "s"),
    "cost_p50_ms": Goal("CPU time of a picture here, median", "処理時間（中央値）", "ms", 1),
    "cost_p99_ms": Goal("CPU time of a picture here, 99 %", "処理時間（99 %）", "ms", 1, most=20.0),
    "near_miss_recall": Goal("near-miss recall", "ヒヤリハット再現率", digits=2),
    "near_miss_precision": Goal("near-miss precision", "ヒヤリハット適合率", digits=2),
    "near_miss_f1": Goal("near-miss F1", "ヒヤリハット F1", digits=2, least=0.93),
    "near_miss_false_per_hour": Goal("false near misses an hour", "ヒヤリハット誤報（毎時）", digits=1),
    "hazard_recall": Goal("hazard recall", "危険事象再現率", digits=2),
    "hazard_false_per_hour": Goal("false hazards an hour", "危険事象誤報（毎時）", digits=1),
}

NEAR_MISS: Final = "near_miss"
RULES: Final = {rule.kind: rule for rule in rules(Hazards())}  # the pole's own table: Japanese names, times to detect
RIGHT_OF_WAY: Final = frozenset({"crossing_path", "merging_vehicle", "red_light_running"})
# Of hazards whose truth is reckoned.
KINDS: Final = frozenset(LASTING) - {NEAR_MISS} | {"collision_risk", "low_visibility"} | RIGHT_OF_WAY
