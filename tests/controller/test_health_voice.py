"""What the pole says of itself: nothing that was dropped before the broker listened counts as said."""

from __future__ import annotations

import asyncio
from collections import deque
from types import SimpleNamespace

import pytest

from controller import log
from controller.app import App
from controller.health_voice import SLOT_PERIODS, STATUS_PERIOD_S
from controller.site import Site
from interfaces.proto.publication_pb2 import PoleProfile
from interfaces.topics import PROFILE, ROOT, STATUS, WEATHER, row_of
from modules.environment import POSSIBLE, EnvironmentReading
from tests.controller.publication.profiles.scenes import config


class Listener:
    """A publisher that keeps what it is offered while it is connected, as the real one drops the rest."""

    def __init__(self):
        self.connected, self.said = asyncio.Event(), []
        self.narrow = SimpleNamespace(words="")
        self.certificates = SimpleNamespace(held={}, troubles=list)
        self.counters, self.lags_s, self.sent = {}, deque(), 0

    def offer(self, one):
        if self.connected.is_set():
            self.said.append(one)

    async def backlog(self):
        return 0

    def rows(self):
        return [row for row, twin in (row_of(one.topic, ROOT) for one in self.said) if not twin]


@pytest.fixture
def readings():
    return [(1, EnvironmentReading(0, **dict.fromkeys(POSSIBLE, 1)))]


@pytest.fixture
def app(tmp_path, monkeypatch, readings):
    one = App(config(), Site(), tmp_path / "state", log.logger())
    monkeypatch.setattr(one.pipeline, "weather", lambda _: tuple(readings))
    return one


async def run_for(voice, listener, periods):
    task = asyncio.create_task(voice.run(listener, listener))
    await asyncio.sleep(periods * STATUS_PERIOD_S + 0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.looptime
async def test_what_changed_while_nobody_listened_is_said_to_who_does(app, readings):
    listener = Listener()
    greeted = [row_of(one.topic, ROOT) for one in app.health.greeting()]
    assert [row for row, twin in greeted if not twin] == [STATUS, PROFILE, WEATHER]
    pole = app.config.pole.model_copy(update={"name": "another"})
    app.config = app.config.model_copy(update={"pole": pole})
    readings[:] = [(1, EnvironmentReading(0, **dict.fromkeys(POSSIBLE, 5)))]
    await run_for(app.health, listener, 2 * SLOT_PERIODS)  # the greeting is still on its way
    assert listener.said == []
    listener.connected.set()
    await run_for(app.health, listener, 3 * SLOT_PERIODS)
    rows = listener.rows()
    assert rows.count(STATUS) > 2 * SLOT_PERIODS
    assert (rows.count(PROFILE), rows.count(WEATHER)) == (1, 1)
    told = next(one for one in listener.said if one.topic.endswith("/profile"))
    assert PoleProfile.FromString(told.payload).name == "another"
