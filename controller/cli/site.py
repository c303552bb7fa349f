"""`pole site`: check a site map, and draw it with what the modules see."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.cli.exits import Exit
from interfaces.errors import ConfigError

if TYPE_CHECKING:
    from controller.geometry import LocalFrame


@click.group()
def command() -> None:
    """Check and draw the site map: lanes and areas around the pole, as GeoJSON.

    Example: pole site check deploy/site.geojson
    """


@command.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--config", type=click.Path(path_type=Path), help="pole.toml whose [origin] the map must lie near")
@click.option("--json", "as_json", is_flag=True, help="one JSON object instead of text")
def check(path: Path, config: Path | None, *, as_json: bool) -> None:
    """Check a site map: every error and warning with file, line, feature and cure. Warnings alone exit 0.

    Example: pole site check deploy/site.geojson
    """
    from controller import site_file

    text = _text_of(path)
    site, findings = site_file.read(text, _frame_of(config, text), str(path))
    right = not findings.errors
    if as_json:
        click.echo(json.dumps({"ok": right, "findings": [asdict(one) for one in findings.found]}, ensure_ascii=False))
    else:
        for one in findings.found:
            click.echo(str(one), err=True)
        if right:
            counts = f"{len(site.lanes)} lanes, {len(site.areas)} areas, {len(site.stop_lines)} stop lines"
            click.echo(f"{path}: good. {counts}, {len(findings.found)} warnings")
    sys.exit(Exit.OK if right else Exit.CONFIG)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the site map cannot be read: {error}") from None


def _frame_of(config: Path | None, text: str) -> LocalFrame:
    from controller import site_file
    from controller.config_file import load
    from controller.geometry import LocalFrame

    return LocalFrame.of(load(config).origin) if config else site_file.frame_of(text)
