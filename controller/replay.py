"""A detection log through the pipeline in virtual time: as fast as it can, bit-identical on every run."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from controller.geometry import grounded
from controller.pipeline import Pipeline
from interfaces.spatial_id import spatial_ids, voxel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from controller.config import Config
    from controller.fusion.track import Tracks
    from controller.hazard.hazard import Hazard
    from controller.hazard.near_miss import NearMiss
    from controller.pipeline import Picture
    from controller.site import Site
    from modules.capability import Capability
    from modules.detection import Detections

NS_PER_S: Final = 1_000_000_000
PUBLIC_ZOOM: Final = 25
MAX_SILENCE_S: Final = 10.0  # a longer gap in a log is skipped, not ticked through
_COLUMNS: Final = ("x", "y", "z", "vx", "vy", "ax", "ay", "yaw", "yaw_rate", "length", "width", "height")
_DOUBTS: Final = ("class_confidence", "existence", "stationary", "age_s")


def replay(config: Config, site: Site, messages: Iterable[Detections], rate_hz: float) -> Iterator[dict[str, Any]]:
    """An `objects` record per tick, then its `hazard` and `near_miss` records; ticks as of `pictures`."""
    pipeline = Pipeline(config, site)
    for picture in pictures(pipeline, messages, rate_hz):
        yield from records(pipeline, picture)


def pictures(
    pipeline: Pipeline, messages: Iterable[Detections], rate_hz: float, served: Mapping[str, Capability] | None = None
) -> Iterator[Picture]:
    """What `pipeline` says at every tick. `served`: what the module in a slot can do, else what its class usually can.

    Ticks are the whole multiples of the period since 1970, UTC. Messages are taken in order of
    arrival; a tick sees what arrived up to its instant.
    """
    ordered = sorted(messages, key=lambda one: one.arrived_at_ns)
    if not ordered:
        return
    rate = Fraction(rate_hz).limit_denominator(1000)  # floats would blur ticks of today's 19-digit instants
    for slot in sorted({one.slot for one in ordered}, key=pipeline.slots.index):
        pipeline.plug(slot, (served or {}).get(slot))
    index = _index_after(ordered[0].arrived_at_ns, rate)
    for message in ordered:
        silent_from = _tick_ns(index, rate)
        if message.arrived_at_ns - silent_from > MAX_SILENCE_S * NS_PER_S:
            for step in range(int(MAX_SILENCE_S * rate)):
                yield pipeline.tick(_tick_ns(index + step, rate))
            index = _index_after(message.arrived_at_ns, rate)
        while _tick_ns(index, rate) < message.arrived_at_ns:
            yield pipeline.tick(_tick_ns(index, rate))
            index += 1
        pipeline.add(message)
    yield pipeline.tick(_tick_ns(index, rate))


def records(pipeline: Pipeline, picture: Picture) -> Iterator[dict[str, Any]]:
    """An `objects` record, then the `hazard` and `near_miss` records of the same instant."""
    yield _objects(pipeline, picture.tracks)
    for hazard in picture.hazards:
        yield _event(pipeline, "hazard", hazard)
    for near_miss in picture.near_misses:
        yield _event(pipeline, "near_miss", near_miss)


def as_line(record: dict[str, Any]) -> str:
    """Compact JSON; unknown numbers are null."""
    return json.dumps(record, separators=(",", ":"), allow_nan=False)


def _tick_ns(index: int, rate: Fraction) -> int:
    return index * NS_PER_S * rate.denominator // rate.numerator


def _index_after(instant_ns: int, rate: Fraction) -> int:
    return instant_ns * rate.numerator // (NS_PER_S * rate.denominator) + 1


def _event(pipeline: Pipeline, kind: str, seen: Hazard | NearMiss) -> dict[str, Any]:
    fields = {name: _plain(value) for name, value in asdict(seen).items()}
    lat, lon, height = (float(value) for value in pipeline.frame.to_wgs84(seen.x, seen.y, grounded(seen.z)))
    altitude = height - pipeline.geoid_height_m
    fields |= {"lat": _number(lat, 9), "lon": _number(lon, 9), "alt": _number(altitude, 3)}
    fields["spatial_id"] = str(voxel(lat, lon, altitude, PUBLIC_ZOOM))
    fields["modules"] = _names(pipeline.slots, fields.pop("sources"))
    if "kind" in fields:
        fields["rule"] = fields.pop("kind")
    return {"kind": kind, **fields}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return _number(value, 4) if isinstance(value, float) else value


def _objects(pipeline: Pipeline, tracks: Tracks) -> dict[str, Any]:
    rows = tracks.objects
    lat, lon, height = pipeline.frame.to_wgs84(rows["x"], rows["y"], grounded(rows["z"]))
    altitude = height - pipeline.geoid_height_m
    places = spatial_ids(lat, lon, altitude, PUBLIC_ZOOM) if len(rows) else []
    objects = []
    for index, row in enumerate(rows):
        one: dict[str, Any] = {"id": int(row["id"]), "class": int(row["object_class"])}
        one |= {name: _number(row[name], 4) for name in (*_COLUMNS, *_DOUBTS)}
        one |= {"lat": _number(lat[index], 9), "lon": _number(lon[index], 9), "alt": _number(altitude[index], 3)}
        one |= {"spatial_id": places[index].decode(), "modules": _names(pipeline.slots, int(row["sources"]))}
        one["measured_at_ns"] = int(row["measured_at_ns"])
        one["covariance"] = [[_number(value, 6) for value in line] for line in row["cov"]]
        objects.append(one)
    return {"kind": "objects", "valid_at_ns": tracks.valid_at_ns, "objects": objects}


def _number(value: float, digits: int) -> float | None:
    return round(float(value), digits) if math.isfinite(value) else None


def _names(slots: tuple[str, ...], mask: int) -> list[str]:
    return [slot for bit, slot in enumerate(slots) if mask >> bit & 1]
