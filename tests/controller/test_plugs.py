"""What stands in the way of a module that is plugged in is said to a person."""

from __future__ import annotations

import asyncio

import pytest

from controller.address_book import AddressBook
from controller.plugs import Plugs
from interfaces.errors import LinkError


async def test_a_port_that_is_there_but_cannot_be_opened_is_told_while_it_is_there(tmp_path):
    port = tmp_path / "camera"
    port.write_text("no serial port")
    plugs = Plugs({"camera": str(port)}, AddressBook(tmp_path / "book"), places=lambda _: (), report=lambda *_: None)
    files = asyncio.create_task(plugs._files.run())
    try:
        with pytest.raises(LinkError):
            await plugs.arrive("camera")
        (trouble,) = plugs.troubles()
        assert trouble.startswith(f"slot camera: {port}: ")
        port.unlink()
        async with asyncio.timeout(10):
            while list(plugs.troubles()):  # noqa: ASYNC110 -- the look once a second is the event
                await asyncio.sleep(0.01)
    finally:
        files.cancel()
        await asyncio.wait([files])
