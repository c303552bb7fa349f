"""The vectors are what the encoders make, obey the field tables, and are refused in every broken form."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from living import golden

from controller.publication.cavc.document import DOCUMENTS
from controller.publication.cavc.field import Kind
from controller.publication.cavc.validation import problems

VECTORS = Path(__file__).parents[3] / "vectors"


def vector(name):
    return json.loads((VECTORS / f"cavc_{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_encoders_make_the_vectors_key_by_key(name):
    made = json.loads(json.dumps(golden()[name]))
    assert made == vector(name), "tests/vectors/generate_cavc.py writes them anew"
    assert problems(DOCUMENTS[name], made) == []


def places(table, value, path=()):
    """(field, path) of every key that stands in a document."""
    for row in table:
        if row.key in value:
            yield row, (*path, row.key)
            for number, one in enumerate(value[row.key] if row.kind is Kind.LIST else ()):
                yield from places(row.rows, one, (*path, row.key, number))


def every_place(name):
    held = vector(name)["attribute"]
    if not DOCUMENTS[name].many:
        return list(places(DOCUMENTS[name].table, held))
    return [at for number, one in enumerate(held) for at in places(DOCUMENTS[name].table, one, (number,))]


def broken(name, path, change):
    made = copy.deepcopy(vector(name))
    owner = made["attribute"]
    for step in path[:-1]:
        owner = owner[step]
    change(owner, path[-1])
    return problems(DOCUMENTS[name], made)


ALL = [(name, row, path) for name in DOCUMENTS for row, path in every_place(name)]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_needed_key_is_missed_and_each_wrong_type_told(name):
    for row, path in every_place(name):
        assert bool(broken(name, path, lambda owner, key: owner.pop(key))) is row.required, path
        assert broken(name, path, lambda owner, key: owner.__setitem__(key, None)), path
        assert broken(
            name, path, lambda owner, key: owner.__setitem__(key, 0.5 if key not in {"lat", "lon", "alt"} else "0")
        ), path
        assert broken(name, path, lambda owner, key: owner.__setitem__("Latitude", 0)), path


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(ALL), JSON)
def test_whatever_stands_at_a_key_is_judged_and_never_raises(at, value):
    name, _, path = at
    told = broken(name, path, lambda owner, key: owner.__setitem__(key, value))
    assert all(one.startswith("attribute") for one in told)
    assert all(
        one.startswith(("attribute", "dataModelType", "is no")) or ":" in one
        for one in problems(DOCUMENTS[name], value)
    )


@given(st.sampled_from([at for at in ALL if at[1].kind is Kind.INTEGER]), st.integers(1, 10**12))
def test_integers_beyond_their_range_are_told(at, beyond):
    name, row, path = at
    for value in (row.low - beyond, row.high + beyond, float(row.low)):
        assert broken(name, path, lambda owner, key, value=value: owner.__setitem__(key, value))


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("targetInfo", "updateTimeInfo", "2025-10-09T17:53:20.200+09:00"),
        ("targetInfo", "updateTimeInfo", "2025-10-09T08:53:20Z"),
        ("targetInfo", "updateTimeInfo", "2025-13-09T08:53:20.200Z"),
        ("targetInfo", "deviceNum", 2),
        ("roadsideUnitInfo", "roadsideUnitName", ""),
        ("roadsideUnitInfo", "roadsideUnitName", "x" * 256),
        ("roadsideUnitInfo", "nextInspectionDate", "2027-3-31"),
        ("roadsideUnitInfo", "latitude", -900_000_001),
        ("aliveMonitoringInfo", "serviceAvailability", True),
        ("aliveMonitoringInfo", "serviceAvailability", 10**400),
        ("aliveMonitoringInfo", "serviceAvailability", float("nan")),
    ],
)
def test_what_only_looks_right_is_told(name, key, value):
    assert broken(name, (key,), lambda owner, at: owner.__setitem__(at, value))


def test_a_target_must_tell_japans_time():
    path = ("deviceIndividualInfo", 0, "targetIndividualInfo", 0, "time")
    assert broken("targetInfo", path, lambda owner, key: owner.__setitem__(key, "2025-10-09T08:53:20.123Z"))


@pytest.mark.parametrize("value", [None, [], "x", {}, {"attribute": None}, {"attribute": []}, {"attribute": {}}])
def test_what_is_no_document_is_told_and_never_raises(value):
    for name in DOCUMENTS:
        told = problems(DOCUMENTS[name], value)
        assert told or (DOCUMENTS[name].many and value == {"attribute": []})


def test_the_envelope_is_checked_too():
    made = vector("useCaseInfo")
    assert problems(DOCUMENTS["useCaseInfo"], {**made, "dataModelType": "test3"})
    assert problems(DOCUMENTS["useCaseInfo"], {**made, "more": 1})
    assert problems(DOCUMENTS["useCaseInfo"], {"attribute": made["attribute"]}) == []
