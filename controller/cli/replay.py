"""`pole replay`: a detection log or a recording through the pipeline, offline."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from controller.cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Iterable


@click.command()
@click.argument("log", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="pole.toml of the site, for a log")
@click.option("--objects-at", type=click.FloatRange(0.1, 100), default=None, help="ticks a second [publish rate]")
@click.option("--json", "as_json", is_flag=True, help="JSON lines instead of a summary")
@click.option("--verify", is_flag=True, help="compare every publication of a recording; exit 1 when one differs")
def command(log: Path, config_path: Path | None, objects_at: float | None, *, as_json: bool, verify: bool) -> None:
    """Run a detection log, or a recording (MCAP) of the pole's own, through the pole in virtual time; the same input
    prints the same bytes. A recording brings its configuration, its site map and the state it began in.

    Example: pole replay crossing.jsonl --config deploy/pole.toml --objects-at 10 --json

    Example: pole replay 20261123T101530.250Z-near_miss-123.mcap --verify
    """
    if _is_recording(log):
        if config_path is not None or objects_at is not None:
            raise click.UsageError("a recording has its configuration and its ticks in it: --config and --objects-at "
                                   "are for detection logs")  # fmt: skip
        _recording(log, as_json=as_json, verify=verify)
        return
    if config_path is None or verify:
        raise click.UsageError("a detection log needs --config" if not verify else "--verify is for recordings (MCAP)")
    _log(log, config_path, objects_at, as_json=as_json)


def _log(log: Path, config_path: Path, objects_at: float | None, *, as_json: bool) -> None:
    from controller.config_file import load, load_site
    from controller.detection_log import read
    from controller.replay import replay

    config = load(config_path)
    try:
        text = log.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        click.echo(f"{log}: cannot be read: {error}", err=True)
        sys.exit(Exit.CONFIG)
    messages = read(text.splitlines(), config.slot, str(log))
    site = load_site(config, config_path.parent)
    _tell(log, replay(config, site, messages, objects_at or config.publish.objects_rate_hz), as_json=as_json)


def _recording(path: Path, *, as_json: bool, verify: bool) -> None:
    from controller.recording import clip_file
    from controller.recording.about import differences
    from controller.recording.rerun import Rerun
    from controller.replay import records

    with path.open("rb") as stream:
        recording = clip_file.read(stream, str(path))
    run = Rerun(recording)
    told = (record for picture in run.pictures() for record in records(run.pipeline, picture))
    if as_json or not verify:
        _tell(path, told, as_json=as_json)
    for _ in told:
        pass
    if not verify:
        return
    if not run.tally.difference:
        click.echo(f"{path}: identical: {run.tally.publications} publications", err=as_json)
        return
    click.echo(f"{path}: {run.tally.difference}", err=True)
    for text in differences(recording.metadata):
        click.echo(f"{path}: recorded elsewhere: {text}", err=True)
    sys.exit(Exit.FAILED)


def _tell(log: Path, records: Iterable[dict[str, Any]], *, as_json: bool) -> None:
    from controller.replay import as_line

    seen: set[int] = set()
    counts: Counter[str] = Counter()
    for record in records:
        if as_json:
            click.echo(as_line(record))
        elif record["kind"] == "objects":
            seen.update(one["id"] for one in record["objects"])
        elif record["kind"] == "near_miss" or record["phase"] == "new":
            counts[record.get("rule", "near miss")] += 1
    if not as_json:
        told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "nothing to warn of"
        click.echo(f"{log}: {len(seen)} tracks; {told}")


def _is_recording(path: Path) -> bool:
    from controller.recording.clip_file import MAGIC

    try:
        with path.open("rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except OSError as error:
        click.echo(f"{path}: cannot be read: {error}", err=True)
        sys.exit(Exit.CONFIG)
