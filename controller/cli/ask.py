"""`pole ask`: one request over the command channel, and its answer."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from controller.cli.broker_options import Asked, broker_options
from controller.cli.exits import Exit

if TYPE_CHECKING:
    from controller.broker import Broker
    from interfaces.command import Command


@click.command()
@broker_options
@click.option("--config", type=click.Path(path_type=Path), help="broker, root, pole and key of this pole.toml")
@click.option("--root", default="smartpole/v1", show_default=True, help="topic root")
@click.option("--pole", "number", default="", metavar="SL/RSU", help="service location and roadside unit")
@click.option("--command-key", default="", help="file with the key of the pole's [commands]")
@click.option("--who", default="", help="for the pole's audit")
@click.option("--seconds", type=click.FloatRange(0.1, 600), default=30.0, show_default=True, help="wait so long")
@click.argument("name", metavar="COMMAND")
@click.argument("values", nargs=-1)
def command(
    *,
    asked: Asked,
    config: Path | None,
    root: str,
    number: str,
    command_key: str,
    who: str,
    seconds: float,
    name: str,
    values: tuple[str, ...],
) -> None:
    """Ask a pole and print its answer as JSON.

    COMMAND: status | identify SLOT [SECONDS] | self-test [SLOT] | reload | log-level LEVEL | uplink MODE [BYTES_PER_S]

    Exit code 0 done, 1 refused, failed or no answer, 3 broker unreachable.

    Example: pole ask --config deploy/pole.toml identify camera 10
    """
    import aiomqtt

    row = _row(name)
    parameters = _parameters(row, values)
    try:
        requested = _requested(config, root, number, command_key)
        said = asyncio.run(_ask(asked.broker(config), *requested, row, parameters, who, seconds))
    except (aiomqtt.MqttError, OSError) as error:
        click.echo(f"broker: {error}", err=True)
        sys.exit(Exit.UNREACHABLE)
    except TimeoutError:
        click.echo(f"no answer within {seconds:g} s: is the pole there, and [commands] on?", err=True)
        sys.exit(Exit.FAILED)
    click.echo(json.dumps(said, ensure_ascii=False, indent=2))
    sys.exit(Exit.OK if said.get("status") == "ok" else Exit.FAILED)


def _row(name: str) -> Command:
    from difflib import get_close_matches

    from interfaces.command import COMMANDS

    rows = {row.name: row for row in COMMANDS}
    found = rows.get(name.replace("-", "_"))
    if found is None:
        near = get_close_matches(name.replace("-", "_"), rows, 1)
        hint = f"did you mean {near[0].replace('_', '-')}?" if near else f"known: {', '.join(rows)}"
        raise click.UsageError(f"no command {name!r}; {hint}")
    return found


def _parameters(row: Command, values: tuple[str, ...]) -> dict[str, Any]:
    if len(values) > len(row.parameters):
        known = " ".join(row.parameters).upper() or "nothing"
        raise click.UsageError(f"{row.name} takes {known}, not {' '.join(values)!r}")
    return {name: _number(value) for name, value in zip(row.parameters, values, strict=False)}


def _number(text: str) -> str | float:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _requested(config: Path | None, root: str, number: str, command_key: str) -> tuple[str, tuple[int, int], str]:
    """Root, pole and key. Raises ConfigError or a usage error that says what is missing."""
    from controller import credential

    pole = _pole(number) if number else None
    if config is not None:
        from controller.config_file import load

        read = load(config)
        root, command_key = read.publish.root, command_key or read.commands.key_file
        pole = pole or (read.pole.service_location_id, read.pole.roadside_unit_id)
    if pole is None:
        raise click.UsageError("which pole? --pole SL/RSU, or --config pole.toml")
    return root, pole, credential.secret("--command-key", command_key) if command_key else ""


def _pole(number: str) -> tuple[int, int]:
    place, _, unit = number.partition("/")
    if not place.isdecimal() or not unit.isdecimal():
        raise click.UsageError(f"--pole {number!r}: write service location and roadside unit as 8202302/136323842")
    return int(place), int(unit)


async def _ask(
    broker: Broker,
    root: str,
    pole: tuple[int, int],
    key: str,
    row: Command,
    parameters: dict[str, Any],
    who: str,
    seconds: float,
) -> dict[str, Any]:
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    from controller.broker_client import BrokerClient
    from controller.clock import utc_ns
    from interfaces import command as wire
    from interfaces.errors import ConfigError

    sender = wire.Asked(*pole, root)
    nonce = secrets.token_hex(8)
    payload = json.dumps({**parameters, "transaction": nonce, "time": utc_ns() / 1e9, "nonce": nonce}).encode()
    topic, back = wire.request_topic(sender, row.name), f"{wire.response_topic(sender, row.name)}/{nonce}"
    made = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho leaves it untyped
    made.ResponseTopic, made.CorrelationData, made.MessageExpiryInterval = back, nonce.encode(), max(1, round(seconds))
    signed = [(wire.SIGNATURE, wire.signature(key, topic, payload))] if key else []
    made.UserProperty = [*signed, *([(wire.WHO, who)] if who else [])]
    async with asyncio.timeout(seconds), BrokerClient(broker) as client:
        await client.subscribe(back, qos=1)
        await client.publish(topic, payload, qos=1, properties=made)
        async for message in client.messages:
            if getattr(message.properties, "CorrelationData", b"") != nonce.encode():
                continue
            given = dict(getattr(message.properties, "UserProperty", ())).get(wire.SIGNATURE, "")
            if key and not wire.is_signed(key, back, message.payload, given):
                raise ConfigError("the answer is not signed with this key: it may not be the pole's")
            return dict(json.loads(message.payload))
    raise TimeoutError
