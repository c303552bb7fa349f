"""What publishing costs, side by side: CPU a picture, the way to a subscriber, the other formats, the outbox.

A pole's picture of 100 objects at 10 Hz through voice, publisher and a real mosquitto; `mosquitto_sub`, a process of
its own, says when each publication came. CPU is this process's alone, from the picture to the bytes in the socket.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from controller.config import Config, Mqtt
from controller.outbox import Outbox
from controller.pipeline import Picture
from controller.profiles import Profiles
from controller.publication.publication import Stamp
from controller.publication.status import will
from controller.publication.voice import Voice, sender_of
from controller.publisher import Publisher
from tests.bench import bench_cavc, bench_radio
from tests.bench.bench_uplink import mosquitto
from tests.controller.publication.profiles.scenes import config
from tests.controller.publication.radio.scene import HAZARD, tracks

OBJECTS = 100
PERIOD_S = 0.1
CYCLES = 50
WAYS = {  # what [publish] says, and whether a hazard goes on in every picture
    "protobuf alone": ({"json_twins": False}, False),
    "with JSON twins": ({}, False),
    "with JSON twins, a hazard going on": ({}, True),
    "the same and profile its-client": ({"profiles": ("its-client",)}, True),
    "the same and profile geojson": ({"profiles": ("geojson",)}, True),
    "the same and profile home-assistant": ({"profiles": ("home-assistant",)}, True),
}


class Pole:
    """Says one picture after the other as the daemon does, and how much CPU each took."""

    def __init__(self, settings: Config, publisher: Publisher, folder: Path) -> None:
        self.sender, self.publisher, self.number = sender_of(settings), publisher, 0
        self.voice = Voice(self.sender, self.stamp)
        self.profiles = Profiles(settings, self.sender, folder, version="0", report=print)
        self.cpu_ms: list[float] = []
        self.handed_ns: dict[str, list[int]] = defaultdict(list)

    def stamp(self) -> Stamp:
        self.number += 1
        return Stamp(self.number, time.time_ns(), 0.001)

    async def cycle(self, hazards: bool) -> None:
        seen = tracks(OBJECTS, valid_at_ns=time.time_ns())
        said = [replace(HAZARD, phase="update", reference_time_ns=seen.valid_at_ns)] if hazards else []
        picture, begun_ns, begun_s, sent = Picture(seen, said, []), time.time_ns(), time.process_time(), 0
        before = self.publisher.sent
        objects = self.voice.objects(seen).publications
        for one in objects:
            self.publisher.offer(one, begun_ns)
        await asyncio.sleep(0)
        events = list(self.voice.events(picture))
        kept = [one for event in events for one in event.publications]
        await asyncio.gather(*(self.publisher.keep(one) for one in kept))
        derived = self.profiles.see(picture, events)
        for one in derived:
            self.publisher.offer(one.publication, stream=one.stream)
        for one in (*objects, *kept):
            self.handed_ns[one.topic].append(begun_ns)
        sent = len(objects) + len(kept) + len(derived)
        while self.publisher.sent - before < sent:  # noqa: ASYNC110 - what leaves has no event
            await asyncio.sleep(0.005)
        self.cpu_ms.append((time.process_time() - begun_s) * 1e3)


async def _way(folder: Path, port: int, sections: dict, hazards: bool) -> tuple[float, list[float]]:
    """CPU ms of a cycle (median), and ms from picture to subscriber of each publication."""
    settings = config(publish=sections)
    (folder / "state").mkdir(parents=True)
    hearing = await asyncio.create_subprocess_exec(
        "mosquitto_sub", "-V", "5", "-p", str(port), "-t", "#", "-R", "-F", "%t %U", stdout=asyncio.subprocess.PIPE
    )
    async with Outbox(folder / "o.db", time.time_ns) as box:
        link = Publisher(
            Mqtt(url=f"mqtt://127.0.0.1:{port}"), "pole", box, utc_ns=time.time_ns, greeting=list,
            will=lambda: will(sender_of(settings), Stamp(1, time.time_ns())), report=lambda text: None,
        )  # fmt: skip
        running = asyncio.create_task(link.run())
        await link.connected.wait()
        pole = Pole(settings, link, folder / "state")
        await asyncio.sleep(0.3)  # mosquitto_sub does not say when it hears
        for _ in range(CYCLES):
            await pole.cycle(hazards)
            await asyncio.sleep(PERIOD_S)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    hearing.terminate()
    heard, _ = await hearing.communicate()
    waits, taken = [], {topic: iter(times) for topic, times in pole.handed_ns.items()}
    for line in heard.decode().splitlines():
        topic, _, at_s = line.rpartition(" ")
        if (begun_ns := next(taken.get(topic, iter(())), None)) is not None:
            waits.append(float(at_s) * 1e3 - begun_ns / 1e6)
    return float(np.median(pole.cpu_ms)), waits


async def _published(folder: Path) -> list[tuple[str, float, str]]:
    rows = []
    async with mosquitto(folder) as port:
        for number, (name, (sections, hazards)) in enumerate(WAYS.items()):
            cpu_ms, waits = await _way(folder / str(number), port, sections, hazards)
            rows.append((f"CPU a cycle, {OBJECTS} objects, {name}", cpu_ms, "ms"))
            rows.append((f"  to a subscriber, {len(waits) // CYCLES} a cycle: p50", float(np.median(waits)), "ms"))
            rows.append(("  to a subscriber: p99", float(np.percentile(waits, 99)), "ms"))
    return rows


def run() -> list[tuple[str, float, str]]:
    """(name, value, unit) rows; beside them the other formats."""
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(_published(Path(folder)))
    return [*rows, *bench_radio.run(50), *bench_cavc.run()]


if __name__ == "__main__":
    for name, value, unit in run():
        print(f"{name:72s} {value:10.2f} {unit}")
