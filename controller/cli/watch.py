"""`pole watch`: what poles publish, as a live picture or as JSON lines."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from controller.cli.broker_options import Asked, broker_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.broker import Broker
    from interfaces.area import Area

REDRAWN_S: Final = 0.25


@click.command()
@broker_options
@click.option("--topic", "topics", multiple=True, help="topic filter below the root; may be repeated")
@click.option("--area", default="", help="only events there: 空間ID z/f/x/y, or a GeoJSON file")
@click.option("--root", default="smartpole/v1", show_default=True, help="topic root")
@click.option("--seconds", type=click.FloatRange(0.1), default=None, help="stop after so long")
@click.option("--json", "as_json", is_flag=True, help="one JSON line a publication")
def command(
    asked: Asked, topics: tuple[str, ...], area: str, root: str, seconds: float | None, *, as_json: bool
) -> None:
    """Show what poles publish, decoded from protobuf.

    Example: pole watch --broker mqtts://broker.example --ca ca.pem --area 14/0/14591/6423 --seconds 30 --json
    """
    broker, place = asked.broker(), _area(area)
    with contextlib.suppress(TimeoutError, KeyboardInterrupt):
        asyncio.run(asyncio.wait_for(watch(broker, root, topics, place, as_json=as_json), seconds))


def _area(text: str) -> Area | None:
    from interfaces.area import Box
    from interfaces.area_geojson import area_of

    try:
        if text.endswith("json"):
            return area_of(Path(text).read_text(encoding="utf-8"))
        return Box.parse(text) if text else None
    except (ValueError, OSError) as error:
        raise click.UsageError(f"--area {text}: {error}") from None


async def watch(
    broker: Broker, root: str, filters: Sequence[str], area: Area | None = None, *, as_json: bool = False
) -> None:
    """Show publications until cancelled. Raises LinkError when the broker cannot be reached at first, ConfigError."""
    from controller.subscription import consumer

    if as_json:
        async with consumer(broker, root, partial(click.echo, err=True)) as heard:
            async for one in heard.received(*filters, area=area):
                click.echo(json.dumps(one.as_dict(), ensure_ascii=False))
        return
    from rich.live import Live

    from controller.picture import Picture

    picture, clock, redraw_s = Picture(), asyncio.get_running_loop().time, 0.0
    async with consumer(broker, root) as heard:
        stream = heard.received(*filters, area=area)
        with Live(auto_refresh=False, screen=sys.stdout.isatty()) as live:
            while True:
                if clock() >= redraw_s:
                    live.update(picture.draw(clock()), refresh=True)
                    redraw_s = clock() + REDRAWN_S
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(redraw_s):
                        picture.take(await anext(stream), clock())
