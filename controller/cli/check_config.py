"""`pole check-config`: what is wrong with a pole.toml, or what the pole would do with it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from controller.cli.exits import Exit


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default="/etc/pole/pole.toml")
@click.option("--json", "as_json", is_flag=True, help="one JSON object instead of text")
def command(path: Path, *, as_json: bool) -> None:
    """Check a pole.toml: every problem with file, line and key at once.

    Example: pole check-config deploy/pole.toml
    """
    from controller.config_file import check

    config, problems = check(path)
    if as_json:
        click.echo(json.dumps({"ok": config is not None, "problems": [asdict(one) for one in problems]}))
    elif config is None:
        click.echo("\n".join(map(str, problems)), err=True)
    else:
        click.echo(f"{path}: good. Pole {config.pole.name}, broker {config.mqtt.url}, {len(config.slot)} slots:")
        for name, slot in config.slot.items():
            click.echo(f"  {name:16} {slot.module_class:12} {slot.port or '(no port: replay only)'}")
    sys.exit(Exit.OK if config is not None else Exit.CONFIG)
