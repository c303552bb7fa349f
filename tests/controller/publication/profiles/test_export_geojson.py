"""`pole export geojson` beside a broker: map, views, road users and events as one collection."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import aiomqtt
from click.testing import CliRunner

from controller.cli.main import pole
from controller.config_file import load
from controller.hazard.hazard import Phase
from controller.publication.objects import objects
from controller.publication.voice import sender_of
from sim.broker import Broker
from tests.controller.publication.profiles.scenes import STAMP, hazard_said
from tests.controller.publication.radio.scene import tracks

DEPLOY = Path(__file__).parents[4] / "deploy"


async def test_everything_that_is_known_of_the_place_is_one_collection(tmp_path):
    for name in ("site.geojson", "pole.toml"):
        shutil.copy(DEPLOY / name, tmp_path)
    path = tmp_path / "pole.toml"
    async with Broker() as broker:
        sender = sender_of(load(path))
        picture = next(objects(tracks(2), sender, STAMP))
        (hazard,) = hazard_said(Phase.NEW)[:1]
        ids = f"{sender.service_location_id}/{sender.roadside_unit_id}"
        tile, action = hazard.topic.split("/hazard/")[1].rsplit("/", 3)[0], hazard.topic.rsplit("/", 1)[1]
        async with aiomqtt.Client("127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            await client.publish(f"{sender.root}/hazard/{tile}/{ids}/{action}", hazard.payload, 1, retain=True)
            asked = ["export", "geojson", "--config", str(path), "--broker", broker.url, "--seconds", "3"]
            asking = asyncio.create_task(asyncio.to_thread(CliRunner().invoke, pole, asked))
            while not asking.done():
                await client.publish(picture.topic, picture.payload)
                await asyncio.sleep(0.1)
    said = asking.result()
    assert said.exit_code == 0, said.output
    told = json.loads(said.stdout)
    layers = [one["properties"]["layer"] for one in told["features"]]
    assert layers.count("object") == 2
    assert layers.count("hazard") == 1
    assert layers.count("coverage") == 3, "comms sees nothing"
    assert layers.count("site") == len(json.loads((tmp_path / "site.geojson").read_text())["features"])
    assert len(told["bbox"]) in {4, 6}
