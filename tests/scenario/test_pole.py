"""The whole pole over real ptys and a broker: modules come, go, are swapped and misbehave; the daemon goes on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random

import pytest

from controller import log
from controller.app import App
from controller.config_file import load, load_site
from interfaces.consumer import Consumer
from interfaces.frame import Frame, encode
from interfaces.spec import MessageType
from sim.broker import Broker
from sim.fault import DEMO_WIRES, storm
from sim.plant import Plant
from sim.scenario import scenario
from sim.wire import SerialWire

PATIENCE_S = 30


class Stage:
    """A running pole, its plant, and what a consumer saw."""

    def __init__(self, folder, scene, url, wires=None):
        self.plant = Plant(scene, folder / "ports", baud=None, wires=wires)
        (folder / "site.geojson").write_text(scene.site)
        text = scene.config_text({spec.slot: self.plant.url(spec.slot) for spec in scene.modules})
        text = text.replace("required = true", "required = true\nprobation_s = 3.0")
        (folder / "pole.toml").write_text(f'{text}\n[mqtt]\nurl = "{url}"\n')
        self.config = load(folder / "pole.toml")
        self.app = App(self.config, load_site(self.config, folder), folder / "state", log.logger(), scene.site)
        self.seen = []
        self.url = url

    async def listen(self):
        async with Consumer(self.url) as heard:
            async for one in heard.received():
                self.seen.append(one)

    def sensor(self, slot):
        """Of the newest profile that was published."""
        newest = next(one.message for one in reversed(self.seen) if one.kind == "profile")
        return next(one for one in newest.sensors if one.slot == slot)

    def state(self, slot):
        return str(self.app.supervisors[slot].keeper.session.state)

    async def until(self, condition):
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 -- states are read, they have no event
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def staged(folder, url, name="intersection", wires=None):
    stage = Stage(folder, scenario(name), url, wires)
    tasks = [asyncio.create_task(one) for one in (stage.app.run(), stage.plant.run(), stage.listen())]
    try:
        yield stage
        assert not any(task.done() for task in tasks), [task for task in tasks if task.done()]
    finally:
        await ended(tasks)


async def ended(tasks):
    for task in tasks:
        task.cancel()
    _, deaf = await asyncio.wait(tasks, timeout=PATIENCE_S)
    assert not deaf, [chain(task.get_coro()) for task in asyncio.all_tasks()]


def chain(coroutine):
    names = []
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None)
        names.append(f"{getattr(coroutine, '__qualname__', coroutine)}:{frame.f_lineno if frame else ''}")
        coroutine = getattr(coroutine, "cr_await", None)
    return " > ".join(names)


async def test_modules_on_wires_become_objects_at_a_consumer(tmp_path, mosquitto):
    async with staged(tmp_path, mosquitto.url) as stage:
        await stage.until(lambda: {stage.state(slot) for slot in stage.config.slot} == {"ACTIVE"})
        await stage.until(lambda: any(one.kind == "objects" and len(one.message.objects) >= 5 for one in stage.seen))
        fused = next(one.message for one in reversed(stage.seen) if one.kind == "objects")
        assert fused.header.reference_only
        assert set(fused.header.modules) <= set(stage.config.slot)
        kinds = {one.kind for one in stage.seen}
        assert {"status", "profile", "slot", "objects"} <= kinds


async def test_unplug_plug_and_swap(tmp_path):
    async with Broker("127.0.0.1") as broker, staged(tmp_path, broker.url) as stage:
        await stage.until(lambda: stage.state("camera") == "ACTIVE")
        await stage.plant.unplug("camera")
        await stage.until(lambda: stage.state("camera") == "LOST")
        degraded = lambda: any(  # noqa: E731
            one.kind == "status" and any("camera" in reason for reason in one.message.reasons) for one in stage.seen
        )
        await stage.until(degraded)
        await stage.until(lambda: any(one.kind == "profile" for one in stage.seen))
        await stage.until(lambda: not stage.sensor("camera").performs_in_full)
        stage.plant.plug("camera")
        await stage.until(lambda: stage.state("camera") == "ACTIVE")
        await stage.until(lambda: stage.sensor("camera").performs_in_full)
        assert stage.sensor("camera").ranges[0].reliability > 0.5
        await stage.plant.unplug("camera")
        stage.plant._serials["camera"] += 1
        stage.plant.plug("camera")
        await stage.until(lambda: stage.state("camera") == "PROBATION")
        await stage.until(lambda: stage.state("camera") == "ACTIVE")
        report = stage.app.supervisors["camera"].keeper.report(0.0, {})
        assert '"controller_verdict":true' in report.swap_record


def hostile(kind, rng):
    if kind == "noise":
        return rng.randbytes(4000)
    if kind == "flood":
        return encode(Frame(MessageType.HEARTBEAT, b"", 2, 1, 7, 7)) * 100
    if kind == "lies":
        return b"".join(encode(Frame(rng.randrange(300), rng.randbytes(30), 2, 1, rng.randrange(9))) for _ in range(50))
    return bytes([rng.randrange(1, 256)])  # dribble


@pytest.mark.parametrize("kind", ["noise", "flood", "lies", "dribble"])
async def test_a_bad_module_disturbs_nobody(tmp_path, kind):
    rng = random.Random(kind)
    async with Broker("127.0.0.1") as broker, staged(tmp_path, broker.url, "calm") as stage:
        await stage.until(lambda: stage.app.supervisors["lidar"].keeper._arrivals)
        await stage.plant.unplug("comms")
        wire = SerialWire(tmp_path / "ports" / "comms")
        link = wire.plug()
        before = stage.app.supervisors["lidar"].keeper._arrivals[-1]
        for _ in range(60):
            with contextlib.suppress(Exception):
                link.send_bytes(hostile(kind, rng))
            await asyncio.sleep(0.01)
        await stage.until(lambda: stage.app.supervisors["lidar"].keeper._arrivals[-1] > before)
        assert stage.state("lidar") == "ACTIVE"
        assert stage.state("comms") not in {"ACTIVE", "PROBATION"}
        await wire.unplug()
        stage.plant.plug("comms")
        await stage.until(lambda: stage.state("comms") in {"ACTIVE", "PROBATION"})


def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.parametrize(("wires", "count", "pause_s"), [({}, 1000, 0.004), (DEMO_WIRES, 100, 0.05)])
async def test_a_storm_of_plugging_leaves_nothing_behind(tmp_path, wires, count, pause_s):
    async with Broker("127.0.0.1") as broker, staged(tmp_path, broker.url, "calm", wires) as stage:
        await stage.until(lambda: {stage.state(slot) for slot in stage.config.slot} == {"ACTIVE"})
        await stage.until(lambda: any(one.kind == "objects" for one in stage.seen))
        tasks, files, resident = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd")), resident_mb()
        for fault in storm(list(stage.config.slot), count, seed=3):
            await stage.plant._do(fault)
            await asyncio.sleep(pause_s)
        for slot in stage.config.slot:
            await stage.plant.unplug(slot)
            stage.plant._serials[slot] = 1
            stage.plant.plug(slot)
        await stage.until(lambda: {stage.state(slot) for slot in stage.config.slot} <= {"ACTIVE", "PROBATION"})
        # an exchange or a closing port may be under way at any instant; what is left behind stays above the line
        with contextlib.suppress(TimeoutError):
            await stage.until(lambda: len(asyncio.all_tasks()) <= tasks + 2)
        names = sorted(task.get_coro().__qualname__ for task in asyncio.all_tasks())
        assert len(names) <= tasks + 2, names
        assert len(os.listdir("/proc/self/fd")) <= files + 2
        assert resident_mb() <= resident + 30


async def test_the_pole_runs_without_a_broker_and_says_so_later(tmp_path, mosquitto):
    mosquitto.stop()
    stage = Stage(tmp_path, scenario("intersection"), mosquitto.url)
    tasks = [asyncio.create_task(stage.app.run()), asyncio.create_task(stage.plant.run())]
    await stage.until(lambda: stage.state("lidar") == "ACTIVE")
    mosquitto.start()
    tasks.append(asyncio.create_task(stage.listen()))
    await stage.until(lambda: any(one.kind == "slot" and one.message.state == "ACTIVE" for one in stage.seen))
    await ended(tasks)
