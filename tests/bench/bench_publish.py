"""What publishing costs, side by side: CPU a picture, the way to a subscriber, other formats, the outbox; with goals.

As in the daemon: ten times a second 100 road users are fused from three messages, then the daemon's own code says the
picture, through voice, outbox, publisher and a real mosquitto; `mosquitto_sub`, a process of its own, says when each
publication came. CPU is that of the whole process (threads, event loop and kernel included) in a period with a picture
beyond that in a period that only fuses; periods of both kinds take turns. From tracks to socket it is that of one
thread, the event loop's: the picture encoded and handed to the kernel; also without the rest between two pictures, in
which whoever shares the processor takes its caches.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from controller.app import App
from controller.config import Config, Mqtt
from controller.fusion.track import Tracks, empty_tracks
from controller.outbox import Outbox
from controller.pipeline import Picture
from controller.profiles import Profiles
from controller.publication.objects import objects
from controller.publication.publication import Stamp
from controller.publication.status import will
from controller.publication.voice import Voice, sender_of
from controller.publisher import Publisher
from tests.bench import bench_cavc, bench_fusion, bench_outbox, bench_radio
from tests.bench.bench_uplink import mosquitto
from tests.controller.publication.profiles.scenes import config
from tests.controller.publication.radio.scene import HAZARD

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.publication.publication import Publication

OBJECTS = 100
PERIOD_S = 0.1
TURN = 10  # periods with a picture, then as many without
TURNS = 6
WAYS = {  # what [publish] says, and whether a hazard goes on in every picture
    "protobuf alone": ({"json_twins": False}, False),
    "with its JSON twin": ({}, False),
    "the same and a hazard (durable) and its twin": ({}, True),
    "the same and profile its-client": ({"profiles": ("its-client",)}, True),
    "the same and profile geojson": ({"profiles": ("geojson",)}, True),
    "the same and profile home-assistant": ({"profiles": ("home-assistant",)}, True),
}


GOALS = {  # by the beginning of a row's name
    "  of it from tracks to socket": "≤ 0.5",
    "  all 4 a cycle, picture to subscriber: p50": "≤ 3",
    "CPM of 20 objects  ": "≤ 2",
    "targetInfo of 100 targets, made": "≤ 2",
    "outbox, a single event": "≤ 10",
    "outbox, durable events in batches": "≥ 2000",
}


class Pole:
    """What the daemon's `_say_road` needs of a pole and its publisher, around the parts that are measured."""

    def __init__(self, settings: Config, publisher: Publisher, folder: Path, *, hazards: bool) -> None:
        self.publisher, self.number, self.heard = publisher, 0, True
        self.hazards, self.newest_arrival_ns = [HAZARD] * hazards, 1
        self.frames = iter(bench_fusion.road(OBJECTS, 2 * TURN * TURNS * PERIOD_S, late=False).frames)
        self.tracker = bench_fusion.three_modules()
        self.rows = empty_tracks(0)
        sender = sender_of(settings)
        self._voice, self.profiles = (
            Voice(sender, self.stamp),
            Profiles(settings, sender, folder, version="0", report=print),
        )
        self.pipeline, self.recorder = self, None
        self.radio = self.cavc = SimpleNamespace(say=_nothing, keep=_nothing, see=lambda _: None)
        self._arrived = SimpleNamespace(is_set=lambda: True)
        self._fuse = _nothing
        self.begun_ns: list[int] = []  # of each picture
        self.path_s: list[float] = []  # CPU from its tracks to the socket
        self.topics: set[str] = set()  # of all pictures, but for the profiles

    def stamp(self) -> Stamp:
        self.number += 1
        return Stamp(self.number, time.time_ns(), 0.001)

    def fuse(self) -> None:
        self.rows = bench_fusion.fused(self.tracker, next(self.frames)).objects

    def look(self, now_ns: int) -> Tracks:
        self.begun_ns.append(now_ns)
        self.path_s.append(-time.thread_time())
        self.rows["measured_at_ns"] = now_ns - 40_000_000
        return Tracks(now_ns, self.rows)

    def judge(self, tracks: Tracks) -> Picture:
        self.path_s[-1] += time.thread_time()
        told = [replace(one, phase="update", reference_time_ns=tracks.valid_at_ns) for one in self.hazards]
        return Picture(tracks, told, [])

    def offer(self, one: Publication, measured_at_ns: int = 0, stream: str | None = None) -> None:
        if stream is None:
            self.topics.add(one.topic)
        self.publisher.offer(one, measured_at_ns, stream or "")

    async def keep(self, one: Publication) -> None:
        self.topics.add(one.topic)
        await self.publisher.keep(one)


async def _nothing(*_: Any) -> None:
    """Not measured here."""


async def _way(folder: Path, port: int, sections: dict, hazards: bool) -> tuple[float, float, dict[str, list[float]]]:
    """CPU ms of a picture and from tracks to socket (medians), ms from picture to subscriber by topic."""
    settings = config(publish=sections)
    (folder / "state").mkdir(parents=True)
    hearing = await asyncio.create_subprocess_exec(
        "mosquitto_sub", "-V", "5", "-p", str(port), "-t", "#", "-R", "-F", "%t %U", stdout=asyncio.subprocess.PIPE
    )
    heard = asyncio.create_task(hearing.communicate())
    async with Outbox(folder / "o.db", time.time_ns) as box:
        link = _publisher(settings, port, box)
        running = asyncio.create_task(link.run())
        await link.connected.wait()
        pole: Any = Pole(settings, link, folder / "state", hazards=hazards)
        await asyncio.sleep(0.5)  # mosquitto_sub does not say when it hears
        spent: dict[bool, list[float]] = {True: [], False: []}
        loop = asyncio.get_running_loop()
        due_s, before_s = loop.time(), time.process_time()
        for number in range(2 * TURN * TURNS):
            speaks = number // TURN % 2 == 0
            pole.fuse()
            if speaks:
                await App._say_road(pole, pole)
            due_s += PERIOD_S
            await asyncio.sleep(due_s - loop.time())
            spent[speaks].append((time.process_time() - before_s) * 1e3)
            before_s = time.process_time()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    hearing.terminate()
    lines = (await heard)[0].decode().splitlines()
    waits, begun = defaultdict(list), {topic: iter(pole.begun_ns) for topic in pole.topics}
    for topic, _, at_s in (line.rpartition(" ") for line in lines):
        if topic in begun:
            waits[topic].append(float(at_s) * 1e3 - next(begun[topic]) / 1e6)
    cpu_ms = float(np.median(spent[True]) - np.median(spent[False]))
    return cpu_ms, float(np.median(pole.path_s)) * 1e3, waits


async def _without_rest(folder: Path, port: int) -> float:
    """CPU ms from tracks to socket (median), a picture right after the other, each fused before."""
    settings = config(publish={"json_twins": False})
    async with Outbox(folder / "restless.db", time.time_ns) as box:
        link = _publisher(settings, port, box)
        running = asyncio.create_task(link.run())
        await link.connected.wait()
        pole: Any = Pole(settings, link, folder, hazards=False)
        for _ in range(TURN * TURNS):
            pole.fuse()
            await App._say_road(pole, pole)
            await asyncio.sleep(0.001)  # the broker has its turn
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return float(np.median(pole.path_s)) * 1e3


def _publisher(settings: Config, port: int, box: Outbox) -> Publisher:
    return Publisher(
        Mqtt(url=f"mqtt://127.0.0.1:{port}"), "pole", box, utc_ns=time.time_ns, greeting=list,
        will=lambda: will(sender_of(settings), Stamp(1, time.time_ns())), report=lambda text: None,
    )  # fmt: skip


def _told(waits: dict[str, list[float]], of: str) -> list[tuple[str, float, str]]:
    chosen = [ms for topic, each in waits.items() if of in topic for ms in each]
    words = f"  {(of and f'its {of}') or f'all {len(waits)} a cycle'}, picture to subscriber"
    return [(f"{words}: p{part}", float(np.percentile(chosen, part)), "ms") for part in (50, 99)]


async def _published(folder: Path) -> list[tuple[str, float, str]]:
    rows = []
    async with mosquitto(folder) as port:
        for number, (name, (sections, hazards)) in enumerate(WAYS.items()):
            cpu_ms, path_ms, waits = await _way(folder / str(number), port, sections, hazards)
            rows.append((f"CPU a picture of {OBJECTS} objects, {name}", cpu_ms, "ms"))
            if not number:
                rows.append(("  of it from tracks to socket", path_ms, "ms"))
                rows.append(("  the same without rest", await _without_rest(folder, port), "ms"))
            rows += [row for of in (("", "objects", "hazard") if hazards else ("",))
                     for row in _told(waits, of)]  # fmt: skip
    return rows


def _encoded() -> list[tuple[str, float, str]]:
    road, tracker = bench_fusion.road(OBJECTS, 2.0, late=False), bench_fusion.three_modules()
    seen, stamp = (
        [bench_fusion.fused(tracker, messages) for messages in road.frames][-1],
        Stamp(1, time.time_ns(), 0.001),
    )
    rows = []
    for name in ("protobuf alone", "with its JSON twin"):
        sender = sender_of(config(publish=WAYS[name][0]))
        cost_ms = _median(lambda: list(objects(seen, sender, stamp)))  # noqa: B023
        rows.append((f"  of it to bytes, again and again, {name}", cost_ms, "ms"))
    return rows


def _median(work: Callable[[], object], times: int = 200) -> float:
    spent = []
    for _ in range(times):
        begin = time.thread_time()
        work()
        spent.append((time.thread_time() - begin) * 1e3)
    return float(np.median(spent))


def run() -> list[tuple[str, float, str]]:
    """(name, value, unit) rows."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        rows = asyncio.run(_published(Path(folder)))
    return rows + _encoded()


def beside() -> list[tuple[str, float, str]]:
    """What the other formats and the outbox cost."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        kept = asyncio.run(bench_outbox.kept(Path(folder)))
    return [*bench_radio.run(50), *bench_cavc.run(), *kept]


def main() -> None:
    """One table, goals beside."""
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name, value, unit in (*run(), *beside()):
        goal = next((words for begins, words in GOALS.items() if f"{name}  ".startswith(begins)), "")
        print(f"{name:72s} {value:10.2f} {unit:4s} {goal}")


if __name__ == "__main__":
    main()
