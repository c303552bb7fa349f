"""Must this module authenticate, and does anybody trusted vouch for its key (PMI §5, L3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interfaces.errors import AdmissionError
from interfaces.port import SCHEMES
from interfaces.proto import pmi_pb2 as pb
from interfaces.security import is_sheet_signed
from interfaces.spec import KEY_SIZE, LEVEL_SECURED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.config import Slot, Trust
    from controller.trust import Pin
    from interfaces.events import Identified


@dataclass(frozen=True, slots=True)
class Voucher:
    """Who vouches for a module's key: a `vendor`, or the pin that is there (`pinned`)."""

    vendor: str
    pinned: bool


def vouch(slot: Slot, event: Identified, vendors: Mapping[str, bytes], pin: Pin | None) -> Voucher | None:
    """The voucher of a module that must authenticate; None for one that serves without, as its slot allows.

    `pin` is the module's own. Raises AdmissionError when an L3 slot finds nobody who vouches, or when a pinned uid
    comes with another key.
    """
    demanded = slot.level == f"L{LEVEL_SECURED}"
    if lacking := _lacking(slot, event):
        if demanded:
            raise _refusal(f"the slot requires level L3, {lacking}")
        return None
    key = event.sheet.public_key
    if pin is not None:
        if pin.key != key:
            raise _refusal(
                f"uid {event.hello.uid.hex()} is pinned to another key than {key.hex()}: another module carries its "
                f"identity, or its key was renewed (then: pole trust remove device {event.hello.uid.hex()})"
            )
        return Voucher(pin.vendor, pinned=True)
    for name, vendor_key in vendors.items():
        if is_sheet_signed(event.sheet_bytes, vendor_key):
            return Voucher(name, pinned=False)
    if demanded:
        raise _stranger(event)
    return None


def check_firmware(policy: Trust, event: Identified) -> str:
    """What to tell of an authenticated module's firmware, "" for a listed one; raises AdmissionError when the policy
    refuses it."""
    claimed, declared = event.hello.fw_hash, event.sheet.fw_hash
    if declared and declared != claimed:
        raise _refusal(f"HELLO says firmware {claimed.hex() or 'none'}, the data sheet {declared.hex()}")
    if claimed.hex() in {one.lower() for one in policy.firmware_allowed}:
        return ""
    text = f"firmware {claimed.hex() or 'without a hash'} is not in trust.firmware_allowed"
    if policy.firmware == "enforce":
        raise _refusal(f"{text}: update the module, or add it to pole.toml")
    return text


def _refusal(text: str) -> AdmissionError:
    return AdmissionError(pb.NOT_TRUSTED, text)


def _lacking(slot: Slot, event: Identified) -> str:
    scheme = slot.port.partition("://")[0]
    if scheme in SCHEMES and SCHEMES[scheme].level < LEVEL_SECURED:
        return f"which {scheme} cannot carry: move it to serial, TCP or CAN"
    if event.hello.level < LEVEL_SECURED or len(event.sheet.public_key) != KEY_SIZE:
        return "and the module's data sheet names no public key"
    return ""


def _stranger(event: Identified) -> AdmissionError:
    signed = "is signed by no trusted vendor" if event.sheet.vendor_signature else "is not signed by a vendor"
    return _refusal(
        f"the slot requires level L3, the module is not pinned and its data sheet {signed}: pole trust add vendor NAME "
        f"KEY, or for this module: pole trust add device {event.hello.uid.hex()} {event.sheet.public_key.hex()}"
    )
