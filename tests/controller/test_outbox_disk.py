"""Nothing kept is lost: SIGKILL, a damaged file, a full disk; and what is written."""

from __future__ import annotations

import asyncio
import contextlib
import re
import resource
import sqlite3
import subprocess
import sys
from dataclasses import replace

import pytest

from controller import outbox_table
from controller.outbox import Outbox
from interfaces.errors import DeliveryError
from tests.controller.outbox_events import EVENT, URGENT, keys, lasting


async def test_a_damaged_file_is_moved_aside(tmp_path):
    (tmp_path / "o.db").write_bytes(b"not a database" * 1000)
    async with Outbox(tmp_path / "o.db", lambda: 0) as box:
        await box.put(EVENT)
        assert await box.backlog() == 1
        assert box.moved_aside.endswith("o.db.corrupt")


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
