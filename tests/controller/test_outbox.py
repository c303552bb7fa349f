"""What leaves first, what is dropped, what is refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from controller.outbox import Outbox
from tests.controller.outbox_events import EVENT, URGENT, keys


async def test_live_hazards_first_then_in_order(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 50) as box:
        late = replace(URGENT, topic="u", expires_at_ns=10)
        for one in (EVENT, late, URGENT):
            await box.put(one)
        assert [one.publication for one in await box.pending()] == [URGENT, EVENT, late]
        await box.done((await box.pending())[0].seq)
        assert await box.backlog() == 2


async def test_full_drops_the_oldest_near_miss_never_a_live_hazard(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 50, max_rows=3) as box:
        for one in (URGENT, replace(EVENT, key="old"), replace(EVENT, key="new"), URGENT, URGENT, URGENT):
            await box.put(one)
        assert [one.publication for one in await box.pending()] == [URGENT] * 4
        assert box.dropped == 2


async def test_a_topic_keeps_its_order_and_no_long_one_holds_up_another(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 50) as box:
        new, cancel = replace(URGENT, key="new", expires_at_ns=10), replace(URGENT, key="cancel")
        other = replace(URGENT, topic="u", key="other")
        for one in (EVENT, new, cancel, other):
            await box.put(one)
        assert [one.publication.key for one in await box.pending()] == ["new", "other", "cancel", "k"]


async def test_what_was_refused_waits_without_holding_up_the_rest(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 50) as box:
        await box.put(replace(EVENT, key="a"))
        await box.put(replace(EVENT, key="b"))
        await box.refuse((await box.pending(1))[0].seq)
        assert [one.publication.key for one in await box.pending()] == ["b"]
        assert await box.backlog() == 2
        await box.ask_again()
        assert [one.publication.key for one in await box.pending()] == ["a", "b"]


async def test_done_of_a_dropped_event_spares_the_one_put_after_it(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 50, max_rows=1) as box:
        await box.put(replace(EVENT, key="a"))
        sent = (await box.pending())[0]
        await box.put(replace(EVENT, key="b"))
        await box.done(sent.seq)
        assert [one.publication.key for one in await box.pending()] == ["b"]


async def test_a_refused_hazard_does_not_follow_a_later_word_of_it(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 50) as box:
        for one in (replace(URGENT, key="new"), replace(URGENT, key="cancel"), replace(URGENT, topic="u", key="other")):
            await box.put(one)
        await box.put(replace(EVENT, key="near 1"))
        await box.put(replace(EVENT, key="near 2"))
        seqs = {one.publication.key: one.seq for one in await box.pending()}
        await box.refuse(seqs["new"], seqs["other"], seqs["near 1"])
        await box.done(seqs["cancel"], seqs["near 2"])
        await box.ask_again()
        assert await keys(box) == ["other", "near 1"]
        assert box.dropped == 1


async def test_a_live_hazard_leaves_in_the_next_batch_of_a_long_backlog(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 50) as box:
        await asyncio.gather(*(box.put(replace(EVENT, key=str(n))) for n in range(5000)))
        await box.done(*(one.seq for one in await box.pending(20)))
        await box.put(URGENT)
        assert (await box.pending(20))[0].publication == URGENT
        assert await box.backlog() == 4981
