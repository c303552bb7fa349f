"""Two excerpts of real traffic (NGSIM, U.S. DOT 2006), its truth seen by simulated modules. Files are not shipped."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from controller.config import Mount
from interfaces.errors import ConfigError
from sim.replay import KNOWN, RecordedRoad, read
from sim.road import World
from sim.scene import ORIGIN, ModuleSpec, Scenario
from sim.site_map import SiteMap

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

FOLDER: Final = "POLE_RECORDINGS"  # environment variable; without it `recordings` where the command runs
PAUSE_S: Final = 4.0  # an empty road between two rounds, so that nobody jumps from its end to its beginning


class Excerpt(NamedTuple):
    """A recording and where its lanes lie: `lanes` m to the left of a line through (0, 0) at `heading` rad."""

    file: str
    description: str
    seconds: float
    heading: float
    limit_kmh: float
    lanes: tuple[float, ...]
    reach_m: tuple[float, float]  # along that line
    beside_m: float  # where the pole stands, to the left


EXCERPTS: Final = {
    "ngsim_us101": Excerpt(
        "USA_US101-4_1.csv",
        "Real traffic: five lanes of US-101, Los Angeles, one of them congested (NGSIM, keep right)",
        10.0,
        -0.743,
        105,
        (-14.5, -10.5, -7.2, -3.6, 0.0),
        (-48.0, 58.0),
        6.0,
    ),
    "ngsim_lankershim": Excerpt(
        "USA_Lanker-1_1.csv",
        "Real traffic: a junction of Lankershim Boulevard, Los Angeles (NGSIM, keep right)",
        4.0,
        1.115,
        56,
        (-3.0, 0.2, 3.3),
        (-50.0, 75.0),
        9.0,
    ),
}


def ngsim(name: str) -> Callable[[int], Scenario]:
    """The scene of an excerpt; it reads the file when its road is asked for."""

    def build(seed: int) -> Scenario:
        excerpt = EXCERPTS[name]
        return Scenario(
            name=name,
            description=excerpt.description,
            seed=seed,
            duration_s=excerpt.seconds,
            site=_site(excerpt),
            modules=_modules(excerpt),
            routes=(),
            road=lambda: RecordedWorld(path_of(excerpt)),
        )

    return build


def path_of(excerpt: Excerpt) -> Path:
    """Where the file is looked for."""
    return Path(os.environ.get(FOLDER, "recordings")) / excerpt.file


class RecordedWorld(World):
    """A recording as a road that begins anew after an empty pause; between its frames everybody goes straight on."""

    def __init__(self, path: Path) -> None:
        self.now_s = 0.0
        self.signals = None
        self._recording = read(_text(path), str(path))
        self._empty = self._recording.frames[0][:0]

    def script_id(self, key: str) -> int:
        """Nobody plays a script here."""
        raise KeyError(key)

    def step(self, dt: float) -> None:
        """Let `dt` s pass."""
        self.now_s = round(self.now_s + dt, 9)

    def truth(self) -> NDArray[np.void]:
        """TRUTH rows of this instant; a new round has new ids."""
        last_s = self._recording.times_s[-1]
        turn, since_s = divmod(self.now_s, last_s + PAUSE_S)
        if since_s > last_s:
            return self._empty
        road = RecordedRoad(self._recording)
        road.step(since_s)
        at_s, frame = road.newest()
        rows = frame[np.argsort(frame["id"])]
        rows["id"] += int(turn) * 100_000
        rows["x"] += rows["vx"] * (since_s - at_s)
        rows["y"] += rows["vy"] * (since_s - at_s)
        return rows


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigError(
            f"{path}: cannot be read; NGSIM's recordings are not shipped with the pole. Put {path.name} (columns "
            f"{KNOWN}) there, or name the folder that holds it in {FOLDER}; docs/scenes.md says where it comes from"
        ) from None


def _modules(excerpt: Excerpt) -> tuple[ModuleSpec, ...]:
    east, north = _place(excerpt, 0.0, excerpt.beside_m)
    ahead = math.degrees(excerpt.heading)

    def mount(height_m: float, yaw_deg: float = 0.0) -> Mount:
        turned = math.remainder(yaw_deg, 360.0)
        return Mount(east_m=round(east, 2), north_m=round(north, 2), height_m=height_m, yaw_deg=round(turned, 1))

    return (
        ModuleSpec("camera", "camera", mount(9, ahead - 30), "downstream", True),
        ModuleSpec("lidar", "lidar", mount(7), "all round", True),
        ModuleSpec("radar", "radar", mount(8, ahead + 180 + 15), "upstream"),
        ModuleSpec("comms", "comms", mount(10)),
    )


def _site(excerpt: Excerpt) -> str:
    drawn = SiteMap(ORIGIN, excerpt.description)
    first, last = excerpt.reach_m
    for number, left_m in enumerate(excerpt.lanes, 1):
        drawn.lane(f"lane-{number}", [_place(excerpt, first, left_m), _place(excerpt, last, left_m)], excerpt.limit_kmh)
    return drawn.text()


def _place(excerpt: Excerpt, along_m: float, left_m: float) -> tuple[float, float]:
    cos, sin = math.cos(excerpt.heading), math.sin(excerpt.heading)
    return along_m * cos - left_m * sin, along_m * sin + left_m * cos
