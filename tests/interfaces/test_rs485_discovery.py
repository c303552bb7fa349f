"""The search on an RS-485 line: every module is found once, whatever is lost, doubled or noise, and twins are named."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from interfaces.rs485_turn import Found, Gone, Wrong
from interfaces.spec import MessageType
from tests.interfaces.rs485_line import Line, hello, uid_of

T = MessageType


@given(st.sets(st.integers(0, (1 << 128) - 1) | st.integers(0, 20), max_size=12).map(lambda ns: [*map(uid_of, ns)]))
@settings(max_examples=12, deadline=None)
def test_every_module_is_found_once_and_keeps_being_polled(uids):
    line = Line(uids)
    line.run(20.0 if len(uids) > 1 else 2.0)
    assert line.found == sorted(uids)
    assert len({event.address for event in line.of(Found)}) == len(uids)
    assert not line.of(Gone)
    polls = [dst for at, kind, dst in line.asked if kind == T.POLL and at > line.now - 1.0]
    for event in line.of(Found):
        assert polls.count(event.address) >= 20


@given(st.integers(0, 1 << 32), st.floats(0.0, 0.3))
@settings(max_examples=6, deadline=None)
def test_loss_of_anything_delays_but_hides_nobody(seed, loss):
    rng = random.Random(seed)
    uids = [uid_of(rng.getrandbits(128)) for _ in range(5)]
    line = Line(uids, lambda _frame: line.now < 8 and rng.random() < loss)
    line.run(14.0)
    assert set(line.found) == set(uids)
    assert len(line.master.addresses) == 5
    missing = [event for event in line.of(Gone) if event.address not in line.master.addresses]
    assert not missing


def test_a_module_plugged_into_a_busy_line_is_found_within_a_second():
    line = Line([uid_of(n << 120) for n in range(1, 9)])
    line.run(3.0)
    assert len(line.found) == 8
    line.modules.append(line.a_module(uid_of(0xFF << 120)))
    line.run(1.0)
    assert uid_of(0xFF << 120) in line.found


def test_another_boot_of_a_module_is_a_new_module_at_the_old_address():
    line = Line([uid_of(1)])
    line.run(1.0)
    line.modules[0] = line.a_module(uid_of(1), boot_id=2)
    line.run(1.0)
    assert [event.reason for event in line.of(Gone)] == ["rebooted"]
    assert [(event.address, event.hello.boot_id) for event in line.of(Found)] == [(2, 1), (2, 2)]


def test_a_second_module_with_the_uid_of_one_that_serves_is_told_to_be_quiet():
    line = Line([uid_of(1)])
    line.run(1.0)
    line.modules.append(line.a_module(uid_of(1), boot_id=2))
    line.run(1.0)
    assert Wrong(0, "duplicate_uid") in line.events
    assert not line.of(Gone)
    assert (line.modules[1].muted, line.modules[1].address) == (True, 0)
    assert len(line.of(Found)) == 1


def test_noise_costs_the_search_its_end_but_not_the_line_its_life():
    line = Line([uid_of(1)])
    line.run(1.0)
    line.noise = True
    line.run(40.0)
    assert Wrong(0, "noise") in line.events
    line.noise = False
    line.modules[0].queue(hello(uid_of(1)))
    line.run(5.0)
    assert line.master.addresses == {2}


def test_more_modules_than_addresses():
    line = Line([uid_of(1), uid_of(1 << 100)], first=2, last=2)
    line.run(2.0)
    assert len(line.of(Found)) == 1
    assert Wrong(0, "no_address") in line.events


def test_a_module_that_answers_but_says_no_hello_is_let_go():
    line = Line([uid_of(1)])
    line.lost = lambda frame: frame.type == T.HELLO
    line.run(8.0)
    assert Wrong(0, "no_hello") in line.events
    assert not line.of(Found)


def test_the_published_discovery_is_what_both_sides_do():
    folder = Path(__file__).parents[1] / "vectors"
    spec = importlib.util.spec_from_file_location("generate", folder / "generate_rs485_discovery.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert generate.text() == (folder / "rs485_discovery.json").read_text(encoding="utf-8")
