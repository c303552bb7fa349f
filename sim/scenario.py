"""The scenarios by name."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from interfaces.errors import ConfigError
from sim.scenarios.crossing import crossing
from sim.scenarios.expressway import expressway
from sim.scenarios.intersection import calm, intersection
from sim.scenarios.merge import merge
from sim.scenarios.signals import signals
from sim.scenarios.wrong_way_fog import wrong_way_fog
from sim.scene import ModuleSpec, Scenario, TruthEvent

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DEFAULT", "SCENARIOS", "ModuleSpec", "Scenario", "TruthEvent", "scenario"]

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


def scenario(name: str, seed: int = 1) -> Scenario:
    """The scenario called `name`; ConfigError names the nearest one when there is none."""
    build = SCENARIOS.get(name)
    if build is None:
        near = difflib.get_close_matches(name, SCENARIOS, 1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(SCENARIOS)}"
        raise ConfigError(f"scenario {name!r} is unknown; {hint}")
    return build(seed)
