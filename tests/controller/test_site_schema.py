"""The JSON Schema of the site map: fresh, valid, true to the samples and to every mistake of shape."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings

from controller import site_schema
from controller.site_findings import Findings
from controller.site_geojson import parse
from tests.controller.site_documents import DOCUMENT
from tests.controller.site_mistakes import EAST, MEANINGS, SHAPES, WARNINGS, collection

TOP = Path(__file__).parents[2]
VALIDATOR = jsonschema.Draft202012Validator(site_schema.schema())
SAMPLES = sorted((TOP / "deploy").rglob("*.geojson"))


def test_the_checked_in_schema_is_fresh():
    written = (TOP / "deploy" / "site.schema.json").read_text(encoding="utf-8")
    assert written == site_schema.text(), "run python -m controller.site_schema > deploy/site.schema.json"


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(site_schema.schema())


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_sample_fits_the_schema(path):
    VALIDATOR.validate(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("mistake", SHAPES, ids=lambda one: one.says[:60])
def test_every_mistake_of_shape_breaks_the_schema(mistake):
    assert not VALIDATOR.is_valid(mistake.document)


@pytest.mark.parametrize("mistake", [*MEANINGS, *WARNINGS], ids=lambda one: one.says[:60])
def test_what_only_the_validator_sees_fits_the_schema(mistake):
    assert VALIDATOR.is_valid(mistake.document)


@settings(max_examples=400, deadline=None)
@given(DOCUMENT)
def test_what_the_reader_takes_fits_the_schema(document):
    found = Findings("town.geojson", "")
    parse(json.dumps(document), found)
    assert found.errors or VALIDATOR.is_valid(document)


def test_absent_null_and_multipart_are_as_good_as_for_the_reader():
    bare = {**EAST, "id": 5, "properties": {"kind": "lane", "width_m": None, "successors": "a, b", "fid": 1}}
    assert VALIDATOR.is_valid({**collection(EAST), "crs": None})
    bare["geometry"] = {"type": "MultiLineString", "coordinates": [EAST["geometry"]["coordinates"]]}
    assert VALIDATOR.is_valid(collection(bare))
