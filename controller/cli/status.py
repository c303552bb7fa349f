"""`pole status`: what the pole says of itself, from the retained messages on the broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import click

from controller.cli.exits import Exit


@click.command()
@click.option("--broker", default="", help="mqtt://host:port")
@click.option("--config", type=click.Path(exists=True, dir_okay=False), help="take the broker from this pole.toml")
@click.option("--root", default="smartpole/v1", show_default=True, help="topic root")
@click.option("--json", "as_json", is_flag=True, help="one JSON line a message")
def command(broker: str, config: str | None, root: str, *, as_json: bool) -> None:
    """Print the state of the poles on a broker and of their slots.

    Exit code 0 healthy, 1 degraded, unavailable or silent, 3 broker unreachable.

    Example: pole status --broker mqtt://127.0.0.1:1883
    """
    import aiomqtt

    from interfaces.errors import ConfigError

    try:
        url = broker or _configured(config)
        messages = asyncio.run(_retained(url, root))
    except ConfigError as error:
        raise click.UsageError(str(error)) from error
    except (aiomqtt.MqttError, OSError) as error:
        click.echo(f"broker {url} cannot be reached: {error}", err=True)
        sys.exit(Exit.UNREACHABLE)
    for topic, message in messages:
        click.echo(json.dumps({"topic": topic, **message}, ensure_ascii=False) if as_json else _line(topic, message))
    poles = [message for _, message in messages if "alive" in message]
    if not poles or any(not one["alive"] or one["service_availability"] for one in poles):
        if not poles:
            click.echo("no pole has published its status on this broker", err=True)
        sys.exit(Exit.FAILED)


def _configured(config: str | None) -> str:
    if not config:
        return "mqtt://127.0.0.1:1883"
    return str(tomllib.loads(Path(config).read_text()).get("mqtt", {}).get("url", "mqtt://127.0.0.1:1883"))


async def _retained(url: str, root: str) -> list[tuple[str, dict[str, Any]]]:
    import aiomqtt
    from google.protobuf.json_format import MessageToDict
    from google.protobuf.message import DecodeError

    from controller.publisher import SOCKET_OPTIONS, broker_address
    from interfaces.topics import row_of

    host, port = broker_address(url)
    found = []
    async with aiomqtt.Client(
        host, port, protocol=aiomqtt.ProtocolVersion.V5, timeout=5, socket_options=SOCKET_OPTIONS
    ) as client:
        for levels in ("status", "slot/+"):
            await client.subscribe(f"{root}/pole/+/+/{levels}", qos=1)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                async for message in client.messages:
                    row = row_of(str(message.topic), root)
                    if not row or not isinstance(message.payload, bytes):
                        continue
                    with contextlib.suppress(DecodeError):
                        decoded = row[0].message.FromString(message.payload)
                        found.append(
                            (
                                str(message.topic),
                                MessageToDict(
                                    decoded, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
                                ),
                            )
                        )
    return sorted(dict(found).items())


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
