"""The whole pole with modules on wires they share: found, bound to their slots, pulled, swapped, and back."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from sim.broker import Broker
from tests.scenario.test_pole import staged
from tests.starvation import lost

KINDS = ["can", "canfd", "rs485", "tcp", "modbus+tcp", "modbus+rtu"]


@pytest.mark.parametrize("kind", KINDS)
async def test_all_modules_on_one_wire(tmp_path, kind):
    wires = dict.fromkeys(("camera", "lidar", "radar", "comms"), kind)
    if kind == "modbus+rtu":  # has room for ten objects at 10 Hz
        wires = dict.fromkeys(("lidar", "radar"), kind)
    async with Broker("127.0.0.1") as broker, staged(tmp_path, broker.url, wires=wires) as stage:
        await stage.until(lambda: all(stage.state(slot) == "ACTIVE" for slot in wires))
        addresses = {stage.app.supervisors[slot].keeper.session.address for slot in wires}
        assert len(addresses) == (1 if "tcp" in kind else len(wires))
        await stage.plant.unplug("lidar")
        await stage.until(lambda: stage.state("lidar") == "LOST")
        assert stage.state("radar") == "ACTIVE"
        stage.plant.plug("lidar")
        await stage.until(lambda: stage.state("lidar") == "ACTIVE")
        again = {stage.app.supervisors[slot].keeper.session.address for slot in wires}
        assert again == addresses
        await stage.until(lambda: any(one.kind == "objects" and len(one.message.objects) for one in stage.seen))
        radar = partial(stage.app.health.slot, "radar")
        assert 0 < radar().granted <= radar().allowed <= 0.6
        if kind != "tcp":
            await stage.until(lambda: 0 < radar().load < 1)


@pytest.mark.parametrize("kind", ["can", "canfd", "rs485"])
async def test_plugging_a_module_costs_its_neighbours_no_frame(tmp_path, kind):
    wires = dict.fromkeys(("camera", "lidar", "radar", "comms"), kind)
    async with Broker("127.0.0.1") as broker, staged(tmp_path, broker.url, wires=wires) as stage:
        await stage.until(lambda: all(stage.state(slot) == "ACTIVE" for slot in wires))
        neighbours = [stage.app.supervisors[slot].keeper.session for slot in ("camera", "lidar")]

        async def pulled_and_plugged():
            before = [session.counters["gaps"] for session in neighbours]
            await stage.plant.unplug("radar")
            await stage.until(lambda: stage.state("radar") == "LOST")
            stage.plant.plug("radar")
            await stage.until(lambda: stage.state("radar") == "ACTIVE")
            return [session.counters["gaps"] - past for session, past in zip(neighbours, before, strict=True)]

        for _ in range(3):
            assert not any(await lost(pulled_and_plugged))
        assert all(stage.state(slot) == "ACTIVE" for slot in wires)


@pytest.mark.parametrize("kind", ["canfd", "rs485", "modbus+tcp"])
async def test_a_brown_out_ends_with_the_module_in_service(tmp_path, kind):
    """The supply dips: the module starts again and again, in the middle of whatever it was saying."""
    wires = {"lidar": kind, "camera": kind}
    async with Broker("127.0.0.1") as broker, staged(tmp_path, broker.url, wires=wires) as stage:
        await stage.until(lambda: all(stage.state(slot) == "ACTIVE" for slot in wires))
        session = stage.app.supervisors["lidar"].keeper.session
        first = session.hello.boot_id
        for dip in range(6):
            await stage.plant.unplug("lidar")
            stage.plant.plug("lidar")
            await asyncio.sleep(0.05 * dip)
        await stage.until(lambda: stage.state("lidar") == "ACTIVE" and session.hello.boot_id != first)
        assert stage.state("camera") == "ACTIVE"
