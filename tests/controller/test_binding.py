"""Modules on a shared wire find their slots, and keep them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.address_book import AddressBook
from controller.binding import Place, place_for
from controller.bus_keeper import BusKeeper
from interfaces.bus import BusLink
from interfaces.port import parse
from interfaces.proto import pmi_pb2 as pb

A, B, C = (bytes([n]) * 16 for n in (1, 2, 3))


def hello(uid=A, classes=(pb.RADAR,), strap=""):
    return pb.Hello(uid=uid, classes=list(classes), slot_strap=strap)


@pytest.mark.parametrize(
    ("places", "asking", "expected"),
    [
        ([Place("x", "lidar"), Place("r", "radar")], hello(), "r"),
        ([Place("x", "lidar")], hello(), None),
        ([Place("r1", "radar"), Place("r2", "radar", served_by=A)], hello(), "r2"),
        ([Place("r1", "radar", served_by=B), Place("r2", "radar")], hello(), "r2"),
        ([Place("r1", "radar", served_by=B)], hello(), "r1"),
        ([Place("r1", "radar", taken_by=B), Place("r2", "radar")], hello(), "r2"),
        ([Place("r1", "radar", taken_by=B)], hello(), None),
        ([Place("r1", "radar", taken_by=A)], hello(), "r1"),
        ([Place("r1", "radar"), Place("x", "lidar")], hello(strap="x"), "x"),
        ([Place("r1", "radar"), Place("r2", "radar", uid=A)], hello(), "r2"),
        ([Place("r1", "radar", uid=B)], hello(), None),
        ([Place("r1", "radar", address=9)], hello(), None),
        ([Place("r1", "radar", address=7)], hello(), "r1"),
    ],
)
def test_named_then_strapped_then_known_then_of_its_class(places, asking, expected):
    assert place_for(asking, 7, places) == expected


def test_addresses_survive_a_restart_and_a_torn_file(tmp_path):
    path = tmp_path / "addresses.json"
    first = AddressBook(path).table("can://a", 2, 125)
    assert [first.address_of(uid) for uid in (A, B)] == [2, 3]
    assert AddressBook(path).table("can://a", 2, 125).address_of(B) == 3
    assert AddressBook(path).table("can://b", 2, 125).address_of(B) == 2
    path.write_text("{")
    assert AddressBook(path).table("can://a", 2, 125).address_of(B) == 2


class Bench:
    """A bus keeper whose slots are held by hand."""

    def __init__(self, *slots):
        self.taken = dict.fromkeys(slots, b"")
        self.told = []
        self.keeper = BusKeeper(
            parse("can+sim:///x"),
            places=lambda: [Place(slot, "radar", taken_by=uid) for slot, uid in self.taken.items()],
            present=None,
            report=lambda *told: self.told.append(told),
            open_wire=None,
        )

    def arrives(self, uid, address):
        link = BusLink(f"bus#{address}", hello(uid), address, lambda _frame: None)
        self.keeper._on_found(link)
        return link

    async def seated(self, slot):
        link = await self.keeper.link_for(slot)
        self.taken[slot] = link.hello.uid
        return link


async def test_a_module_without_a_slot_waits_and_is_named():
    bench = Bench("r")
    bench.arrives(A, 2)
    assert (await bench.seated("r")).address == 2
    spare = bench.arrives(B, 3)
    assert bench.told[0][0] == "no_slot"
    assert len(bench.keeper.spares) == 1
    bench.taken["r"] = b""
    bench.keeper.seat_spares()
    assert await bench.keeper.link_for("r") is spare
    assert bench.keeper.spares == ()


async def test_a_new_module_takes_the_slot_of_a_lost_one_at_once():
    bench = Bench("r")
    old = bench.arrives(A, 2)
    await bench.seated("r")
    bench.taken["r"] = b""  # the session gave it up, its wire did not yet
    bench.arrives(B, 3)
    assert old.ended
    assert "another module" in old.ended


async def test_a_twin_at_another_address_does_not_take_the_slot():
    bench = Bench("r")
    first = bench.arrives(A, 2)
    await bench.seated("r")
    bench.arrives(A, 3)
    assert not first.ended
    assert len(bench.keeper.spares) == 1


@given(st.lists(st.tuples(st.sampled_from([A, B, C]), st.integers(2, 9)), max_size=20))
def test_no_slot_is_ever_offered_to_two(arrivals):
    bench = Bench("r1", "r2")
    for uid, address in arrivals:
        bench.arrives(uid, address)
    seated = [link for link in bench.keeper._seated.values() if link.ended is None]
    assert len({id(link) for link in seated}) == len(seated)
    assert len({link.hello.uid for link in seated}) == len(seated)
