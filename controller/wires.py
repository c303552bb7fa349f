"""Ports opened by their URL; each binding is imported only when a port needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from interfaces import spec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from controller.address_book import AddressBook
    from interfaces.bus import Bus
    from interfaces.link import Link
    from interfaces.port import Port

ADDRESS_RANGES: Final = {
    "rs485": (spec.ADDRESS_FIRST_MODULE, spec.ADDRESS_LAST_MODULE),
    "can": (spec.CAN_NODE_FIRST, spec.CAN_NODE_LAST),
    "can+sim": (spec.CAN_NODE_FIRST, spec.CAN_NODE_LAST),
    "modbus+rtu": (1, 246),
    "modbus+tcp": (1, 246),
}


async def open_link(port: Port) -> Link:
    """The one module on a serial line or a TCP stream. Raises LinkError."""
    if port.scheme == "tcp":
        from interfaces.tcp_link import open_tcp

        return await open_tcp(port.url)
    from interfaces.serial_link import open_serial

    return await open_serial(port.url)


async def open_bus(port: Port, book: AddressBook, expected: Iterable[int] = ()) -> Bus:
    """A wire with several modules; `expected` are addresses that pole.toml names. Raises LinkError."""
    addresses = book.table(port.wire, *ADDRESS_RANGES[port.scheme])
    if port.scheme == "rs485":
        from interfaces.rs485_bus import open_rs485

        return await open_rs485(port.wire, addresses)
    if port.scheme.startswith("can"):
        from interfaces.can_bus import open_can

        return await open_can(port.wire, addresses)
    from interfaces.modbus_bus import open_modbus

    return await open_modbus(port.wire, addresses, expected)
