"""What a broker has acknowledged stays until it surely has it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from controller.outbox import Outbox
from tests.controller.outbox_events import EVENT, keys, lasting


@pytest.mark.looptime
async def test_what_was_acknowledged_a_moment_ago_waits_again_after_a_lost_connection(tmp_path):
    """A broker that dies may have forgotten it."""
    async with Outbox(tmp_path / "o.db", lambda: 0, hold_s=10.0) as box:
        for key in ("old", "young", "waiting"):
            await box.put(lasting(key))
        old, young, _ = await box.pending()
        await box.done(old.seq)
        await asyncio.sleep(11)
        await box.done(young.seq)
        box.lived(10.5)
        assert await box.backlog() == 1
        await box.send_again()
        assert await keys(box) == ["young", "waiting"]
        assert await box.backlog() == 2


@pytest.mark.looptime
async def test_however_long_a_broker_was_away_it_did_not_save_meanwhile(tmp_path):
    """It may have died right after its answer: only what it said later shows that it lived."""
    async with Outbox(tmp_path / "o.db", lambda: 0, hold_s=10.0) as box:
        await box.put(lasting("a", 10_000))
        await box.done((await box.pending())[0].seq)
        box.lived(9.0)
        await asyncio.sleep(3600)
        await box.send_again()
        assert await keys(box) == ["a"]


async def test_what_was_held_long_enough_leaves_the_disk_of_a_quiet_pole(tmp_path):
    loop = asyncio.get_running_loop()
    async with Outbox(tmp_path / "o.db", lambda: 0, hold_s=10.0) as box:
        await box.put(lasting("a"))
        await box.done((await box.pending())[0].seq)
        box.lived(loop.time() + 10.0)
        assert await box.pending() == []
    async with Outbox(tmp_path / "o.db", lambda: 0) as box:
        assert await box.pending() == []


@pytest.mark.looptime
async def test_what_expired_since_it_was_taken_is_not_sent_again_what_was_told_late_is(tmp_path):
    """The broker lets go of the first by its expiry; the second had none."""
    now = [0]
    async with Outbox(tmp_path / "o.db", lambda: now[0], hold_s=100.0) as box:
        for one in (lasting("short", 3), lasting("long", 60), replace(lasting("late", 3), expires_at_ns=1)):
            await box.put(one)
        now[0] = 2
        await box.done(*(one.seq for one in await box.pending()))
        await asyncio.sleep(5)
        now[0] = 5_000_000_000
        await box.send_again()
        assert await keys(box) == ["long", "late"]


@pytest.mark.looptime
async def test_on_connections_that_keep_breaking_a_backlog_still_becomes_shorter(tmp_path):
    """Each lasts for four events and 9 s, less than the hold."""
    async with Outbox(tmp_path / "o.db", lambda: 0, hold_s=10.0) as box:
        for n in range(8):
            await box.put(lasting(str(n), 10_000))
        sent = []
        while await box.backlog():
            await box.send_again()
            for one in await box.pending(4):
                sent.append(one.publication.key)
                await box.done(one.seq)
            await asyncio.sleep(9)
    assert [sent.count(str(n)) for n in range(8)] == [6, 6, 6, 6, 1, 1, 1, 1]


@pytest.mark.looptime
async def test_a_step_of_the_clock_takes_nothing_from_what_is_sent_again(tmp_path):
    now = [0]
    async with Outbox(tmp_path / "o.db", lambda: now[0]) as box:
        await box.put(lasting("a", 30))
        await box.done((await box.pending())[0].seq)
        now[0] = 10**12
        await asyncio.sleep(1)
        await box.send_again()
        assert await keys(box) == ["a"]


async def test_without_a_hold_what_was_acknowledged_is_gone(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 50, hold_s=0.0) as box:
        await box.put(EVENT)
        await box.done((await box.pending())[0].seq)
        await box.send_again()
        assert await box.backlog() == 0


async def test_what_is_held_is_sent_again_after_a_restart(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 50) as box:
        await box.put(EVENT)
        await box.done((await box.pending())[0].seq)
    async with Outbox(tmp_path / "o.db", lambda: 50) as box:
        assert [one.publication for one in await box.pending()] == [EVENT]


async def test_what_is_held_makes_room_before_anything_that_waits_near_misses_first(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 50, max_rows=4) as box:
        for one in (lasting("hazard"), replace(EVENT, key="near"), replace(EVENT, key="a")):
            await box.put(one)
        await box.done(*[one.seq for one in await box.pending()][:2])
        for key in ("b", "c"):
            await box.put(replace(EVENT, key=key))
        assert (box.cut_short, box.dropped) == (1, 0)
        await box.send_again()
        assert await keys(box) == ["hazard", "a", "b", "c"]
        await box.done((await box.pending())[0].seq)
        for key in ("d", "e"):
            await box.put(replace(EVENT, key=key))
        assert await keys(box) == ["b", "c", "d", "e"]
        assert (box.cut_short, box.dropped) == (2, 1)


async def test_what_is_of_no_use_is_forgotten_not_held(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 0) as box:
        await box.put(lasting("a"))
        await box.forget((await box.pending())[0].seq)
        await box.send_again()
        assert await keys(box) == []
