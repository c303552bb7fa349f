"""What a HELLO must hold before anything is built on it (PMI §3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import HASH_SIZE, SHEET_MAX, SPEC_MAJOR, SPEC_NAME, UID_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_TEXT: Final = 64


def hello_fault(hello: pb.Hello) -> tuple[int, str]:
    """(RejectReason, text) of the first thing wrong with a HELLO; (0, "") when it is good."""
    for text in _malformed(hello):
        return pb.PROTOCOL, f"HELLO: {text}"
    low, high = hello.spec_min >> 8, hello.spec_max >> 8
    if not low <= SPEC_MAJOR <= high:
        return pb.SPEC_VERSION, f"the module speaks PMI {low}.x to {high}.x, this controller {SPEC_NAME}"
    return 0, ""


def _malformed(hello: pb.Hello) -> Iterator[str]:
    if len(hello.uid) != UID_SIZE:
        yield f"uid has {len(hello.uid)} B, must have {UID_SIZE} B"
    if len(hello.sheet_hash) != HASH_SIZE:
        yield f"sheet_hash has {len(hello.sheet_hash)} B, must have {HASH_SIZE} B"
    if not 0 < hello.sheet_size <= SHEET_MAX:
        yield f"sheet_size is {hello.sheet_size} B, must be 1..{SHEET_MAX} B"
    for name in ("vendor", "product", "serial_number", "slot_strap"):
        if len(getattr(hello, name)) > MAX_TEXT:
            yield f"{name} is longer than {MAX_TEXT} characters"
    if hello.level > 3:
        yield f"level is {hello.level}, known levels are 0..3"
    if hello.spec_min > hello.spec_max:
        yield "spec_min is above spec_max"
