"""Events on their way to a broker that answers as a test wants, in virtual time."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from controller.acknowledging_client import RefusedError
from controller.event_way import ASK_AGAIN_S, BATCH, EventWay
from controller.outbox import Stored
from controller.publication.publication import Publication

NEAR = Publication("s/near", b"", "c", 1, False, None, (), "k", durable=True)
QUOTA = ReasonCode(PacketTypes.PUBACK, "Quota exceeded")
TOO_LARGE = ReasonCode(PacketTypes.DISCONNECT, "Packet too large")
GONE = ReasonCode(PacketTypes.DISCONNECT, "Unspecified error")


class Memory:
    """An outbox without a disk: virtual time does not wait for threads."""

    def __init__(self, count):
        self.rows, self.refused, self.again = dict.fromkeys(range(1, count + 1), NEAR), set(), 0
        self.news = asyncio.Event()

    async def pending(self, limit):
        return [Stored(seq, one) for seq, one in self.rows.items() if seq not in self.refused][:limit]

    async def coming(self, limit, within_s):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self.news.wait()
        self.news.clear()
        return await self.pending(limit)

    def put(self, seq):
        self.rows[seq] = NEAR
        self.news.set()

    async def done(self, *seqs):
        for seq in seqs:
            del self.rows[seq]

    async def refuse(self, *seqs):
        self.refused.update(seqs)

    async def ask_again(self):
        self.refused.clear()

    async def send_again(self):
        self.again += 1


@contextlib.asynccontextmanager
async def connected(way, send):
    await way.connected()
    task = asyncio.create_task(way.run(send))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.looptime
async def test_a_refused_event_is_offered_again_while_others_never_cease():
    box, told, sent = Memory(1), [], []
    way = EventWay(box, tell=told.append)

    async def send(stored):
        sent.append((asyncio.get_running_loop().time(), stored.seq))
        if stored.seq == 1:
            raise RefusedError("s/near", QUOTA)

    async with connected(way, send):
        for seq in range(2, 160):
            box.put(seq)
            await asyncio.sleep(1)
    times = [at for at, seq in sent if seq == 1]
    assert len(times) == 3
    assert ASK_AGAIN_S <= times[1] - times[0] < ASK_AGAIN_S + 6
    assert list(box.rows) == [1]
    assert all("refuses s/near: Quota exceeded (0x97); the event stays" in one for one in told)


@pytest.mark.looptime
@pytest.mark.parametrize(("reason", "least_left"), [(TOO_LARGE, 1), (GONE, 3 * BATCH - 5)])
async def test_only_an_event_at_which_the_broker_hangs_up_steps_aside(reason, least_left):
    """It hangs up at the 6th event, each time; a lost connection is nobody's fault."""
    box, told = Memory(3 * BATCH), []
    way = EventWay(box, tell=told.append)
    for _ in range(9):
        lost = asyncio.Event()

        async def send(stored, lost=lost):
            if stored.seq == 6 or lost.is_set():
                lost.set()
                await asyncio.Event().wait()

        async with connected(way, send):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(3):
                    await lost.wait()
                    await asyncio.sleep(0)
        await way.ended(reason if lost.is_set() else None)
    assert len(box.rows) == least_left
    assert 6 in box.rows
    assert box.again == 9
    assert told == (
        [f"hangs up at s/near: {TOO_LARGE} (0x95); the event stays in the outbox"] if least_left == 1 else []
    )
