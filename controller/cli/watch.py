"""`pole watch`: what poles publish, as a live picture or as JSON lines."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from typing import TYPE_CHECKING

import click

from controller.cli.broker_options import Asked, broker_options
from controller.cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.broker import Broker


@click.command()
@broker_options
@click.option("--topic", "topics", multiple=True, help="topic filter below the root; may be repeated")
@click.option("--area", default="", help="空間ID z/f/x/y: only events in this place")
@click.option("--root", default="smartpole/v1", show_default=True, help="topic root")
@click.option("--seconds", type=click.FloatRange(0.1), default=None, help="stop after so long")
@click.option("--json", "as_json", is_flag=True, help="one JSON line a publication")
def command(
    asked: Asked, topics: tuple[str, ...], area: str, root: str, seconds: float | None, *, as_json: bool
) -> None:
    """Show what poles publish, decoded from protobuf.

    Example: pole watch --broker mqtts://broker.example --ca ca.pem --area 14/0/14591/6423 --seconds 30 --json
    """
    import aiomqtt

    broker = asked.broker()
    filters = [*topics, *(_of_area(area) if area else ())] or ["#"]
    try:
        with contextlib.suppress(TimeoutError, KeyboardInterrupt):
            asyncio.run(asyncio.wait_for(watch(broker, root, filters, as_json=as_json), seconds))
    except (aiomqtt.MqttError, OSError) as error:
        click.echo(f"broker {broker.address}: {error}", err=True)
        sys.exit(Exit.UNREACHABLE)


def _of_area(area: str) -> tuple[str, ...]:
    from interfaces.spatial_id import Voxel, quadkey
    from interfaces.topics import tile_filter

    try:
        voxel = Voxel.parse(area)
        latitude, longitude, _ = voxel.center()
        tiles = tile_filter(quadkey(latitude, longitude, voxel.z))
    except ValueError as error:
        raise click.UsageError(f"--area {area}: {error}") from None
    return f"hazard/{tiles}", f"nearmiss/{tiles}"


async def watch(broker: Broker | str, root: str, filters: Sequence[str], *, as_json: bool) -> None:
    """Show publications until cancelled. Raises MqttError or OSError with the broker."""
    from controller.subscription import received

    if as_json:
        async for one in received(broker, root, filters):
            click.echo(json.dumps(one.as_dict(), ensure_ascii=False))
        return
    from rich.live import Live

    from controller.picture import Picture

    picture = Picture()
    with Live(get_renderable=picture.draw, refresh_per_second=4, screen=sys.stdout.isatty()):
        async for one in received(broker, root, filters):
            picture.take(one)
