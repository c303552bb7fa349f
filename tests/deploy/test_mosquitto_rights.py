"""The rights of deploy/mosquitto on a real broker: who may write and hear what, by certificate or by password."""

from __future__ import annotations

import asyncio
import os
import subprocess

import pytest

from controller.acknowledging_client import AcknowledgingClient, RefusedError
from controller.broker import Broker
from controller.broker_address import BrokerAddress
from controller.publication import acl
from interfaces.command import request_topic, response_topic
from interfaces.topics import ROOT, STATUS, TOPICS, WEATHER
from tests.deploy.served import FILES, OTHER, POLE, Whose, heard, running, said, topic_of
from tests.real_broker import free_port

pytestmark = pytest.mark.real_broker


def test_the_rights_are_those_of_the_topic_table():
    assert (FILES / "poles.acl").read_text() == acl.of_poles()
    assert (FILES / "consumers.acl").read_text() == acl.of_consumers()
    assert (FILES / "operators.acl").read_text() == acl.of_operators()


@pytest.mark.parametrize("row", TOPICS, ids=lambda row: row.name)
async def test_a_pole_writes_its_own_topics_and_no_others(row, served):
    async with AcknowledgingClient(served.pole(POLE)) as client:
        for twin in ("", "/json"):
            await said(client, topic_of(row, POLE) + twin)
            foreign = topic_of(row, OTHER) + twin
            with pytest.raises(RefusedError) as refused:
                await said(client, foreign)
            assert f"refuses {foreign}: Not authorized (0x87); its ACL" in str(refused.value)


@pytest.mark.parametrize(
    "topic",
    [
        f"{ROOT}/pole/8202302/status",
        f"{ROOT}/pole/136323842/8202302/status",
        f"{ROOT}/hazard/133002/1130/1203/8202302/136323842/7",
        f"{ROOT}/new/8202302/136323842",
        "other/v1/pole/8202302/136323842/status",
        "$SYS/broker/x",
    ],
)
async def test_what_only_resembles_its_own_topics_is_refused(topic, served):
    async with AcknowledgingClient(served.pole(POLE)) as client:
        with pytest.raises(RefusedError):
            await said(client, topic)


async def test_a_consumer_reads_everything_and_writes_nothing(served):
    async with AcknowledgingClient(served.consumer()) as reader, AcknowledgingClient(served.pole(POLE)) as pole:
        await reader.subscribe(f"{ROOT}/#", qos=1)
        await said(pole, topic_of(WEATHER, POLE), b"from the pole")
        async with asyncio.timeout(10):
            async for message in reader.messages:
                if message.payload == b"from the pole":
                    break
        for topic in (topic_of(WEATHER, POLE), topic_of(WEATHER, ("ops", "1")), request_topic(Whose(*POLE), "reload")):
            with pytest.raises(RefusedError, match="Not authorized"):
                await said(reader, topic)


async def test_a_pole_hears_requests_to_itself_and_nothing_else(served):
    async with (
        AcknowledgingClient(served.pole(POLE)) as one,
        AcknowledgingClient(served.pole(OTHER)) as other,
        AcknowledgingClient(served.operator()) as desk,
    ):
        await one.subscribe(f"{ROOT}/#", qos=1)
        await desk.subscribe(f"{ROOT}/pole/+/+/response/+", qos=1)
        await said(other, topic_of(WEATHER, OTHER))
        await said(desk, request_topic(Whose(*OTHER), "status"))
        await said(desk, request_topic(Whose(*POLE), "status"))
        assert str((await heard(one)).topic) == request_topic(Whose(*POLE), "status")
        await said(one, response_topic(Whose(*POLE), "status"))
        assert str((await heard(desk)).topic) == response_topic(Whose(*POLE), "status")
        for topic in (topic_of(WEATHER, POLE), response_topic(Whose(*POLE), "status")):
            with pytest.raises(RefusedError):
                await said(desk, topic)
        for client in (one, other):
            with pytest.raises(RefusedError):
                await said(client, request_topic(Whose(1, 1), "status"))


async def test_a_consumer_hears_no_requests_and_no_responses(served):
    async with AcknowledgingClient(served.consumer()) as reader, AcknowledgingClient(served.operator()) as desk:
        await reader.subscribe(f"{ROOT}/#", qos=1)
        await said(desk, request_topic(Whose(*POLE), "status"))
        async with AcknowledgingClient(served.pole(POLE)) as one:
            await said(one, response_topic(Whose(*POLE), "status"))
            await said(one, topic_of(STATUS, POLE))
        assert str((await heard(reader)).topic) == topic_of(STATUS, POLE)


@pytest.mark.parametrize("who", ["pole", "consumer", "operator"])
async def test_nobody_takes_over_the_client_id_of_a_pole(who, served):
    thief = {"pole": served.pole(OTHER), "consumer": served.consumer(), "operator": served.operator()}[who]
    async with AcknowledgingClient(served.pole(POLE), identifier="pole") as one:
        for name in ("pole", "8202302/136323842"):
            async with AcknowledgingClient(thief, identifier=name) as other:
                await other.subscribe("a")
            await said(one, topic_of(WEATHER, POLE))


@pytest.fixture
def by_password(served, tmp_path):
    """The same door for poles that have a password instead of a certificate."""
    port, users = free_port(), tmp_path / "users"
    subprocess.run(["mosquitto_passwd", "-c", "-b", users, f"{POLE[0]}/{POLE[1]}", "hush"], check=True)
    text = (served.tls.parent / "mosquitto.conf").read_text()
    head, poles = text[: text.index("# Poles")], text[text.index("# Poles") : text.index("# Consumers")]
    poles = poles.replace("require_certificate true\nuse_identity_as_username true", f"password_file {users}")
    poles = poles.replace(str(served.poles), str(port))
    head = head.replace(f"persistence_location {served.tls.parent}", f"persistence_location {tmp_path}")
    (tmp_path / "mosquitto.conf").write_text(head + poles + ("user root\n" if os.getuid() == 0 else ""))
    with running(tmp_path / "mosquitto.conf", port):
        (tmp_path / "word").write_text("hush\n")
        address = BrokerAddress("127.0.0.1", port, tls=True)
        yield Broker(address, f"{POLE[0]}/{POLE[1]}", str(tmp_path / "word"), str(served.tls / "brokers-ca.pem"))


async def test_the_same_rights_hold_for_a_pole_with_a_password(by_password):
    async with AcknowledgingClient(by_password, identifier="whatever") as client:
        await said(client, topic_of(WEATHER, POLE))
        with pytest.raises(RefusedError):
            await said(client, topic_of(WEATHER, OTHER))
