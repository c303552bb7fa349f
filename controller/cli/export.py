"""`pole export`: the live state of a pole in the documents of other systems, checked before they are printed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from controller.cli import export_cavc
from controller.cli.broker_options import Asked, broker_options
from controller.cli.exits import Exit
from controller.cli.export_cavc import LISTEN_S, NO_PICTURE, ids_of

if TYPE_CHECKING:
    from controller.broker import Broker
    from controller.config import Config
    from interfaces.proto.publication_pb2 import PerceivedObjects


@click.group()
def command() -> None:
    """Print what a pole tells other systems.

    Example: pole export cavc --config deploy/pole.toml --document targetInfo
    """


command.add_command(export_cavc.command, "cavc")


@command.command(short_help="All topics as AsyncAPI 3.0.")
@click.option("--root", default="", help="topic root [smartpole/v1]")
def asyncapi(root: str) -> None:
    """Print the AsyncAPI 3.0 document of all topics: names, schemas, MQTT settings.

    Example: pole export asyncapi > asyncapi.json
    """
    from interfaces.asyncapi import text
    from interfaces.topics import ROOT

    click.echo(text(root or ROOT), nl=False)


@command.command(short_help="The pole's rights for a mosquitto.")
@click.option("--config", type=click.Path(path_type=Path), default="/etc/pole/pole.toml", show_default=True)
@click.option("--user", default="", help="the pole's name at the broker [SL/RSU]")
def acl(config: Path, user: str) -> None:
    """Print the pole's rights for the acl_file of a mosquitto that knows it by another name than its ids.

    Where the name is SL/RSU, deploy/mosquitto/poles.acl serves every pole, and only what the profiles its-client and
    home-assistant write is to be added.

    Example: pole export acl --config deploy/pole.toml --user gate-7
    """
    from controller.config_file import load
    from controller.publication.acl import of_pole

    settings = load(config)
    click.echo(of_pole(settings, user or ids_of(settings)), nl=False)


@command.command(short_help="Map, views, road users, events (RFC 7946).")
@click.option("--config", type=click.Path(path_type=Path), default="/etc/pole/pole.toml", show_default=True)
@broker_options
@click.option("--seconds", type=click.FloatRange(0.1, 3600), default=LISTEN_S, show_default=True, help="to listen")
def geojson(config: Path, asked: Asked, seconds: float) -> None:
    """Print site map, fields of view, road users, hazards and near misses as one GeoJSON (RFC 7946).

    Fields of view are those of the newest data sheets, else those usual for each class. Near misses are those that
    happen while it listens.

    Example: pole export geojson --config deploy/pole.toml > pole.geojson
    """
    from controller.cached_sheets import declared
    from controller.config_file import load, load_site, site_text
    from controller.geometry import LocalFrame
    from controller.publication.profiles import geojson as made
    from controller.site_coverage import views

    settings = load(config)
    load_site(settings, config.parent)  # says what is wrong with a map that cannot be used
    text = site_text(settings, config.parent)
    heard = asyncio.run(_newest(settings, asked.broker(config), seconds))
    features = [
        *(made.site(json.loads(text)) if text else ()),
        *made.coverage(
            views(settings, declared(settings, config.parent / settings.pole.state_dir)), LocalFrame.of(settings.origin)
        ),
    ]
    for message in heard.values():
        features += made.objects(message) if hasattr(message, "objects") else [made.feature(message)]
    click.echo(json.dumps(made.collection(features), ensure_ascii=False, allow_nan=False))


@command.command(short_help="A picture in the words of SAE J3224.")
@click.option("--config", type=click.Path(path_type=Path), default="/etc/pole/pole.toml", show_default=True)
@broker_options
@click.option("--seconds", type=click.FloatRange(0.1, 3600), default=LISTEN_S, show_default=True, help="to listen")
def sdsm(config: Path, asked: Asked, seconds: float) -> None:
    """Print the pole's next picture as a sensor data sharing message (SAE J3224), in its names and wire units as JSON.

    No bytes: its ASN.1 has to be bought, and who has it can encode this. Exit code 1 when no picture came.

    Example: pole export sdsm --config deploy/pole.toml
    """
    from controller.config_file import load
    from controller.publication.radio import sdsm as made
    from controller.publication.radio.station import Station
    from controller.publication.retold import tracks_of

    settings = load(config)
    for picture in _pictures("SDSM", settings, asked.broker(config), seconds, 1):
        message = made.sdsm(tracks_of(picture), Station.of(settings), picture.header.sequence)
        click.echo(json.dumps(message, allow_nan=False))


@command.command(short_help="Pictures shaped as Autoware's TrackedObjects.")
@click.option("--config", type=click.Path(path_type=Path), default="/etc/pole/pole.toml", show_default=True)
@broker_options
@click.option("--seconds", type=click.FloatRange(0.1, 3600), default=LISTEN_S, show_default=True, help="to listen")
@click.option("--pictures", type=click.IntRange(1), default=1, show_default=True, help="how many, a line each")
def autoware(config: Path, asked: Asked, seconds: float, pictures: int) -> None:
    """Print the pole's next pictures in the shape of Autoware's TrackedObjects, as JSON, which ROS 2 reads as YAML.

    Frame "pole": metres east, north, up of the pole's origin. Exit code 1 when no picture came.

    \b
    Example: ros2 topic pub --once /pole/objects autoware_perception_msgs/msg/TrackedObjects \\
             "$(pole export autoware --config deploy/pole.toml)"
    """
    from controller.config_file import load
    from controller.publication.profiles.autoware import tracked_objects
    from controller.publication.retold import tracks_of

    for picture in _pictures("TrackedObjects", load(config), asked.broker(config), seconds, pictures):
        click.echo(json.dumps(tracked_objects(tracks_of(picture)), allow_nan=False))


def _pictures(what: str, config: Config, broker: Broker, seconds: float, count: int) -> list[PerceivedObjects]:
    """The next pictures of the pole; exit when none comes."""
    found: list[PerceivedObjects] = []
    with contextlib.suppress(TimeoutError):
        asyncio.run(_listen(config, broker, seconds, count, found))
    if not found:
        click.echo(f"{what}: {NO_PICTURE.format(seconds=seconds)}", err=True)
        sys.exit(Exit.FAILED)
    return found


async def _listen(config: Config, broker: Broker, seconds: float, count: int, found: list[PerceivedObjects]) -> None:
    from controller.subscription import consumer

    async with asyncio.timeout(seconds), consumer(broker, config.publish.root) as heard:
        async for one in heard.received(f"pole/{ids_of(config)}/objects"):
            if one.message is not None:
                found.append(cast("PerceivedObjects", one.message))
            if len(found) == count:
                return


async def _newest(config: Config, broker: Broker, seconds: float) -> dict[str, Any]:
    """The newest picture, hazards that hold, and near misses, by topic."""
    from controller.subscription import consumer
    from interfaces.proto.publication_pb2 import Hazard

    ids = ids_of(config)
    filters = (f"pole/{ids}/objects", f"hazard/+/+/+/+/{ids}/+", f"nearmiss/+/+/+/+/{ids}")
    newest: dict[str, Any] = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds), consumer(broker, config.publish.root) as heard:
            async for one in heard.received(*filters):
                if one.message is None or getattr(one.message, "phase", None) == Hazard.CANCEL:
                    newest.pop(one.topic, None)
                else:
                    key = f"{one.topic} {len(newest)}" if one.kind == "nearmiss" else one.topic
                    newest[key] = one.message
    return newest
