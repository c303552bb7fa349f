"""Level L3 without a session: handshake, directional keys, tags, replay check, data sheet signature (PMI §5).

Pure: every random byte comes from the `entropy` given. Nothing a peer sends raises; what is wrong comes back as text.
The bytes are written down in `docs/pmi/security.md`, vectors in `tests/vectors/security.json`.
"""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from interfaces.frame import Flag, Frame
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import KEY_SIZE, NONCE_SIZE, SIGNATURE_SIZE, TAG_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable

LABEL: Final = b"PMI-L3-1"
_MAC_HEADER: Final = struct.Struct("<BHHIH")  # flags, type, session, seq, length
_COVERED: Final = int(Flag.ACK_REQ | Flag.ACK)  # MORE belongs to a polled line, not to the message
_WITH_TAG: Final = tuple(Flag(bits) | Flag.AUTH for bits in range(16))
_SIGNATURE_FIELD: Final = pb.DataSheet.DESCRIPTOR.fields_by_name["vendor_signature"].number


@dataclass(frozen=True, slots=True)
class Parties:
    """What both sides know before the handshake; `sheet` are the data sheet's bytes, `device_key` its public key."""

    uid: bytes
    boot_id: int
    session: int
    fw_hash: bytes
    sheet: bytes
    device_key: bytes


class SecureChannel:
    """The keys of one session: tags what is sent, checks what arrives. Never shown, logged or stored."""

    __slots__ = ("_newest", "_receiving", "_sending", "session")

    def __init__(self, session: int, sending: bytes, receiving: bytes) -> None:
        self.session = session
        self._sending, self._receiving = sending, receiving
        self._newest = -1

    def __repr__(self) -> str:
        return f"SecureChannel(session={self.session})"

    def seal(self, frame: Frame) -> Frame:
        """A numbered frame of this session with AUTH and its tag; frames of other sessions stay as they are."""
        if frame.session != self.session:
            return frame
        return frame._replace(flags=_WITH_TAG[frame.flags], tag=_tag(self._sending, frame))

    def fault(self, frame: Frame) -> str:
        """`unauthenticated`, `bad_tag` or `replayed`; "" for a frame to believe, whose number is then used up.

        An ACK repeats the number of what it answers, so it is checked but not counted: what awaits it does that.
        """
        flags = int(frame.flags)
        if not flags & Flag.AUTH.value:
            return "unauthenticated"
        if not hmac.compare_digest(frame.tag, _tag(self._receiving, frame)):
            return "bad_tag"
        if flags & Flag.ACK.value:
            return ""
        if frame.seq <= self._newest:
            return "replayed"
        self._newest = frame.seq
        return ""


class ControllerHandshake:
    """The controller's half: `start` is sent, `reply` makes the channel and the answer."""

    def __init__(self, parties: Parties, key: Ed25519PrivateKey, entropy: Callable[[int], bytes]) -> None:
        self._parties, self._key = parties, key
        self._ephemeral = X25519PrivateKey.from_private_bytes(entropy(KEY_SIZE))
        self.start: Final = pb.AuthStart(
            ephemeral=self._ephemeral.public_key().public_bytes_raw(),
            nonce=entropy(NONCE_SIZE),
            controller_key=public_bytes(key),
        )

    def __repr__(self) -> str:
        return f"ControllerHandshake(session={self._parties.session})"

    def reply(self, reply: pb.AuthReply) -> tuple[SecureChannel, pb.AuthFinish] | str:
        """The channel and what to answer, or what is wrong with the reply."""
        if fault := _malformed(ephemeral=reply.ephemeral, nonce=reply.nonce, signature=reply.signature):
            return f"AUTH_REPLY: {fault}"
        digest = transcript(self._parties, self.start, reply)
        if not is_signed(self._parties.device_key, reply.signature, LABEL + b" module" + digest):
            return "AUTH_REPLY is not signed by the key of the data sheet"
        keys = _directional_keys(self._ephemeral, reply.ephemeral, self.start.nonce + reply.nonce, digest)
        if keys is None:
            return "AUTH_REPLY: ephemeral is no usable X25519 key"
        signature = self._key.sign(LABEL + b" controller" + digest)
        return SecureChannel(self._parties.session, *keys), pb.AuthFinish(signature=signature)


class ModuleHandshake:
    """The module's half: made from AUTH_START, `reply` is sent, AUTH_FINISH is checked with `is_finish`."""

    def __init__(self, parties: Parties, start: pb.AuthStart, reply: pb.AuthReply, channel: SecureChannel) -> None:
        self._digest = transcript(parties, start, reply)
        self.start, self.reply, self.channel = start, reply, channel

    def __repr__(self) -> str:
        return f"ModuleHandshake(session={self.channel.session})"

    @classmethod
    def begin(
        cls, parties: Parties, key: Ed25519PrivateKey, start: pb.AuthStart, entropy: Callable[[int], bytes]
    ) -> ModuleHandshake | str:
        """The handshake that answers `start`, or what is wrong with it."""
        if fault := _malformed(ephemeral=start.ephemeral, nonce=start.nonce, controller_key=start.controller_key):
            return f"AUTH_START: {fault}"
        ephemeral = X25519PrivateKey.from_private_bytes(entropy(KEY_SIZE))
        reply = pb.AuthReply(ephemeral=ephemeral.public_key().public_bytes_raw(), nonce=entropy(NONCE_SIZE))
        digest = transcript(parties, start, reply)
        keys = _directional_keys(ephemeral, start.ephemeral, start.nonce + reply.nonce, digest)
        if keys is None:
            return "AUTH_START: ephemeral is no usable X25519 key"
        reply.signature = key.sign(LABEL + b" module" + digest)
        to_module, to_controller = keys
        return cls(parties, start, reply, SecureChannel(parties.session, to_controller, to_module))

    def is_finish(self, finish: pb.AuthFinish) -> bool:
        """Whether the controller proved the key that it named."""
        return is_signed(self.start.controller_key, finish.signature, LABEL + b" controller" + self._digest)


@dataclass(frozen=True, slots=True)
class ControllerCredentials:
    """What a controller authenticates with."""

    key: Ed25519PrivateKey = field(repr=False)
    entropy: Callable[[int], bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeviceCredentials:
    """What a module authenticates with: the key its data sheet names, and the only controller it obeys (None: the
    first that authenticates). `required`: no plan is taken from a controller that does not."""

    key: Ed25519PrivateKey = field(repr=False)
    entropy: Callable[[int], bytes] = field(repr=False)
    controller_key: bytes | None = None
    required: bool = False


def transcript(parties: Parties, start: pb.AuthStart, reply: pb.AuthReply) -> bytes:
    """SHA-256 over all that both sides must agree on, each field after its length (u16 LE)."""
    fields = (
        LABEL,
        parties.uid,
        parties.boot_id.to_bytes(4, "little"),
        parties.session.to_bytes(2, "little"),
        parties.fw_hash,
        sha256(parties.sheet).digest(),
        parties.device_key,
        start.controller_key,
        start.ephemeral,
        start.nonce,
        reply.ephemeral,
        reply.nonce,
    )
    return sha256(b"".join(len(one).to_bytes(2, "little") + one for one in fields)).digest()


def mac_input(frame: Frame) -> bytes:
    """What a tag covers: flags (without MORE), type, session, seq, length, payload. Addresses are the bus's own."""
    flags = int(frame.flags) & _COVERED | Flag.AUTH.value
    return _MAC_HEADER.pack(flags, frame.type, frame.session, frame.seq, len(frame.payload)) + frame.payload


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The 32 B of the public key."""
    return key.public_key().public_bytes_raw()


def is_signed(public_key: bytes, signature: bytes, data: bytes) -> bool:
    """Whether an Ed25519 signature over `data` is good; False too for keys and signatures that are none."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def sign_sheet(sheet: pb.DataSheet, vendor_key: Ed25519PrivateKey) -> None:
    """Put the vendor's signature into a sheet."""
    sheet.ClearField("vendor_signature")
    sheet.vendor_signature = vendor_key.sign(sheet.SerializeToString(deterministic=True))


def is_sheet_signed(sheet_bytes: bytes, vendor_key: bytes) -> bool:
    """Whether a vendor signed these sheet bytes: the signature is over them with its own field cut out."""
    signed = without_field(sheet_bytes, _SIGNATURE_FIELD)
    if signed is None:
        return False
    rest, signature = signed
    return is_signed(vendor_key, signature, rest)


def without_field(data: bytes, number: int) -> tuple[bytes, bytes] | None:
    """(the other bytes of a protobuf message, the content of its one length-delimited field `number`), else None."""
    rest, content, position = bytearray(), None, 0
    while position < len(data):
        start = position
        key, position = _varint(data, position)
        begin, end = _extent(data, key & 7, position)
        if key < 0 or end < 0 or end > len(data):
            return None
        if key == number << 3 | 2:
            if content is not None:
                return None
            content = data[begin:end]
        else:
            rest += data[start:end]
        position = end
    return None if content is None else (bytes(rest), content)


def _extent(data: bytes, wire_type: int, position: int) -> tuple[int, int]:
    if wire_type == 0:
        return position, _varint(data, position)[1]
    if wire_type == 2:
        length, begin = _varint(data, position)
        return begin, begin + length if length >= 0 else -1
    return position, position + {1: 8, 5: 4}[wire_type] if wire_type in {1, 5} else -1


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """(value, position after it); (-1, -1) when it is cut off or longer than ten bytes."""
    value = 0
    for shift, byte in enumerate(data[position : position + 10]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value, position + shift + 1
    return -1, -1


def _malformed(**fields: bytes) -> str:
    for name, value in fields.items():
        if len(value) != _SIZES.get(name, KEY_SIZE):
            return f"{name} has {len(value)} B, must have {_SIZES.get(name, KEY_SIZE)} B"
    return ""


_SIZES: Final = {"nonce": NONCE_SIZE, "signature": SIGNATURE_SIZE}


def _directional_keys(own: X25519PrivateKey, peer: bytes, salt: bytes, digest: bytes) -> tuple[bytes, bytes] | None:
    """(controller to module, module to controller), None for a peer's point of low order."""
    try:
        shared = own.exchange(X25519PublicKey.from_public_bytes(peer))
    except ValueError:
        return None
    keys = HKDF(SHA256(), 2 * KEY_SIZE, salt, LABEL + b" keys" + digest).derive(shared)
    return keys[:KEY_SIZE], keys[KEY_SIZE:]


def _tag(key: bytes, frame: Frame) -> bytes:
    return hmac.digest(key, mac_input(frame), "sha256")[:TAG_SIZE]
