"""Which scenes can be evaluated, and their recordings."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from interfaces.errors import ConfigError
from sim.evaluation import sumo
from sim.evaluation.recording import of_scene
from sim.scenario import BY_CHANCE, RECORDED, SCENARIOS, scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sim.evaluation.recording import Recording


def built_in() -> list[str]:
    """Those that need nothing but this package."""
    return [*SCENARIOS, *BY_CHANCE]


def usual() -> list[str]:
    """Those that are measured where none is named: roads differ too much for one or two to say anything."""
    return [name for name in built_in() if name != "roads"]


def scene_names() -> dict[str, str]:
    """All, with what they show; those of recorded traffic need its files."""
    ours = {name: build(1).description for name, build in (SCENARIOS | BY_CHANCE | RECORDED).items()}
    return ours | {name: one.description for name, one in sumo.SCENES.items()}


def filmed(
    name: str,
    seed: int,
    seconds: float | None = None,
    without: Collection[str] = (),
    step: Callable[[float, float], None] = lambda _done, _all: None,
) -> Recording:
    """A scene by name, of any kind; ConfigError for others, and where SUMO or a recording is missing."""
    if name not in scene_names():
        near = difflib.get_close_matches(name, scene_names(), 1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(scene_names())}"
        raise ConfigError(f"scenario {name!r} is unknown; {hint}")
    scene = sumo.scene(name, seed) if name in sumo.SCENES else scenario(name, seed)
    length_s = scene.duration_s if seconds is None else min(seconds, scene.duration_s)
    world = sumo.world(name, seed) if name in sumo.SCENES else None
    return of_scene(scene, length_s, without=without, world=world, step=lambda now_s: step(now_s, length_s))
