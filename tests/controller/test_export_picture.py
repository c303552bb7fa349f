"""`pole export sdsm` and `autoware`: the next pictures of a pole in the words of others."""

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
from controller.publication.profiles.autoware import tracked_objects
from controller.publication.radio.sdsm import sdsm
from controller.publication.radio.station import Station
from controller.publication.retold import tracks_of
from controller.publication.voice import sender_of
from interfaces.proto.publication_pb2 import PerceivedObjects
from sim.broker import Broker
from tests.controller.publication.profiles.scenes import STAMP
from tests.controller.publication.radio.scene import tracks

DEPLOY = Path(__file__).parents[2] / "deploy"


def asked(folder, url, seconds, what="sdsm"):
    shutil.copy(DEPLOY / "pole.toml", folder)
    shutil.copy(DEPLOY / "site.geojson", folder)
    return ["export", what, "--config", str(folder / "pole.toml"), "--broker", url, "--seconds", seconds]


async def exported(folder, what, *more):
    """What the command says while a pole publishes the same picture again and again."""
    async with Broker() as broker:
        words = [*asked(folder, broker.url, "10", what), *more]
        settings = load(folder / "pole.toml")
        (picture, *_) = objects(tracks(3), sender_of(settings), STAMP)
        async with aiomqtt.Client("127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            asking = asyncio.create_task(asyncio.to_thread(CliRunner().invoke, pole, words))
            while not asking.done():
                await client.publish(picture.topic, picture.payload)
                await asyncio.sleep(0.05)
    told = asking.result()
    assert told.exit_code == 0, told.output
    return settings, [json.loads(line) for line in told.stdout.splitlines()]


async def test_a_published_picture_is_told_as_the_encoder_tells_its_tracks(tmp_path):
    settings, told = await exported(tmp_path, "sdsm")
    assert told == [sdsm(tracks(3), Station.of(settings), STAMP.sequence)]


async def test_as_many_pictures_as_wanted_come_a_line_each(tmp_path):
    _, told = await exported(tmp_path, "autoware", "--pictures", "2")
    (picture, *_) = objects(tracks(3), sender_of(load(tmp_path / "pole.toml")), STAMP)
    assert told == [tracked_objects(tracks_of(PerceivedObjects.FromString(picture.payload)))] * 2


async def test_a_pole_that_shows_nothing_is_told_in_words(tmp_path):
    async with Broker() as broker:
        told = await asyncio.to_thread(CliRunner().invoke, pole, asked(tmp_path, broker.url, "0.3"))
    assert told.exit_code == 1
    assert told.stderr == "SDSM: the pole published no picture within 0.3 s\n"
