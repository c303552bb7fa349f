"""`pole replay`: a detection log through the pipeline, offline."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import click

from controller.cli.exits import Exit


@click.command()
@click.argument("log", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--config", "config_path", type=click.Path(path_type=Path), required=True, help="pole.toml of the site")
@click.option("--objects-at", type=click.FloatRange(0.1, 100), default=None, help="ticks a second [publish rate]")
@click.option("--json", "as_json", is_flag=True, help="JSON lines instead of a summary")
def command(log: Path, config_path: Path, objects_at: float | None, *, as_json: bool) -> None:
    """Run a detection log through the pole in virtual time; the same input prints the same bytes.

    Example: pole replay crossing.jsonl --config deploy/pole.toml --objects-at 10 --json
    """
    from controller.config_file import load, load_site
    from controller.detection_log import read
    from controller.replay import as_line, replay

    config = load(config_path)
    try:
        text = log.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        click.echo(f"{log}: cannot be read: {error}", err=True)
        sys.exit(Exit.CONFIG)
    messages = read(text.splitlines(), config.slot, str(log))
    site = load_site(config, config_path.parent)
    seen: set[int] = set()
    counts: Counter[str] = Counter()
    for record in replay(config, site, messages, objects_at or config.publish.objects_rate_hz):
        if as_json:
            click.echo(as_line(record))
        elif record["kind"] == "objects":
            seen.update(one["id"] for one in record["objects"])
        elif record["kind"] == "near_miss" or record["phase"] == "new":
            counts[record.get("rule", "near miss")] += 1
    if not as_json:
        told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "nothing to warn of"
        click.echo(f"{log}: {len(seen)} tracks; {told}")
