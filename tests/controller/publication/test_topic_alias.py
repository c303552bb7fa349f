"""Aliases: within the broker's maximum, never two topics under one number."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controller.publication.topic_alias import TopicAliases


def test_a_topic_is_said_once_and_then_its_number():
    aliases = TopicAliases(2)
    assert [aliases.use(topic, again=True) for topic in "aabac"] == [("a", 1), ("", 1), ("b", 2), ("", 1), ("c", 2)]
    assert aliases.use("b", again=False) == ("b", 0)
    assert TopicAliases().use("a", again=True) == ("a", 0)


@given(st.integers(0, 4), st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=60))
def test_a_broker_always_knows_which_topic_is_meant(maximum, uses):
    aliases, broker = TopicAliases(maximum), {}
    for topic, again in uses:
        sent, number = aliases.use(topic, again=again)
        assert number <= maximum
        if sent and number:
            broker[number] = sent
        assert (sent or broker[number]) == topic
