"""`pole status`: what the pole says of itself, from the retained messages on the broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from controller.cli.broker_options import Asked, broker_options
from controller.cli.exits import Exit

if TYPE_CHECKING:
    from controller.broker import Broker

LISTEN_S: Final = 1.0  # what is retained comes at once


@click.command()
@broker_options
@click.option("--config", type=click.Path(path_type=Path), default=None, help="take the broker from this pole.toml")
@click.option("--root", default="smartpole/v1", show_default=True, help="topic root")
@click.option("--json", "as_json", is_flag=True, help="one JSON line a message")
def command(asked: Asked, config: Path | None, root: str, *, as_json: bool) -> None:
    """Print the state of the poles on a broker and of their slots.

    Exit code 0 healthy, 1 degraded, unavailable or silent, 3 broker unreachable.

    Example: pole status --broker mqtt://127.0.0.1:1883
    """
    messages = asyncio.run(_retained(asked.broker(config), root))
    for topic, message in messages:
        click.echo(json.dumps({"topic": topic, **message}, ensure_ascii=False) if as_json else _line(topic, message))
    poles = [message for _, message in messages if "alive" in message]
    if not poles or any(not one["alive"] or one["service_availability"] for one in poles):
        if not poles:
            click.echo("no pole has published its status on this broker", err=True)
        sys.exit(Exit.FAILED)


async def _retained(broker: Broker, root: str) -> list[tuple[str, dict[str, Any]]]:
    from google.protobuf.json_format import MessageToDict

    from controller.subscription import consumer

    as_dict = partial(MessageToDict, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)

    found = {}
    async with consumer(broker, root) as heard:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LISTEN_S):
                async for one in heard.received("pole/+/+/status", "pole/+/+/slot/+"):
                    if one.message is not None:
                        found[one.topic] = one.message
    return [(topic, as_dict(found[topic])) for topic in sorted(found)]


def _line(topic: str, message: dict[str, Any]) -> str:
    if "alive" not in message:
        return _slot_line(message)
    availability = ("available", "degraded", "unavailable")[min(message["service_availability"], 2)]
    alive = "alive" if message["alive"] else "gone"
    return f"{'/'.join(topic.split('/')[-3:-1])}: {alive}, {availability} {', '.join(message['reasons'])}".rstrip()


def _slot_line(slot: dict[str, Any]) -> str:
    line = f"  {slot['slot']:<12} {slot['module_class']:<12} {slot['state']:<12} {slot['reason']}"
    if slot.get("wire"):
        where = f"{slot['wire']} #{slot['address']}" if slot["address"] else slot["wire"]
        line += f"\n{'':15}{where}: may use {slot['granted']:.1%} of its time, budget {slot['allowed']:.1%}"
        line += f", {slot['load']:.0%} in use" if slot["load"] else ""
    stands = slot.get("registration") or {}
    line += f"\n{'':15}{stands['standing']}: {stands['words']}" if stands.get("words") else ""
    counters = ", ".join(f"{kind} {count}" for kind, count in sorted(slot.get("counters", {}).items()) if int(count))
    return line + (f"\n{'':15}{counters}" if counters else "")
