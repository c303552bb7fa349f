"""Sightings into hazards: new, update, cancel, with hysteresis, and one identity through changes of track ids."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.hazard.hazard import Hazard, Phase
from controller.hazard.rules import PAIRS, Rule, rules

if TYPE_CHECKING:
    from controller.config import Hazards
    from controller.hazard.scene import Scene, Sighting
    from controller.site import Site

UPDATE_S: Final = 1.0
GRACE_S: Final = 0.35  # a condition may fail for so long before it has to begin anew
MAX_CASES: Final = 200
DEGRADED, INFORMATION = 0, 1  # 活用レベル (CAVC): reference information never says more
_SMOOTH_S: Final = 0.5


class HazardEngine:
    """The life of every hazard at one pole; `step` in order of time."""

    def __init__(self, site: Site, config: Hazards, frame_seed: int = 0) -> None:
        self._site, self._config, self._seed = site, config, frame_seed
        self._rules = rules(config)
        self._cases: dict[str, list[_Case]] = {rule.kind: [] for rule in self._rules}

    def step(self, scene: Scene) -> list[Hazard]:
        """What is to be said at this tick, rule by rule in the order of the table."""
        said: list[Hazard] = []
        for rule in self._rules:
            cases = self._cases[rule.kind]
            self._match(rule, cases, scene)
            said += [word for case in cases if (word := self._word(rule, case, scene)) is not None]
            self._cases[rule.kind] = [case for case in cases if not case.over]
        return said

    def cancel_all(self, now_ns: int) -> list[Hazard]:
        """CANCEL for everything active, and start anew (the pole stops, or its clock jumped)."""
        said = []
        for rule in self._rules:
            said += [case.statement(rule, Phase.CANCEL, now_ns) for case in self._cases[rule.kind] if case.action_id]
            self._cases[rule.kind] = []
        return said

    def _match(self, rule: Rule, cases: list[_Case], scene: Scene) -> None:
        waiting = []
        for seen in rule.find(scene, self._config):
            case = next((c for c in cases if c.last_ns != scene.now_ns and c.seen.key == seen.key), None)
            if case is not None:
                if case.action_id or seen.probability >= rule.begin:
                    case.take(seen, scene)
            else:
                waiting.append(seen)
        present = {int(track) for track in scene.objects["id"]}
        for seen in waiting:
            if any(c.last_ns == scene.now_ns and c.away_m(seen) <= rule.reach_m / 2 for c in cases if _alike(rule)):
                continue  # a second track on the same body, or people side by side: one warning
            heir = min(
                (c for c in cases if c.last_ns != scene.now_ns and c.may_become(seen, rule, scene.now_ns, present)),
                key=lambda c, s=seen: c.away_m(s),  # type: ignore[misc]  # mypy cannot infer a lambda's default
                default=None,
            )
            if heir is not None:
                heir.take(seen, scene)
            elif len(cases) < MAX_CASES and seen.probability >= rule.begin:
                cases.append(_Case(seen, scene))

    def _word(self, rule: Rule, case: _Case, scene: Scene) -> Hazard | None:
        now = scene.now_ns
        missing_s = (now - case.last_ns) / 1e9
        if not case.action_id:
            if missing_s > max(GRACE_S, 1.5 * scene.dt_s if scene.dt_s < 1 else 0.0):
                case.over = True
            elif missing_s == 0 and case.ripe(rule):
                case.action_id = self._new_id(rule, case)
                case.said_ns = now
                return case.statement(rule, Phase.NEW, now)
            return None
        if missing_s >= rule.off_s:
            case.over = True
            return case.statement(rule, Phase.CANCEL, now)
        if (now - case.said_ns) / 1e9 >= UPDATE_S - min(scene.dt_s, 0.2) / 2:
            case.said_ns = now
            return case.statement(rule, Phase.UPDATE, now)
        return None

    def _new_id(self, rule: Rule, case: _Case) -> int:
        """From what it is and when it began: the same on every run, and not again after a restart."""
        taken = {c.action_id for cases in self._cases.values() for c in cases}
        text = f"{self._seed}/{rule.kind}/{case.first_ns}/{case.seen.key}"
        number = zlib.crc32(text.encode()) or 1
        while number in taken:
            number = number % 0xFFFFFFFF + 1
        return number


def quality(objects: np.ndarray[tuple[int], np.dtype[np.void]], sources: int, probability: float) -> int:
    """DENM information quality 1 to 7: more with modules that agree and certainty, less with doubt of the place."""
    score = min(2 + 2 * sources.bit_count(), 6) + (probability > 0.9)
    doubt = math.sqrt(max(float(np.max(objects["cov"][:, (0, 1), (0, 1)], initial=0.0)), 0.0))
    return int(np.clip(score - (doubt > 0.5) - (doubt > 1.0), 1, 7))


def _alike(rule: Rule) -> bool:
    return rule.kind not in PAIRS  # two pairs at one place are two risks


@dataclass(slots=True, init=False)
class _Case:
    """One hazard in the making, active, or fading."""

    seen: Sighting
    first_ns: int
    last_ns: int
    begin: tuple[float, float]
    probability: float
    z: float
    sources: int
    quality: int
    action_id: int
    said_ns: int
    over: bool
    ids: tuple[int, ...]
    utilisation: int

    def __init__(self, seen: Sighting, scene: Scene) -> None:
        self.first_ns, self.begin, self.probability = scene.now_ns, (seen.x, seen.y), seen.probability
        self.action_id, self.said_ns, self.over = 0, 0, False
        self.last_ns = scene.now_ns
        self.take(seen, scene)

    def take(self, seen: Sighting, scene: Scene) -> None:
        """It is seen at this tick."""
        gain = 1 - math.exp(-max(scene.now_ns - self.last_ns, 0) / 1e9 / _SMOOTH_S)
        self.probability += gain * (seen.probability - self.probability)
        self.seen, self.last_ns = seen, scene.now_ns
        objects = scene.objects[list(seen.rows)]
        self.ids = tuple(int(track) for track in objects["id"])
        self.sources = int(np.bitwise_or.reduce(objects["sources"])) | seen.sources
        self.z = float(np.nan_to_num(objects["z"]).mean()) if len(objects) else math.nan
        self.quality = quality(objects, self.sources, self.probability)
        self.utilisation = DEGRADED if scene.lacking else INFORMATION

    def ripe(self, rule: Rule) -> bool:
        """Whether it has held for long and far enough."""
        held_s = (self.last_ns - self.first_ns) / 1e9
        way = math.hypot(self.seen.x - self.begin[0], self.seen.y - self.begin[1])
        return held_s >= rule.on_s - 1e-6 and way >= rule.on_m

    def away_m(self, seen: Sighting) -> float:
        """From where it was last seen."""
        return math.hypot(seen.x - self.seen.x, seen.y - self.seen.y)

    def may_become(self, seen: Sighting, rule: Rule, now_ns: int, present: set[int]) -> bool:
        """Whether `seen` is this hazard under a new track id: its track is gone and the place fits."""
        if any(track in present for track in self.ids) and self.seen.key[0] in present:
            return len(self.ids) > 1 and bool(set(self.ids) & set(seen.key)) and self.away_m(seen) < rule.reach_m
        gone_s = (now_ns - self.last_ns) / 1e9
        speed = 0.0 if math.isnan(self.seen.speed) else self.seen.speed
        return self.away_m(seen) <= rule.reach_m + speed * gone_s * 1.2

    def statement(self, rule: Rule, phase: Phase, now_ns: int) -> Hazard:
        """As it is published."""
        seen = self.seen
        return Hazard(
            action_id=self.action_id,
            kind=rule.kind,
            phase=phase,
            cause=rule.cause,
            subcause=rule.subcause if seen.subcause is None else seen.subcause,
            detection_time_ns=self.first_ns,
            reference_time_ns=now_ns,
            validity_s=rule.validity_s,
            x=seen.x,
            y=seen.y,
            z=self.z,
            heading=seen.heading,
            speed=seen.speed,
            probability=min(max(self.probability, 0.0), 1.0),
            information_quality=self.quality,
            track_ids=self.ids,
            sources=self.sources,
            lane=seen.lane,
            use_cases=rule.use_cases if seen.use_cases is None else seen.use_cases,
            utilisation=self.utilisation,
            detail=seen.detail,
        )
