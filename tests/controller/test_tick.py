"""The beat of the pole: in step with the newest message, and most of the work done before it comes."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from controller.app import App


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
