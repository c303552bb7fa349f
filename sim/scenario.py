"""The scenarios by name."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from interfaces.errors import ConfigError
from sim.scenarios.crossing import crossing
from sim.scenarios.encounters import encounters
from sim.scenarios.expressway import expressway
from sim.scenarios.intersection import calm, intersection
from sim.scenarios.merge import merge
from sim.scenarios.ngsim import EXCERPTS, ngsim
from sim.scenarios.roads import roads
from sim.scenarios.signals import signals
from sim.scenarios.wrong_way_fog import wrong_way_fog
from sim.scene import ModuleSpec, Scenario, TruthEvent

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BY_CHANCE", "DEFAULT", "RECORDED", "SCENARIOS", "ModuleSpec", "Scenario", "TruthEvent", "scenario"]

DEFAULT: Final = "intersection"
SCENARIOS: Final[dict[str, Callable[[int], Scenario]]] = {
    "intersection": intersection,
    "signals": signals,
    "merge": merge,
    "crossing": crossing,
    "wrong_way_fog": wrong_way_fog,
    "expressway": expressway,
    "calm": calm,
}
# Roads to be measured on, where nobody says beforehand what will happen.
BY_CHANCE: Final[dict[str, Callable[[int], Scenario]]] = {"encounters": encounters, "roads": roads}
# Real traffic, whose files are not shipped: such a scene can be named always, its road only where they are.
RECORDED: Final[dict[str, Callable[[int], Scenario]]] = {name: ngsim(name) for name in EXCERPTS}


def scenario(name: str, seed: int = 1) -> Scenario:
    """The scenario called `name`; ConfigError names the nearest one when there is none."""
    every = SCENARIOS | BY_CHANCE | RECORDED
    build = every.get(name.replace("-", "_"))
    if build is None:
        near = difflib.get_close_matches(name, every, 1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(every)}"
        raise ConfigError(f"scenario {name!r} is unknown; {hint}")
    return build(seed)
