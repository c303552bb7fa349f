"""`pole check-config`: what is wrong with a pole.toml, or what the pole would do with it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.cli.exits import Exit

if TYPE_CHECKING:
    from controller.config import Config


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default="/etc/pole/pole.toml")
@click.option("--json", "as_json", is_flag=True, help="one JSON object instead of text")
def command(path: Path, *, as_json: bool) -> None:
    """Check a pole.toml: every problem with file, line and key at once.

    Example: pole check-config deploy/pole.toml
    """
    from controller.config_file import Problem, check

    config, problems = check(path)
    told = _of_files(path, config) if config is not None else []
    good = config is not None and not any(grave for grave, _ in told)
    for grave, text in () if as_json else told:
        click.echo(f"{path}: {'' if grave else 'warning: '}{text}", err=True)
    if as_json:
        problem, warning = ([text for grave, text in told if grave is wanted] for wanted in (True, False))
        problems += [Problem(str(path), 0, "", text) for text in problem]
        click.echo(json.dumps({"ok": good, "problems": [asdict(one) for one in problems], "warnings": warning}))
    elif config is None:
        click.echo("\n".join(map(str, problems)), err=True)
    elif good:
        click.echo(f"{path}: good. Pole {config.pole.name}, broker {config.mqtt.url}, {len(config.slot)} slots:")
        for name, slot in config.slot.items():
            click.echo(f"  {name:16} {slot.module_class:12} {slot.port or '(no port: replay only)'}")
    sys.exit(Exit.OK if good else Exit.CONFIG)


def _of_files(path: Path, config: Config) -> list[tuple[bool, str]]:
    from controller import broker_check, config_paths
    from controller.clock import utc_ns

    config = config_paths.anchored(config, path.parent)
    exposed = [(False, text) for text in config_paths.exposed(config)]
    return [*broker_check.findings(config, utc_ns()), *exposed]
