"""Home Assistant: its documented keys, templates that read our twins, a device for each slot that goes with it."""

from __future__ import annotations

import json
import re

import jinja2
import pytest

from controller.publication.profiles.home_assistant import POLE, SLOT, discovery, removal
from controller.publication.publication import Stamp
from controller.publication.slots import slot_status
from controller.publication.status import pole_status
from controller.publication.voice import sender_of
from controller.slot import ModuleIdentity, PoleReport, SlotReport
from interfaces.topics import JSON
from tests.controller.publication.profiles.scenes import STAMP, config
from tests.controller.publication.radio.scene import T0

# www.home-assistant.io/integrations/mqtt: what a device's payload and its sensors may say; more is refused there
DEVICE_KEYS = {"device", "origin", "components", "availability", "qos"}
INFO_KEYS = {"identifiers", "name", "model", "manufacturer", "sw_version", "hw_version", "serial_number", "via_device"}
COMMON_KEYS = {
    *("platform", "unique_id", "name", "state_topic", "value_template", "expire_after", "device_class"),
    "entity_category",
}
SENSOR_KEYS = COMMON_KEYS | {"unit_of_measurement", "state_class", "options"}
UNITS = {"duration": {"ms", "s", "min", "h", "d"}, "frequency": {"Hz", "kHz", "MHz", "GHz"}, "enum": {None}}
IDENTITY = ModuleIdentity(b"u", 1, "Acme", "R2", "1", 2, "1.0", b"", b"", 1, 1)


def devices(**sections):
    settings = config(**sections)
    return {one.topic: json.loads(one.payload) for one in discovery(settings, sender_of(settings), "1.2")}


def status(**changes):
    values = {"alive": True, "availability": 0, "utilisation": 2, "reasons": (), "clock_error_s": 0.002, "backlog": 3,
              "tracks": 12, "publications_per_s": 20.0, "lag_p50_s": 0.0123, "lag_p99_s": 0.05, "started_ns": T0,
              "version": "1.2"}  # fmt: skip
    return PoleReport(**(values | changes))


def shown(publications, table):
    """What Home Assistant shows of a twin, by entity."""
    (twin,) = (json.loads(one.payload) for one in publications if one.content_type == JSON)
    engine = jinja2.Environment(undefined=jinja2.StrictUndefined)
    return {one.id: engine.from_string(one.template).render(value_json=twin) for one in table}


def pole_shown(**changes):
    report = status(**changes)
    stamp = Stamp(1, T0, report.clock_error_s)
    return shown(pole_status(report, sender_of(config()), stamp), POLE)


def slot_shown(**changes):
    values = {"state": "ACTIVE", "reason": "", "since_ns": T0} | changes
    report = SlotReport("radar", "radar", "radar", required=True, port="p", **values)
    return shown(slot_status(report, sender_of(config()), STAMP), SLOT)


def test_the_pole_and_each_slot_are_devices_with_topics_of_their_own():
    found = devices()
    assert list(found) == [
        "homeassistant/device/smartpole_8202302_136323842/config",
        "homeassistant/device/smartpole_8202302_136323842_radar/config",
        "homeassistant/device/smartpole_8202302_136323842__897f__20_1/config",
    ]
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", topic.split("/")[2]) for topic in found)
    pole, *slots = found.values()
    assert {one["device"]["via_device"] for one in slots} == set(pole["device"]["identifiers"])
    assert slots[1]["device"]["name"] == "gate west"


def test_only_documented_keys_are_said():
    seen = set()
    for payload in devices().values():
        assert set(payload) <= DEVICE_KEYS
        assert set(payload) >= {"device", "origin", "components"}
        assert set(payload["device"]) <= INFO_KEYS
        assert set(payload["origin"]) <= {"name", "sw_version", "support_url"}
        for one in payload["components"].values():
            keys = SENSOR_KEYS if one["platform"] == "sensor" else COMMON_KEYS
            assert set(one) <= keys
            assert {"platform", "unique_id", "state_topic", "value_template"} <= set(one)
            unit = one.get("unit_of_measurement")
            assert unit in UNITS.get(one.get("device_class"), {unit})
            assert (one.get("device_class") == "enum") == ("options" in one)
            assert not ("options" in one and "state_class" in one)
            assert one["unique_id"] not in seen
            seen.add(one["unique_id"])
    assert len(seen) == len(POLE) + 2 * len(SLOT)


def test_what_is_read_is_what_we_publish():
    found = devices()
    said = {one.topic for one in pole_status(status(), sender_of(config()), STAMP)}
    pole, radar, _ = found.values()
    assert {one["state_topic"] for one in pole["components"].values()} <= said
    assert {one["topic"] for payload in found.values() for one in payload["availability"]} <= said
    report = SlotReport("radar", "radar", "radar", required=True, port="p", state="ACTIVE", reason="", since_ns=T0)
    said = {one.topic for one in slot_status(report, sender_of(config()), STAMP)}
    assert {one["state_topic"] for one in radar["components"].values()} <= said


@pytest.mark.parametrize(("alive", "word"), [(True, "online"), (False, "offline")])
def test_a_pole_that_said_good_bye_is_not_available(alive, word):
    (payload, *_) = devices().values()
    (twin,) = (
        json.loads(one.payload)
        for one in pole_status(status(alive=alive), sender_of(config()), STAMP)
        if one.content_type == JSON
    )
    template = payload["availability"][0]["value_template"]
    assert jinja2.Template(template).render(value_json=twin) == word


def test_the_pole_is_shown():
    assert pole_shown() == {
        "availability": "available", "problem": "OFF", "utilisation": "information", "reasons": "", "backlog": "3",
        "tracks": "12", "lag": "12.3", "lag_p99": "50.0", "clock_error": "2.0", "version": "1.2",
    }  # fmt: skip


def test_trouble_is_shown():
    told = pole_shown(availability=2, utilisation=1, reasons=("radar is gone", "x" * 300), clock_error_s=float("inf"))
    assert (told["availability"], told["problem"], told["utilisation"]) == ("unavailable", "ON", "degraded")
    assert told["reasons"].startswith("radar is gone; x")
    assert len(told["reasons"]) == 255, "a state of Home Assistant has no more"
    assert told["clock_error"] == "None", "which is unknown to a sensor"


def test_a_slot_is_shown():
    told = slot_shown(frames=990, gaps=10, rate_hz=10.04, latency_s=0.0312, identity=IDENTITY)
    assert told == {
        "state": "ACTIVE", "serving": "ON", "reason": "", "loss": "1.0", "rate": "10.0", "latency": "31.2",
        "module": "Acme R2",
    }  # fmt: skip


def test_an_empty_slot_is_shown():
    told = slot_shown(state="ABSENT", reason="nothing is plugged in", latency_s=float("nan"))
    assert (told["state"], told["serving"], told["loss"], told["module"]) == ("ABSENT", "OFF", "0", "none")
    assert told["latency"] == "None"


def test_what_is_retained_is_cleared_by_nothing_retained():
    made = discovery(config(), sender_of(config()), "1")
    assert all(one.retain and one.qos == 1 for one in made)
    gone = removal(made[1].topic)
    assert (gone.topic, gone.payload, gone.retain) == (made[1].topic, b"", True)


def test_another_prefix():
    assert all(topic.startswith("ha/two/device/") for topic in devices(home_assistant={"prefix": "ha/two"}))
