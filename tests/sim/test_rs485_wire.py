"""Several modules on one line over a real pty: found, served at their rate, plugged, pulled, doubled and babbling."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os

import numpy as np
import pytest

from interfaces.address_table import AddressTable
from interfaces.errors import LinkError
from interfaces.frame import Frame
from interfaces.rs485_bus import open_rs485
from interfaces.states import State
from sim.module import SimModule
from sim.road import TRUTH
from sim.rs485_wire import Rs485Line, Rs485Wire
from sim.scene import ModuleSpec
from tests.bus_owner import Owner
from tests.starvation import lost


def crowd():
    rows = np.zeros(12, TRUTH)
    rows["id"], rows["object_class"] = np.arange(12), 2
    rows["x"], rows["y"] = np.arange(12) * 4.0 + 8, 1.0
    rows["vx"], rows["length"], rows["width"], rows["height"] = 12, 4.5, 1.8, 1.5
    return rows


class Rig:
    """A line, the bus on it, its owner, and modules that can be plugged and pulled."""

    def __init__(self, folder, baud):
        self.line = Rs485Line(folder / "line", baud)
        self.owner = Owner()
        self.table = {}
        self.modules, self.wires, self.tasks = {}, {}, {}

    async def open(self):
        self.line.open()
        self.bus = await open_rs485(self.line.url, AddressTable(2, 254, self.table, self.table.update))
        self.serving = asyncio.create_task(self.bus.run(self.owner.found))

    def plug(self, serial, kind="lidar"):
        module = SimModule(ModuleSpec(f"slot-{serial}", kind), crowd, serial=serial)
        self.modules[serial], self.wires[serial] = module, Rs485Wire(self.line)
        self.tasks[serial] = asyncio.create_task(module.run(self.wires[serial]))
        return module.uid

    async def pull(self, serial):
        self.tasks[serial].cancel()
        await asyncio.wait([self.tasks.pop(serial)])

    async def close(self):
        self.serving.cancel()
        await asyncio.gather(self.serving, *self.tasks.values(), return_exceptions=True) if self.stop() else None
        await self.bus.close()
        await self.owner.close()
        self.line.close()

    def stop(self):
        for task in self.tasks.values():
            task.cancel()
        return True

    def active(self, *uids):
        return all(self.owner.state(uid) is State.ACTIVE for uid in uids)

    def gaps(self, uids):
        return np.array([self.owner.sessions[uid].counters["gaps"] for uid in uids])


@contextlib.asynccontextmanager
async def a_rig(folder, baud=921_600):
    rig = Rig(folder, baud)
    await rig.open()
    try:
        yield rig
    finally:
        await rig.close()


async def until(condition, limit_s=40):
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 -- states are read, they have no event
            await asyncio.sleep(0.005)


async def test_four_modules_are_found_and_deliver_at_their_granted_rate(tmp_path):
    async with a_rig(tmp_path) as rig:
        uids = [rig.plug(serial) for serial in range(1, 5)]
        await until(lambda: rig.active(*uids))
        assert {link.address for link in rig.owner.links} == {2, 3, 4, 5}
        before = rig.owner.data.copy()

        async def eighty_more():
            said, gaps = rig.owner.data.total(), rig.gaps(uids)
            await until(lambda: rig.owner.data.total() - said >= 80)
            return rig.gaps(uids) - gaps

        assert not any(await lost(eighty_more)), "all that they measured arrived"
        rates_hz = [rig.owner.sessions[uid].plans[0].rate_mhz / 1000 for uid in uids]
        shares = [(rig.owner.data[uid] - before[uid]) / rate for uid, rate in zip(uids, rates_hz, strict=True)]
        assert shares == pytest.approx([np.mean(shares)] * 4, rel=0.15)
        assert 0 < rig.bus.load < 1
        assert rig.line.collisions > 0
        assert not rig.bus.faults, "collisions belong to the search"


@pytest.mark.parametrize(("baud", "count", "load"), [(921_600, 4, 0.04), (230_400, 5, 0.25)])
async def test_one_more_is_plugged_in_and_the_others_do_not_notice(tmp_path, baud, count, load):
    async with a_rig(tmp_path, baud) as rig:
        uids = [rig.plug(serial) for serial in range(1, count + 1)]
        await until(lambda: rig.active(*uids))
        sessions = {uid: rig.owner.sessions[uid].session_id for uid in uids}
        await until(lambda: rig.bus.load > load)
        before = rig.owner.data.copy()

        async def plugged_once_more():
            gaps = rig.gaps(uids)
            one_more = rig.plug(count + 1, "comms")
            await until(lambda: rig.active(one_more))
            said = rig.owner.data.total()
            await until(lambda: rig.owner.data.total() - said >= 60)
            missing = rig.gaps(uids) - gaps
            await rig.pull(count + 1)
            await until(lambda: rig.owner.state(one_more) is State.LOST)
            return missing

        assert not any(await lost(plugged_once_more)), "nothing of theirs was lost"
        assert rig.active(*uids)
        assert {uid: rig.owner.sessions[uid].session_id for uid in uids} == sessions
        delivered = [rig.owner.data[uid] - before[uid] for uid in uids]
        assert delivered == pytest.approx([np.mean(delivered)] * count, rel=0.2)


async def test_a_pulled_module_is_given_up_and_keeps_its_address(tmp_path):
    async with a_rig(tmp_path) as rig:
        first, second = rig.plug(1), rig.plug(2)
        await until(lambda: rig.active(first, second))
        addresses = dict(rig.table)
        await rig.pull(1)
        await until(lambda: rig.owner.state(first) is State.LOST)
        assert rig.active(second)
        await until(lambda: any("silent for 1 s" in reason for reason in rig.owner.reasons))
        rig.plug(1)
        await until(lambda: rig.active(first))
        assert rig.table == addresses
        assert rig.owner.links[-1].address == addresses[first]


async def test_a_module_that_comes_back_before_it_was_missed_is_another_boot(tmp_path):
    async with a_rig(tmp_path) as rig:
        uid = rig.plug(1)
        await until(lambda: rig.active(uid))
        await rig.pull(1)
        rig.plug(1)
        await until(lambda: len(rig.owner.links) == 2 and rig.active(uid))
        assert rig.owner.links[0].ended is not None


async def test_pulled_in_the_middle_of_the_data_sheet(tmp_path):
    async with a_rig(tmp_path, 115_200) as rig:
        neighbour = rig.plug(9)
        await until(lambda: rig.active(neighbour))
        uid = rig.plug(1)
        await until(lambda: rig.owner.state(uid) is State.IDENTIFYING)
        await rig.pull(1)
        await until(lambda: rig.owner.state(uid) is State.LOST)
        assert rig.active(neighbour)
        rig.plug(1)
        await until(lambda: rig.active(uid, neighbour))


async def test_two_with_the_same_uid(tmp_path):
    async with a_rig(tmp_path) as rig:
        neighbour, uid = rig.plug(2), rig.plug(1)
        await until(lambda: rig.active(neighbour, uid))
        rig.tasks[3] = asyncio.create_task(rig.modules[1].run(Rs485Wire(rig.line)))  # the same module once more
        await until(lambda: rig.bus.faults.get("duplicate_uid", 0) > 0)
        await asyncio.sleep(0.5)
        assert rig.active(neighbour, uid), "the one that was there first stays"
        assert len(rig.owner.links) == 2


async def test_two_with_the_same_uid_at_once_leave_the_others_alone(tmp_path):
    async with a_rig(tmp_path) as rig:
        first = rig.plug(1)
        rig.tasks[3] = asyncio.create_task(rig.modules[1].run(Rs485Wire(rig.line)))
        others = [rig.plug(serial) for serial in (4, 5)]
        await until(lambda: rig.active(*others))
        await until(lambda: rig.bus.faults.get("duplicate_uid", 0) > 0)
        await until(lambda: rig.active(*others))
        assert sum(link.hello.uid == first for link in rig.owner.links) <= 1


async def test_a_babbling_module_is_named_and_the_others_go_on(tmp_path):
    async with a_rig(tmp_path) as rig:
        babbler, neighbour = rig.plug(1), rig.plug(2)
        await until(lambda: rig.active(babbler, neighbour))
        address = rig.table[babbler]
        before = rig.owner.data[neighbour]
        for index in range(50):
            wire = rig.wires[1]
            if index % 2:
                wire.link.send_bytes(os.urandom(20))
            else:
                rig.line.talk(wire.link, _pong(address))
            await asyncio.sleep(0.02)
        link = next(one for one in rig.owner.links if one.address == address)
        assert link.faults["unasked"] > 0
        assert rig.owner.state(neighbour) in {State.ACTIVE, State.DEGRADED}
        await until(lambda: rig.owner.data[neighbour] > before + 5)
        await until(lambda: rig.active(neighbour, babbler))


def _pong(address):
    from interfaces.frame import encode

    return encode(Frame(0x0A, b"\x08\x01", address, 1, 999))


async def test_a_new_controller_finds_them_at_once(tmp_path):
    async with a_rig(tmp_path) as rig:
        uids = [rig.plug(serial) for serial in (1, 2)]
        await until(lambda: rig.active(*uids))
        rig.serving.cancel()
        await asyncio.wait([rig.serving])
        await rig.bus.close()
        await rig.owner.close()
        rig.owner = Owner()
        await rig.open()
        await until(lambda: rig.active(*uids))


async def test_pulling_the_adapter_ends_every_link(tmp_path):
    async with a_rig(tmp_path) as rig:
        uids = [rig.plug(serial) for serial in (1, 2)]
        await until(lambda: rig.active(*uids))
        rig.line.close()
        with pytest.raises(LinkError, match="unplugged"):
            await rig.serving
        assert all(link.ended is not None for link in rig.owner.links)


async def test_who_lets_a_module_go_gets_it_again(tmp_path):
    async with a_rig(tmp_path) as rig:
        uid = rig.plug(1)
        await until(lambda: rig.active(uid))
        await rig.owner.links[0].close()
        await until(lambda: len(rig.owner.links) == 2 and rig.active(uid))


async def test_a_hundred_plug_cycles_leave_nothing_behind(tmp_path):
    async with a_rig(tmp_path) as rig:
        stays = rig.plug(1, "comms")
        await until(lambda: rig.active(stays))
        sessions = rig.owner.sessions[stays].session_id
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            found = len(rig.owner.links)
            uids = {rig.plug(serial, "comms") for serial in range(2, 7)}
            await until(lambda n=found: len(rig.owner.links) >= n + 5)
            for serial in range(2, 7):
                await rig.pull(serial)
        assert rig.active(stays)
        assert rig.owner.sessions[stays].session_id == sessions
        await until(lambda: rig.owner.links[-1].ended is not None)
        gc.collect()
        assert len(os.listdir("/proc/self/fd")) <= before
        assert rig.table.keys() == {stays, *uids}
