"""A packet we write ourselves is what an independent MQTT 5 implementation writes."""

from __future__ import annotations

import mqtt5
from hypothesis import given
from hypothesis import strategies as st

from controller.publication.publication import Publication
from controller.publication.publish_packet import publish_packet
from controller.publication.publish_properties import packed

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)


@given(
    topic=st.text("ab/物", min_size=1, max_size=90),
    payload=st.binary(max_size=20_000),
    properties=st.lists(st.tuples(TEXT, TEXT), max_size=5),
    retain=st.booleans(),
    expiry=st.one_of(st.none(), st.integers(1, 2**31)),
)
def test_as_an_independent_implementation_writes_it(topic, payload, properties, retain, expiry):
    one = Publication(topic, payload, "c", 0, retain, expiry, tuple(properties), "")
    packet = mqtt5.PublishPacket(
        topic,
        payload,
        retain=retain,
        content_type="c",
        message_expiry_interval=expiry,
        user_properties=properties,
    )
    assert publish_packet(topic, payload, packed(one, expiry), retain=retain) == packet.write()
