"""A real mosquitto with the files of deploy/mosquitto, only ports and folders changed, and who speaks to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from controller.broker import Broker
from controller.broker_address import BrokerAddress
from interfaces.topics import ROOT
from tests.real_broker import ended, free_port, started

FILES = Path(__file__).parents[2] / "deploy" / "mosquitto"
POLE, OTHER = (8202302, 136323842), (8202302, 136323843)
LEVELS = {"tile": "133002/1130/1203/0123", "slot": "camera", "action_id": 7}


class Served:
    """A running broker of poles and consumers with certificates from certificates.sh."""

    def __init__(self, folder):
        self.tls = folder / "tls"
        self.issue("authorities")
        self.issue("broker", "127.0.0.1", "broker.example")
        self.issue("pole", *POLE)
        self.issue("pole", *OTHER)
        self.issue("consumer", "ops")
        self.issue("operator", "desk")
        self.poles, self.consumers, self.operators = free_port(), free_port(), free_port()
        text = (FILES / "mosquitto.conf").read_text()
        for old, new in (
            ("/etc/mosquitto/tls/", f"{self.tls}/"),
            ("/etc/mosquitto/", f"{FILES}/"),
            ("/var/lib/mosquitto/", f"{folder}/"),
            ("listener 8883", f"listener {self.poles} 127.0.0.1"),
            ("listener 8884", f"listener {self.consumers} 127.0.0.1"),
            ("listener 8885", f"listener {self.operators} 127.0.0.1"),
        ):
            assert old in text
            text = text.replace(old, new)
        text += "user root\n" if os.getuid() == 0 else ""  # the keys of this test are root's
        (folder / "mosquitto.conf").write_text(text)

    def serving(self):
        return running(self.tls.parent / "mosquitto.conf", self.poles, self.consumers, self.operators)

    def issue(self, *arguments, days=397):
        command = [FILES / "certificates.sh", self.tls, *map(str, arguments)]
        subprocess.run(command, check=True, capture_output=True, env=os.environ | {"DAYS": str(days)})

    def pole(self, ids, port=0):
        return self._broker(port or self.poles, f"pole-{ids[0]}-{ids[1]}")

    def consumer(self, port=0):
        return self._broker(port or self.consumers, "consumer-ops")

    def operator(self):
        return self._broker(self.operators, "operator-desk")

    def nobody(self, port):
        return Broker(BrokerAddress("127.0.0.1", port, tls=True), ca_file=str(self.tls / "brokers-ca.pem"))

    def _broker(self, port, name):
        own = {"cert_file": str(self.tls / f"{name}.pem"), "key_file": str(self.tls / f"{name}.key")}
        ca = str(self.tls / "brokers-ca.pem")
        return Broker(BrokerAddress("127.0.0.1", port, tls=True), ca_file=ca, **own)


@contextlib.contextmanager
def running(conf, *ports):
    process = started(conf, *ports)
    try:
        yield process
    finally:
        ended(process)


def topic_of(row, ids):
    return f"{ROOT}/" + row.template.format(sl=ids[0], rsu=ids[1], **LEVELS)


class Whose(NamedTuple):
    service_location_id: int
    roadside_unit_id: int
    root: str = ROOT


async def heard(client):
    async with asyncio.timeout(10):
        return await anext(aiter(client.messages))


async def said(client, topic, payload=b"x", retain=False):
    async with asyncio.timeout(10):
        await client.acknowledged(topic, payload, 1, retain, Properties(PacketTypes.PUBLISH))
