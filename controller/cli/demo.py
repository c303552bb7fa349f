"""`pole demo`: a whole pole on this machine, from modules on wires to publications on a broker."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from itertools import cycle
from pathlib import Path

import click


@click.command()
@click.option("--scenario", "name", default="intersection", show_default=True, help="which scene")
@click.option("--list", "as_list", is_flag=True, help="list the scenes and stop")
@click.option("--seconds", type=click.FloatRange(1), default=None, help="stop after so long [60 without a terminal]")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="one JSON line a publication instead of the picture")
def command(name: str, seconds: float | None, seed: int, *, as_list: bool, as_json: bool) -> None:
    """Run broker, road, four modules, the daemon and the picture, all in one.

    The modules are on a serial line, CAN FD, RS-485 and Modbus/TCP, each at its real speed. Two are unplugged and
    plugged again, another one is swapped: see the slots.

    Example: pole demo --scenario intersection --seconds 30 --json
    """
    from sim.scenario import RECORDED, SCENARIOS

    if as_list:
        for one, build in (SCENARIOS | RECORDED).items():
            click.echo(f"{one:16} {build(seed).description}")
        return
    if seconds is None and not sys.stdout.isatty():
        seconds = 60.0
    with contextlib.suppress(TimeoutError, KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(asyncio.wait_for(_demo(name, seed, as_json=as_json), seconds))


async def _demo(name: str, seed: int, *, as_json: bool) -> None:
    from controller import log
    from controller.app import App
    from controller.broker import of
    from controller.cli.watch import watch
    from controller.config_file import load, load_site, site_text
    from sim.broker import Broker
    from sim.fault import DEMO, DEMO_WIRES
    from sim.plant import Plant
    from sim.scenario import scenario

    scene = scenario(name, seed)
    log.configure(level="error", json_lines=as_json)
    with tempfile.TemporaryDirectory(prefix="pole-demo-") as name_of_folder:
        folder = Path(name_of_folder)
        wires = dict(zip([spec.slot for spec in scene.modules], cycle(DEMO_WIRES.values()), strict=False)) | DEMO_WIRES
        plant = Plant(scene, folder / "ports", wires=wires)
        async with Broker("127.0.0.1") as broker:
            (folder / "site.geojson").write_text(scene.site, encoding="utf-8")
            text = scene.config_text({spec.slot: plant.url(spec.slot) for spec in scene.modules})
            (folder / "pole.toml").write_text(f'{text}\n[mqtt]\nurl = "{broker.url}"\n', encoding="utf-8")
            config = load(folder / "pole.toml")
            app = App(config, load_site(config, folder), folder / "state", log.logger(), site_text(config, folder))
            async with asyncio.TaskGroup() as group:
                group.create_task(app.run())
                group.create_task(plant.run(DEMO))
                group.create_task(watch(of(config.mqtt), config.publish.root, ["#"], as_json=as_json))
