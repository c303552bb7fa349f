"""The rights of a pole: everything it says is covered, its profiles too, and nothing of another pole's."""

from __future__ import annotations

import pytest

from controller.profiles import Profiles
from controller.publication.acl import of_pole
from controller.publication.profiles.home_assistant import discovery
from controller.publication.profiles.its_client import Source
from controller.publication.voice import sender_of
from interfaces.topics import matches
from tests.controller.publication.profiles.scenes import config

PROFILES = {"profiles": ["its-client", "home-assistant", "geojson"], "json_twins": True}
OTHER = {"name": "gate", "service_location_id": 8202302, "roadside_unit_id": 13632384}


def writable(settings):
    lines = of_pole(settings, "gate-7").splitlines()
    assert lines[0] == "user gate-7"
    return [line.removeprefix("topic write ") for line in lines if line.startswith("topic write ")]


def may(settings, topic):
    return any(matches(one, topic) for one in writable(settings))


def said(settings):
    """A topic of each kind that its profiles write outside the pole's root."""
    source = Source.of(settings)
    yield from (one.topic for one in discovery(settings, sender_of(settings), "1"))
    yield from (source.topic(message, 36.6, 140.6) for message in ("cpm", "denm"))


def test_what_profiles_write_is_allowed():
    settings = config(publish=PROFILES)
    assert [one for one in said(settings) if not may(settings, one)] == []


def test_greeting_of_a_running_pole_is_allowed(tmp_path):
    settings = config(publish=PROFILES)
    running = Profiles(settings, sender_of(settings), tmp_path, version="1", report=lambda _: None)
    told = list(running.greeting())
    assert len(told) == 3
    assert all(may(settings, one.topic) for one in told)


def test_what_another_pole_writes_is_refused():
    settings = config(publish=PROFILES)
    assert not any(may(settings, one) for one in said(config(publish=PROFILES, pole=OTHER)))


@pytest.mark.parametrize("chosen", [["its-client"], ["home-assistant"], []])
def test_a_profile_that_is_off_has_no_rights(chosen):
    settings = config(publish=PROFILES | {"profiles": chosen})
    allowed = {one.split("/")[0] for one in said(settings) if may(settings, one)}
    assert allowed == {{"its-client": "smartpole", "home-assistant": "homeassistant"}[one] for one in chosen}
