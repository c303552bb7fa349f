"""Level L3: what a tag, a signature, a key agreement and a whole handshake cost in CPU time."""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from interfaces.frame import Frame
from interfaces.security import ControllerHandshake, ModuleHandshake, Parties, SecureChannel, is_signed, public_bytes
from tests.secured import entropy_of, key_of, secured_sheet

FRAME_B = 498  # twenty objects of 24 B with what stands around them
FRAMES = 20_000
SIGNATURES = 1_000


def run() -> list[tuple[str, float, str]]:
    """(name, value, unit) rows."""
    return [*_tags(), *_signatures(), *_handshakes()]


def _tags():
    sender, receiver = SecureChannel(5, b"a" * 32, b""), SecureChannel(5, b"", b"a" * 32)
    frames = [Frame(0x40, bytes(FRAME_B), 2, 1, 5, seq) for seq in range(FRAMES)]
    begin = time.process_time()
    sealed = [sender.seal(frame) for frame in frames]
    middle = time.process_time()
    good = sum(not receiver.fault(frame) for frame in sealed)
    end = time.process_time()
    assert good == FRAMES
    yield f"tag of a {FRAME_B}-B frame, made", 1e6 * (middle - begin) / FRAMES, "us CPU"
    yield f"tag of a {FRAME_B}-B frame, checked", 1e6 * (end - middle) / FRAMES, "us CPU"


def _signatures():
    key, data = key_of("device"), bytes(48)
    public, signature = public_bytes(key), key.sign(data)
    yield "Ed25519 sign", _each(lambda: key.sign(data)), "us CPU"
    yield "Ed25519 verify", _each(lambda: is_signed(public, signature, data)), "us CPU"


def _handshakes():
    device, controller = key_of("device"), key_of("pole")
    sheet = secured_sheet(device).SerializeToString()
    parties = Parties(bytes(16), 1, 5, bytes(8), sheet, public_bytes(device))
    entropy = entropy_of("bench")
    ours = ControllerHandshake(parties, controller, entropy)
    theirs = ModuleHandshake.begin(parties, device, ours.start, entropy)
    assert isinstance(theirs, ModuleHandshake)
    own, peer = ours._ephemeral, ours._ephemeral.public_key()
    yield "X25519 exchange", _each(lambda: own.exchange(peer)), "us CPU"
    yield "handshake, controller's side", _each(lambda: _controller(parties, controller, theirs)), "us CPU"
    yield (
        "handshake, module's side, AUTH_START to AUTH_REPLY",
        _each(lambda: ModuleHandshake.begin(parties, device, ours.start, entropy)),
        "us CPU",
    )


def _controller(parties, key, theirs):
    """With the random bytes that `theirs` answered."""
    assert not isinstance(ControllerHandshake(parties, key, entropy_of("bench")).reply(theirs.reply), str)


def _each(work):
    begin = time.process_time()
    for _ in range(SIGNATURES):
        work()
    return 1e6 * (time.process_time() - begin) / SIGNATURES


if __name__ == "__main__":
    for name, value, unit in run():
        print(f"{name:55} {value:12.3f} {unit}")
