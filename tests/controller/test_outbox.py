"""Nothing put is lost: order, limits, damage, SIGKILL."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from controller.outbox import Outbox
from controller.publication.publication import Publication
from interfaces.errors import DeliveryError

EVENT = Publication("t", b"p", "c", 1, False, 9.0, (("id", "1"),), "k", durable=True, expires_at_ns=100)
URGENT = replace(EVENT, urgent=True, retain=True)


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


async def test_done_of_a_dropped_event_spares_the_one_put_after_it(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 50, max_rows=1) as box:
        await box.put(replace(EVENT, key="a"))
        sent = (await box.pending())[0]
        await box.put(replace(EVENT, key="b"))
        await box.done(sent.seq)
        assert [one.publication.key for one in await box.pending()] == ["b"]


async def test_a_full_disk_costs_old_near_misses_and_no_live_hazard(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 50) as box:
        await box.put(replace(URGENT, key="live"))
        await box._run(lambda: box._base.execute("PRAGMA max_page_count=60"))
        for n in range(400):
            await box.put(replace(EVENT, key=str(n), payload=bytes(1000)))
        live = await box.pending(1)
        assert [one.publication.key for one in live] == ["live"]
        await box.done(live[0].seq)
        kept = [one.publication.key for one in await box.pending(10**6)]
        assert kept == [str(n) for n in range(box.dropped, 400)]
        assert box.dropped


async def test_a_disk_full_of_live_hazards_refuses_the_next_by_name(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 50) as box:
        await box._run(lambda: box._base.execute("PRAGMA max_page_count=30"))
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
from controller.outbox import Outbox
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
    async with Outbox(tmp_path / "o.db", lambda: 50, hold_s=10.0) as box:
        for key in ("old", "young", "waiting"):
            await box.put(replace(EVENT, key=key))
        old, young, _ = await box.pending()
        await box.done(old.seq)
        await asyncio.sleep(11)
        await box.done(young.seq)
        assert await box.backlog() == 1
        await box.send_again()
        assert [one.publication.key for one in await box.pending()] == ["young", "waiting"]
        assert await box.backlog() == 2


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


async def test_what_is_held_makes_room_before_anything_that_waits(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 50, max_rows=3) as box:
        for key in ("held", "a", "b"):
            await box.put(replace(EVENT, key=key))
        await box.done((await box.pending())[0].seq)
        await box.put(replace(EVENT, key="c"))
        assert [one.publication.key for one in await box.pending()] == ["a", "b", "c"]
        assert box.dropped == 0
        await box.send_again()
        assert await box.backlog() == 3


async def test_a_live_hazard_leaves_in_the_next_batch_of_a_long_backlog(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 50) as box:
        await asyncio.gather(*(box.put(replace(EVENT, key=str(n))) for n in range(5000)))
        await box.done(*(one.seq for one in await box.pending(20)))
        await box.put(URGENT)
        assert (await box.pending(20))[0].publication == URGENT
        assert await box.backlog() == 4981
