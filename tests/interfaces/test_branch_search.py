"""The search finds every uid, whatever collides, gets lost or lies, in a bounded number of requests."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from interfaces.branch_search import LAST, BranchSearch, within
from interfaces.spec import RS485_SEARCH_WIDTH

UIDS = st.sets(
    st.one_of(
        st.binary(min_size=16, max_size=16),
        st.integers(0, 40).map(lambda n: n.to_bytes(16, "big")),  # neighbours differ in their last bits
        st.integers(0, 40).map(lambda n: (LAST - n).to_bytes(16, "big")),
    ),
    max_size=24,
)


def one_pass(uids, on_line, rng=None, *, lost=0.0, capture=0.0, deaf=()):
    """Search `on_line` (uids may stand in it twice); who is found falls silent. Returns what was found, requests."""
    search, muted, found, requests = BranchSearch(), set(), [], 0
    while search.range is not None:
        lower, upper = search.range
        requests += 1
        heard = [uid for uid in on_line if uid not in muted and within(uid, lower, upper)]
        heard = [uid for uid in heard if rng is None or rng.random() >= lost]
        if not heard:
            search.empty()
        elif len(heard) == 1 or (rng is not None and rng.random() < capture):
            uid = heard[0]
            found.append(uid)
            if uid in deaf:
                search.found(uid, muted=False)
            else:
                muted.add(uid)
                search.found(uid)
        else:
            search.collided()
        assert requests <= 20_000
    assert set(found) <= set(uids)
    return found, requests, search


@given(UIDS)
def test_all_are_found_once(uids):
    found, requests, search = one_pass(uids, sorted(uids))
    assert sorted(found) == sorted(uids)
    assert requests <= 1 + len(uids) * 130
    assert not search.shared
    assert not search.noisy


def test_a_box_of_modules_with_neighbouring_serial_numbers_is_told_apart_quickly():
    uids = [b"ACME-LIDAR-0" + number.to_bytes(4, "big") for number in range(700, 708)]
    found, requests, _ = one_pass(uids, uids)
    assert sorted(found) == uids
    assert requests <= 6 * len(uids)


def test_a_lonely_module_costs_two_requests_and_an_empty_line_one():
    assert one_pass([], [])[1] == 1
    assert one_pass([b"u" * 16], [b"u" * 16])[1] == 2


@given(UIDS, st.randoms(use_true_random=False))
def test_who_outshouts_the_others_is_found_and_so_are_they(uids, rng):
    found, _, _ = one_pass(uids, sorted(uids), rng, capture=0.5)
    assert sorted(found) == sorted(uids)


@given(UIDS, st.integers(0, 1 << 32))
@settings(deadline=None)
def test_lost_answers_are_made_up_for_by_the_next_search(uids, seed):
    missing, rng = set(uids), random.Random(seed)
    for _ in range(60):
        found, requests, _ = one_pass(uids, sorted(missing), rng, lost=0.3)
        missing -= set(found)
        assert requests <= 1 + len(uids) * 130
        if not missing:
            return
    raise AssertionError(f"{len(missing)} of {len(uids)} were never found")


@given(UIDS.filter(bool), st.data())
def test_a_uid_of_two_modules_is_named_and_the_others_are_found(uids, data):
    twice = data.draw(st.sampled_from(sorted(uids)))
    found, _, search = one_pass(uids, [*sorted(uids), twice])
    assert sorted(found) == sorted(uids - {twice})
    assert search.shared == [twice]


@given(UIDS, st.data())
def test_who_cannot_be_muted_hides_nobody(uids, data):
    deaf = data.draw(st.sets(st.sampled_from(sorted(uids)), max_size=4)) if uids else set()
    found, requests, _ = one_pass(uids, sorted(uids), deaf=deaf)
    assert set(found) == uids
    assert requests <= 1 + len(uids) * 130 + 2 * len(found)


def test_noise_alone_ends_the_search():
    search, requests = BranchSearch(), 0
    while search.range is not None:
        search.collided()
        requests += 1
    assert search.noisy
    assert requests <= RS485_SEARCH_WIDTH


@given(UIDS, UIDS)
def test_what_is_skipped_is_not_asked_for(uids, skip):
    search, asked = BranchSearch(skip), []
    while search.range is not None:
        asked.append(search.range)
        search.empty()
    for uid in uids | skip:
        covered = sum(within(uid, lower, upper) for lower, upper in asked)
        assert covered == (uid not in skip)
