"""What stands beside a payload: byte for byte what paho makes of it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from controller.publication.publication import Publication
from controller.publication.publish_properties import PublishProperties

ONE = Publication("t", b"", "", 0, retain=False, expiry_s=None, user_properties=(), key="k")
WORDS = st.text(max_size=60)
EXPIRY = st.none() | st.floats(0, 1e9)


@given(WORDS, st.lists(st.tuples(WORDS, WORDS), max_size=6), EXPIRY, st.integers(0, 65535))
def test_they_are_those_of_paho(content_type, pairs, expiry_s, alias):
    expected = Properties(PacketTypes.PUBLISH)
    if content_type:
        expected.ContentType = content_type
    if alias:
        expected.TopicAlias = alias
    expected.UserProperty = pairs
    if expiry_s is not None:
        expected.MessageExpiryInterval = max(1, round(expiry_s))
    one = replace(ONE, content_type=content_type, user_properties=tuple(pairs))
    made = PublishProperties(one, expiry_s, alias)
    assert made.pack() == expected.pack()
    assert str(made) == expected.pack().hex(), "paho's log of a packet asks for words"
