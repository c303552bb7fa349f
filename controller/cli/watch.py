"""`pole watch`: what poles publish, as a live picture or as JSON lines."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from controller.cli.broker_options import Asked, broker_options

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
    broker = asked.broker()
    filters = [*topics, *(_of_area(area) if area else ())] or ["#"]
    with contextlib.suppress(TimeoutError, KeyboardInterrupt):
        asyncio.run(asyncio.wait_for(watch(broker, root, filters, as_json=as_json), seconds))


def _of_area(area: str) -> tuple[str, ...]:
    from interfaces.area import Box
    from interfaces.cover import tiles
    from interfaces.topics import HAZARD, NEAR_MISS, covering

    try:
        keys = tiles(Box.parse(area))
    except ValueError as error:
        raise click.UsageError(f"--area {area}: {error}") from None
    return tuple(covering(row, key) for row in (HAZARD, NEAR_MISS) for key in keys)


async def watch(broker: Broker, root: str, filters: Sequence[str], *, as_json: bool) -> None:
    """Show publications until cancelled. Raises LinkError when the broker cannot be reached at first, ConfigError."""
    from controller.subscription import consumer

    if as_json:
        async with consumer(broker, root, partial(click.echo, err=True)) as heard:
            async for one in heard.received(*filters):
                click.echo(json.dumps(one.as_dict(), ensure_ascii=False))
    from rich.live import Live

    from controller.picture import Picture

    picture = Picture()
    with Live(get_renderable=picture.draw, refresh_per_second=4, screen=sys.stdout.isatty()):
        async with consumer(broker, root) as heard:
            async for one in heard.received(*filters):
                picture.take(one)
