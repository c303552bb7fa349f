"""The trust store, who vouches for whom, and what an L3 slot does with it."""

from __future__ import annotations

import json
import random
import stat
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization

from controller.cli.main import pole
from controller.config import Config, Trust
from controller.config_file import check
from controller.gate import Gate
from controller.pipeline import Pipeline
from controller.served import Served
from controller.site import Site
from controller.slot_keeper import SlotKeeper
from controller.trust import Pin, TrustStore, parse_key, parse_uid
from controller.vouching import Voucher, check_firmware, vouch
from interfaces.datasheet import to_bytes
from interfaces.errors import AdmissionError, ConfigError
from interfaces.module_events import Rejected
from interfaces.module_session import ModuleSession, ModuleState
from interfaces.proto import pmi_pb2 as pb
from interfaces.security import public_bytes
from interfaces.spec import MessageType
from interfaces.states import State
from tests.exchange import WALL_NS, frame_of, good_hello, good_sheet
from tests.secured import key_of, secured_module, secured_sheet

VENDOR = key_of("vendor")
UID = b"u" * 16


@pytest.fixture
def store(tmp_path):
    return TrustStore(tmp_path / "trust")


def a_keeper(tmp_path, store, policy=None, **slot):
    config = Config.model_validate(
        {
            "pole": {"service_location_id": 1, "roadside_unit_id": 2},
            "origin": {"latitude_deg": 36.0, "longitude_deg": 140.0},
            "slot": {"r": {"port": "tcp://10.0.0.1:1", "class": "radar", "probation_s": 0, **slot}},
        }
    )
    return SlotKeeper(
        "r",
        config.slot["r"],
        Pipeline(config, Site((), ())),
        sheets={},
        served=Served(tmp_path / "served.json"),
        serving=lambda _slot: set(),
        gate=Gate(store, policy or Trust()),
    )


def converse(keeper, module, seconds=0.5, start=0.0):
    """Let a module and the keeper's session talk in virtual time; the module's events and all frames."""
    now, events, frames = start, [], []
    while now < start + seconds:
        wall, t_us = WALL_NS + round(now * 1e9), round(now * 1e6)
        events += module.tick(now, t_us)
        if module.state is ModuleState.RUNNING:
            module.send_data(MessageType.DETECTIONS, frame_of(round(now * 100)), now)
        for frame in module.take_frames():
            frames.append(frame)
            keeper.handle(keeper.session.receive(frame, now, wall), now, wall)
        keeper.handle(keeper.session.tick(now, wall), now, wall)
        for frame in keeper.session.take_frames():
            frames.append(frame)
            events += module.receive(frame, now, t_us)
        now += 0.01
    return events, frames


def plain_module():
    return ModuleSession(good_hello(), to_bytes(good_sheet()), rng=random.Random(1))


# ---------------------------------------------------------------------------------------------------- slots


def test_an_l3_slot_takes_a_module_whose_vendor_is_trusted_and_pins_it(tmp_path, store):
    store.add_vendor("acme", public_bytes(VENDOR))
    keeper = a_keeper(tmp_path, store, level="L3")
    module = secured_module(vendor=VENDOR)
    _, frames = converse(keeper, module, 1.0)
    assert keeper.session.state is State.ACTIVE
    assert keeper.session.authenticated
    data = [frame for frame in frames if frame.type == MessageType.DETECTIONS]
    assert len(data) > 5
    assert all(frame.tag for frame in data)
    assert store.devices() == {UID: Pin(public_bytes(key_of("device")), "acme")}
    assert module.authentication.controller_key == public_bytes(store.credentials().key)


def test_an_l3_slot_refuses_an_unauthenticated_module_with_the_reason(tmp_path, store):
    keeper = a_keeper(tmp_path, store, level="L3")
    module = ModuleSession(
        good_hello(level=3), to_bytes(good_sheet(level=3)), rng=random.Random(1)
    )  # says L3, has no key
    events, _ = converse(keeper, module)
    assert keeper.session.state is State.REJECTED
    assert "names no public key" in keeper.session.reason
    assert [event.reason for event in events if isinstance(event, Rejected)] == [pb.NOT_TRUSTED]
    assert "requires level L3" in keeper.report(1.0, {}).reason


def test_an_l3_slot_refuses_a_stranger_and_takes_it_once_it_is_trusted_without_a_restart(tmp_path, store):
    keeper = a_keeper(tmp_path, store, level="L3")
    module = secured_module()
    events, frames = converse(keeper, module)
    assert [event.reason for event in events if isinstance(event, Rejected)] == [pb.NOT_TRUSTED]
    key = public_bytes(key_of("device"))
    assert f"pole trust add device {UID.hex()} {key.hex()}" in keeper.session.reason
    assert not any(frame.type == MessageType.ACTIVATE for frame in frames)
    store.add_device(UID, key)
    converse(keeper, module, 9.0, start=0.5)
    assert keeper.session.state is State.ACTIVE
    assert keeper.session.authenticated


def test_an_l3_slot_refuses_a_module_that_only_shows_the_key(tmp_path, store):
    store.add_device(UID, public_bytes(key_of("device")))
    keeper = a_keeper(tmp_path, store, level="L3")
    copy = ModuleSession(good_hello(level=3), to_bytes(secured_sheet(key_of("device"))), rng=random.Random(1))
    events, _ = converse(keeper, copy)
    assert keeper.session.state is State.REJECTED
    assert "could not prove who it is" in keeper.session.reason
    assert [event.reason for event in events if isinstance(event, Rejected)] == [pb.NOT_TRUSTED]


def test_an_l2_module_in_an_l3_slot_is_refused_for_its_level(tmp_path, store):
    keeper = a_keeper(tmp_path, store, level="L3")
    events, _ = converse(keeper, plain_module())
    assert [event.reason for event in events if isinstance(event, Rejected)] == [pb.LEVEL_TOO_LOW]


def test_lower_slots_stay_as_they_were(tmp_path, store):
    for module in (plain_module(), secured_module(), secured_module(vendor=VENDOR)):
        keeper = a_keeper(tmp_path, store, level="L1")
        _, frames = converse(keeper, module)
        assert keeper.session.state is State.ACTIVE
        assert not any(frame.tag for frame in frames)
    assert not (tmp_path / "trust").exists(), "nobody asked for a key"


def test_a_lower_slot_authenticates_whom_the_store_knows(tmp_path, store):
    store.add_vendor("acme", public_bytes(VENDOR))
    keeper = a_keeper(tmp_path, store, level="L1")
    converse(keeper, secured_module(vendor=VENDOR))
    assert keeper.session.authenticated
    assert any("authenticated, vendor acme" in text for text in keeper.told)


def test_modbus_carries_no_level_l3(tmp_path, store):
    store.add_vendor("acme", public_bytes(VENDOR))
    for level, state in (("L1", State.ACTIVE), ("L3", State.REJECTED)):
        keeper = a_keeper(tmp_path, store, level=level, port="modbus+tcp://10.0.0.1:502")
        converse(keeper, secured_module(vendor=VENDOR))
        assert keeper.session.state is state
        assert not keeper.session.authenticated
    assert "modbus+tcp cannot carry" in keeper.session.reason


def test_a_pinned_uid_with_another_key_is_refused_everywhere(tmp_path, store):
    store.add_device(UID, public_bytes(key_of("device")))
    store.add_vendor("acme", public_bytes(VENDOR))
    for level in ("L1", "L3"):
        keeper = a_keeper(tmp_path, store, level=level)
        converse(keeper, secured_module("impostor", vendor=VENDOR))
        assert keeper.session.state is State.REJECTED
        assert "is pinned to another key" in keeper.session.reason


def test_firmware_is_told_or_refused(tmp_path, store):
    store.add_device(UID, public_bytes(key_of("device")))
    listed = Trust(firmware="enforce", firmware_allowed=(b"ffffffff".hex().upper(),))
    for policy, state in ((Trust(), State.ACTIVE), (Trust(firmware="enforce"), State.REJECTED), (listed, State.ACTIVE)):
        keeper = a_keeper(tmp_path, store, policy, level="L3")
        converse(keeper, secured_module())
        assert keeper.session.state is state
        if state is State.REJECTED:
            assert "6666666666666666 is not in trust.firmware_allowed" in keeper.session.reason
        else:
            assert any("firmware_allowed" in text for text in keeper.told) is (policy is not listed)


def test_a_store_that_others_can_read_shuts_l3_slots_only(tmp_path, store):
    store.add_device(UID, public_bytes(key_of("device")))
    (tmp_path / "trust").chmod(0o755)
    secured = a_keeper(tmp_path, store, level="L3")
    events, _ = converse(secured, secured_module())
    assert [event.reason for event in events if isinstance(event, Rejected)] == [pb.NOT_TRUSTED]
    assert "chmod 0700" in secured.session.reason
    plain = a_keeper(tmp_path, store, level="L1")
    converse(plain, secured_module())
    assert plain.session.state is State.ACTIVE
    assert any("runs unauthenticated" in text for text in plain.told)


def test_no_secret_is_told(tmp_path, store):
    store.add_device(UID, public_bytes(key_of("device")))
    keeper = a_keeper(tmp_path, store, level="L3")
    converse(keeper, secured_module())
    channel, key = keeper.session._channel, store.credentials().key
    shown = " ".join(
        [*keeper.told, repr(store), repr(store.credentials()), repr(keeper.report(1.0, {})), repr(channel)]
    )
    for secret in (key.private_bytes_raw(), channel._sending, channel._receiving):
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown


# -------------------------------------------------------------------------------------------------- vouching


def identified(**sheet):
    made = secured_sheet(key_of("device"), **sheet)
    return SimpleNamespace(hello=good_hello(level=3), sheet=made, sheet_bytes=to_bytes(made))


def test_a_changed_sheet_is_vouched_for_by_nobody():
    slot = SimpleNamespace(level="L3", port="tcp://10.0.0.1:1")
    good = identified(vendor=VENDOR)
    assert vouch(slot, good, {"acme": public_bytes(VENDOR)}, None) == Voucher("acme", pinned=False)
    good.sheet_bytes = good.sheet_bytes.replace(b"Example", b"Exemple")
    with pytest.raises(AdmissionError, match="is signed by no trusted vendor"):
        vouch(slot, good, {"acme": public_bytes(VENDOR)}, None)


def test_firmware_of_hello_and_sheet_must_agree():
    event = identified()
    event.sheet.fw_hash = b"g" * 8
    with pytest.raises(AdmissionError, match="HELLO says firmware"):
        check_firmware(Trust(), event)


# ----------------------------------------------------------------------------------------------------- store


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path, store):
    key = store.credentials().key
    assert mode(tmp_path / "trust") == 0o700
    assert mode(tmp_path / "trust" / "controller.key") == 0o600
    again = TrustStore(tmp_path / "trust").credentials().key
    assert again.private_bytes_raw() == key.private_bytes_raw()
    assert not list((tmp_path / "trust").glob("*.part"))


@pytest.mark.parametrize(("name", "bits", "cure"), [("", 0o750, "0700"), ("controller.key", 0o640, "0600")])
def test_open_permissions_are_refused_with_the_cure(tmp_path, store, name, bits, cure):
    store.credentials()
    path = tmp_path / "trust" / name
    path.chmod(bits)
    with pytest.raises(ConfigError, match=rf"chmod {cure} .*trust"):
        TrustStore(tmp_path / "trust").credentials()
    with pytest.raises(ConfigError, match="let others in"):
        store.vendors()


def test_damaged_files_are_named(tmp_path, store):
    store.add_vendor("acme", bytes(32))
    path = tmp_path / "trust" / "vendors" / "acme.json"
    for damage in ("", "{", "[]", '{"key": 5}', '{"key": "00"}', "null"):
        path.write_text(damage)
        with pytest.raises(ConfigError, match=r"acme\.json: is damaged"):
            store.vendors()
    store.credentials()
    (tmp_path / "trust" / "controller.key").write_text("no key")
    with pytest.raises(ConfigError, match="no Ed25519 key"):
        TrustStore(tmp_path / "trust").credentials()
    (tmp_path / "trust" / "devices").mkdir(mode=0o700)
    (tmp_path / "trust" / "devices" / "x.json").write_text("{}")
    with pytest.raises(ConfigError, match="named by its uid"):
        store.devices()


def test_a_vendor_that_falls_takes_its_pins_with_it(store):
    store.add_vendor("acme", bytes(32))
    store.add_device(UID, b"k" * 32, "acme")
    store.add_device(b"v" * 16, b"k" * 32)
    assert store.remove_vendor("acme") == 1
    assert list(store.devices()) == [b"v" * 16]
    assert store.vendors() == {}


def test_names_that_lead_elsewhere_are_refused(store):
    for name in ("../x", "", "a/b", ".hidden", "a" * 65, "a\n"):
        with pytest.raises(ConfigError, match="vendor name"):
            store.add_vendor(name, bytes(32))


def test_keys_come_as_pem_or_hex():
    key = key_of("any")
    public = key.public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    assert parse_key(pem) == parse_key(public.public_bytes_raw().hex() + "\n") == public.public_bytes_raw()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    for bad in (private, "00", "zz" * 32, "-----BEGIN PUBLIC KEY-----"):
        with pytest.raises(ConfigError):
            parse_key(bad)
    with pytest.raises(ConfigError, match="32 hex digits"):
        parse_uid("00")


# ---------------------------------------------------------------------------------------------------- command


def trust(tmp_path, *arguments):
    return CliRunner().invoke(pole, ["trust", *arguments, "--state-dir", str(tmp_path)])


def test_add_list_remove(tmp_path):
    key = tmp_path / "acme.hex"
    key.write_text("ab" * 32)
    assert trust(tmp_path, "add", "vendor", "acme", str(key)).exit_code == 0
    added = trust(tmp_path, "add", "device", UID.hex().upper(), "cd" * 32, "--json")
    assert json.loads(added.output) == {"added": "device", "name": UID.hex(), "key": "cd" * 32}
    found = json.loads(trust(tmp_path, "list", "--json").output)
    assert found["vendors"] == {"acme": "ab" * 32}
    assert found["devices"] == {UID.hex(): {"key": "cd" * 32, "vendor": ""}}
    own = TrustStore(tmp_path / "trust").credentials().key
    assert found["controller_key"] == public_bytes(own).hex()
    text = trust(tmp_path, "list").output
    assert "acme" in text
    assert own.private_bytes_raw().hex() not in text
    near = trust(tmp_path, "remove", "vendor", "acne")
    assert near.exit_code == 1
    assert "Did you mean 'acme'?" in near.output
    assert trust(tmp_path, "remove", "vendor", "acme").exit_code == 0
    assert trust(tmp_path, "remove", "device", UID.hex()).exit_code == 0
    left = json.loads(trust(tmp_path, "list", "--json").output)
    assert left["vendors"] == left["devices"] == {}


def test_mistakes_of_a_person(tmp_path):
    near = trust(tmp_path, "ad", "vendor", "a", "00")
    assert near.exit_code == 2
    assert "Did you mean 'add'?" in near.output
    assert trust(tmp_path, "add", "vender", "a", "ab" * 32).exit_code == 2
    for bad in (("add", "vendor", "a/b", "ab" * 32), ("add", "device", "12", "ab" * 32), ("add", "vendor", "a", "12")):
        assert trust(tmp_path, *bad).exit_code == 4
    assert trust(tmp_path / "nowhere", "list").exit_code == 4
    TrustStore(tmp_path / "trust").credentials()
    (tmp_path / "trust").chmod(0o755)
    open_to_all = trust(tmp_path, "list")
    assert open_to_all.exit_code == 4
    assert "chmod 0700" in open_to_all.output


@pytest.mark.parametrize("name", ["add", "list", "remove"])
def test_each_explains_itself(name):
    result = CliRunner().invoke(pole, ["trust", name, "--help"])
    assert result.exit_code == 0
    assert f"Example: pole trust {name}" in result.output


def test_the_firmware_policy_is_checked(tmp_path):
    path = tmp_path / "pole.toml"
    head = "[pole]\nservice_location_id=1\nroadside_unit_id=2\n[origin]\nlatitude_deg=36\nlongitude_deg=140\n"
    slot = '[slot.a]\nclass="radar"\n'
    path.write_text(f'{head}[trust]\nfirmware="enforce"\nfirmware_allowed=["00112233aabbCCDD"]\n{slot}')
    assert check(path)[0].trust.firmware == "enforce"
    for bad in ('firmware="maybe"', 'firmware_allowed=["12"]', "firmwares=1"):
        path.write_text(f"{head}[trust]\n{bad}\n{slot}")
        config, problems = check(path)
        assert config is None
        assert problems[0].key.startswith("trust.firmware")
