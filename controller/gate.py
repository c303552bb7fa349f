"""The trust store and the firmware policy as one slot's keeper asks them (PMI §5, L3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.config import Trust
from controller.vouching import check_firmware, vouch
from interfaces.errors import AdmissionError, ConfigError
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import LEVEL_SECURED

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.config import Slot
    from controller.trust import TrustStore
    from controller.vouching import Voucher
    from interfaces.events import Identified
    from interfaces.security import ControllerCredentials


class Gate:
    """`store` None: nobody is trusted. `tell` gets what the log should say; it never holds a secret."""

    def __init__(self, store: TrustStore | None = None, policy: Trust = Trust()) -> None:  # noqa: B008 -- frozen
        self._store, self._policy = store, policy

    def voucher(
        self, slot: Slot, event: Identified, tell: Callable[[str], None]
    ) -> tuple[Voucher, ControllerCredentials] | None:
        """Who vouches for a module that must authenticate, and what to authenticate with; None for one that serves
        without. Raises AdmissionError. A damaged store shuts L3 slots and leaves the others as they were."""
        try:
            vendors = self._store.vendors() if self._store is not None else {}
            pin = self._store.pin(event.hello.uid) if self._store is not None else None
            voucher = vouch(slot, event, vendors, pin)
            return (voucher, self._store.credentials()) if voucher is not None and self._store is not None else None
        except ConfigError as error:
            if slot.level == f"L{LEVEL_SECURED}":
                raise AdmissionError(pb.NOT_TRUSTED, f"the trust store cannot be used: {error}") from error
            tell(f"runs unauthenticated, the trust store cannot be used: {error}")
            return None

    def passed(self, event: Identified, voucher: Voucher, tell: Callable[[str], None]) -> None:
        """After the proof: judge the firmware, pin a device seen for the first time. Raises AdmissionError."""
        if text := check_firmware(self._policy, event):
            tell(text)
        by = f"vendor {voucher.vendor}" if voucher.vendor else "pinned by hand"
        tell(f"authenticated, {by}, key {event.sheet.public_key.hex()}")
        if voucher.pinned or self._store is None:
            return
        try:
            self._store.add_device(event.hello.uid, event.sheet.public_key, voucher.vendor)
        except ConfigError as error:
            tell(f"its key could not be pinned: {error}")
