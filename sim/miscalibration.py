"""Modules that are wrong from some time on and do not know: turned, tilted, shifted, late, mirrored, in other units."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from interfaces.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from sim.sensing import Sensor
    from sim.sensor_model import SensorModel


@dataclass(frozen=True, slots=True)
class Miscalibration:
    """What is wrong from `from_s` of the scene on. Shifts are metres in the module's frame, forward and to the left.

    `tilt_deg`: how much more steeply it looks down than it believes; things seem farther away to who places them by
    where its lines of sight meet the ground. `late_s`: its clock makes every stamp so much too new. `scale`,
    `speed_scale`: what its numbers are multiplied by.
    """

    from_s: float = 0.0
    yaw_deg: float = 0.0
    tilt_deg: float = 0.0
    forward_m: float = 0.0
    left_m: float = 0.0
    late_s: float = 0.0
    mirrored: bool = False
    scale: float = 1.0
    speed_scale: float = 1.0

    def befalls(self, module_class: str) -> bool:
        """Whether a module of that class can have it: only cameras place things by where they meet the ground."""
        return not self.tilt_deg or module_class == "camera"


WRONG: Final = {
    "yaw": Miscalibration(yaw_deg=1.5),
    "yaw-large": Miscalibration(yaw_deg=6.0),
    "tilt": Miscalibration(tilt_deg=0.5),
    "shift": Miscalibration(forward_m=0.8, left_m=-1.2),
    "late": Miscalibration(late_s=0.25),
    "early": Miscalibration(late_s=-0.25),
    "mirrored": Miscalibration(mirrored=True),
    "far": Miscalibration(scale=1.1),
    "feet": Miscalibration(scale=1 / 0.3048, speed_scale=1 / 0.3048),
    "centimetres": Miscalibration(scale=100.0, speed_scale=100.0),
    "kmh": Miscalibration(speed_scale=3.6),
}
LEAST_SLOPE: Final = 0.1  # of its height, that a line of sight still falls by where it met the ground
_PLACES: Final = ("x", "y", "z", "length", "width", "height")
_SPEEDS: Final = ("vx", "vy", "range_rate")
_MIRRORED: Final = ("y", "vy", "yaw", "yaw_rate", "cov_xy")


def wrong(text: str, module_class: str) -> Miscalibration:
    """The fault of a module written as KIND or KIND@SECONDS, such as `yaw@20`; ConfigError names what it can have."""
    kind, _, start = text.partition("@")
    if kind not in WRONG:
        raise ConfigError(f"miscalibration {kind!r} is unknown; known: {', '.join(WRONG)}")
    if not WRONG[kind].befalls(module_class):
        raise ConfigError(f"miscalibration {kind!r} is one of cameras, not of a {module_class} module")
    try:
        from_s = float(start or 0)
    except ValueError:
        from_s = math.nan
    if not from_s >= 0:
        raise ConfigError(f"miscalibration {text!r}: {start!r} is no time in s")
    return replace(WRONG[kind], from_s=from_s)


class Miscalibrated:
    """A sensor whose figures are wrong as `fault` says; `now_s()` is the scene's time."""

    def __init__(self, sensor: Sensor, fault: Miscalibration, now_s: Callable[[], float]) -> None:
        self._sensor, self._fault, self._now_s = sensor, fault, now_s
        self.record_format = sensor.record_format

    @property
    def model(self) -> SensorModel:
        """What its data sheet still says."""
        return self._sensor.model

    @property
    def age_s(self) -> float:
        """How long ago it says it measured."""
        return self._sensor.age_s - (self._fault.late_s if self._begun() else 0.0)

    def observe(self, truth: NDArray[np.void]) -> NDArray[np.void]:
        """OBJECT rows, wrong."""
        rows = self._sensor.observe(truth)
        return miscalibrated(rows, self._fault) if self._begun() else rows

    def _begun(self) -> bool:
        return self._now_s() >= self._fault.from_s


def miscalibrated(rows: NDArray[np.void], fault: Miscalibration) -> NDArray[np.void]:
    """OBJECT rows in the module's frame, with the fault but for its clock; sigmas stay what the module believes."""
    rows = _tilted(rows, math.radians(fault.tilt_deg)) if fault.tilt_deg else rows.copy()
    for name in _MIRRORED if fault.mirrored else ():
        rows[name] = -rows[name]
    angle = math.radians(fault.yaw_deg)
    cos, sin = math.cos(angle), math.sin(angle)
    for x, y in (("x", "y"), ("vx", "vy")):
        rows[x], rows[y] = rows[x] * cos - rows[y] * sin, rows[x] * sin + rows[y] * cos
    rows["yaw"] += angle
    rows["x"] += fault.forward_m
    rows["y"] += fault.left_m
    for names, scale in ((_PLACES, fault.scale), (_SPEEDS, fault.speed_scale)):
        for name in names:
            rows[name] *= scale
    return rows


def _tilted(rows: NDArray[np.void], tilt: float) -> NDArray[np.void]:
    """Where the lines of sight meet the ground if they are less steep than they are; without those that hardly do."""
    cos, sin = math.cos(tilt), math.sin(tilt)
    slope = cos + rows["x"] / rows["z"] * sin  # of its own
    rows, slope = rows[slope > LEAST_SLOPE], slope[slope > LEAST_SLOPE]
    x, y, z, vx = (rows[name].copy() for name in ("x", "y", "z", "vx"))
    rows["x"], rows["y"] = (x * cos - z * sin) / slope, y / slope
    rows["vx"], rows["vy"] = vx / slope**2, rows["vy"] / slope - vx * y / z * sin / slope**2
    return rows
