"""How well the controller knows each module's clock over each wire: mapped time against the simulator's truth."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import numpy as np

from controller import log
from controller.app import App
from controller.clock import utc_ns
from controller.config_file import load, load_site
from sim.broker import Broker
from sim.harness import KINDS
from sim.plant import Plant
from sim.scenario import scenario

WARM_S, SAMPLES = 6.0, 100


def run():
    """(name, value, unit) rows."""
    log.configure(level="critical", json_lines=True)
    return [row for kind in KINDS for row in asyncio.run(_errors(kind))]


async def _errors(kind):
    scene, slots = scenario("intersection"), ("lidar", "radar")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plant = Plant(scene, folder / "ports", wires=dict.fromkeys(slots, kind))
        (folder / "site.geojson").write_text(scene.site)
        async with Broker("127.0.0.1") as broker:
            text = scene.config_text({slot: plant.url(slot) for slot in slots})
            (folder / "pole.toml").write_text(f'{text}\n[mqtt]\nurl = "{broker.url}"\n')
            config = load(folder / "pole.toml")
            app = App(config, load_site(config, folder), folder / "state", log.logger())
            tasks = [asyncio.create_task(app.run()), asyncio.create_task(plant.run())]
            await asyncio.sleep(WARM_S)
            errors, loop = [], asyncio.get_running_loop()
            for _ in range(SAMPLES):
                await asyncio.sleep(0.05)
                for slot in slots:
                    clock = app.supervisors[slot].keeper._clock
                    module = plant.modules.get(slot)
                    if clock.synchronised and module is not None:
                        errors.append(abs(clock.to_utc_ns(module.t_us(loop.time())) - utc_ns()) / 1e6)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
    return [(f"{kind}: error of a module's mapped time, p95", float(np.percentile(errors, 95)), "ms")]


if __name__ == "__main__":
    for row in run():
        print(*row)
