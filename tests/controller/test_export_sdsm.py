"""`pole export sdsm`: the next picture of a pole in the words of SAE J3224."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import aiomqtt
from click.testing import CliRunner

from controller.cli.main import pole
from controller.config_file import load
from controller.publication.objects import objects
from controller.publication.radio.sdsm import sdsm
from controller.publication.radio.station import Station
from controller.publication.voice import sender_of
from sim.broker import Broker
from tests.controller.publication.profiles.scenes import STAMP
from tests.controller.publication.radio.scene import tracks

DEPLOY = Path(__file__).parents[2] / "deploy"


def asked(folder, url, seconds):
    shutil.copy(DEPLOY / "pole.toml", folder)
    shutil.copy(DEPLOY / "site.geojson", folder)
    return ["export", "sdsm", "--config", str(folder / "pole.toml"), "--broker", url, "--seconds", seconds]


async def test_a_published_picture_is_told_as_the_encoder_tells_its_tracks(tmp_path):
    async with Broker() as broker:
        words = asked(tmp_path, broker.url, "10")
        settings = load(tmp_path / "pole.toml")
        (picture, *_) = objects(tracks(3), sender_of(settings), STAMP)
        async with aiomqtt.Client("127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            asking = asyncio.create_task(asyncio.to_thread(CliRunner().invoke, pole, words))
            while not asking.done():
                await client.publish(picture.topic, picture.payload)
                await asyncio.sleep(0.05)
    told = asking.result()
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout) == sdsm(tracks(3), Station.of(settings), STAMP.sequence)


async def test_a_pole_that_shows_nothing_is_told_in_words(tmp_path):
    async with Broker() as broker:
        told = await asyncio.to_thread(CliRunner().invoke, pole, asked(tmp_path, broker.url, "0.3"))
    assert told.exit_code == 1
    assert told.stderr == "SDSM: the pole published no picture within 0.3 s\n"
