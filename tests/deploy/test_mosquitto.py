"""A real mosquitto with the files of deploy/mosquitto, only ports and folders changed: who may do what."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from controller import tls_look
from controller.acknowledging_client import AcknowledgingClient, RefusedError
from controller.app import App
from controller.broker import Broker
from controller.broker_address import BrokerAddress
from controller.broker_client import BrokerClient, TurnedAwayError
from controller.certificate_watch import CertificateWatch
from controller.cli.main import pole as command
from controller.clock import utc_ns
from controller.config_file import load
from controller.log import logger
from controller.publication import acl
from controller.site import Site
from interfaces.command import request_topic, response_topic
from interfaces.topics import ROOT, STATUS, TOPICS, WEATHER

FILES = Path(__file__).parents[2] / "deploy" / "mosquitto"
POLE, OTHER = (8202302, 136323842), (8202302, 136323843)
LEVELS = {"tile": "133002/1130/1203/0123", "slot": "camera", "action_id": 7}

pytestmark = pytest.mark.real_broker


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


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    one = Served(tmp_path_factory.mktemp("mosquitto"))
    with running(one.tls.parent / "mosquitto.conf", one.poles, one.consumers, one.operators) as one.process:
        yield one


@contextlib.contextmanager
def running(conf, *ports):
    binary = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    assert binary, "mosquitto is missing: install it (apt install mosquitto mosquitto-clients)"
    process = subprocess.Popen([binary, "-c", conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for port in ports:
            until_open(port)
        yield process
    finally:
        process.terminate()
        process.wait(10)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until_open(port):
    for _ in range(100):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.05)
    pytest.fail(f"mosquitto did not open port {port} within 5 s")


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


@pytest.mark.parametrize("who", ["poles", "consumers", "operators"])
async def test_nobody_comes_in_without_a_certificate_or_by_the_wrong_door(who, served):
    port = getattr(served, who)
    wrong = served.pole(POLE, port) if who != "poles" else served.consumer(port)
    for broker, words in (
        (served.nobody(port), "wants a certificate of ours"),
        (wrong, "does not know the authority that signed our certificate"),
    ):
        with pytest.raises(TurnedAwayError, match=words):
            await BrokerClient(broker).__aenter__()


async def test_the_certificate_of_a_pole_passes_for_no_brokers(served):
    own = served.pole(POLE)
    proof = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    proof.load_cert_chain(own.cert_file, own.key_file)

    async def hang_up(reader, writer):
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=proof) as false:
        address = BrokerAddress("127.0.0.1", false.sockets[0].getsockname()[1], tls=True)
        with pytest.raises(TurnedAwayError, match="its certificate is not for servers"):
            await BrokerClient(Broker(address, ca_file=str(served.tls / "poles-ca.pem"))).__aenter__()


@pytest.mark.parametrize("who", ["pole", "consumer", "operator"])
async def test_nobody_takes_over_the_client_id_of_a_pole(who, served):
    thief = {"pole": served.pole(OTHER), "consumer": served.consumer(), "operator": served.operator()}[who]
    async with AcknowledgingClient(served.pole(POLE), identifier="pole") as one:
        for name in ("pole", "8202302/136323842"):
            async with AcknowledgingClient(thief, identifier=name) as other:
                await other.subscribe("a")
            await said(one, topic_of(WEATHER, POLE))


CONFIG = """
[pole]
service_location_id = 8202302
roadside_unit_id = 136323842
state_dir = "state"
[origin]
latitude_deg = 36.6
longitude_deg = 140.6
[mqtt]
url = "mqtts://127.0.0.1:PORT"
ca_file = "tls/brokers-ca.pem"
cert_file = "tls/pole-8202302-136323842.pem"
key_file = "tls/pole-8202302-136323842.key"
certificate_warning_days = 3650
[slot.camera]
class = "camera"
"""


@pytest.fixture
def config(served, tmp_path):
    (tmp_path / "tls").symlink_to(served.tls)
    (tmp_path / "pole.toml").write_text(CONFIG.replace("PORT", str(served.poles)))
    return tmp_path / "pole.toml"


async def test_a_whole_pole_says_how_long_its_certificates_last(config, served):
    app = App(load(config), Site(), config.parent / "state", logger())
    running = asyncio.create_task(app.run())
    try:
        async with asyncio.timeout(20), BrokerClient(served.consumer()) as client:
            await client.subscribe(f"{ROOT}/pole/+/+/status", qos=1)
            async for message in client.messages:
                status = TOPICS[0].message.FromString(message.payload)
                if status.alive:
                    break
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert {one.holder: one.name for one in status.certificates} == {
        "pole": "8202302/136323842",
        "broker": "127.0.0.1",
    }
    assert all(396 < one.left_s / 86_400 <= 397 for one in status.certificates)
    assert sum("certificate" in one and "ends in 39" in one for one in status.reasons) == 2


def pole(*arguments):
    command = [Path(sys.executable).with_name("pole"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_commands_read_with_a_certificate_and_say_why_not(served):
    url, files = f"mqtts://127.0.0.1:{served.consumers}", ["--ca", served.tls / "brokers-ca.pem"]
    own = ["--cert", served.tls / "consumer-ops.pem", "--key", served.tls / "consumer-ops.key"]
    good = pole("watch", "--broker", url, *files, *own, "--seconds", 1, "--json")
    assert (good.returncode, good.stderr) == (0, f"broker {url}: connected\n")
    for options, code, words in (
        (files, 3, "wants a certificate of ours"),
        (own, 3, "is signed by 'brokers of the road', whom we do not know"),
        (["--ca", "nowhere.pem"], 4, "ca_file: there is no such file: nowhere.pem"),
    ):
        bad = pole("status", "--broker", url, *options)
        assert bad.returncode == code
        assert words in bad.stderr
        assert "Traceback" not in bad.stderr


def test_a_command_takes_from_the_configuration_whom_to_trust_and_not_who_it_is(config, served):
    own = ["--cert", served.tls / "consumer-ops.pem", "--key", served.tls / "consumer-ops.key"]
    assert "wants a certificate of ours" in pole("status", "--config", config).stderr
    url = f"mqtts://127.0.0.1:{served.consumers}"
    assert "wants a certificate of ours" in pole("status", "--config", config, "--broker", url).stderr
    told = pole("status", "--config", config, "--broker", url, *own)
    assert "wants" not in told.stderr
    assert told.returncode in {0, 1}


def test_the_rights_of_one_pole_can_be_printed(config):
    told = CliRunner().invoke(command, ["export", "acl", "--config", str(config), "--user", "gate-7"])
    assert told.stdout == acl.of_pole(load(config), "gate-7")
    assert "user gate-7\ntopic write smartpole/v1/pole/8202302/136323842/#\n" in told.stdout


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


@pytest.fixture
def revoking(tmp_path):
    """A broker of its own that knows the list of revoked poles, with one pole on it."""
    one = Served(tmp_path)
    one.issue("revoke", f"pole-{OTHER[0]}-{OTHER[1]}")
    conf = tmp_path / "mosquitto.conf"
    text = conf.read_text()
    listed = f"#crlfile {one.tls}/poles-crl.pem"
    assert listed in text
    conf.write_text(text.replace(listed, listed.removeprefix("#")))
    with running(conf, one.poles, one.consumers, one.operators):
        yield one


async def test_a_stolen_pole_is_kept_out(revoking):
    with pytest.raises(TurnedAwayError, match="says that our certificate is revoked: '8202302/136323843' of 'poles"):
        await BrokerClient(revoking.pole(OTHER)).__aenter__()
    async with AcknowledgingClient(revoking.pole(POLE)) as client:
        await said(client, topic_of(WEATHER, POLE))


async def test_a_renewed_broker_is_seen_while_the_connection_stands(served):
    lines = []
    watch = CertificateWatch(served.pole(POLE), 30, utc_ns=utc_ns, report=lines.append)
    async with BrokerClient(served.pole(POLE)) as client:
        watch.seen(client.server_certificate())
        before = watch.held["broker"]
        served.issue("broker", "127.0.0.1", days=20)
        served.process.send_signal(signal.SIGHUP)
        while (now := await tls_look.proved(served.pole(POLE))) == client.server_certificate():  # noqa: ASYNC110 - mosquitto tells nobody
            await asyncio.sleep(0.02)
        watch.seen(now)
        assert watch.held["broker"].not_after_ns < before.not_after_ns
        assert "the broker's certificate '127.0.0.1' ends in 19 days" in lines[0]
        await client.subscribe("a")
