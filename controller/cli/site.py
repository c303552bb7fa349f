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
    from collections.abc import Iterator

    from controller.geometry import LocalFrame
    from controller.site_coverage import LaneCoverage


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
        click.echo(json.dumps({"ok": right, "findings": [asdict(one) for one in findings.found]}))
    else:
        for one in findings.found:
            click.echo(str(one), err=True)
        if right:
            counts = f"{len(site.lanes)} lanes, {len(site.areas)} areas, {len(site.stop_lines)} stop lines"
            click.echo(f"{path}: good: {counts}; warnings: {len(findings.found)}")
    sys.exit(Exit.OK if right else Exit.CONFIG)


@command.command()
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), required=True, help="pole.toml of the pole")
@click.option("--site", "map_path", type=click.Path(path_type=Path, dir_okay=False), help="instead of the config's map")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="FILE.svg or FILE.png"
)
@click.option("--json", "as_json", is_flag=True, help="the lanes' coverage as one JSON object")
def draw(config: Path, map_path: Path | None, out: Path, *, as_json: bool) -> None:
    """Draw a site map with every module's mount and field of view, and say what part of each lane nobody sees.

    Fields of view come from the one kept data sheet of a slot's class, else from the class; nothing stands in between.

    Example: pole site draw --config deploy/sites/intersection.toml -o intersection.svg
    """
    from controller import site_coverage, site_drawing, site_file, site_sheet
    from controller.cached_sheets import declared
    from controller.config_file import load
    from controller.geometry import LocalFrame

    form = out.suffix[1:].lower()
    if form not in site_drawing.FORMATS:
        raise click.UsageError(f"-o {out}: draws {' and '.join(site_drawing.FORMATS)}; name the file so")
    pole = load(config)
    path = map_path or (config.parent / pole.pole.site if pole.pole.site else None)
    if path is None:
        raise ConfigError(f"{config}: pole.site: names no map; name one there or with --site")
    site, findings = site_file.read(_text_of(path), LocalFrame.of(pole.origin), str(path))
    findings.finish()
    watching = site_coverage.views(pole, declared(pole, config.parent / pole.pole.state_dir))
    lanes = site_coverage.lane_coverage(site, watching)
    _write(out, site_drawing.render(site, watching, lanes, form, pole.pole.name))
    for one in findings.found:
        click.echo(str(one), err=True)
    if form == "png" and site_drawing.japanese_font() is None:
        click.echo("no Japanese font here: the labels are English; install fonts-noto-cjk, or draw an SVG", err=True)
    if as_json:
        told = {"lanes": [asdict(one) for one in lanes], "modules": {one.slot: one.source for one in watching}}
        click.echo(json.dumps(told))
    else:
        click.echo("\n".join(site_sheet.printable(row) for row in _table(lanes)))


def _table(lanes: tuple[LaneCoverage, ...]) -> Iterator[str]:
    """Metres of each lane by how many modules see them."""
    yield f"{'lane':24} {'length':>8} {'unseen':>8} {'by one':>8} {'by more':>8}   unseen from … to"
    for one in lanes:
        gaps = ", ".join(f"{a:.0f} … {b:.0f} m" for a, b in one.unseen)
        yield f"{one.lane:24} {_metres(one.length_m, one.unseen_m, one.by_one_m, one.by_more_m)}   {gaps}".rstrip()
    names = ("length_m", "unseen_m", "by_one_m", "by_more_m")
    yield f"{'all':24} {_metres(*(sum(getattr(one, name) for one in lanes) for name in names))}"


def _metres(*columns: float) -> str:
    return " ".join(f"{metres:6.0f} m" for metres in columns)


def _write(path: Path, picture: bytes) -> None:
    try:
        path.write_bytes(picture)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None


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
