"""Radio end to end over ptys: what a pole sees goes to a comms module's radio, what vehicles say comes into fusion."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

import pytest

from controller import log
from controller.app import App
from controller.config_file import load, load_site
from controller.publication.radio import rc016_csma, uper
from interfaces.consumer import Consumer
from interfaces.proto import pmi_pb2 as pb
from sim.broker import Broker
from sim.plant import Plant
from sim.scenario import scenario
from tests.scenario.test_commands import started
from tests.scenario.test_pole import ended

PATIENCE_S = 30
RADIO = """
[radio]
send = ["cpm", "denm", "rc016", "rc016_csma"]
cpm_rate_hz = 5.0
cooperative = true
"""


class Stage:
    """A running pole whose comms module has a radio, on a road where every vehicle has one, too."""

    def __init__(self, folder, url, wires=None):
        scene = scenario("intersection")
        self.plant = Plant(scene, folder / "ports", baud=None, equipped=1.0, wires=wires)
        ports = {spec.slot: self.plant.url(spec.slot) for spec in scene.modules}
        (folder / "site.geojson").write_text(scene.site)
        (folder / "pole.toml").write_text(f'{scene.config_text(ports)}\n[mqtt]\nurl = "{url}"\n{RADIO}')
        self.config = load(folder / "pole.toml")
        self.app = App(self.config, load_site(self.config, folder), folder / "state", log.logger(), scene.site)
        self.objects = []
        self.url = url

    async def listen(self):
        async with Consumer(self.url) as heard:
            async for picture in heard.received("pole/+/+/objects"):
                self.objects.append(picture.message)

    @property
    def radio(self):
        module = self.plant.modules.get("comms")
        return module.radio if module is not None else None

    async def until(self, condition):
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 -- states are read, they have no event
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def staged(folder, url, wires=None):
    stage = Stage(folder, url, wires)
    tasks = [asyncio.create_task(one) for one in (stage.app.run(), stage.plant.run(), stage.listen())]
    try:
        yield stage
        assert not any(task.done() for task in tasks), [task for task in tasks if task.done()]
    finally:
        await ended(tasks)


async def test_a_pole_speaks_and_listens(tmp_path):
    async with Broker("127.0.0.1") as broker, staged(tmp_path, broker.url) as stage:
        pictures = (pb.ETSI_CPM, pb.RC016_ROADSIDE, pb.RC016_CSMA)
        await stage.until(lambda: stage.radio and all(stage.radio.counters[kind] >= 5 for kind in pictures))
        codec = uper.load()
        newest = {body.format: body for body in stage.radio.sent}
        cpm = codec.decode("CollectivePerceptionMessage", newest[pb.ETSI_CPM].payload)
        assert cpm["header"]["stationId"] == stage.config.pole.roadside_unit_id
        assert rc016_csma.decode(newest[pb.RC016_CSMA].payload).objects
        assert newest[pb.ETSI_CPM].radio == pb.RADIO_5_9_GHZ

        comms = list(stage.config.slot).index("comms")
        cooperative = lambda: [  # noqa: E731
            one for message in stage.objects for one in message.objects if one.cooperative
        ]
        await stage.until(lambda: any(one.sources != 1 << comms for one in cooperative()))
        assert all(one.sources >> comms & 1 for one in cooperative())
        assert any("comms" in message.header.modules for message in stage.objects)
        assert stage.app.radio.cooperative.counters.total() == 0
        keeper = stage.app.supervisors["comms"].keeper
        await stage.until(lambda: getattr(keeper.reading, "radio_sent", 0) > 0)

        await stage.plant.unplug("comms")
        await stage.until(lambda: str(stage.app.supervisors["comms"].keeper.session.state) == "LOST")
        stage.plant.plug("comms")
        await stage.until(lambda: stage.radio.counters[pb.ETSI_CPM] >= 1)


@pytest.mark.parametrize("kind", ["can", "canfd", "rs485", "tcp"])
async def test_radio_on_every_wire_that_carries_it(tmp_path, kind):
    async with Broker("127.0.0.1") as broker, staged(tmp_path, broker.url, {"comms": kind}) as stage:
        kinds = (pb.ETSI_CPM, pb.RC016_ROADSIDE, pb.RC016_CSMA)
        await stage.until(lambda: stage.radio and all(stage.radio.counters[one] >= 2 for one in kinds))
        await stage.until(lambda: any("comms" in message.header.modules for message in stage.objects))
        await stage.until(lambda: str(stage.app.supervisors["comms"].keeper.session.state) == "ACTIVE")


def test_a_simulated_radio_says_at_the_end_what_it_sent(tmp_path):
    folder = tmp_path / "sim"
    with started("sim", "--folder", folder, "--equipped", 0.5, "--seconds", 12, "--json") as sim:
        configuration = json.loads(sim.stdout.readline())["config"]
        text = Path(configuration).read_text()
        assert "cooperative = true" in text
        Path(configuration).write_text(text.replace('state_dir = "state"', f'state_dir = "{tmp_path / "state"}"'))
        with started("run", "--config", configuration):
            assert sim.wait(timeout=60) == 0
        told = sim.stderr.read()
    for kind in ("RC016_ROADSIDE", "RC016_CSMA", "ETSI_CPM"):
        assert f"{kind} sent by radio" in told
