"""What waits for a slow application: bounded, the newest picture only, and an end that is told."""

from __future__ import annotations

import asyncio

import pytest

from interfaces import stream
from interfaces.errors import LinkError
from interfaces.event_reader import FilterReader
from interfaces.object_reader import STALE_S, ObjectReader
from interfaces.reception import decode
from interfaces.stream import Stream
from interfaces.topics import ROOT
from tests.published import danger, road


def arrived(publication):
    return decode(publication.topic, publication.payload, ROOT, dict(publication.user_properties), 5.0)


def opened(reader):
    started = []
    return Stream(reader, started.append), started


async def test_it_starts_when_it_is_first_read():
    one, started = opened(FilterReader())
    assert started == []
    one.put(arrived(danger()[0]), 0.0)
    assert (await anext(one)).kind == "hazard"
    one.put(arrived(danger()[0]), 0.0)
    await anext(one)
    assert started == [one]


async def test_the_oldest_are_dropped_and_counted(monkeypatch):
    monkeypatch.setattr(stream, "MOST_WAITING", 3)
    one, _ = opened(FilterReader())
    for sequence in range(1, 6):
        one.put(arrived(danger(sequence=sequence)[0]), 0.0)
    got = [(await anext(one)).message.header.sequence for _ in range(3)]
    assert (got, one.lost) == ([3, 4, 5], 2)


async def test_pictures_replace_each_other_and_events_do_not():
    one, _ = opened(FilterReader())
    for sequence in range(1, 4):
        one.put(arrived(road((0.0, 0.0), sequence=10 * sequence)[0]), 0.0)
        one.put(arrived(danger(sequence=sequence)[0]), 0.0)
    got = [(await anext(one)).message.header.sequence for _ in range(4)]
    assert (got, one.lost) == ([1, 2, 30, 3], 0)


@pytest.mark.looptime
async def test_it_wakes_when_its_reader_wants_to_be_asked():
    one, _ = opened(ObjectReader())
    loop = asyncio.get_running_loop()
    one.put(arrived(road((0.0, 0.0))[0]), loop.time())
    begin = loop.time()
    assert not (await anext(one)).stale
    assert (await anext(one)).stale
    assert loop.time() - begin == pytest.approx(STALE_S, abs=0.01)


async def test_what_arrived_is_read_before_the_end_is_told():
    one, _ = opened(FilterReader())
    one.put(arrived(danger()[0]), 0.0)
    one.end(LinkError("gone"))
    one.end(StopAsyncIteration())  # the first reason counts
    await anext(one)
    with pytest.raises(LinkError, match="gone"):
        await anext(one)
