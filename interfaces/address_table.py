"""Addresses on one bus: each module keeps the one it got (PMI §6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interfaces.errors import LinkError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class AddressTable:
    """Which module has which address on one bus, for as long as the table is kept: uid → address.

    `changed` is called with the whole table after each new entry, so that an owner can keep it on disk.
    """

    def __init__(
        self,
        first: int,
        last: int,
        known: Mapping[bytes, int] | None = None,
        changed: Callable[[Mapping[bytes, int]], None] = lambda _table: None,
    ) -> None:
        self._range = range(first, last + 1)
        self._known: dict[bytes, int] = {
            uid: address for uid, address in (known or {}).items() if address in self._range
        }
        self._changed = changed

    def address_of(self, uid: bytes, wish: int = 0) -> int:
        """The module's address, the same for ever; a new module gets `wish` if that is free, else the lowest free one.

        Raises LinkError when the bus is full.
        """
        if (known := self._known.get(uid)) is not None:
            return known
        taken = set(self._known.values())
        address: int | None = next(
            (one for one in [wish, *self._range] if one in self._range and one not in taken), None
        )
        if address is None:
            raise LinkError(f"all {len(self._range)} addresses of the bus are taken: forget modules that left for good")
        self._known[uid] = address
        self._changed(dict(self._known))
        return address

    @property
    def known(self) -> Mapping[bytes, int]:
        """Every entry."""
        return dict(self._known)

    def uid_at(self, address: int) -> bytes | None:
        """Whose address this is."""
        return next((uid for uid, known in self._known.items() if known == address), None)
