"""The radio of a running pole: off unless wanted, its troubles told and survived, its settings checked."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from controller import radio_check, radio_room
from controller.config import Config
from controller.publication.radio import uper
from controller.radio_room import RadioRoom
from interfaces.errors import ConfigError
from interfaces.proto import pmi_pb2 as pb
from modules.comms import Heard, RadioReading
from tests.controller.publication.radio.claims import rc013_of
from tests.controller.publication.radio.scene import HAZARD, T0, tracks


def config(comms="serial:///dev/ttyS1", rate_hz=10, **radio):
    slots = {"radar": {"class": "radar"}} | ({"comms": {"class": "comms", "port": comms}} if comms else {})
    return Config.model_validate(
        {
            "pole": {"service_location_id": 1, "roadside_unit_id": 136323842},
            "origin": {"latitude_deg": 36.6, "longitude_deg": 140.6, "altitude_m": 30.0, "geoid_height_m": 40.0},
            "slot": slots,
            "publish": {"objects_rate_hz": rate_hz},
            "radio": radio,
        }
    )


class Modem:
    """A supervisor of a comms module, as far as the radio room sees it."""

    def __init__(self, *, has_radio=True):
        slot = config().slot["comms"]
        session = SimpleNamespace(has_radio=has_radio)
        self.keeper = SimpleNamespace(
            session=session, uid=b"u", slot=slot, capability=SimpleNamespace(field_of_view=())
        )
        self.sent = []

    def send_radio(self, body):
        self.sent.append(body)


def room(modem=None, **radio):
    added, told = [], []
    pipeline = SimpleNamespace(add=added.append)
    one = RadioRoom(config(**radio), pipeline, told.append)
    one.serve({"comms": modem} if modem else {}, {})
    return one, added, told


async def test_what_is_due_goes_to_a_module_with_a_radio():
    modem = Modem()
    one, _, told = room(modem, send=["denm", "cpm", "rc016"])
    await one.say(tracks(2), [])
    assert [body.format for body in modem.sent] == [pb.RC016_ROADSIDE], "nothing of ETSI's before its modules are there"
    await one.open()
    await one.say(tracks(2, valid_at_ns=T0 + 10**9), [HAZARD])
    assert [body.format for body in modem.sent[1:]] == [pb.ETSI_DENM, pb.ETSI_CPM, pb.RC016_ROADSIDE]
    assert one.counters == {"radio_comms_sent": 4, "radio_comms_replaced": 0}
    assert told == []


@pytest.mark.parametrize("modem", [Modem(has_radio=False), None])
async def test_without_a_radio_nothing_is_sent(modem):
    one, _, _ = room(modem, send=["rc016"])
    await one.say(tracks(2), [])
    assert modem is None or modem.sent == []


async def test_a_picture_that_cannot_be_told_is_told_to_the_log():
    modem = Modem()
    one, _, told = room(modem, send=["rc016"])
    await one.say(SimpleNamespace(valid_at_ns=T0, objects=None), [])
    await one.say(SimpleNamespace(valid_at_ns=T0, objects=None), [])
    assert told[0].startswith("nothing sent: ")
    await one.say(tracks(1, valid_at_ns=T0 + 10**9), [])
    assert len(told) == 1


async def test_etsi_modules_that_do_not_load_leave_the_rest(monkeypatch):
    def fail():
        raise ConfigError("no")

    monkeypatch.setattr(uper, "load", fail)
    modem = Modem()
    one, _, told = room(modem, send=["cpm", "rc016"])
    await one.open()
    assert told == ["no CPM, DENM or CAM: ConfigError: no"]
    await one.say(tracks(1), [])
    assert [body.format for body in modem.sent] == [pb.RC016_ROADSIDE]


@pytest.mark.parametrize("wanted", [False, True])
def test_claims_are_fused_only_where_wanted(wanted):
    one, added, _ = room(cooperative=wanted)
    reading = RadioReading(1, (Heard(1, pb.RC013, rc013_of(10.0, 0.0)), Heard(1, pb.RC013, b"")), 2)
    one.hear("comms", reading, T0, T0, 0.0)
    assert [len(seen.objects) for seen in added] == ([1] if wanted else [])
    assert one.counters == ({"radio_refused_unreadable": 1} if wanted else {})


async def test_cam_need_the_extra_only_when_they_are_wanted(monkeypatch):
    loaded = []
    monkeypatch.setattr(uper, "load", lambda: loaded.append(1))
    for there, radio in ((True, {}), (False, {"cooperative": True}), (True, {"cooperative": True})):
        monkeypatch.setattr(radio_room, "has_etsi", lambda there=there: there)
        await room(**radio)[0].open()
    assert loaded == [1]


@pytest.mark.parametrize(
    ("given", "key", "text"),
    [
        ({"send": ["cpm", "cpm"]}, "send", "names 'cpm' twice"),
        ({"send": ["rc016"], "comms": ""}, "send", "no slot is of class comms"),
        ({"cooperative": True, "comms": ""}, "cooperative", "no slot is of class comms"),
        ({"send": ["rc016"], "comms": "modbus+tcp://h:502"}, "send", "every comms slot is on Modbus"),
        ({"send": ["rc016_csma"], "rate_hz": 5}, "send", "at 10 Hz, publish.objects_rate_hz is 5"),
        ({"send": ["cpm"], "cpm_rate_hz": 8, "rate_hz": 5}, "cpm_rate_hz", "is 8, above publish.objects_rate_hz"),
    ],
)
def test_settings_that_cannot_work_are_told(given, key, text):
    ((found, told),) = radio_check.faults(config(**given))
    assert found == (key,)
    assert text in told


def test_the_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr(radio_check, "has_etsi", lambda: False)
    ((key, told),) = radio_check.faults(config(send=["denm", "cpm"]))
    assert (key, told) == (("send",), "cpm and denm need the extra etsi: pip install 'smartpole[etsi]'")


def test_good_settings_have_no_fault():
    assert list(radio_check.faults(config())) == []
    assert list(radio_check.faults(config(comms=""))) == []
    assert list(radio_check.faults(config(send=["cpm", "denm", "rc016"], cooperative=True))) == []
