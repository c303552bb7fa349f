"""What a packet is said to weigh is what an independent MQTT 5 implementation and paho make of it."""

from __future__ import annotations

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from controller.publication.packet_size import link_b, packet_b
from controller.publication.publication import Publication

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)


@given(
    topic=st.text("abc/", min_size=1, max_size=90),
    payload=st.binary(max_size=20_000),
    content_type=TEXT,
    properties=st.lists(st.tuples(TEXT, TEXT), max_size=5),
    qos=st.sampled_from([0, 1]),
    expiry=st.one_of(st.none(), st.integers(1, 2**31)),
)
def test_as_an_independent_implementation_writes_it(topic, payload, content_type, properties, qos, expiry):
    one = Publication(topic, payload, content_type, qos, False, expiry, tuple(properties), "")
    packet = mqtt5.PublishPacket(
        topic,
        payload,
        qos=mqtt5.QoS.AT_LEAST_ONCE if qos else mqtt5.QoS.AT_MOST_ONCE,
        packet_id=7 if qos else None,
        content_type=content_type or None,
        message_expiry_interval=expiry,
        user_properties=properties,
    )
    assert packet_b(one, len(topic), alias=False, expires=expiry is not None) == len(packet.write())


def test_an_alias_weighs_what_paho_makes_of_it():
    one, made = Publication("t", b"", "", 0, False, None, (), ""), Properties(PacketTypes.PUBLISH)
    bare = packet_b(one, 1, alias=False, expires=False)
    made.TopicAlias = 5
    assert packet_b(one, 1, alias=True, expires=False) - bare == len(made.pack()) - 1


@pytest.mark.parametrize(
    ("packet", "qos", "tls", "total"),
    [(100, 0, False, 152), (100, 1, False, 204), (100, 0, True, 174), (1449, 0, False, 1553)],
)
def test_segments_records_and_acknowledgements_count(packet, qos, tls, total):
    assert link_b(packet, qos=qos, tls=tls) == total
