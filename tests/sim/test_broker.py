"""The embedded broker: matching, broken clients, and real clients."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.topics import matches
from sim.broker import Broker, valid_filter

LEVELS = st.lists(st.sampled_from("abc"), min_size=1, max_size=5)


@given(LEVELS)
def test_a_topic_matches_itself_and_its_wildcards(levels):
    topic = "/".join(levels)
    assert matches(topic, topic)
    assert matches("#", topic)
    assert matches("/".join("+" * len(levels)), topic)
    assert matches(topic + "/#", topic)
    assert not matches(topic + "/+", topic)
    assert not matches("+/" + topic, topic)


def test_dollar_topics_and_filters():
    assert not matches("#", "$SYS/x")
    assert [valid_filter(one) for one in ("a/#", "+/b", "a#", "#/a", "")] == [True, True, False, False, False]


async def test_garbage_ends_only_its_own_client():
    dice = random.Random(1)
    async with Broker() as broker:
        for _ in range(100):
            reader, writer = await asyncio.open_connection(broker.host, broker.port)
            writer.write(dice.randbytes(dice.randrange(1, 60)))
            writer.write_eof()
            await reader.read()
            writer.close()
        assert await _round_trip(broker)


async def _round_trip(broker):
    common = ["-V", "5", "-p", str(broker.port), "-t", "a/b"]
    out = await _run("mosquitto_pub", *common, "-m", "hello", "-r", "-q", "1")
    assert out == b""
    return (await _run("mosquitto_sub", *common, "-C", "1", "-W", "5")).strip() == b"hello"


@pytest.mark.real_broker
async def test_mosquitto_clients():
    async with Broker() as broker:
        assert await _round_trip(broker)


async def _run(*command):
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    return (await process.communicate())[0]
