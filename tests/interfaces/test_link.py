"""Links inside the process: order, bound, end."""

from __future__ import annotations

import pytest

from interfaces.errors import LinkError
from interfaces.frame import Frame
from interfaces.link import INBOX_FRAMES, MemoryLink


async def test_frames_arrive_in_order_both_ways():
    a, b = MemoryLink.pair()
    a.send(Frame(1, b"x"))
    a.send(Frame(2, b"y"))
    assert [frame.type for frame in await b.receive()] == [1, 2]
    b.send(Frame(3, b""))
    assert await a.receive() == [Frame(3, b"")]


async def test_the_end_comes_after_the_last_frame():
    a, b = MemoryLink.pair()
    a.send(Frame(1, b""))
    await a.close()
    await a.close()
    assert await b.receive() == [Frame(1, b"")]
    with pytest.raises(LinkError, match="other end closed"):
        await b.receive()
    with pytest.raises(LinkError):
        a.send(Frame(1, b""))


async def test_newest_wins_when_nobody_reads():
    a, b = MemoryLink.pair()
    for index in range(INBOX_FRAMES + 7):
        a.send(Frame(1, b"", seq=index))
    got = await b.receive()
    assert [got[0].seq, got[-1].seq, len(got)] == [7, INBOX_FRAMES + 6, INBOX_FRAMES]
    assert b.faults == {"overrun": 7}
