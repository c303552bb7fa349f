"""`pole watch`: every publication on a broker as a JSON line."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys

import click

EXIT_UNREACHABLE = 3


@click.command()
@click.option("--broker", default="mqtt://127.0.0.1:1883", show_default=True, help="mqtt://host:port")
@click.option("--topic", "topics", multiple=True, help="topic filter below the root; may be repeated")
@click.option("--root", default="smartpole/v1", show_default=True, help="topic root")
@click.option("--seconds", type=float, default=None, help="stop after so long")
def command(broker: str, topics: tuple[str, ...], root: str, seconds: float | None) -> None:
    """Print one JSON line a publication, decoded from protobuf.

    Example: pole watch --broker mqtt://127.0.0.1:1883 --topic 'hazard/#' --seconds 30
    """
    import aiomqtt

    from interfaces.errors import ConfigError

    try:
        with contextlib.suppress(TimeoutError, KeyboardInterrupt):
            asyncio.run(asyncio.wait_for(_watch(broker, root, topics or ("#",)), seconds))
    except ConfigError as error:
        raise click.UsageError(str(error)) from error
    except (aiomqtt.MqttError, OSError) as error:
        click.echo(f"broker {broker}: {error}", err=True)
        sys.exit(EXIT_UNREACHABLE)


async def _watch(url: str, root: str, topics: tuple[str, ...]) -> None:
    import aiomqtt

    from controller.publisher import SOCKET_OPTIONS, broker_address

    host, port = broker_address(url)
    async with aiomqtt.Client(
        host, port, protocol=aiomqtt.ProtocolVersion.V5, timeout=5, socket_options=SOCKET_OPTIONS
    ) as client:
        for one in topics:
            await client.subscribe(f"{root}/{one}", qos=1)
        async for message in client.messages:
            if isinstance(message.payload, bytes):
                line = _line(str(message.topic), message.payload, root)
                if line:
                    click.echo(line)


def _line(topic: str, payload: bytes, root: str) -> str:
    from google.protobuf.json_format import MessageToDict
    from google.protobuf.message import DecodeError

    from controller.publication.topics import row_of

    found = row_of(topic, root)
    if not found or found[1]:
        return ""
    row = found[0]
    try:
        decoded = MessageToDict(row.message.FromString(payload), preserving_proto_field_name=True) if payload else None
    except DecodeError:
        return json.dumps({"topic": topic, "type": row.name, "error": "not a message of this topic"})
    return json.dumps({"topic": topic, "type": row.name, "payload": decoded}, ensure_ascii=False)
