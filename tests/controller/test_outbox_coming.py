"""Who waits for events gets them before the disk has them, and none is passed over."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest

from controller.outbox import Outbox
from controller.outbox_table import OutboxTable
from tests.controller.outbox_events import EVENT, URGENT


async def test_who_waits_gets_an_event_while_the_disk_still_writes_it(tmp_path, monkeypatch):
    """A slow card holds up no hazard; what is answered before it is written is held once it is."""
    written, insert = threading.Event(), OutboxTable.insert
    monkeypatch.setattr(OutboxTable, "insert", lambda *those: written.wait(20) and insert(*those))
    async with asyncio.timeout(20), Outbox(tmp_path / "o.db", lambda: 50) as box:
        assert await box.pending() == []
        waiting = asyncio.create_task(box.coming(20, 3600.0))
        await asyncio.sleep(0)
        putting = asyncio.gather(box.put(replace(EVENT, key="a")), box.put(URGENT))
        batch = await waiting
        assert [one.publication.key for one in batch] == ["k", "a"]
        assert not putting.done()
        answering = asyncio.create_task(box.done(batch[0].seq))
        written.set()
        await asyncio.gather(putting, answering)
        assert [one.publication.key for one in await box.pending()] == ["a"]
        assert await box.backlog() == 1


async def test_what_is_more_than_a_batch_comes_with_the_next(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 50) as box:
        assert await box.pending() == []
        waiting = asyncio.create_task(box.coming(2, 3600.0))
        await asyncio.sleep(0)
        await asyncio.gather(*(box.put(replace(EVENT, key=key)) for key in "abc"))
        await box.done(*(one.seq for one in await waiting))
        assert [one.publication.key for one in await box.coming(2, 3600.0)] == ["c"]


async def test_what_was_refused_is_not_overtaken_when_it_is_offered_again(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 50) as box:
        await box.put(replace(URGENT, key="new"))
        await box.refuse((await box.pending())[0].seq)
        await box.ask_again()
        waiting = asyncio.create_task(box.coming(20, 3600.0))
        await box.put(replace(URGENT, key="cancel"))
        assert (await waiting)[0].publication.key == "new"


async def test_what_came_since_the_last_look_is_not_waited_for(tmp_path):
    async with asyncio.timeout(20), Outbox(tmp_path / "o.db", lambda: 50) as box:
        assert await box.pending() == []
        await box.put(EVENT)
        assert len(await box.coming(20, 3600.0)) == 1


async def test_who_left_before_the_write_ended_leaves_it_to_the_next(tmp_path):
    async with asyncio.timeout(20), Outbox(tmp_path / "o.db", lambda: 50) as box:
        assert await box.pending() == []
        leaving = asyncio.create_task(box.coming(20, 3600.0))
        await asyncio.sleep(0)
        putting = asyncio.create_task(box.put(EVENT))
        await asyncio.sleep(0)
        leaving.cancel()
        await putting
        assert len(await box.coming(20, 3600.0)) == 1


@pytest.mark.looptime
async def test_nothing_comes_to_a_quiet_outbox(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 50) as box:
        assert await box.pending() == []
        assert await box.coming(20, 5.0) == []
