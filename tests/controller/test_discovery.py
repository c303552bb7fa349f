"""Ports that come and go in real folders, noticed by the watch and not by the look once a second."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from controller import discovery
from controller.discovery import FolderWatch, Ports, UdevWatch, watches_for


@contextlib.asynccontextmanager
async def running(ports):
    task = asyncio.create_task(ports.run())
    try:
        yield ports
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture(autouse=True)
def only_the_watch(monkeypatch):
    monkeypatch.setattr(discovery, "RESCAN_S", 1000.0)


async def soon(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 -- what is there has no event of its own
            await asyncio.sleep(0.005)


async def test_a_port_is_seen_when_it_comes_and_when_it_goes(tmp_path):
    port = tmp_path / "camera"
    async with running(Ports([port])) as ports:
        waiting = asyncio.create_task(ports.until_present(port))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        port.symlink_to("/dev/null")
        async with asyncio.timeout(10):
            await waiting
        port.unlink()
        await soon(lambda: not ports._present)


async def test_folders_that_do_not_exist_yet_are_followed(tmp_path):
    port = tmp_path / "serial" / "by-path" / "usb-1"
    async with running(Ports([port])) as ports:
        await asyncio.sleep(0.02)
        for folder in (port.parents[1], port.parent):
            folder.mkdir()
            await asyncio.sleep(0.02)
        port.touch()
        async with asyncio.timeout(10):
            await ports.until_present(port)
        port.unlink()
        port.parent.rmdir()
        port.parents[1].rmdir()
        await soon(lambda: not ports._present)
        port.parent.mkdir(parents=True)
        port.touch()
        async with asyncio.timeout(10):
            await ports.until_present(port)


async def test_a_port_that_is_there_at_first_start_is_seen(tmp_path):
    port = tmp_path / "lidar"
    port.touch()
    async with running(Ports([port])) as ports, asyncio.timeout(10):
        await ports.until_present(port)


async def test_any_watch_makes_it_look(tmp_path):
    class Told:
        def __init__(self):
            self.event = asyncio.Event()

        async def change(self):
            await self.event.wait()
            self.event.clear()

    port, told = tmp_path / "radar", Told()
    async with running(Ports([port], [told])) as ports:
        await asyncio.sleep(0.02)
        port.touch()
        await asyncio.sleep(0.05)
        assert not ports._present
        told.event.set()
        async with asyncio.timeout(10):
            await ports.until_present(port)


async def test_without_udev_the_folders_are_enough(tmp_path, monkeypatch):
    def absent(_self):
        raise OSError("no udev here")

    monkeypatch.setattr(UdevWatch, "__init__", absent)
    (only,) = watches_for([tmp_path / "x"])
    assert isinstance(only, FolderWatch)


async def test_udev_is_listened_to_and_let_go_again():
    class Monitor:
        def __init__(self, readable):
            self.readable, self.events = readable, ["add", "remove"]

        def fileno(self):
            return self.readable.fileno()

        def poll(self, timeout):
            assert timeout == 0
            if self.events:
                return self.events.pop()
            self.readable.recv(100)
            return None

    here, there = socket.socketpair()
    with here, there:
        watch = UdevWatch.__new__(UdevWatch)
        watch._monitor = Monitor(here)
        there.send(b"x")
        async with asyncio.timeout(10):
            await watch.change()
        assert not watch._monitor.events
        assert not asyncio.get_running_loop().remove_reader(here.fileno())
