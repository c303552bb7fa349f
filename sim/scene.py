"""What a scenario consists of: a place, its traffic, the modules on the pole, and what happens with its truth."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from controller.config import Mount, Origin
from sim.miscalibration import Miscalibrated, Miscalibration
from sim.road import World
from sim.sensing import MODELS, Sensor
from sim.weather import CLEAR, Weather

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np

    from sim.driving import Route, Script
    from sim.occlusion import Wall
    from sim.sensor_model import SensorModel
    from sim.signals import Signals

ORIGIN: Final = Origin(latitude_deg=36.6, longitude_deg=140.6, altitude_m=30.0, geoid_height_m=40.0)


@dataclass(frozen=True, slots=True)
class ModuleSpec:
    """One slot of the simulated pole and the module that stands in it."""

    slot: str
    module_class: str
    mount: Mount = Mount()
    role: str = ""
    required: bool = False
    wrong: Miscalibration | None = None
    other: SensorModel | None = None  # than the usual one of its class

    @property
    def model(self) -> SensorModel:
        """How it senses."""
        return self.other or MODELS[self.module_class]


@dataclass(frozen=True, slots=True)
class TruthEvent:
    """What really happens: `kind` is the hazard's rule name or `near_miss`; `start_s` to `end_s` it is so in sight.

    `actors` are keys of the scenario's scripts; `World.script_id` gives their ids in the truth.
    """

    kind: str
    start_s: float
    end_s: float
    actors: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """A named scene; `world()` makes its road afresh, the same each time."""

    name: str
    description: str
    seed: int
    duration_s: float
    site: str  # GeoJSON text
    modules: tuple[ModuleSpec, ...]
    routes: tuple[Route, ...]
    scripts: tuple[Script, ...] = ()
    events: tuple[TruthEvent, ...] = ()
    origin: Origin = ORIGIN
    weather: Weather = CLEAR
    walls: tuple[Wall, ...] = ()
    signals: Signals | None = None
    road: Callable[[], World] | None = None  # recorded traffic instead of routes and scripts

    def world(self, *, repeat: bool = False) -> World:
        """The road at time 0; with `repeat` its events begin anew after `duration_s`."""
        if self.road is not None:
            return self.road()
        period_s = self.duration_s if repeat else math.inf
        return World(self.routes, self.scripts, seed=self.seed, period_s=period_s, signals=self.signals)

    def sensor(self, spec: ModuleSpec, rng: np.random.Generator, now_s: Callable[[], float]) -> Sensor | Miscalibrated:
        """The sensor in a slot as this scene's weather, walls and faults make it; `now_s()` is the scene's time."""
        sensor = Sensor(spec.model, spec.mount, rng, weather=self.weather, walls=self.walls)
        return sensor if spec.wrong is None else Miscalibrated(sensor, spec.wrong, now_s)

    def config_text(self, ports: Mapping[str, str], *, site: str = "site.geojson", state_dir: str = "state") -> str:
        """A pole.toml for this pole: `ports` gives each slot's URL (missing: none), `site` the map's file name."""
        return pole_toml(self.name, self.origin, self.modules, ports, site=site, state_dir=state_dir)


def pole_toml(
    name: str,
    origin: Origin,
    modules: tuple[ModuleSpec, ...],
    ports: Mapping[str, str],
    *,
    site: str,
    state_dir: str,
) -> str:
    """The text of a pole.toml."""
    lines = ["[pole]", f"name = {json.dumps(name)}", "service_location_id = 8202302", "roadside_unit_id = 136323842"]
    lines += [f"state_dir = {json.dumps(state_dir)}"]
    lines += [f"site = {json.dumps(site)}"] if site else []
    lines += ["", "[origin]", *(f"{key} = {json.dumps(value)}" for key, value in origin.model_dump().items())]
    for module in modules:
        lines += ["", f"[slot.{module.slot}]", f"port = {json.dumps(ports.get(module.slot, ''))}"]
        lines += [f"class = {json.dumps(module.module_class)}"]
        lines += [f"role = {json.dumps(module.role, ensure_ascii=False)}"] if module.role else []
        lines += ["required = true"] if module.required else []
        mount = {key: value for key, value in module.mount.model_dump().items() if value}
        lines += [f"mount = {{ {', '.join(f'{key} = {value}' for key, value in mount.items())} }}"] if mount else []
    return "\n".join(lines) + "\n"
