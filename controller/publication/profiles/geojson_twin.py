"""A hazard's or near miss's publication → the same as GeoJSON beside it, under `topic/geojson`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from controller.publication.profiles.geojson import CONTENT_TYPE, feature
from interfaces import topics

if TYPE_CHECKING:
    from controller.publication.publication import Publication

SUFFIX: Final = "/geojson"
_EVENTS: Final = frozenset({topics.HAZARD.name, topics.NEAR_MISS.name})


def twin(one: Publication, root: str) -> Publication | None:
    """Retained and cleared as the original, but not stored; None for what is no event in protobuf."""
    row = topics.row_of(one.topic, root)
    if row is None or row[1] or row[0].name not in _EVENTS or one.content_type != topics.PROTOBUF:
        return None
    payload = b""
    if one.payload:
        told = feature(row[0].message.FromString(one.payload))
        payload = json.dumps(told, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    return replace(
        one,
        topic=one.topic + SUFFIX,
        payload=payload,
        content_type=CONTENT_TYPE,
        key=one.key + "-geojson",
        durable=False,
        urgent=False,
        expires_at_ns=0,
    )
