"""The client against real brokers: first connection, reconnection, retained state, rights, streams that come and go."""

from __future__ import annotations

import asyncio
import contextlib
import ssl

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

import sim.broker
from interfaces.broker_connection import SOCKET_OPTIONS
from interfaces.consumer import Consumer
from interfaces.errors import ConfigError, LinkError
from interfaces.hazard_reader import Change, End
from interfaces.pole_reader import Standing
from interfaces.reception import PoleId
from sim.broker import Broker
from tests.certificates import Office
from tests.published import Phase, danger, everything, gone, road, state

V5 = aiomqtt.ProtocolVersion.V5


@contextlib.asynccontextmanager
async def sending(url):
    """Publishes publications as the pole does."""
    host, _, port = url.removeprefix("mqtt://").partition(":")
    async with aiomqtt.Client(host, int(port), protocol=V5, socket_options=SOCKET_OPTIONS) as client:

        async def send(publications, **properties):
            for one in publications:
                made = Properties(PacketTypes.PUBLISH)
                made.ContentType = one.content_type
                made.UserProperty = list((dict(one.user_properties) | properties).items())
                if one.expiry_s is not None:
                    made.MessageExpiryInterval = max(1, round(one.expiry_s))
                await client.publish(one.topic, one.payload, one.qos, one.retain, made)

        yield send


@pytest.fixture(params=["embedded", "mosquitto"])
async def broker(request):
    if request.param == "mosquitto":
        yield request.getfixturevalue("mosquitto")
    else:
        async with Broker() as one:
            yield one


async def take(stream, count):
    async with asyncio.timeout(15):
        return [await anext(stream) for _ in range(count)]


async def test_a_hazard_from_its_beginning_to_its_end(broker):
    async with sending(broker.url) as send, Consumer(broker.url) as heard:
        hazards = heard.hazards()
        await send(danger())
        (new,) = await take(hazards, 1)
        await send(danger(Phase.UPDATE, sequence=2))
        await send(danger(Phase.CANCEL, sequence=3))
        update, over = await take(hazards, 2)
        assert (new.change, update.change, over.change, over.end) == (
            Change.NEW,
            Change.UPDATE,
            Change.OVER,
            End.CANCELLED,
        )
        assert hazards.reader.live == {}


async def test_what_is_retained_is_told_to_who_comes_later(broker):
    async with sending(broker.url) as send, Consumer(broker.url) as heard:
        await send(danger())
        (first,) = await take(heard.hazards(), 1)
        (second,) = await take(heard.hazards(), 1)  # the same filter again
        assert first.hazard == second.hazard
        await send(state())
        (pole,) = await take(heard.poles(), 1)
        assert pole.standing is Standing.DEGRADED


async def test_a_hazard_expires_with_nobody_to_cancel_it():
    async with Broker() as broker, sending(broker.url) as send, Consumer(broker.url) as heard:
        await send(danger(validity_s=1.0))
        new, over = await take(heard.hazards(), 2)
        assert (new.change, over.end) == (Change.NEW, End.EXPIRED)


async def test_poles_objects_and_near_misses(broker):
    async with sending(broker.url) as send, Consumer(broker.url) as heard:
        poles, objects, near = heard.poles(), heard.objects(PoleId(7, 9)), heard.near_misses()
        waiting = [asyncio.ensure_future(take(one, 1)) for one in (poles, objects, near)]
        await subscribed(heard, 4)
        for publications in everything().values():
            await send(publications)
        (pole,), (picture,), (miss,) = await asyncio.gather(*waiting)
        assert (pole.pole, len(picture.objects), miss.nedo_level) == (PoleId(7, 9), 2, "中")
        (stale,) = await take(objects, 1)
        assert stale.stale
        await send([gone()])
        (pole,) = await take(poles, 1)
        assert pole.standing is Standing.GONE


async def subscribed(consumer, count):
    async with asyncio.timeout(15):
        while len(consumer._subscribed) != count:  # noqa: ASYNC110 -- a set has no event
            await asyncio.sleep(0.01)


async def test_a_broker_that_is_not_there_is_named():
    with pytest.raises(LinkError, match=r"broker mqtt://127\.0\.0\.1:1: .*refused"):
        async with Consumer("mqtt://127.0.0.1:1"):
            pass


async def test_a_patient_consumer_waits_for_a_broker_that_comes_later():
    async with Broker() as gone_again:
        port = gone_again.port
    lines = []
    heard = Consumer(f"mqtt://127.0.0.1:{port}", report=lines.append, patient=True)
    entering = asyncio.create_task(heard.__aenter__())
    async with asyncio.timeout(15):
        while not lines:  # noqa: ASYNC110 -- a list has no event
            await asyncio.sleep(0.01)
        assert "refused; trying again" in lines[0]
        async with Broker(port=port):
            assert await entering is heard
            assert heard.connected.is_set()
            await heard.__aexit__(None, None, None)
    assert lines[1:] == [f"broker mqtt://127.0.0.1:{port}: connected"]


async def test_a_patient_consumer_does_not_wait_where_waiting_cannot_help():
    def wrong():
        raise ConfigError("ca_file: there is no such file")

    with pytest.raises(ConfigError, match="no such file"):
        async with asyncio.timeout(15), Consumer("mqtt://a", patient=True, connect=wrong):
            pass


@pytest.mark.parametrize(
    "url", ["http://a", "mqtt://", "a", "mqtt://a:99999", "mqtts://user:secret@a", "mqtt://a/b", "mqtt://[a"]
)
def test_addresses_with_mistakes_are_refused_without_their_secrets(url):
    with pytest.raises(ConfigError, match="write mqtts://host") as refused:
        Consumer(url)
    assert "secret" not in str(refused.value)


async def test_a_place_with_a_mistake_is_refused():
    async with Broker() as broker, Consumer(broker.url) as heard:
        with pytest.raises(ValueError, match="not a spatial id"):
            heard.hazards("over there")
        with pytest.raises(ConfigError, match="# only at the end"):
            await take(heard.received("#/pole"), 1)


async def test_a_stream_outside_of_its_consumer_ends():
    heard = Consumer("mqtt://127.0.0.1:1")
    with pytest.raises(LinkError, match="async with"):
        await anext(heard.hazards())
    async with Broker() as broker:
        async with Consumer(broker.url) as heard:
            left = asyncio.ensure_future(every(heard.hazards()))
            await subscribed(heard, 1)
        assert await left == []


async def every(stream):
    return [one async for one in stream]


@pytest.mark.real_broker
async def test_it_comes_back_after_the_broker_does(mosquitto):
    lines = []
    async with Consumer(mosquitto.url, report=lines.append) as heard:
        hazards, poles = heard.hazards(), heard.poles()
        async with sending(mosquitto.url) as send:
            await send([*danger(validity_s=60.0), *state()])
            (new,), (pole,) = await take(hazards, 1), await take(poles, 1)
        mosquitto.kill()
        (silent,) = await take(poles, 1)
        assert silent.standing is Standing.SILENT
        mosquitto.start()
        async with asyncio.timeout(20):
            await heard.connected.wait()
        await subscribed(heard, 3)
        async with sending(mosquitto.url) as send:
            await send([*danger(Phase.UPDATE, sequence=5), *state(6)])
            (update,), (back,) = await take(hazards, 1), await take(poles, 1)
        assert (update.change, update.id, back.standing) == (Change.UPDATE, new.id, pole.standing)
    assert "connected" in lines[0]
    assert "trying again" in lines[1]
    assert "connected" in lines[-1]


async def test_without_the_right_to_read_the_stream_says_so(monkeypatch):
    monkeypatch.setattr(sim.broker, "valid_filter", lambda pattern: "nearmiss" not in pattern)
    async with Broker() as broker, sending(broker.url) as send, Consumer(broker.url) as heard:
        with pytest.raises(LinkError, match=r"does not let us read smartpole/v1/nearmiss/.*: Topic filter invalid"):
            await take(heard.near_misses(), 1)
        await send(danger())
        assert len(await take(heard.hazards(), 1)) == 1, "the other streams go on"


async def test_streams_that_are_left_are_unsubscribed():
    async with Broker() as broker, sending(broker.url) as send, Consumer(broker.url) as heard:
        for _ in range(3):
            stream = heard.hazards("14/0/14549/6459")
            waiting = asyncio.ensure_future(anext(stream))
            await subscribed(heard, len(stream.reader.filters))
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            del stream, waiting
            await subscribed(heard, 0)
        await send(danger())
        assert len(await take(heard.received("hazard/#"), 1)) == 1


async def test_a_version_that_is_not_understood_is_reported_once():
    lines = []
    async with Broker() as broker, sending(broker.url) as send, Consumer(broker.url, report=lines.append) as heard:
        everything_ = heard.received("hazard/#")
        waiting = asyncio.ensure_future(take(everything_, 3))
        await subscribed(heard, 1)
        for sequence in (1, 2):
            await send(danger(sequence=sequence)[:1], spec="2.0")
        await send(danger(sequence=3)[:1])
        assert [bool(one.error) for one in await waiting] == [True, True, False]
    assert sum("version 2.0" in line for line in lines) == 1


async def test_of_pictures_only_the_newest_waits():
    async with Broker() as broker, sending(broker.url) as send, Consumer(broker.url) as heard:
        objects = heard.objects()
        await send(road((0.0, 0.0)))
        waiting = asyncio.ensure_future(take(objects, 1))
        await subscribed(heard, 1)
        for sequence in range(2, 50):
            await send(road((0.0, 0.0), sequence=sequence))
        await send(danger())
        await take(heard.hazards(), 1)  # all before it has arrived
        (first,) = await waiting
        (last,) = await take(objects, 1)
        assert (first.header.sequence, last.header.sequence) == (2, 49)
        assert objects.lost == 0


@pytest.fixture
def secured(mosquitto, tmp_path):
    """A mosquitto that wants a certificate; a context that has one and trusts it, and one that does neither."""
    office = Office(tmp_path / "office")
    authority = office.authority("road")
    server, own = office.issue("server", authority, names=("127.0.0.1",)), office.issue("display", authority)
    mosquitto.stop()
    rows = [f"listener {mosquitto.port} 127.0.0.1", f"cafile {authority.cert}", f"certfile {server.cert}"]
    rows += [f"keyfile {server.key}", "require_certificate true", "allow_anonymous true", "user root"]
    (tmp_path / "mosquitto.conf").write_text("\n".join(rows) + "\n")
    mosquitto.start()
    trusting = ssl.create_default_context(cafile=authority.cert)
    trusting.load_cert_chain(own.cert, own.key)
    return f"mqtts://127.0.0.1:{mosquitto.port}", trusting, ssl.create_default_context()


@pytest.mark.real_broker
async def test_tls_with_a_certificate_of_our_own(secured):
    url, trusting, other = secured
    async with Consumer(url, tls=trusting) as heard:
        hazards = heard.hazards()
        waiting = asyncio.ensure_future(take(hazards, 1))
        await subscribed(heard, 1)
        async with aiomqtt.Client(
            "127.0.0.1", int(url.rpartition(":")[2]), protocol=V5, tls_context=trusting
        ) as client:
            one = danger()[0]
            await client.publish(one.topic, one.payload, 1)
        (event,) = await waiting
        assert event.hazard.kind == "wrong_way"
    with pytest.raises(LinkError, match="certificate verify failed"):
        async with Consumer(url, tls=other):
            pass


async def test_a_consumer_comes_and_goes_without_a_trace():
    async with Broker() as broker, sending(broker.url) as send:
        await send(danger())
        before = asyncio.all_tasks()
        for _ in range(40):
            async with asyncio.timeout(10), Consumer(broker.url) as heard:
                assert len(await take(heard.hazards(), 1)) == 1
        async with asyncio.timeout(10):
            while len(asyncio.all_tasks()) > len(before):  # noqa: ASYNC110 -- the broker closes its ends
                await asyncio.sleep(0.01)


async def test_ended_at_any_moment_it_ends():
    async with Broker() as broker:
        for turns in range(30):
            task = asyncio.create_task(until_the_end(broker.url))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            async with asyncio.timeout(10):
                await asyncio.gather(task, return_exceptions=True)
            assert task.done()


async def until_the_end(url):
    async with Consumer(url) as heard:
        async for _ in heard.received():
            pass
