"""`pole export cavc` beside a broker: documents on stdout, reasons on stderr, exit codes."""

from __future__ import annotations

import asyncio
import contextlib
import json

import aiomqtt
import pytest
from click.testing import CliRunner
from living import SENDER, T0, UNIT, report, tracks

from controller.cli.export_cavc import NAMES
from controller.cli.main import pole
from controller.publication.cavc.document import DOCUMENTS
from controller.publication.cavc.validation import problems
from controller.publication.objects import objects
from controller.publication.publication import Stamp
from controller.publication.slots import slot_status
from controller.publication.status import pole_status
from controller.slot import PoleReport
from interfaces.errors import LinkError
from sim.broker import Broker

STAMP = Stamp(1, T0)
PORTS = {"camera": "camera", "radar": "radar"}
TEXT = """
[pole]
service_location_id = 8202302
roadside_unit_id = 136323842
state_dir = "state"
[origin]
latitude_deg = 36.6
longitude_deg = 140.6
altitude_m = 30.0
geoid_height_m = 40.0
[mqtt]
url = "URL"
[cavc.roadside_unit]
UNIT
[slot.camera]
class = "camera"
port = "serial:///dev/a"
[slot.radar]
class = "radar"
port = "serial:///dev/b"
"""


@pytest.fixture
def config(tmp_path):
    def write(url="mqtt://127.0.0.1:1", unit=UNIT):
        lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in unit.items())
        path = tmp_path / "pole.toml"
        path.write_text(TEXT.replace("URL", url).replace("UNIT", lines), encoding="utf-8")
        return path

    return write


async def export(*arguments):
    runner = CliRunner()
    return await asyncio.to_thread(runner.invoke, pole, ["export", "cavc", *map(str, arguments)])


@contextlib.asynccontextmanager
async def published(*kinds):
    """A broker on which a pole has said what `kinds` names, and goes on showing pictures."""
    state = PoleReport(True, 0, 1, (), 0.0, 0, 0, 0.0, 0.0, 0.0, T0, "1")
    made = {
        "status": pole_status(state, SENDER, STAMP)[:1],
        "slots": [slot_status(report(name, device_id=7), SENDER, STAMP)[0] for name in PORTS],
        "objects": (next(objects(tracks(2), SENDER, STAMP)),),
    }

    async def say(client):
        while True:
            for kind in kinds:
                for one in made[kind]:
                    await client.publish(one.topic, one.payload, one.qos, one.retain)
            await asyncio.sleep(0.05)

    async with Broker("127.0.0.1") as broker:
        host, port = broker.url.removeprefix("mqtt://").split(":")
        async with aiomqtt.Client(host, int(port), protocol=aiomqtt.ProtocolVersion.V5) as client:
            task = asyncio.create_task(say(client))
            try:
                yield broker.url
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


async def test_every_document_of_a_living_pole_is_printed_and_legal(config):
    async with published("status", "slots", "objects") as url:
        done = await export("--config", config(url), "--json", "--seconds", 1)
    assert done.exit_code == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["document"] for line in lines] == list(NAMES) == list(DOCUMENTS)
    for line in lines:
        assert problems(DOCUMENTS[line["document"]], line["body"]) == []
        assert line["path"] == DOCUMENTS[line["document"]].path


async def test_it_ends_as_soon_as_it_has_what_it_needs(config):
    async with published("status", "slots", "objects") as url, asyncio.timeout(30):
        done = await export("--config", config(url), "--seconds", 60, "--document", "targetInfo")
    title, _, body = done.stdout.partition("\n")
    assert title == "# 物標情報 targetInfo"
    assert json.loads(body)["attribute"]["deviceIndividualInfo"][0]["targetNum"] == 2


async def test_what_is_not_known_is_said_and_the_rest_printed(config):
    async with published() as url:
        done = await export("--config", config(url, unit={}), "--seconds", 0.3, "--json")
    assert done.exit_code == 1
    assert {json.loads(line)["document"] for line in done.stdout.splitlines()} == {
        "serviceLocationInfo",
        "nearMissInfoList",
    }
    for words in (
        "targetInfo: the pole published no picture within 0.3 s",
        "aliveMonitoringInfo: pole 8202302/136323842 has said nothing of itself",
        "[cavc.roadside_unit] lacks product_number, licensing_info",
    ):
        assert words in done.stderr


async def test_what_the_operator_says_needs_no_broker(config):
    done = await export("--config", config(), "--document", "roadsideUnitInfo", "--document", "serviceLocationInfo")
    assert done.exit_code == 0, done.stderr
    assert "見本 1号柱" in done.stdout


async def test_a_broker_out_of_reach_is_named(config):
    done = await export("--config", config(), "--document", "targetInfo")
    assert isinstance(done.exception, LinkError)
    assert "mqtt://127.0.0.1:1: nothing listens there" in str(done.exception)


@pytest.mark.parametrize(("name", "hint"), [("targetinfo", "did you mean targetInfo?"), ("x", "known: targetInfo")])
async def test_a_wrong_name_is_refused_with_the_right_one(config, name, hint):
    done = await export("--config", config(), "--document", name)
    assert done.exit_code == 2
    assert hint in done.stderr.replace("\n", " ")
