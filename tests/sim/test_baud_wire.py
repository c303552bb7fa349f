"""A serial line whose two ends must agree on their rate, over a real pty with real termios."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from interfaces.errors import LinkError
from interfaces.serial_link import AgreedLink, open_serial
from interfaces.states import State
from sim.baud_wire import BaudWire
from sim.module import SimModule
from sim.scene import ModuleSpec
from tests.bus_owner import Owner


@contextlib.asynccontextmanager
async def a_module(wire, options):
    module = SimModule(ModuleSpec("comms-1", "comms"), lambda: None)
    task = asyncio.create_task(module.run(wire))
    await asyncio.sleep(0)
    link = await open_serial(f"serial://{wire.path}?{options}")
    owner = Owner()
    owner.found_alone(link, module.uid)
    try:
        yield link, owner, module.uid
    finally:
        await owner.close()
        await link.close()
        task.cancel()
        await asyncio.wait([task])


async def until(condition):
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110 -- states are read, they have no event
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("limit", [460_800, 921_600])
async def test_they_change_to_the_faster_rate_and_stay(tmp_path, limit):
    wire = BaudWire(tmp_path / "port")
    async with a_module(wire, f"baud=115200&baud_max={limit}") as (link, owner, uid):
        await until(lambda: owner.state(uid) is State.ACTIVE)
        await asyncio.sleep(2.5)
        assert link.baud == wire.link.baud == limit
        assert owner.state(uid) is State.ACTIVE
        assert owner.data[uid] >= 2


async def test_a_bad_cable_ends_at_the_rate_it_carries(tmp_path):
    wire = BaudWire(tmp_path / "port", limit=115_200)
    async with a_module(wire, "baud=115200&baud_max=921600") as (link, owner, uid):
        await until(lambda: owner.state(uid) is State.ACTIVE)
        assert link.baud == wire.link.baud == 115_200
        assert sum(link.faults.values()) > 0, "what was said at the other rate was noise"


async def test_a_module_that_falls_back_alone_is_heard_again(tmp_path):
    wire = BaudWire(tmp_path / "port")
    async with a_module(wire, "baud=115200&baud_max=921600") as (link, owner, uid):
        await until(lambda: owner.state(uid) is State.ACTIVE)
        assert link.baud == 921_600
        wire.link.reset()
        before = owner.data[uid]
        await until(lambda: owner.data[uid] >= before + 3)
        assert link.baud == wire.link.baud
        assert sum(link.faults.values()) > 0


async def test_without_the_option_nothing_changes(tmp_path):
    wire = BaudWire(tmp_path / "port")
    async with a_module(wire, "baud=115200") as (link, owner, uid):
        await until(lambda: owner.state(uid) is State.ACTIVE)
        assert not isinstance(link, AgreedLink)
        assert wire.link.baud == 115_200


async def test_two_who_speak_at_different_rates_hear_noise(tmp_path):
    wire = BaudWire(tmp_path / "port", rates=(115_200,))
    async with a_module(wire, "baud=460800") as (link, owner, uid):
        await asyncio.sleep(1.5)
        assert owner.state(uid) is State.ABSENT
        assert sum(link.faults.values()) > 0


async def test_a_rate_that_is_none_is_refused(tmp_path):
    with pytest.raises(LinkError, match="baud_max is 'fast'"):
        await open_serial(f"serial://{tmp_path}/port?baud_max=fast")
