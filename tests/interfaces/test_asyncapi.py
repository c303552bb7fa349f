"""The AsyncAPI document: fresh, valid by the official schema, and true to what the encoders really make."""

from __future__ import annotations

import copy
import gzip
import json
import re
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner
from google.protobuf.descriptor import FieldDescriptor

from controller.cli import export
from interfaces import asyncapi, json_schema
from interfaces.topics import HAZARD, TOPICS
from tests.published import Phase, danger, everything

TOP = Path(__file__).parents[2]
DOCUMENT = asyncapi.document(asyncapi.proto_text())
OFFICIAL = json.loads(gzip.decompress((TOP / "tests/vectors/asyncapi/asyncapi-3.0.0.json.gz").read_bytes()))
MADE = everything()


def strict(document):
    """The document with no unknown field allowed."""
    found = copy.deepcopy(document)
    for schema in found["components"]["schemas"].values():
        schema["additionalProperties"] = False
    return found


def validator(where):
    return jsonschema.Draft7Validator({"$ref": f"#/{where}", **strict(DOCUMENT)})


def test_the_checked_in_document_is_fresh():
    written = (TOP / "docs" / "asyncapi.json").read_text(encoding="utf-8")
    assert written == asyncapi.text(), "run python -m interfaces.asyncapi > docs/asyncapi.json"


def test_the_official_schema_takes_it():
    jsonschema.Draft7Validator.check_schema(OFFICIAL)
    jsonschema.Draft7Validator(OFFICIAL).validate(json.loads(asyncapi.text()))


@pytest.mark.parametrize("broken", ["qos", "address", "payload"])
def test_the_official_schema_sees_mistakes(broken):
    document = copy.deepcopy(DOCUMENT)
    if broken == "qos":
        document["operations"]["send_hazard"]["bindings"]["mqtt"]["qos"] = 3
    elif broken == "address":
        document["channels"]["hazard"]["address"] = 7
    else:
        document["components"]["messages"]["hazard"]["payload"] = 7
    assert not jsonschema.Draft7Validator(OFFICIAL).is_valid(document)


def references(value):
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_every_reference_leads_somewhere():
    found = set(references(DOCUMENT))
    assert len(found) > 40
    for one in found:
        node = DOCUMENT
        for key in one.removeprefix("#/").split("/"):
            node = node[key]


@pytest.mark.parametrize("row", TOPICS, ids=lambda row: row.name)
def test_what_an_encoder_makes_fits_its_row(row):
    binary, twin = MADE[row.name]
    for made, name in ((binary, row.name), (twin, f"{row.name}Json")):
        channel, operation = DOCUMENT["channels"][name], DOCUMENT["operations"][f"send_{name}"]
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(channel["address"]))
        assert re.fullmatch(pattern, made.topic)
        assert DOCUMENT["components"]["messages"][name]["contentType"] == made.content_type
        mqtt = operation["bindings"]["mqtt"]
        assert (mqtt["qos"], mqtt["retain"]) == (made.qos, made.retain)
        if row is HAZARD:
            assert mqtt["messageExpiryInterval"]["minimum"] == 1
        else:
            assert mqtt.get("messageExpiryInterval") == made.expiry_s
        validator(f"components/schemas/{row.name}.properties").validate(dict(made.user_properties))
    body = json.loads(twin.payload)
    kind = row.message.DESCRIPTOR.name
    validator(f"components/schemas/{kind}").validate(body)
    assert not validator(f"components/schemas/{kind}").is_valid({**body, "header": 7})
    assert not validator(f"components/schemas/{kind}").is_valid({**body, "unheard_of": 7})
    assert f"message {kind} {{" in DOCUMENT["components"]["messages"][row.name]["payload"]["schema"]


def test_the_end_of_a_hazard_is_in_it():
    said, _, clear, _ = danger(Phase.CANCEL)
    bindings = {name: DOCUMENT["operations"][f"{name}_hazard"]["bindings"]["mqtt"] for name in ("cancel", "clear")}
    assert (bindings["cancel"]["retain"], bindings["clear"]["retain"]) == (said.retain, clear.retain) == (False, True)
    assert "cleared" in DOCUMENT["channels"]["hazard"]["messages"]
    assert not clear.payload


def test_each_protobuf_part_holds_what_it_needs_and_no_other_message():
    hazard = DOCUMENT["components"]["messages"]["hazard"]["payload"]["schema"]
    for word in ("message Header {", "enum ClockQuality {", "message Position {", "message Figure {"):
        assert word in hazard
    assert "NearMiss" not in hazard


def floats(kind, seen):
    if kind.full_name not in seen:
        seen.add(kind.full_name)
        for field in kind.fields:
            if field.message_type:
                yield from floats(field.message_type, seen)
            elif field.type in {FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE}:
                yield f"{kind.name}.{field.name}"


def test_every_number_with_a_fraction_has_a_unit_or_is_known_to_have_none():
    seen = set()
    without = {one for row in TOPICS for one in floats(row.message.DESCRIPTOR, seen) if not json_schema.unit(one)}
    shares = {"granted", "allowed", "load", "agreement", "probability", "existence", "class_confidence", "reliability"}
    assert {one.split(".")[1] for one in without} <= shares | {
        "speed_scale",
        "range_scale",
        "objects",
        "value",
        "covariance",
    }


def test_comments_of_the_source_describe_the_fields():
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["PerceivedObject"]["properties"]["yaw_rad"]["x-unit"] == "rad"
    assert "counter-clockwise" in schemas["PerceivedObject"]["properties"]["yaw_rad"]["description"]
    assert "optical range" in schemas["RoadEnvironment.Reading"]["properties"]["visibility_m"]["description"]
    assert "CLOCK_FAIR: at most 50 ms" in schemas["Header"]["properties"]["clock_quality"]["description"]
    assert schemas["PoleStatus"]["properties"]["counters"]["additionalProperties"]["type"] == "string"
    assert "road_surface" not in schemas["RoadEnvironment.Reading"]["required"]


def test_another_root():
    document = asyncapi.document(asyncapi.proto_text(), root="town/poles")
    assert document["channels"]["objects"]["address"] == "town/poles/pole/{sl}/{rsu}/objects"


def test_the_command_prints_it():
    done = CliRunner().invoke(export.command, ["asyncapi", "--root", "town"])
    assert json.loads(done.stdout) == asyncapi.document(asyncapi.proto_text(), "town")
