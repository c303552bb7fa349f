"""One module on a shared wire is a link; addresses stay with their modules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.address_table import AddressTable
from interfaces.bus import BusLink
from interfaces.errors import LinkError
from interfaces.frame import Frame
from interfaces.proto import pmi_pb2 as pb


def a_link(sent):
    return BusLink("can0#7", pb.Hello(uid=bytes(16)), 7, sent.append)


async def test_frames_pass_both_ways_until_the_end():
    sent = []
    link = a_link(sent)
    link.send(Frame(9, b"out"))
    link.put([Frame(10, b"in")])
    assert (await link.receive())[0].payload == b"in"
    assert sent[0].payload == b"out"
    link.put([Frame(10, b"last")])
    link.end("gone")
    assert (await link.receive())[0].payload == b"last"
    with pytest.raises(LinkError, match="can0#7: gone"):
        await link.receive()
    with pytest.raises(LinkError, match="gone"):
        link.send(Frame(9, b""))


async def test_an_owner_lets_go():
    link = a_link([])
    await link.close()
    assert link.ended == "can0#7: closed"


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=40), st.integers(0, 140))
def test_addresses_are_distinct_kept_and_in_range(uids, wish):
    kept = {}
    table = AddressTable(2, 125, changed=kept.update)
    given_out = {uid: table.address_of(uid, wish) for uid in uids}
    assert len(set(given_out.values())) == len(given_out)
    assert all(2 <= address <= 125 for address in given_out.values())
    assert kept == given_out
    again = AddressTable(2, 125, kept)
    assert {uid: again.address_of(uid, 99) for uid in uids} == given_out
    assert all(again.uid_at(address) == uid for uid, address in given_out.items())


def test_a_full_bus_and_a_foreign_entry():
    table = AddressTable(2, 3, {b"stale": 200})
    assert [table.address_of(uid) for uid in (b"a", b"b")] == [2, 3]
    with pytest.raises(LinkError, match="all 2 addresses"):
        table.address_of(b"c")
    assert table.uid_at(200) is None
