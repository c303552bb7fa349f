"""`pole export cavc`: the live state of a pole in the documents of 自動運転支援道, checked before they are printed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from controller.cli.broker_options import Asked, broker_options
from controller.cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from controller.broker import Broker
    from controller.config import Config
    from controller.publication.cavc.live import Live
    from interfaces.proto import pmi_pb2

LISTEN_S: Final = 2.0
NAMES: Final = (
    "targetInfo",
    "aliveMonitoringInfo",
    "roadsideUnitInfo",
    "sensorInfo",
    "serviceLocationInfo",
    "useCaseInfo",
    "nearMissInfoList",
)
CONFIGURED: Final = frozenset({"roadsideUnitInfo", "serviceLocationInfo"})  # need no broker
NO_PICTURE: Final = "the pole published no picture within {seconds:g} s"
WHY_NOT: Final = {"roadsideUnitInfo": "[cavc.roadside_unit] lacks {missing}", "targetInfo": NO_PICTURE}


@click.command(short_help="Documents of 自動運転支援道 (CAVC).")
@click.option("--config", type=click.Path(path_type=Path), default="/etc/pole/pole.toml", show_default=True)
@broker_options
@click.option("--document", "names", multiple=True, metavar="NAME", help=f"one of {', '.join(NAMES)}; may be repeated")
@click.option("--seconds", type=click.FloatRange(0.1, 3600), default=LISTEN_S, show_default=True, help="to listen")
@click.option("--json", "as_json", is_flag=True, help="one JSON line a document: name, path and body")
def command(config: Path, asked: Asked, names: tuple[str, ...], seconds: float, *, as_json: bool) -> None:
    """Print the documents of 自動運転支援道 (CAVC) from what the pole has published, checked against their tables.

    Near misses are those that happen while it listens. Exit code 0 all printed, 1 some could not be made,
    3 broker unreachable.

    Example: pole export cavc --config deploy/pole.toml --seconds 10 --json
    """
    from controller.config_file import load

    chosen = _known(names)
    settings = load(config)
    live = _listen(settings, asked.broker(config), seconds, chosen)
    state_dir = config.parent / settings.pole.state_dir
    printed = [_print(name, settings, live, state_dir, seconds, as_json=as_json) for name in chosen]
    if not all(printed):
        sys.exit(Exit.FAILED)


def ids_of(config: Config) -> str:
    """The two levels of a pole's topics."""
    return f"{config.pole.service_location_id}/{config.pole.roadside_unit_id}"


def _known(names: Iterable[str]) -> Sequence[str]:
    wanted = tuple(names)
    for name in wanted:
        if name not in NAMES:
            near = get_close_matches(name, NAMES, 1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(NAMES)}"
            raise click.UsageError(f"--document {name}: no such document; {hint}")
    return wanted or NAMES


def _listen(config: Config, broker: Broker, seconds: float, names: Sequence[str]) -> Live:
    from controller.publication.cavc.live import Live

    live = Live(config)
    if set(names) - CONFIGURED:
        asyncio.run(_receive(config, broker, seconds, live, names))
    return live


async def _receive(config: Config, broker: Broker, seconds: float, live: Live, names: Sequence[str]) -> None:
    from controller.subscription import consumer

    ids = ids_of(config)
    filters = (f"pole/{ids}/status", f"pole/{ids}/slot/+", f"pole/{ids}/objects", f"nearmiss/+/+/+/+/{ids}")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds), consumer(broker, config.publish.root) as heard:
            async for one in heard.received(*filters):
                live.take(one.kind, one.message)
                if "nearMissInfoList" not in names and _enough(config, live, names):
                    return


def _enough(config: Config, live: Live, names: Sequence[str]) -> bool:
    """Whether nothing more can come that the documents need."""
    picture = live.objects is not None or "targetInfo" not in names
    served = sum(bool(slot.port) for slot in config.slot.values())
    return picture and live.status is not None and len(live.slots) >= served


def _print(name: str, config: Config, live: Live, state_dir: Path, seconds: float, *, as_json: bool) -> bool:
    """Print the documents of a kind; False when there is none, or one that its table does not allow."""
    from controller.clock import utc_ns
    from controller.publication.cavc.document import DOCUMENTS
    from controller.publication.cavc.validation import problems

    document = DOCUMENTS[name]
    made = live.make(name, utc_ns(), _ranges(live, state_dir))
    if not made:
        click.echo(f"{document.title} {name}: {_why_not(name, config, seconds)}", err=True)
    for body in made:
        wrong = problems(document, body)
        if wrong:
            click.echo("\n".join(f"{document.title} {name}: {one}" for one in wrong), err=True)
            return False
        click.echo(_text(name, document.title, document.path, body, as_json=as_json))
    return bool(made)


def _text(name: str, title: str, path: str, body: dict[str, Any], *, as_json: bool) -> str:
    if as_json:
        return json.dumps({"document": name, "path": path, "body": body}, ensure_ascii=False, allow_nan=False)
    return f"# {title} {name}\n{json.dumps(body, ensure_ascii=False, allow_nan=False, indent=2)}"


def _why_not(name: str, config: Config, seconds: float) -> str:
    from controller.publication.cavc.roadside_unit_info import missing

    words = WHY_NOT.get(name, "pole {pole} has said nothing of itself on this broker")
    return words.format(missing=", ".join(missing(config)), seconds=seconds, pole=ids_of(config))


def _ranges(live: Live, state_dir: Path) -> dict[str, tuple[pmi_pb2.DetectionRange, ...]]:
    """Detection ranges from the data sheets that the pole keeps; none when this is another machine."""
    from controller.publication.detection_area import ranges_of
    from controller.sheet_cache import DirectorySheetCache
    from interfaces import datasheet

    sheets = DirectorySheetCache(state_dir / "sheets")
    kept = {
        name: sheets.get(slot.identity.sheet_hash) for name, slot in live.slots.items() if slot.HasField("identity")
    }
    return {name: ranges_of(datasheet.parse(data, newer=True)[0]) for name, data in kept.items() if data}
