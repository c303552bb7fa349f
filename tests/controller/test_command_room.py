"""The command channel against a client of ours: who is answered where, what is written down, what never gets out."""

from __future__ import annotations

import asyncio
import contextlib
import json
from types import SimpleNamespace

import pytest
from aiomqtt import Message
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from controller.audit import Audit
from controller.command_room import WITHIN_S, CommandRoom
from controller.commands import Desk
from controller.narrow_way import NarrowWay
from interfaces.command import SIGNATURE, WHO, Asked, is_signed, request_topic, response_topic, signature
from interfaces.errors import LinkError

POLE, KEY, NOW_NS = Asked(7, 9), "a key of some length", 1_760_000_000_000_000_000
pytestmark = pytest.mark.looptime


class Client:
    """Hands on what is put into `inbox`; `said` is what was published."""

    def __init__(self, granted=1):
        self.inbox, self.said, self._granted, self.filters = asyncio.Queue(), [], granted, []

    async def subscribe(self, topic, options):
        self.filters.append((topic, options.noLocal, options.QoS))
        return [ReasonCode(PacketTypes.SUBACK, identifier=self._granted)]

    @property
    def messages(self):
        return self._messages()

    async def _messages(self):
        while True:
            yield await self.inbox.get()

    async def acknowledged(self, topic, payload, qos, retain, properties):
        self.said.append((topic, json.loads(payload), properties, asyncio.get_running_loop().time(), payload))


@contextlib.asynccontextmanager
async def room(folder, actions, budget=0.0, granted=1, allow=("status", "identify")):
    lines, client = [], Client(granted)
    one = CommandRoom(
        POLE, Desk(POLE, frozenset(allow), KEY, 0.0), KEY, actions, Audit(folder / "audit.jsonl"),
        utc_ns=lambda: NOW_NS, report=lines.append,
    )  # fmt: skip
    way = NarrowWay(None, utc_ns=lambda: NOW_NS, tell=lines.append, tls=False)
    way.set_budget(budget)
    task = asyncio.create_task(one.serve(client, way))
    try:
        yield SimpleNamespace(client=client, lines=lines, one=one, way=way)
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def ask(command="status", nonce="12345678", back="", **values):
    topic = request_topic(POLE, command)
    payload = json.dumps({"time": NOW_NS / 1e9, "nonce": nonce, "transaction": nonce} | values).encode()
    made = Properties(PacketTypes.PUBLISH)
    made.UserProperty = [(SIGNATURE, signature(KEY, topic, payload)), (WHO, "mari" * 100)]
    made.CorrelationData = b"42"
    if back:
        made.ResponseTopic = back
    return Message(topic, payload, 1, False, 1, made)


def audit(folder):
    return [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]


async def fine(asked):
    return {"version": "1"}


async def test_an_answer_is_signed_and_goes_where_it_was_asked_for(tmp_path):
    async with room(tmp_path, {"status": fine}) as it:
        back = response_topic(POLE, "status") + "/me"
        await it.client.inbox.put(ask(back=back))
        await asyncio.sleep(0.1)
        ((topic, said, properties, _, payload),) = it.client.said
        assert it.client.filters == [(request_topic(POLE, "+"), True, 1)]
        assert (topic, said) == (back, {"status": "ok", "data": {"version": "1"}, "transaction": "12345678"})
        assert properties.CorrelationData == b"42"
        assert is_signed(KEY, back, payload, dict(properties.UserProperty)[SIGNATURE])
    assert [(line["command"], line["outcome"], len(line["who"])) for line in audit(tmp_path)] == [
        ("status", "accepted", 64),
        ("status", "done", 64),
    ]
    assert it.one.counters == {"commands_accepted": 1, "commands_done": 1}
    assert [line["outcome"] for line in it.lines] == ["accepted", "done"]


async def test_what_goes_wrong_is_said_and_ends_nothing(tmp_path):
    async def broken(asked):
        raise ZeroDivisionError("oh")

    async def cable(asked):
        raise LinkError("the wire is gone")

    for number, (action, words) in enumerate(((broken, "internal error: ZeroDivisionError: oh"), (cable, "the wire"))):
        async with room(tmp_path, {"status": action}) as it:
            await it.client.inbox.put(ask(nonce=f"nonce-{number:04}"))
            await asyncio.sleep(0.1)
            assert words in it.client.said[0][1]["error"]
    assert audit(tmp_path)[-1]["outcome"] == "failed"


async def test_what_takes_too_long_is_given_up_and_others_need_not_wait(tmp_path):
    async def never(asked):
        await asyncio.sleep(1e6)

    async with room(tmp_path, {"identify": never, "status": fine}) as it:
        await it.client.inbox.put(ask("identify", slot="camera"))
        await it.client.inbox.put(ask("status", "87654321"))
        await asyncio.sleep(1)
        assert [said["status"] for _, said, *_ in it.client.said] == ["ok"]
        await asyncio.sleep(WITHIN_S)
        assert it.client.said[1][1]["error"] == "not done within 20 s"


async def test_a_flood_is_counted_and_not_answered(tmp_path):
    async with room(tmp_path, {"status": fine}) as it:
        for number in range(35):
            await it.client.inbox.put(ask(nonce=f"{number:08}"))
        await asyncio.sleep(0.5)
        assert len(it.client.said) == 10
        assert it.one.counters["commands_refused"] == 25
        await asyncio.sleep(70)
        await it.client.inbox.put(ask("identify", "after it"))
        await asyncio.sleep(0.1)
    lines = audit(tmp_path)
    assert [line["outcome"] for line in lines].count("refused") == 21
    assert lines[-1]["passed_over"] == 5


async def test_on_a_narrow_uplink_an_answer_waits_its_turn_and_a_long_one_is_left_out(tmp_path):
    async def long(asked):
        return {"much": "x" * 2000}

    async with room(tmp_path, {"status": fine, "identify": long}, budget=1200.0) as it:
        it.way.uplink.charge(1000, asyncio.get_running_loop().time())
        await it.client.inbox.put(ask("status"))
        await it.client.inbox.put(ask("identify", "87654321", slot="camera"))
        await asyncio.sleep(5)
        (_, first, _, at, _), (_, second, _, later, _) = it.client.said
        assert first["status"] == "ok"
        assert 0.8 < at < 1.2
        assert "too much for the narrow uplink" in second["error"]
        assert later > at + 0.2


async def test_a_broker_that_lets_us_hear_nothing_is_told(tmp_path):
    async with room(tmp_path, {"status": fine}, granted=0x87) as it:
        await asyncio.sleep(0.1)
        assert "lets us hear no requests: Not authorized" in it.lines[0]["detail"]
