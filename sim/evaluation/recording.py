"""What one evaluation runs on: messages in order of arrival, the truth beside them, who counts, what happens."""

from __future__ import annotations

import math
import tomllib
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from controller.config import Config, Hazards
from controller.fusion.sensor import Sensor
from controller.geometry import LocalFrame
from controller.site_file import load
from interfaces.errors import ConfigError
from modules.detecting import cone
from modules.registry import REGISTRY, default_capability
from sim.evaluation.sight import Sight, counted
from sim.evaluation.truth import Truth
from sim.film import MAX_OBJECTS, START_NS, film
from sim.happening import STEP_S, Happening, observed
from sim.report import report
from sim.sensing import MODELS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from controller.site import Site
    from modules.capability import Capability
    from modules.detection import Detections
    from sim.road import World
    from sim.scene import Scenario
    from sim.sensor_model import SensorModel
    from sim.weather import Weather

REPORT_NS: Final = 200_000_000
_REPORTING: Final = ("environment", "signal")
_DECLARED: Final = frozenset(range(8))  # what simulated modules say they tell apart


class Reported(NamedTuple):
    """A slot's weather or signals at an instant, as its class reads them."""

    at_ns: int
    slot: str
    reading: object


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """`served`: what the module in a slot can do; a slot that is missing there has its class's default.

    `happenings` is all that the truth holds; `seed` None where the truth came from elsewhere. `reports`: what modules
    said that detect nothing, in order of time. `told`: the truth came with its hazards, and these are all.
    `called`: the names of those who play a part, by their ids in the truth.
    """

    name: str
    seed: int | None
    config: Config
    site: Site
    messages: tuple[Detections, ...]
    truth: Truth
    happenings: tuple[Happening, ...]
    counted: tuple[frozenset[int], ...]
    sight: Sight
    served: Mapping[str, Capability] = field(default_factory=dict)
    reports: tuple[Reported, ...] = ()
    told: bool = False
    called: Mapping[int, str] = field(default_factory=dict)

    def counted_at(self, instant_ns: int) -> frozenset[int]:
        """Ids of the road users that count at an instant."""
        after = bisect_right(self.truth.times_ns, instant_ns)
        return self.counted[after - 1] if after else frozenset()


def of_scene(
    scene: Scenario,
    seconds: float | None = None,
    *,
    without: Collection[str] = (),
    world: World | None = None,
    step: Callable[[float], None] = lambda _: None,
) -> Recording:
    """The first `seconds` of a simulated scene, without some of its modules. `step` hears the seconds gone by."""
    measuring = [spec for spec in scene.modules if spec.module_class in MODELS]
    unknown = sorted(set(without) - {spec.slot for spec in measuring})
    if unknown:
        known = ", ".join(spec.slot for spec in measuring)
        raise ConfigError(f"--without {unknown[0]}: scenario {scene.name} has no such sensor; it has {known}")
    config = Config.model_validate(tomllib.loads(scene.config_text({})))
    site = load(scene.site, LocalFrame.of(config.origin), scene.name)
    world = world or scene.world()
    times: list[int] = []
    frames, messages, reports = [], [], []
    for take in film(scene, seconds, world=world):
        times.append(START_NS + round(take.at_s * 1e9))
        frames.append(take.truth)
        reports += [one for one in _reported(scene, world, times[-1]) if one.slot not in without]
        messages += [one for one in take.detections if one.slot not in without]
        step(take.at_s)
    truth = Truth(tuple(times), tuple(frames))
    served = {spec.slot: capability(spec.model, spec.module_class) for spec in measuring}
    served = {slot: able for slot, able in served.items() if slot not in without}
    reach = {spec.slot: _reach_m(spec.model, scene.weather) for spec in measuring if spec.slot in served}
    sight = replace(sight_of(config, site, served), reach_m=tuple(reach.values()), walls=tuple(scene.walls))
    messages.sort(key=lambda one: (one.arrived_at_ns, one.slot))
    return Recording(
        scene.name,
        scene.seed,
        config,
        site,
        tuple(messages),
        truth,
        (*happenings_of(truth, site), *_of_the_sky(scene, truth)),
        counted(truth, sight),
        sight,
        served,
        tuple(reports),
        called={world.script_id(script.key): script.key for script in scene.scripts},
    )


def of_log(
    name: str,
    config: Config,
    site: Site,
    messages: Sequence[Detections],
    told: tuple[Truth, tuple[Happening, ...]],
    *,
    without: Collection[str] = (),
) -> Recording:
    """A detection log with the truth somebody brought, and the events told in it; without these, those seen in it."""
    kept = tuple(sorted((one for one in messages if one.slot not in without), key=lambda one: one.arrived_at_ns))
    if not kept:
        raise ConfigError(f"{name}: holds no message{' of another module' if without else ''}; nothing to evaluate")
    truth, events = told
    if kept[0].arrived_at_ns > truth.times_ns[-1] or kept[-1].arrived_at_ns < truth.times_ns[0]:
        raise ConfigError(
            f"{name}: messages arrived from {kept[0].arrived_at_ns} to {kept[-1].arrived_at_ns} ns, the truth tells of "
            f"{truth.times_ns[0]} to {truth.times_ns[-1]} ns: they have no instant in common; check the clocks"
        )
    served = {slot: default_capability(config.slot[slot].module_class) for slot in {one.slot for one in kept}}
    sight = sight_of(config, site, served)
    return Recording(
        name,
        None,
        config,
        site,
        kept,
        truth,
        events or happenings_of(truth, site),
        counted(truth, sight),
        sight,
        served,
        told=bool(events),
    )


def happenings_of(truth: Truth, site: Site) -> tuple[Happening, ...]:
    """What the truth shows by plain definitions, from instants STEP_S apart."""
    span_s = truth.seconds(truth.times_ns[-1])
    instants = [round(n * STEP_S, 6) for n in range(int(span_s / STEP_S) + 1)]
    rows = ((at_s, truth.at(truth.times_ns[0] + round(at_s * 1e9))) for at_s in instants)
    return tuple(observed(site, ((at_s, one) for at_s, one in rows if one is not None)))


def capability(model: SensorModel, module_class: str) -> Capability:
    """What a simulated module's data sheet declares."""
    default = default_capability(module_class)
    sigma_velocity = 0.0 if math.isnan(model.sigma_velocity) else model.sigma_velocity
    accuracy = tuple(
        (at, math.hypot(model.along[0] + model.along[1] * at, model.across[0] + model.across[1] * at) / math.sqrt(2),
         sigma_velocity)
        for at in (5.0, model.range_m / 2, model.range_m)
    )  # fmt: skip
    return replace(
        default,
        rate_hz=float(model.rate_hz),
        max_objects=MAX_OBJECTS,
        latency_s=model.latency_s + 2 * model.jitter_s,
        field_of_view=(cone(model.range_m, model.width_deg),),
        accuracy=accuracy,
        detection_probability=1 - 10 ** (-max(1, round(-10 * math.log10(1 - model.detection))) / 10),
        false_per_frame=model.false_per_frame,
        object_classes=_DECLARED,
        delivers_tracks=False,
        has_doppler=model.doppler,
    )


def sight_of(config: Config, site: Site, served: Mapping[str, Capability]) -> Sight:
    """The eyes that a configuration and the modules' declared fields of view give."""
    sensors = []
    for slot, able in served.items():
        mount = config.slot[slot].mount
        place = (mount.east_m, mount.north_m, mount.height_m, math.radians(mount.yaw_deg))
        sensors.append(Sensor(list(config.slot).index(slot), able, *place))
    return Sight(tuple(sensors), (math.inf,) * len(sensors), site)


def _reported(scene: Scenario, world: World, at_ns: int) -> Iterator[Reported]:
    """What the modules that detect nothing say now, each REPORT_NS apart."""
    for spec in scene.modules:
        if spec.module_class in _REPORTING and (at_ns - START_NS) % REPORT_NS == 0:
            kind = REGISTRY[spec.module_class]
            yield Reported(at_ns, spec.slot, kind.read(report(spec.module_class, scene.weather, world), kind.default))


def _of_the_sky(scene: Scenario, truth: Truth) -> Iterator[Happening]:
    """Bad visibility, where a module could say so; the weather is the same for the whole scene."""
    seen = any(spec.module_class == "environment" for spec in scene.modules)
    if seen and scene.weather.visibility_m < Hazards().visibility_m:
        yield Happening("low_visibility", 0.0, truth.seconds(truth.times_ns[-1]), ())


def _reach_m(model: SensorModel, weather: Weather) -> float:
    """How far a module sees who carries lamps, in the weather of the scene."""
    reach_m = min(model.range_m, model.fog * weather.visibility_m)
    return reach_m * (1 + model.dark) / 2 if weather.night else reach_m
