"""The beat of the pole: in step with the newest message, most of the work done before it, the urgent said first."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from controller.app import TWIN_WAITS_S, App
from controller.publication.voice import Statement
from tests.published import everything


class Pole:
    """What a tick needs of a pole, noting when things happen (virtual s)."""

    _tick, _fuse, _until_fresh = App._tick, App._fuse, App._until_fresh

    def __init__(self):
        self.config = SimpleNamespace(publish=SimpleNamespace(objects_rate_hz=10.0))
        self.pipeline, self.recorder, self._arrived = self, None, asyncio.Event()
        self.waiting, self.fused_s, self.said_s = 6, [], []

    def advance(self, _now_ns, frames):
        self.fused_s += [asyncio.get_running_loop().time()] * min(frames, self.waiting)
        self.waiting -= min(frames, self.waiting)
        return self.waiting > 0

    async def _say_road(self, _publisher):
        await self._fuse(0)
        self.said_s.append(asyncio.get_running_loop().time())


@pytest.mark.looptime
async def test_what_waits_is_fused_before_the_newest_message_comes_and_nothing_but_that_after_it():
    pole = Pole()
    tick = asyncio.create_task(pole._tick(None))
    await asyncio.sleep(0.088)
    assert pole.fused_s == [pytest.approx(0.085)] * 6
    pole.waiting = 1
    await asyncio.sleep(0.012)
    assert pole.said_s == []
    pole._arrived.set()
    await asyncio.sleep(0.001)
    assert pole.said_s == [pytest.approx(0.1)]
    assert pole.fused_s[6:] == [pytest.approx(0.1)]
    tick.cancel()


@pytest.mark.looptime
async def test_a_road_without_messages_is_told_all_the_same_though_later():
    pole = Pole()
    tick = asyncio.create_task(pole._tick(None))
    await asyncio.sleep(0.31)
    assert pole.said_s == [pytest.approx(0.15), pytest.approx(0.3)]
    tick.cancel()


class Speaker:
    """What a picture needs of a pole and its publisher, noting when what is said (virtual s)."""

    _say_road, _fuse = App._say_road, App._fuse

    def __init__(self, disk_s):
        self.disk_s, self.log, self.heard, self.newest_arrival_ns = disk_s, [], True, 7
        self.pipeline = self.recorder = self._voice = self.profiles = self.radio = self
        self.cavc = SimpleNamespace(see=lambda _: None, keep=self.upload)
        self._arrived = SimpleNamespace(is_set=lambda: True)

    def note(self, what):
        self.log.append((round(asyncio.get_running_loop().time(), 3), what))

    def advance(self, _now_ns, _frames):
        return False

    def look(self, _now_ns):
        return SimpleNamespace(objects=[None])

    def judge(self, _tracks):
        return SimpleNamespace(hazards=[])

    def objects(self, _tracks):
        for number, one in enumerate(everything()["objects"]):
            self.note(f"objects {number} made")
            yield Statement(None, (one,))

    def events(self, _judged):
        return [Statement(None, everything()["hazard"])]

    def offer(self, one, measured_at_ns):
        self.note(f"{one.content_type} offered, newest of {measured_at_ns}")

    async def keep(self, one):
        self.note(f"{one.content_type} to be kept")
        await asyncio.sleep(self.disk_s)
        self.note("kept")

    async def upload(self, _one):
        self.note("uploaded")

    def picture(self, _now_ns, _voice, said):
        self.note(f"recorded {[one.publications[0].content_type for one in said]}")

    def see(self, *_judged, **_heard):
        return ()

    async def say(self, _tracks, _hazards):
        self.note("radio")


BINARY, TWIN = "application/x-protobuf", "application/json"


@pytest.mark.looptime
@pytest.mark.parametrize(("disk_s", "twin_s"), [(0.003, 0.003), (0.5, TWIN_WAITS_S)])
async def test_hazards_leave_before_the_twin_of_the_objects_is_made_and_a_slow_disk_holds_nothing_up(disk_s, twin_s):
    pole = Speaker(disk_s)
    await pole._say_road(pole)
    kept = [(disk_s, "kept")] * 2
    twin = [
        (twin_s, "objects 1 made"),
        (twin_s, f"{TWIN} offered, newest of 0"),
        (twin_s, f"recorded {[BINARY, BINARY, TWIN]}"),
    ]
    assert pole.log == [
        (0.0, "objects 0 made"),
        (0.0, f"{BINARY} offered, newest of 7"),
        (0.0, f"{BINARY} to be kept"),
        (0.0, f"{TWIN} to be kept"),
        *sorted([*kept, *twin], key=lambda row: row[0]),
        (disk_s, "radio"),
        *[(disk_s, "uploaded")] * 2,
    ]
