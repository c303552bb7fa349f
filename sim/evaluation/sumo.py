"""Traffic by Eclipse SUMO as another source of truth: drivers nobody here modelled, on places that are built in.

SUMO runs as a program of its own and writes what happened to a file; `pip install 'smartpole[sumo]'` brings it.
"""

from __future__ import annotations

import importlib
import math
import subprocess
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

from interfaces.errors import ConfigError
from interfaces.spec import ObjectClass
from sim.driving import BODY
from sim.evaluation.truth import NS, filled
from sim.film import STEP_S
from sim.road import World
from sim.scenarios import junction, motorway
from sim.scene import Scenario

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from sim.scene import ModuleSpec

WARM_UP_S: Final = 40
_KINDS: Final = {
    "car": (ObjectClass.CAR, "passenger", 0.74),
    "van": (ObjectClass.MEDIUM_VEHICLE, "delivery", 0.12),
    "lorry": (ObjectClass.LARGE_VEHICLE, "truck", 0.09),
    "motorcycle": (ObjectClass.MOTORCYCLE, "motorcycle", 0.05),
}

_NET_OPTIONS: Final = ("--lefthand", "--offset.disable-normalization", "--no-turnarounds")
_RUN_OPTIONS: Final = ("--lateral-resolution=0.5", "--precision=4", "--no-step-log")


@dataclass(frozen=True, slots=True)
class Place:
    """A net in SUMO's plain XML (nodes, edges, connections); `flows`: (from edge, to edge, vehicles an hour)."""

    description: str
    site: str
    modules: tuple[ModuleSpec, ...]
    nodes: str
    edges: str
    connections: str
    flows: tuple[tuple[str, str, float], ...]
    duration_s: float = 60.0


def _crossing() -> Place:
    far, width = junction.ARM_M, 2 * junction.HALF_M
    ends = {"east": (far, 0.0), "north": (0.0, far), "west": (-far, 0.0), "south": (0.0, -far)}
    nodes = '<node id="centre" x="0" y="0" type="priority"/>'
    edges = ""
    for arm, (x, y) in ends.items():
        main = arm in ("east", "west")
        same = f'numLanes="1" width="{width}" priority="{3 if main else 1}" speed="{13.9 if main else 11.1}"'
        nodes += f'<node id="{arm}" x="{x}" y="{y}"/>'
        edges += f'<edge id="{arm}-in" from="{arm}" to="centre" {same}/>'
        edges += f'<edge id="{arm}-out" from="centre" to="{arm}" {same}/>'
    flows = tuple((f"{turn.come}-in", f"{turn.go}-out", 45.0 * turn.per_minute) for turn in junction.TURNS)
    words = "SUMO: a four-leg intersection with a road that has priority"
    return Place(words, junction.site_text(), junction.MODULES, nodes, edges, "", flows)


def _merge() -> Place:
    middle = (motorway.FAST_Y + motorway.SLOW_Y) / 2
    west, east = motorway.WEST_X, motorway.EAST_X
    nodes = (
        f'<node id="west" x="{west}" y="{middle}"/><node id="nose" x="-60" y="{middle}" type="priority"/>'
        f'<node id="end" x="60" y="{middle}" type="priority"/><node id="east" x="{east}" y="{middle}"/>'
        '<node id="foot" x="-280" y="36"/>'
    )
    same = 'width="3.5" speed="25" spreadType="center"'
    edges = (
        f'<edge id="up" from="west" to="nose" numLanes="2" priority="3" {same}/>'
        f'<edge id="beside" from="nose" to="end" numLanes="3" priority="3" {same} shape="-60,3.5 60,3.5"/>'
        f'<edge id="down" from="end" to="east" numLanes="2" priority="3" {same}/>'
        f'<edge id="ramp" from="foot" to="nose" numLanes="1" priority="1" width="3.5" speed="22" spreadType="center"'
        ' shape="-280,36 -140,9 -100,7.2 -60,7"/>'
    )
    lanes = (("up", "beside", 0, 1), ("up", "beside", 1, 2), ("ramp", "beside", 0, 0), ("beside", "down", 1, 0),
             ("beside", "down", 2, 1))  # fmt: skip
    links = "".join(f'<connection from="{a}" to="{b}" fromLane="{i}" toLane="{j}"/>' for a, b, i, j in lanes)
    words = "SUMO: an expressway merge"
    site = motorway.site_text("an expressway merge, keep left", 100, ramp=True)
    return Place(words, site, motorway.MODULES, nodes, edges, links, (("up", "down", 1100.0), ("ramp", "down", 420.0)))


SCENES: Final = {"sumo-crossing": _crossing(), "sumo-merge": _merge()}


def scene(name: str, seed: int) -> Scenario:
    """The pole and the place of a SUMO scene; its traffic is that of `world`."""
    place = SCENES[name]
    return Scenario(name, place.description, seed, place.duration_s, place.site, place.modules, routes=())


def world(name: str, seed: int) -> World:
    """The road as SUMO drives it; ConfigError where SUMO is not installed or cannot run."""
    return _Played(_drive(name, seed))


def programs() -> Path:
    """The folder of SUMO's programs; ConfigError names the extra that brings it."""
    try:
        package = importlib.import_module("sumo")
    except ImportError:
        raise ConfigError("scenes of SUMO need its programs: pip install 'smartpole[sumo]'") from None
    return Path(package.SUMO_HOME) / "bin"


class _Played(World):
    """A road whose every instant is known beforehand."""

    def __init__(self, frames: Sequence[NDArray[np.void]]) -> None:
        super().__init__((), warm_up_s=0.0)
        self._frames = frames

    def step(self, dt: float) -> None:
        """Go on by `dt` s."""
        self.now_s = round(self.now_s + dt, 9)

    def truth(self) -> NDArray[np.void]:
        """TRUTH rows now."""
        return self._frames[min(round(self.now_s / STEP_S), len(self._frames) - 1)]


@lru_cache(maxsize=4)
def _drive(name: str, seed: int) -> tuple[NDArray[np.void], ...]:
    place, folder_of = SCENES[name], programs()
    with tempfile.TemporaryDirectory(prefix="pole-sumo-") as folder_name:
        folder = Path(folder_name)
        _write(folder / "n.nod.xml", f"<nodes>{place.nodes}</nodes>")
        _write(folder / "n.edg.xml", f"<edges>{place.edges}</edges>")
        _write(folder / "n.con.xml", f"<connections>{place.connections}</connections>")
        _write(folder / "n.rou.xml", f"<routes>{_traffic(place)}</routes>")
        net = ("--node-files=n.nod.xml", "--edge-files=n.edg.xml", "--connection-files=n.con.xml")
        _call(folder, folder_of / "netconvert", *net, *_NET_OPTIONS, "--output-file=n.net.xml")
        length = f"--end={WARM_UP_S + place.duration_s + 1}", f"--step-length={STEP_S}"
        files = "--net-file=n.net.xml", "--route-files=n.rou.xml", "--fcd-output=fcd.xml"
        _call(folder, folder_of / "sumo", *files, *length, *_RUN_OPTIONS, f"--seed={seed}")
        return _read(folder / "fcd.xml")


def _traffic(place: Place) -> str:
    types = '<vTypeDistribution id="mix">'
    for name, (kind, sumo_class, share) in _KINDS.items():
        length, width, height, _ = BODY[kind]
        types += (
            f'<vType id="{name}" vClass="{sumo_class}" length="{length}" width="{width}" height="{height}" '
            f'probability="{share}" speedFactor="normc(0.95,0.08,0.8,1.15)" decel="3.0" emergencyDecel="8.0"/>'
        )
    flows = "".join(
        f'<flow id="f{n}" type="mix" begin="0" from="{come}" to="{go}" period="exp({hourly / 3600:.5f})" '
        'departLane="best" departSpeed="desired"/>'
        for n, (come, go, hourly) in enumerate(place.flows)
    )
    return types + "</vTypeDistribution>" + flows


def _read(path: Path) -> tuple[NDArray[np.void], ...]:
    """TRUTH rows of every step after the warm-up."""
    ids: defaultdict[str, int] = defaultdict(lambda: len(ids) + 1)
    frames: list[list[dict[str, Any]]] = []
    for _, element in ET.iterparse(path):  # noqa: S314 -- SUMO has just written it
        if element.tag != "timestep":
            continue
        if float(element.attrib["time"]) >= WARM_UP_S - 1e-6:
            frames.append([_object(one.attrib, ids) for one in element if one.tag == "vehicle"])
        element.clear()
    return tuple(filled(frames, [round(n * STEP_S * NS) for n in range(len(frames))]))


def _object(given: dict[str, str], ids: dict[str, int]) -> dict[str, Any]:
    """SUMO's place is the middle of the front bumper, its angle in degrees clockwise from north."""
    kind = _KINDS[given["type"].partition("@")[0]][0]
    length, width, height, _ = BODY[kind]
    yaw = math.remainder(math.radians(90 - float(given["angle"])), 2 * math.pi)
    return {
        "id": ids[given["id"]],
        "class": int(kind),
        "x": float(given["x"]) - math.cos(yaw) * length / 2,
        "y": float(given["y"]) - math.sin(yaw) * length / 2,
        "yaw": yaw,
        "length": length,
        "width": width,
        "height": height,
    }


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _call(folder: Path, program: Path, *options: str) -> None:
    done = subprocess.run([program, *options], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise ConfigError(f"{program.name} failed: {done.stderr.strip() or done.stdout.strip()}")
