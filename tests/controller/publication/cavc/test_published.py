"""Our tables against the keys, types, ranges and needs of the published OpenAPI documents, one by one.

`cavc_published.json` was taken from `webapi-oas-CAVC` at commit ebdb59c: document, path of the key, then
[type, format, least, greatest, needed]; lengths for strings, counts for arrays.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
from living import golden

from controller.publication.cavc.document import DOCUMENTS
from controller.publication.cavc.field import Kind

PUBLISHED = json.loads((Path(__file__).parents[3] / "vectors" / "cavc_published.json").read_text(encoding="utf-8"))
TYPES = {
    Kind.INTEGER: ("integer", None),
    Kind.BOOLEAN: ("boolean", None),
    Kind.NUMBER: ("number", None),
    Kind.TEXT: ("string", None),
    Kind.DATE: ("string", "date"),
    Kind.UTC: ("string", "date-time"),
    Kind.JST: ("string", None),
    Kind.UUID: ("string", "uuid"),
    Kind.LIST: ("array", None),
}
WRITTEN = {Kind.DATE, Kind.UTC, Kind.JST, Kind.UUID, Kind.BOOLEAN}  # have no range of their own
STRICTER = {("nearMissInfoList", "files/size"): "integer"}  # a count of bytes, published as a number


def flat(table, path=()):
    for row in table:
        yield "/".join((*path, row.key)), row
        yield from flat(row.rows, (*path, row.key))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_our_table_is_the_published_one(name):
    ours, theirs = dict(flat(DOCUMENTS[name].table)), PUBLISHED[name]
    assert ours.keys() == theirs.keys()
    for path, (kind, form, low, high, needed) in theirs.items():
        row = ours[path]
        assert TYPES[row.kind] == (STRICTER.get((name, path), kind), form), path
        assert row.required is needed, path
        if row.kind not in WRITTEN:
            assert (row.low, row.high) == (low, high), path


def times(value):
    if isinstance(value, dict):
        for key, one in value.items():
            if key in {"time", "updateTimeInfo"}:
                yield one
            yield from times(one)
    for one in value if isinstance(value, list) else ():
        yield from times(one)


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name != "nearMissInfoList"])
def test_times_are_read_by_the_pattern_of_the_system(name):
    found = list(times(golden()[name]))
    assert found
    for one in found:  # the fraction and the offset are not optional there
        assert datetime.strptime(one, "%Y-%m-%dT%H:%M:%S.%f%z").utcoffset() is not None
