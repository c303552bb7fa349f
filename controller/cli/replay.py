"""`pole replay`: a detection log through the pipeline, offline."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from controller.cli.exits import Exit


@click.command()
@click.argument("log", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--config", "config_path", type=click.Path(path_type=Path), required=True, help="pole.toml of the site")
@click.option("--objects-at", type=click.FloatRange(0.1, 100), default=None, help="ticks a second [publish rate]")
@click.option("--json", "as_json", is_flag=True, help="one JSON line a tick; without it a summary")
def command(log: Path, config_path: Path, objects_at: float | None, *, as_json: bool) -> None:
    """Run a detection log through the pole in virtual time; the same input prints the same bytes.

    Example: pole replay crossing.jsonl --config deploy/pole.toml --objects-at 10 --json
    """
    from controller.config_file import load
    from controller.detection_log import read
    from controller.replay import as_line, replay

    config = load(config_path)
    try:
        text = log.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        click.echo(f"{log}: cannot be read: {error}", err=True)
        sys.exit(Exit.CONFIG)
    messages = read(text.splitlines(), config.slot, str(log))
    ticks, most = 0, 0
    seen: set[int] = set()
    for record in replay(config, messages, objects_at or config.publish.objects_rate_hz):
        if as_json:
            click.echo(as_line(record))
        ticks += 1
        most = max(most, len(record["objects"]))
        seen.update(one["id"] for one in record["objects"])
    if not as_json:
        click.echo(f"{log}: {ticks} ticks, {len(seen)} tracks, at most {most} at once")
