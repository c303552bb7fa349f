"""The published vectors, once through the code and once by hand from the document; parsers that never raise."""

from __future__ import annotations

import hmac
import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from interfaces.frame import Flag, Frame, FrameReader, encode
from interfaces.proto import pmi_pb2 as pb
from interfaces.security import (
    ControllerHandshake,
    ModuleHandshake,
    Parties,
    SecureChannel,
    is_sheet_signed,
    is_signed,
    mac_input,
    public_bytes,
    sign_sheet,
    without_field,
)
from tests.secured import key_of

V = json.loads((Path(__file__).parents[1] / "vectors" / "security.json").read_text(encoding="utf-8"))
H, KEYS, SHEET = V["handshake"], V["keys"], V["sheet"]


def of(name, table=H):
    return bytes.fromhex(table[name])


def drawn(*pieces):
    """An entropy source that gives these bytes in this order."""
    rest = list(pieces)

    def draw(count):
        piece = rest.pop(0)
        assert len(piece) == count
        return piece

    return draw


PARTIES = Parties(
    of("uid"), H["boot_id"], H["session"], of("fw_hash"), of("signed", SHEET), of("public", KEYS["device"])
)


def handshakes():
    controller, device = (
        Ed25519PrivateKey.from_private_bytes(of("private", KEYS[n])) for n in ("controller", "device")
    )
    ours = ControllerHandshake(PARTIES, controller, drawn(of("controller_ephemeral_private"), of("controller_nonce")))
    theirs = ModuleHandshake.begin(
        PARTIES, device, ours.start, drawn(of("module_ephemeral_private"), of("module_nonce"))
    )
    return ours, theirs


def test_the_handshake_of_the_vectors():
    ours, theirs = handshakes()
    assert ours.start.SerializeToString().hex() == H["auth_start"]
    assert theirs.reply.SerializeToString().hex() == H["auth_reply"]
    channel, finish = ours.reply(theirs.reply)
    assert finish.SerializeToString().hex() == H["auth_finish"]
    assert theirs.is_finish(finish)
    assert (channel._sending.hex(), channel._receiving.hex()) == (H["key_to_module"], H["key_to_controller"])
    assert (theirs.channel._receiving, theirs.channel._sending) == (channel._sending, channel._receiving)


def test_the_handshake_by_hand():
    """As a stranger would do it with docs/pmi/security.md and nothing of ours but the message definitions."""
    start, reply = pb.AuthStart.FromString(of("auth_start")), pb.AuthReply.FromString(of("auth_reply"))
    fields = [
        b"PMI-L3-1",
        of("uid"),
        H["boot_id"].to_bytes(4, "little"),
        H["session"].to_bytes(2, "little"),
        of("fw_hash"),
        sha256(of("signed", SHEET)).digest(),
        of("public", KEYS["device"]),
        start.controller_key,
        start.ephemeral,
        start.nonce,
        reply.ephemeral,
        reply.nonce,
    ]
    digest = sha256(b"".join(len(one).to_bytes(2, "little") + one for one in fields)).digest()
    assert digest.hex() == H["transcript"]
    Ed25519PublicKey.from_public_bytes(of("public", KEYS["device"])).verify(
        reply.signature, b"PMI-L3-1 module" + digest
    )
    finish = pb.AuthFinish.FromString(of("auth_finish"))
    Ed25519PublicKey.from_public_bytes(start.controller_key).verify(finish.signature, b"PMI-L3-1 controller" + digest)
    own = X25519PrivateKey.from_private_bytes(of("module_ephemeral_private"))
    shared = own.exchange(X25519PublicKey.from_public_bytes(start.ephemeral))
    extracted = hmac.digest(start.nonce + reply.nonce, shared, "sha256")
    info = b"PMI-L3-1 keys" + digest
    first = hmac.digest(extracted, info + b"\x01", "sha256")
    second = hmac.digest(extracted, first + info + b"\x02", "sha256")
    assert (first.hex(), second.hex()) == (H["key_to_module"], H["key_to_controller"])


@pytest.mark.parametrize("vector", V["tags"], ids=lambda v: v["name"])
def test_tags(vector):
    fields = vector["frame"]
    frame = Frame(
        fields["type"], of("payload", fields), 9, 8, fields["session"], fields["seq"], 7, Flag(fields["flags"])
    )
    flags = (fields["flags"] & 3) | 4
    by_hand = (
        bytes([flags])
        + frame.type.to_bytes(2, "little")
        + frame.session.to_bytes(2, "little")
        + frame.seq.to_bytes(4, "little")
        + len(frame.payload).to_bytes(2, "little")
        + frame.payload
    )
    assert mac_input(frame) == by_hand == of("mac_input", vector)
    key = of(vector["key"])
    assert hmac.new(key, by_hand, "sha256").digest()[:8].hex() == vector["tag"]
    sealed = SecureChannel(frame.session, key, b"").seal(frame)
    assert sealed.tag.hex() == vector["tag"]
    assert SecureChannel(frame.session, b"", key).fault(sealed) == ""
    (carried,) = FrameReader().feed(encode(sealed))
    assert carried == sealed


@given(st.integers(0, 8 * 8 - 1), st.integers(0, 8 * 60), st.binary(max_size=60))
def test_one_flipped_bit_is_a_bad_tag(tag_bit, payload_bit, payload):
    sender, receiver = SecureChannel(5, b"a" * 32, b"b" * 32), SecureChannel(5, b"b" * 32, b"a" * 32)
    sealed = sender.seal(Frame(0x40, payload, 2, 1, 5, 77))
    tag = bytearray(sealed.tag)
    tag[tag_bit // 8] ^= 1 << tag_bit % 8
    assert receiver.fault(sealed._replace(tag=bytes(tag))) == "bad_tag"
    if payload:
        spoilt = bytearray(payload)
        spoilt[payload_bit // 8 % len(payload)] ^= 1 << payload_bit % 8
        assert receiver.fault(sealed._replace(payload=bytes(spoilt))) == "bad_tag"
    for change in ({"type": 0x41}, {"seq": 78}, {"flags": Flag.AUTH | Flag.ACK}, {"flags": Flag.AUTH | Flag.ACK_REQ}):
        assert receiver.fault(sealed._replace(**change)) == "bad_tag"
    for carried in ({"src": 40}, {"dst": 41}, {"priority": 0}, {"flags": Flag.AUTH | Flag.MORE}):
        assert SecureChannel(5, b"", b"a" * 32).fault(sealed._replace(**carried)) == "", "the bus may change these"
    assert receiver.fault(sealed) == ""
    assert receiver.fault(sealed) == "replayed"


@given(st.lists(st.integers(0, 2**32 - 1), max_size=40))
def test_numbers_only_grow(seqs):
    """Window 0, no wrap: exactly those above all before are believed."""
    sender, receiver = SecureChannel(5, b"a" * 32, b""), SecureChannel(5, b"", b"a" * 32)
    newest = -1
    for seq in seqs:
        fault = receiver.fault(sender.seal(Frame(0x40, b"x", session=5, seq=seq)))
        assert fault == ("" if seq > newest else "replayed")
        newest = max(newest, seq)


def test_a_forged_frame_uses_no_number_up():
    sender, receiver = SecureChannel(5, b"a" * 32, b""), SecureChannel(5, b"", b"a" * 32)
    good = sender.seal(Frame(0x40, b"x", session=5, seq=10))
    assert receiver.fault(good._replace(seq=2**32 - 1)) == "bad_tag"
    assert receiver.fault(good) == ""


def test_frames_of_other_sessions_are_left_alone():
    frame = Frame(0x02, b"x", session=0, seq=1)
    assert SecureChannel(5, b"a" * 32, b"").seal(frame) is frame


@given(
    st.builds(
        pb.AuthReply, ephemeral=st.binary(max_size=40), nonce=st.binary(max_size=20), signature=st.binary(max_size=70)
    )
)
def test_no_reply_that_is_made_up_makes_a_channel(reply):
    ours, _ = handshakes()
    assert isinstance(ours.reply(reply), str)


@given(
    st.builds(
        pb.AuthStart,
        ephemeral=st.binary(max_size=40),
        nonce=st.binary(max_size=20),
        controller_key=st.binary(max_size=40),
    )
)
def test_no_start_raises(start):
    assert isinstance(
        ModuleHandshake.begin(PARTIES, key_of("d"), start, lambda count: b"\1" * count), (str, ModuleHandshake)
    )


@pytest.mark.parametrize(
    "point",
    [
        bytes(32),
        (1).to_bytes(32, "little"),
        bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ],
)
def test_points_of_low_order_are_refused(point):
    ours, theirs = handshakes()
    start = pb.AuthStart()
    start.CopyFrom(ours.start)
    start.ephemeral = point
    answer = ModuleHandshake.begin(PARTIES, key_of("d"), start, lambda count: b"\1" * count)
    assert answer == "AUTH_START: ephemeral is no usable X25519 key"
    assert theirs.channel.session == PARTIES.session


@pytest.mark.parametrize("name", ["uid", "boot_id", "session", "fw_hash", "sheet", "device_key"])
def test_both_sides_must_agree_on_everything(name):
    value = getattr(PARTIES, name)
    other = replace(PARTIES, **{name: value ^ 1 if isinstance(value, int) else bytes([value[0] ^ 1]) + value[1:]})
    ours, _ = handshakes()
    device = Ed25519PrivateKey.from_private_bytes(of("private", KEYS["device"]))
    theirs = ModuleHandshake.begin(other, device, ours.start, lambda count: b"\1" * count)
    assert ours.reply(theirs.reply) == "AUTH_REPLY is not signed by the key of the data sheet"


def test_the_sheet_signature_of_the_vectors():
    signed, vendor = of("signed", SHEET), of("public", KEYS["vendor"])
    assert is_sheet_signed(signed, vendor)
    assert without_field(signed, 14) == (of("unsigned", SHEET), of("signature", SHEET))
    assert is_signed(vendor, of("signature", SHEET), of("unsigned", SHEET))
    assert not is_sheet_signed(signed, of("public", KEYS["device"]))
    assert not is_sheet_signed(of("unsigned", SHEET), vendor)


@given(st.integers(0, 10**6))
def test_a_sheet_with_one_flipped_bit_is_signed_by_nobody(bit):
    signed = bytearray(of("signed", SHEET))
    signed[bit // 8 % len(signed)] ^= 1 << bit % 8
    assert not is_sheet_signed(bytes(signed), of("public", KEYS["vendor"]))


def test_a_signature_stands_over_fields_of_later_versions_too():
    """Whoever wrote the sheet, and in whatever order: the bytes are signed, not our reading of them."""
    vendor = key_of("vendor")
    later = bytes([0xFA, 0x7F, 3]) + b"new"
    rest = later + of("unsigned", SHEET)
    field = bytes([14 << 3 | 2, 64]) + vendor.sign(rest)
    assert is_sheet_signed(later + field + of("unsigned", SHEET), public_bytes(vendor))
    assert not is_sheet_signed(later + field + field + of("unsigned", SHEET), public_bytes(vendor)), "two are none"


@given(st.binary(max_size=120), st.integers(1, 20))
def test_any_bytes_are_cut_or_refused(data, number):
    cut = without_field(data, number)
    assert cut is None or len(cut[0]) + len(cut[1]) < len(data)
    assert not is_sheet_signed(data, bytes(32))


def test_signing_again_replaces_the_signature():
    sheet = pb.DataSheet(vendor="Example")
    sign_sheet(sheet, key_of("one"))
    sign_sheet(sheet, key_of("two"))
    assert is_sheet_signed(sheet.SerializeToString(), public_bytes(key_of("two")))
