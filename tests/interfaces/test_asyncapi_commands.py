"""The command channel in the AsyncAPI document: what a pole takes fits it, and the other way round."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError

from controller.commands import MODELS
from interfaces import asyncapi
from interfaces.command import COMMANDS, Asked, request_topic, response_topic

DOCUMENT = asyncapi.document(asyncapi.proto_text())
MESSAGES = DOCUMENT["components"]["messages"]
REQUESTS = [
    {},
    {"transaction": 7, "time": 1.5, "nonce": "12345678"},
    {"slot": "camera"},
    {"slot": "camera", "seconds": 10},
    {"slot": "camera", "seconds": 0},
    {"slot": 7},
    {"level": "debug"},
    {"level": "loud"},
    {"mode": "narrow", "bytes_per_s": 1200.0},
    {"mode": "narrow", "bytes_per_s": -1.0},
    {"mode": "wide"},
    {"unheard_of": 1},
    {"nonce": "x" * 65},
]


def takes(name, request):
    try:
        MODELS[name].model_validate_json(json.dumps(request))
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one.name)
def test_the_schema_takes_what_the_pole_takes(command):
    schema = jsonschema.Draft7Validator(MESSAGES[f"request_{command.name}"]["payload"])
    verdicts = [schema.is_valid(request) for request in REQUESTS]
    assert verdicts == [takes(command.name, request) for request in REQUESTS]
    assert True in verdicts
    assert False in verdicts


@pytest.mark.parametrize(("channel", "topic"), [("request", request_topic), ("response", response_topic)])
def test_the_addresses_are_those_of_the_channel(channel, topic):
    found = topic(Asked(7, 9), "identify")
    assert DOCUMENT["channels"][channel]["address"].format(sl=7, rsu=9, command="identify") == found


def test_the_answers_of_the_page_fit():
    page = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
    request, *answers = (json.loads(line) for line in re.search(r"```json\n(.*?)```", page, re.DOTALL)[1].splitlines())
    assert jsonschema.Draft7Validator(MESSAGES["request_identify"]["payload"]).is_valid(request)
    assert len(answers) == 2
    for answer in answers:
        jsonschema.Draft7Validator(MESSAGES["answer"]["payload"]).validate(answer)
