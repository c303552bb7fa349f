"""The live picture: a real WebSocket client sees scene, map and diagnostics; nobody looking costs nothing."""

from __future__ import annotations

import asyncio
import json
import socket
import struct

import aiohttp
import pytest

from controller.foxglove_room import FoxgloveRoom
from controller.geometry import LocalFrame
from controller.hazard.hazard import Phase
from controller.pipeline import Picture
from controller.slot import PoleReport, SlotReport
from tests.controller.publication.profiles.scenes import NEAR_MISS
from tests.controller.publication.radio.scene import HAZARD, T0, tracks

pytest.importorskip("foxglove")
SITE = '{"type":"FeatureCollection","features":[]}'
STATUS = PoleReport(True, 1, 2, ("radar is gone",), 0.002, 3, 2, 20.0, 0.01, 0.02, T0, "1")
SLOTS = [SlotReport("radar", "radar", "radar", required=True, port="p", state="GONE", reason="unplugged", since_ns=T0)]
DATA = 1  # opcode of the protocol's binary messages


@pytest.fixture
def served():
    told = []
    one = FoxgloveRoom("127.0.0.1:0", "gate", LocalFrame(36.6, 140.6, 70.0), SITE, told.append)
    one.open()
    assert told == []
    yield one
    one.close()


class Looker:
    """What the app does: reads the channels, subscribes, takes messages."""

    def __init__(self, socket):
        self._socket = socket
        self.channels, self.names = {}, {}

    async def subscribe(self, *topics):
        while not set(topics) <= set(self.channels):
            said = json.loads((await self._socket.receive(timeout=10)).data)
            for one in said.get("channels", []) if said["op"] == "advertise" else []:
                self.channels[one["topic"]] = one
        wanted = [{"id": number, "channelId": self.channels[topic]["id"]} for number, topic in enumerate(topics)]
        self.names = dict(enumerate(topics))
        await self._socket.send_json({"op": "subscribe", "subscriptions": wanted})

    async def take(self):
        """Topic, time and bytes of the next message."""
        while True:
            message = await self._socket.receive(timeout=10)
            if message.type is aiohttp.WSMsgType.BINARY and message.data[0] == DATA:
                number, at_ns = struct.unpack_from("<IQ", message.data, 1)
                return self.names[number], at_ns, message.data[13:]


async def look(room, *topics):
    """A looker whose subscription has arrived."""
    session = aiohttp.ClientSession()
    socket = await session.ws_connect(f"ws://127.0.0.1:{room.port}", protocols=["foxglove.sdk.v1"])
    one = Looker(socket)
    await one.subscribe(*topics)
    async with asyncio.timeout(10):
        while not all(room._channels[topic.rsplit("/", 1)[1]].has_sinks() for topic in topics):  # noqa: ASYNC110
            await asyncio.sleep(0)
    return one, session


def picture(at_ns=T0, hazards=(), near_misses=()):
    return Picture(tracks(2, valid_at_ns=at_ns), list(hazards), list(near_misses))


async def test_a_looker_sees_scene_map_and_diagnostics(served):
    topics = ("/pole/scene", "/pole/road", "/pole/site", "/pole/fix", "/pole/log", "/pole/health")
    one, session = await look(served, *topics)
    async with session:
        assert {topic: one.channels[topic]["schemaName"] for topic in topics[:-1]} == {
            "/pole/scene": "foxglove.SceneUpdate", "/pole/road": "foxglove.GeoJSON", "/pole/site": "foxglove.GeoJSON",
            "/pole/fix": "foxglove.LocationFix", "/pole/log": "foxglove.Log",
        }  # fmt: skip
        served.see(picture(T0, [HAZARD], [NEAR_MISS]))
        served.hear(STATUS, SLOTS, T0 + 1)
        heard = [await one.take() for _ in range(8)]
    said = {}
    for topic, at_ns, data in heard:
        said.setdefault(topic, []).append((at_ns, data))
    assert set(said) == set(topics)
    ((at_ns, scene),) = said["/pole/scene"]
    assert at_ns == T0
    assert all(
        name in scene for name in (b"track-100", b"track-101", f"hazard-{HAZARD.action_id}".encode(), b"wrong_way")
    )
    assert b"LineString" in said["/pole/road"][0][1]
    assert SITE.encode() in said["/pole/site"][0][1]
    assert [word in data for word, (_, data) in zip((b"wrong_way", b"crossing", b"radar is gone"), said["/pole/log"],
                                                    strict=True)] == [True] * 3  # fmt: skip
    health = json.loads(said["/pole/health"][0][1])
    assert (health["availability"], health["slots"]["radar"]["state"]) == (1, "GONE")


async def test_a_cancelled_hazard_is_deleted(served):
    from dataclasses import replace

    one, session = await look(served, "/pole/scene")
    async with session:
        served.see(picture(T0, [replace(HAZARD, phase=Phase.CANCEL)]))
        _, _, scene = await one.take()
    assert scene.count(f"hazard-{HAZARD.action_id}".encode()) == 1
    assert b"wrong_way" not in scene


async def test_a_slow_looker_gets_the_newest_pictures(served):
    one, session = await look(served, "/pole/scene")
    async with session:
        one._socket._conn.transport.pause_reading()
        for tick in range(6000):
            served.see(picture(T0 + tick))
        one._socket._conn.transport.resume_reading()
        seen = []
        while not seen or seen[-1] < T0 + 5999:
            seen.append((await one.take())[1])
    assert seen == sorted(seen)
    assert len(seen) < 6000, "what was never taken was replaced"


def test_nobody_looking_costs_no_message(served, monkeypatch):
    def made(*_):
        raise AssertionError("nobody looks")

    for name in ("scene", "fix", "told", "event"):
        monkeypatch.setattr(f"controller.publication.profiles.foxglove_scene.{name}", made)
    served.see(picture(T0, [HAZARD], [NEAR_MISS]))
    served.hear(STATUS, SLOTS, T0)
    assert served.port > 0


def test_off_is_off():
    one = FoxgloveRoom("", "gate", LocalFrame(36.6, 140.6), SITE, lambda _: None)
    one.open()
    one.see(picture())
    one.hear(STATUS, SLOTS, T0)
    one.close()
    assert (one.on, one.port) == (False, 0)


def test_a_taken_port_is_told_and_survived():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        told = []
        one = FoxgloveRoom(place, "gate", LocalFrame(36.6, 140.6), SITE, told.append)
        one.open()
        one.see(picture())
    assert len(told) == 1
    assert told[0].startswith(f"cannot listen on {place}: ")
    assert one.port == 0
