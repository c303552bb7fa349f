"""Whatever happens between, a topic keeps its order."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from controller.outbox import Stored
from controller.outbox_table import OutboxTable
from tests.controller.outbox_events import URGENT


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
