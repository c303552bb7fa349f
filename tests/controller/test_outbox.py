"""Nothing put is lost: order, limits, damage, SIGKILL."""

from __future__ import annotations

import asyncio
import contextlib
import re
import resource
import sqlite3
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from controller import outbox_table
from controller.outbox import Outbox, Stored
from controller.outbox_table import OutboxTable
from controller.publication.publication import Publication
from interfaces.errors import DeliveryError

EVENT = Publication("t", b"p", "c", 1, False, 9.0, (("id", "1"),), "k", durable=True, expires_at_ns=100)
URGENT = replace(EVENT, urgent=True, retain=True)


def lasting(key, validity_s=60):
    """Of use for so long from UTC 0 on."""
    return replace(URGENT, key=key, expiry_s=float(validity_s), expires_at_ns=validity_s * 10**9)


async def keys(box, limit=100):
    return [one.publication.key for one in await box.pending(limit)]


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


async def test_a_damaged_file_is_moved_aside(tmp_path):
    (tmp_path / "o.db").write_bytes(b"not a database" * 1000)
    async with Outbox(tmp_path / "o.db", lambda: 0) as box:
        await box.put(EVENT)
        assert await box.backlog() == 1
        assert box.moved_aside.endswith("o.db.corrupt")


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


async def test_done_of_a_dropped_event_spares_the_one_put_after_it(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 50, max_rows=1) as box:
        await box.put(replace(EVENT, key="a"))
        sent = (await box.pending())[0]
        await box.put(replace(EVENT, key="b"))
        await box.done(sent.seq)
        assert [one.publication.key for one in await box.pending()] == ["b"]


@pytest.fixture
def full_disk(monkeypatch):
    """An outbox gets a file of 190 pages and no more: the largest drop still is less than half of that."""
    free = iter([10**9])
    monkeypatch.setattr(outbox_table, "STEP_PAGES", 190)
    monkeypatch.setattr(outbox_table, "_free_b", lambda path: next(free, 0))


async def test_a_full_disk_costs_old_near_misses_and_no_live_hazard(tmp_path, full_disk):
    async with Outbox(tmp_path / "o.db", lambda: 50) as box:
        await box.put(replace(URGENT, key="live"))
        for n in range(400):
            await box.put(replace(EVENT, key=str(n), payload=bytes(1000)))
        live = await box.pending(1)
        assert [one.publication.key for one in live] == ["live"]
        await box.done(live[0].seq)
        kept = [one.publication.key for one in await box.pending(10**6)]
        assert kept == [str(n) for n in range(box.dropped, 400)]
        assert box.dropped


async def test_a_disk_full_of_live_hazards_refuses_the_next_by_name(tmp_path, full_disk):
    async with Outbox(tmp_path / "o.db", lambda: 50) as box:
        events = [replace(URGENT, key=str(n), payload=bytes(1000)) for n in range(400)]
        outcomes = [(await asyncio.gather(box.put(one), return_exceptions=True))[0] for one in events]
        refusals = [one for one in outcomes if one is not None]
        assert isinstance(refusals[0], DeliveryError)
        assert re.search(r"o\.db: .*full; free disk space", str(refusals[0]))
        assert await box.backlog() == outcomes.count(None) == 400 - len(refusals)
        assert box.dropped == 0


CHILD = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from controller.outbox import Outbox, Stored
from controller.publication.publication import Publication
async def main():
    async with Outbox(Path(sys.argv[1]), lambda: 0) as box:
        for n in range(10**6):
            await box.put(Publication("t", b"", "c", 1, False, None, (), str(n)))
            print(n, flush=True)
asyncio.run(main())
"""


@pytest.mark.parametrize("after", [1, 17, 60])
async def test_what_was_acknowledged_survives_sigkill(tmp_path, after):
    path = tmp_path / "o.db"
    with subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True) as child:  # noqa: ASYNC220 - nothing else runs
        seen = [child.stdout.readline() for _ in range(after)]
        child.kill()
        seen += child.stdout.readlines()
    async with Outbox(path, lambda: 0) as box:
        kept = {one.publication.key for one in await box.pending(10**6)}
    assert {line.strip() for line in seen if line.endswith("\n")} <= kept


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


async def test_what_is_of_no_use_is_forgotten_not_held(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 0) as box:
        await box.put(lasting("a"))
        await box.forget((await box.pending())[0].seq)
        await box.send_again()
        assert await keys(box) == []


async def test_on_a_full_disk_events_still_leave(tmp_path):
    """To forget takes room: what cannot be forgotten yet is held on."""
    async with Outbox(tmp_path / "o.db", lambda: 0, hold_s=10.0) as box:
        for key in ("a", "b"):
            await box.put(lasting(key))
        await box.done((await box.pending())[0].seq)
        box.lived(1e9)
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        try:
            assert await keys(box) == ["b"]
            await box.done((await box.pending())[0].seq)
            with pytest.raises(DeliveryError, match=r"o\.db: .*free disk space"):
                await box.put(lasting("c"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        assert await keys(box) == []
        await box.put(lasting("d"))
        assert await keys(box) == ["d"]


async def test_on_a_full_disk_the_file_stays_in_use_for_ever(tmp_path, full_disk):
    """Neither the log nor the file needs a byte more: whoever filled the disk may have all of it."""
    path = tmp_path / "o.db"
    async with Outbox(path, lambda: 50) as box:
        sizes = {one: one.stat().st_size for one in (path, path.with_name("o.db-wal"))}
        for n in range(1000):
            await box.put(replace(URGENT if n % 3 else EVENT, key=str(n), payload=bytes(600)))
            if n % 20 == 0:
                await box.done(*(one.seq for one in await box.pending(20)))
        assert box.cut_short > 500
        assert {one: one.stat().st_size for one in sizes} == sizes


async def test_one_event_is_two_small_pages_of_log(tmp_path):
    """Cards wear out by what is written: with both pages, and blocks of 4 kB that they only touch, under 10 kB."""
    path = tmp_path / "o.db"
    pages = []
    async with Outbox(path, lambda: 50) as box:
        with contextlib.closing(sqlite3.connect(path)) as look:
            (size,) = look.execute("PRAGMA page_size").fetchone()
            for n in range(60):
                look.execute("PRAGMA wal_checkpoint").fetchone()  # what is logged next begins the log anew
                await box.put(replace(EVENT, key=str(n), payload=bytes(600)))
                pages.append(look.execute("PRAGMA wal_checkpoint").fetchone()[1])
    assert sum(pages) / len(pages) * size <= 5000


class OneTopicAfterTheOther(RuleBasedStateMachine):
    """Whatever happens between, the hazards of a topic are taken first in the order of their puts."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.now_ns, self.steady, self.put, self.taken = 10**12, 0.0, 0, {}
        self.table = OutboxTable(Path(self.folder.name) / "o.db", lambda: self.now_ns, 12)

    @rule(topic=st.sampled_from("ab"), validity_s=st.integers(1, 20), for_ever=st.booleans(), urgent=st.booleans())
    def keep(self, topic, validity_s, for_ever, urgent):
        self.put += 1
        ends = 0 if for_ever else self.now_ns + validity_s * 10**9
        one = replace(URGENT, topic=topic if urgent else "near", key=str(self.put), expires_at_ns=ends, urgent=urgent)
        self.table.insert([Stored(self.put, one)])

    @rule(limit=st.integers(1, 4), refused=st.sets(st.integers(0, 3), max_size=2), answered=st.integers(1, 4))
    def send(self, limit, refused, answered):
        batch = list(enumerate(self.table.next(limit)))[:answered]
        self.table.refuse([one.seq for place, one in batch if place in refused])
        taken = [one for place, one in batch if place not in refused]
        self.table.hold([one.seq for one in taken], self.steady, 60)
        for one in taken:
            order = self.taken.setdefault(one.publication.topic, [])
            if one.seq not in order:
                order.append(one.seq)

    @rule(step_s=st.integers(-30, 30))
    def step_the_clock(self, step_s):
        self.now_ns += step_s * 10**9

    @rule(seconds=st.integers(0, 30))
    def wait(self, seconds):
        self.steady += seconds
        self.now_ns += seconds * 10**9

    @rule(anew=st.booleans())
    def go_on(self, anew):
        """After a lost connection, or a minute."""
        self.table.ask_again()
        if anew:
            self.table.let_go(self.steady - 15)
            self.table.release(self.steady)

    @invariant()
    def nothing_follows_what_came_after_it(self):
        for topic, order in self.taken.items():
            assert topic == "near" or order == sorted(order)

    @invariant()
    def it_knows_how_many_there_are(self):
        assert self.table._count == self.table._base.execute("SELECT count(*) FROM event").fetchone()[0]

    def teardown(self):
        self.table.close()
        self.folder.cleanup()


TestOneTopicAfterTheOther = OneTopicAfterTheOther.TestCase
TestOneTopicAfterTheOther.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


async def test_a_live_hazard_leaves_in_the_next_batch_of_a_long_backlog(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 50) as box:
        await asyncio.gather(*(box.put(replace(EVENT, key=str(n))) for n in range(5000)))
        await box.done(*(one.seq for one in await box.pending(20)))
        await box.put(URGENT)
        assert (await box.pending(20))[0].publication == URGENT
        assert await box.backlog() == 4981
