"""Recordings as roads: real detections or real truth, told apart by their header, played at the pace they were made."""

from __future__ import annotations

import bisect
import csv
import datetime as dt
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.config import Mount, Origin
from interfaces.errors import ConfigError
from interfaces.spec import ObjectClass
from modules.detection import empty_objects
from sim.kinematics import derive
from sim.road import TRUTH
from sim.scene import ORIGIN, ModuleSpec, Scenario
from sim.sensing import MODELS, Sensor, SensorModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from sim.signals import Signals

DETECTED: Final = "time_local,detector_id,category,confidence,lat_deg,lon_deg,width_m,length_m,height_m"
KNOWN: Final = "t_s,road_user_id,type,x_m,y_m,heading_rad,speed_mps,length_m,width_m"
CATEGORIES: Final = {0: ObjectClass.CAR, 1: ObjectClass.LARGE_VEHICLE}  # the source's numbers; others stay unknown
TYPES: Final = {
    "car": ObjectClass.CAR,
    "truck": ObjectClass.LARGE_VEHICLE,
    "bus": ObjectClass.LARGE_VEHICLE,
    "motorcycle": ObjectClass.MOTORCYCLE,
    "bicycle": ObjectClass.BICYCLE,
    "pedestrian": ObjectClass.PEDESTRIAN,
}
RECORDED_LATENCY_S: Final = 0.1
_NO_SITE: Final = json.dumps({"type": "FeatureCollection", "features": []})


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Frames at `times_s` from 0 on: OBJECT rows in WGS84 when `detected`, else TRUTH rows in ENU."""

    name: str
    detected: bool
    times_s: tuple[float, ...]
    frames: tuple[NDArray[np.void], ...]
    origin: Origin

    @property
    def rate_hz(self) -> float:
        """Frames a second."""
        return (len(self.times_s) - 1) / (self.times_s[-1] - self.times_s[0]) if len(self.times_s) > 1 else 1.0

    def scene(self) -> Scenario:
        """A pole that sees it: a camera that plays detections, or a camera, a LiDAR and a radar that look at truth."""
        modules: tuple[ModuleSpec, ...] = (ModuleSpec("recorded", "camera"),)
        if not self.detected:
            modules = (
                ModuleSpec("camera", "camera", Mount(east_m=-30.0, height_m=6.0)),
                ModuleSpec("lidar", "lidar", Mount(height_m=5.0)),
                ModuleSpec("radar", "radar", Mount(east_m=-60.0, height_m=6.0)),
            )
        return Scenario(
            self.name, f"recording {self.name}", 1, self.times_s[-1], _NO_SITE, modules, (), origin=self.origin
        )


class RecordedRoad:
    """The recording as a road: `step` and `truth` as of sim.road.World; begins anew at its end."""

    signals: Signals | None = None

    def __init__(self, recording: Recording) -> None:
        self.now_s = 0.0
        self._recording = recording

    def step(self, dt: float) -> None:
        """Let `dt` s pass."""
        self.now_s += dt
        if self.now_s > self._recording.times_s[-1] + 1 / self._recording.rate_hz:
            self.now_s = 0.0

    def truth(self) -> NDArray[np.void]:
        """The newest frame."""
        return self.newest()[1]

    def newest(self) -> tuple[float, NDArray[np.void]]:
        """Its time and rows."""
        index = max(0, bisect.bisect_right(self._recording.times_s, self.now_s + 1e-9) - 1)
        return self._recording.times_s[index], self._recording.frames[index]


class RecordedSensor:
    """A sensor that says what a real one said, stamped with when it measured."""

    model: SensorModel
    record_format: Final = 4

    def __init__(self, road: RecordedRoad, recording: Recording) -> None:
        base = MODELS["camera"]
        self.model = SensorModel(
            range_m=200.0,
            width_deg=360.0,
            rate_hz=min(100.0, 1.2 * recording.rate_hz),
            latency_s=RECORDED_LATENCY_S,
            jitter_s=0.005,
            along=(0.5, 0.0),
            across=(0.5, 0.0),
            detection=0.85,
            false_per_frame=base.false_per_frame,
            sigma_velocity=float("nan"),
        )
        self._road = road
        self._said = -1.0

    def observe(self, _truth: NDArray[np.void]) -> NDArray[np.void] | None:
        """OBJECT rows in WGS84, None when there is no new frame."""
        at, rows = self._road.newest()
        if at == self._said:
            return None
        self._said = at
        return rows

    @property
    def age_s(self) -> float:
        """How long ago the frame that was given last was measured."""
        return self._road.now_s - self._said


def read(text: str, name: str) -> Recording:
    """A recording; ConfigError names file, line, column and value of the first mistake."""
    header = text.split("\n", 1)[0].strip()
    if header == DETECTED:
        return _detected(text, name)
    if header == KNOWN:
        return _known(text, name)
    raise ConfigError(f"{name}:1: header {header[:80]!r} is of no known recording; known: {DETECTED} and {KNOWN}")


def log_lines(recording: Recording, seed: int) -> Iterator[str]:
    """The recording as a detection log (docs/detection-log.md): detections as they are, truth seen by sensors."""
    start_ns = 1_764_000_000_000_000_000
    rng = np.random.default_rng(seed)
    specs = recording.scene().modules
    sensors = {spec.slot: Sensor(MODELS[spec.module_class], spec.mount, rng) for spec in specs}
    lines = []
    for at, rows in zip(recording.times_s, recording.frames, strict=True):
        for slot, sensor in sensors.items():
            seen = rows if recording.detected else sensor.observe(rows)
            latency_s = RECORDED_LATENCY_S if recording.detected else sensor.model.latency_s
            measured = start_ns + round(at * 1e9)
            arrived = measured + round(latency_s * 1e9)
            message = {"module": slot, "measured_at_ns": measured, "arrived_at_ns": arrived}
            frame = "wgs84" if recording.detected else "module"
            lines.append((arrived, message | {"frame": frame, "objects": _objects(seen, frame)}))
    for _, line in sorted(lines, key=lambda one: one[0]):
        yield json.dumps(line, separators=(",", ":"))


def _objects(rows: NDArray[np.void], frame: str) -> list[dict[str, float | int]]:
    names = {"x": "lon", "y": "lat", "z": "alt"} if frame == "wgs84" else {}
    objects = []
    for row in rows:
        one: dict[str, float | int] = {"id": int(row["id"]), "class": int(row["object_class"])}
        numbers = (name for name in rows.dtype.names or () if name not in {"id", "object_class"})
        one |= {names.get(name, name): float(row[name]) for name in numbers if np.isfinite(row[name])}
        objects.append(one)
    return objects


def _detected(text: str, name: str) -> Recording:
    def fill(row: _Row, rows: NDArray[np.void], index: int) -> None:
        rows["x"][index], rows["y"][index] = row.number("lon_deg"), row.number("lat_deg")
        rows["id"][index] = int(row.number("detector_id"))
        rows["object_class"][index] = CATEGORIES.get(int(row.number("category")), ObjectClass.UNKNOWN)
        for column in ("confidence", "width", "length", "height"):
            rows[column][index] = row.number(column if column == "confidence" else f"{column}_m")

    times, frames = _frames(text, name, "time_local", empty_objects, fill)
    longitude, latitude = (np.concatenate([frame[axis] for frame in frames]) for axis in "xy")
    origin = Origin(latitude_deg=float(np.median(latitude)), longitude_deg=float(np.median(longitude)))
    return Recording(name, True, times, frames, origin)


def _known(text: str, name: str) -> Recording:
    def fill(row: _Row, rows: NDArray[np.void], index: int) -> None:
        heading, speed = row.number("heading_rad"), row.number("speed_mps")
        rows["id"][index] = int(row.number("road_user_id"))
        rows["object_class"][index] = TYPES.get(row.text("type"), ObjectClass.UNKNOWN)
        rows["x"][index], rows["y"][index], rows["yaw"][index] = row.number("x_m"), row.number("y_m"), heading
        rows["vx"][index], rows["vy"][index] = speed * np.cos(heading), speed * np.sin(heading)
        rows["length"][index], rows["width"][index] = row.number("length_m"), row.number("width_m")
        rows["height"][index] = 1.5
        for column in ("ax", "ay", "yaw_rate"):
            rows[column][index] = np.nan

    times, frames = _frames(text, name, "t_s", lambda count: np.zeros(count, TRUTH), fill)
    derive(frames, times)
    return Recording(name, False, times, frames, ORIGIN)


@dataclass(frozen=True, slots=True)
class _Row:
    place: str
    values: dict[str, str]

    def text(self, column: str) -> str:
        return self.values[column] or ""

    def number(self, column: str) -> float:
        try:
            value = float(self.values[column])
        except (TypeError, ValueError):
            value = float("nan")
        if not np.isfinite(value):
            raise ConfigError(f"{self.place}: {column}: {self.values[column]!r} is no number")
        return value

    def time_s(self, column: str) -> float:
        if column == "t_s":
            return self.number(column)
        try:
            return dt.datetime.fromisoformat(self.text(column)).replace(tzinfo=dt.UTC).timestamp()
        except ValueError:
            raise ConfigError(f"{self.place}: {column}: {self.text(column)!r} is no ISO 8601 time") from None


def _frames(
    text: str,
    name: str,
    time_column: str,
    empty: Callable[[int], NDArray[np.void]],
    fill: Callable[[_Row, NDArray[np.void], int], None],
) -> tuple[tuple[float, ...], tuple[NDArray[np.void], ...]]:
    groups: dict[float, list[_Row]] = {}
    for number, values in enumerate(csv.DictReader(io.StringIO(text)), 2):
        row = _Row(f"{name}:{number}", values)
        if None in values or None in values.values():
            raise ConfigError(f"{name}:{number}: has not the columns of the header")
        groups.setdefault(row.time_s(time_column), []).append(row)
    if not groups:
        raise ConfigError(f"{name}: holds no row")
    frames = []
    for _, group in sorted(groups.items()):
        rows = empty(len(group))
        for index, row in enumerate(group):
            fill(row, rows, index)
        frames.append(rows)
    first = min(groups)
    return tuple(at - first for at in sorted(groups)), tuple(frames)
