"""A detection log through the pipeline in virtual time: as fast as it can, bit-identical on every run."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from controller.pipeline import Pipeline
from controller.spatial_id import spatial_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from controller.config import Config
    from controller.fusion.track import Tracks
    from modules.detection import Detections

NS_PER_S: Final = 1_000_000_000
PUBLIC_ZOOM: Final = 25
MAX_SILENCE_S: Final = 10.0  # a longer gap in a log is skipped, not ticked through
_COLUMNS: Final = ("x", "y", "z", "vx", "vy", "ax", "ay", "yaw", "yaw_rate", "length", "width", "height")
_DOUBTS: Final = ("class_confidence", "existence", "stationary", "age_s")


def replay(config: Config, messages: Iterable[Detections], rate_hz: float) -> Iterator[dict[str, Any]]:
    """One `objects` record per tick; ticks are the whole multiples of the period since 1970, UTC.

    Messages are taken in order of arrival; a tick sees what arrived up to its instant.
    """
    ordered = sorted(messages, key=lambda one: one.arrived_at_ns)
    if not ordered:
        return
    pipeline = Pipeline(config)
    for slot in sorted({one.slot for one in ordered}, key=pipeline.slots.index):
        pipeline.plug(slot)
    index = int(ordered[0].arrived_at_ns * rate_hz // NS_PER_S) + 1
    for message in ordered:
        silent_from = _tick_ns(index, rate_hz)
        if message.arrived_at_ns - silent_from > MAX_SILENCE_S * NS_PER_S:
            for step in range(int(MAX_SILENCE_S * rate_hz)):
                yield _record(pipeline, pipeline.tick(_tick_ns(index + step, rate_hz)))
            index = int(message.arrived_at_ns * rate_hz // NS_PER_S) + 1
        while _tick_ns(index, rate_hz) < message.arrived_at_ns:
            yield _record(pipeline, pipeline.tick(_tick_ns(index, rate_hz)))
            index += 1
        pipeline.add(message)
    yield _record(pipeline, pipeline.tick(_tick_ns(index, rate_hz)))


def as_line(record: dict[str, Any]) -> str:
    """Compact JSON; unknown numbers are null."""
    return json.dumps(record, separators=(",", ":"), allow_nan=False)


def _tick_ns(index: int, rate_hz: float) -> int:
    return round(index * NS_PER_S / rate_hz)


def _record(pipeline: Pipeline, tracks: Tracks) -> dict[str, Any]:
    rows = tracks.objects
    z = np.where(np.isnan(rows["z"]), 0.0, rows["z"])  # of unknown height: on the ground
    lat, lon, height = pipeline.frame.to_wgs84(rows["x"], rows["y"], z)
    altitude = height - pipeline.geoid_height_m
    places = spatial_ids(lat, lon, altitude, PUBLIC_ZOOM) if len(rows) else []
    objects = []
    for index, row in enumerate(rows):
        one: dict[str, Any] = {"id": int(row["id"]), "class": int(row["object_class"])}
        one |= {name: _number(row[name], 4) for name in (*_COLUMNS, *_DOUBTS)}
        one |= {"lat": _number(lat[index], 9), "lon": _number(lon[index], 9), "alt": _number(altitude[index], 3)}
        one |= {"spatial_id": places[index], "modules": _names(pipeline.slots, int(row["sources"]))}
        one["measured_at_ns"] = int(row["measured_at_ns"])
        one["covariance"] = [[_number(value, 6) for value in line] for line in row["cov"]]
        objects.append(one)
    return {"kind": "objects", "valid_at_ns": tracks.valid_at_ns, "objects": objects}


def _number(value: float, digits: int) -> float | None:
    return round(float(value), digits) if math.isfinite(value) else None


def _names(slots: tuple[str, ...], mask: int) -> list[str]:
    return [slot for bit, slot in enumerate(slots) if mask >> bit & 1]
