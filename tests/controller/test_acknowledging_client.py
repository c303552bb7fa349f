"""What is handed to the socket goes out whole, however little it takes at once."""

from __future__ import annotations

import asyncio

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from controller.acknowledging_client import AcknowledgingClient
from controller.broker import Broker
from controller.broker_address import BrokerAddress
from controller.broker_client import SEND_BUFFER_B
from tests.certificates import Office

pytestmark = pytest.mark.real_broker


@pytest.fixture(params=["plain", "tls"])
def broker(request, mosquitto, tmp_path):
    if request.param == "plain":
        return Broker(BrokerAddress("127.0.0.1", mosquitto.port, tls=False))
    office = Office(tmp_path)
    ca = office.authority("ca")
    server = office.issue("server", ca, names=("127.0.0.1",))
    mosquitto.stop()
    with (tmp_path / "mosquitto.conf").open("a") as conf:
        conf.write(f"cafile {ca.cert}\ncertfile {server.cert}\nkeyfile {server.key}\nuser root\n")
    mosquitto.start()
    return Broker(BrokerAddress("127.0.0.1", mosquitto.port, tls=True), ca_file=ca.cert)


async def test_publications_larger_than_the_socket_arrive_whole_and_in_order(broker):
    said = [bytes([n]) * (SEND_BUFFER_B * 4 + n) for n in range(8)]
    async with (
        asyncio.timeout(30), AcknowledgingClient(broker) as reader, AcknowledgingClient(broker) as writer
    ):  # fmt: skip
        await reader.subscribe("a", qos=0)

        async def speak():
            for payload in said:
                for qos in (0, 1):
                    await writer.acknowledged("a", payload, qos, False, Properties(PacketTypes.PUBLISH))

        speaking, heard = asyncio.create_task(speak()), aiter(reader.messages)
        assert [(await anext(heard)).payload for _ in range(2 * len(said))] == [one for one in said for _ in "01"]
        await speaking
