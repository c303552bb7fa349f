"""`pole sim`: simulated modules in ports of this machine, for a daemon in another process."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

import click

from controller.cli.exits import Exit


@click.command()
@click.option("--scenario", "name", default="intersection", show_default=True, help="which scene")
@click.option("--list", "as_list", is_flag=True, help="list the scenes and stop")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("pole-sim"), show_default=True)
@click.option("--baud", type=click.IntRange(1200, 4_000_000), default=921_600, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--seconds", type=click.FloatRange(0.1), default=None, help="stop after so long")
def command(name: str, folder: Path, baud: int, seed: int, seconds: float | None, *, as_list: bool) -> None:
    """Plug a scene's modules into FOLDER/ports and write the pole.toml and site map that fit them.

    Example: pole sim --folder pole-sim, and in another terminal: pole run --config pole-sim/pole.toml
    """
    from sim.plant import Plant
    from sim.scenario import SCENARIOS, scenario

    if as_list:
        for one in SCENARIOS:
            click.echo(f"{one:14} {SCENARIOS[one](seed).description}")
        return
    scene = scenario(name, seed)
    plant = Plant(scene, (folder / "ports").absolute(), baud=baud)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "site.geojson").write_text(scene.site, encoding="utf-8")
        text = scene.config_text({spec.slot: plant.url(spec.slot) for spec in scene.modules})
        (folder / "pole.toml").write_text(text, encoding="utf-8")
    except OSError as error:
        click.echo(f"{folder}: {error.strerror}", err=True)
        sys.exit(Exit.CONFIG)
    click.echo(f"{len(scene.modules)} modules under {folder / 'ports'}; run: pole run --config {folder / 'pole.toml'}")
    with contextlib.suppress(TimeoutError, KeyboardInterrupt):
        asyncio.run(asyncio.wait_for(plant.run(), seconds))
