"""Nothing put is lost: order, limits, damage, SIGKILL."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from controller.outbox import Outbox
from controller.publication.publication import Publication

EVENT = Publication("t", b"p", "c", 1, False, 9.0, (("id", "1"),), "k", durable=True, expires_at_ns=100)
URGENT = replace(EVENT, urgent=True, retain=True)


async def test_live_hazards_first_then_in_order(tmp_path):
    async with Outbox(tmp_path / "o.db", lambda: 50) as box:
        late = replace(URGENT, expires_at_ns=10)
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
