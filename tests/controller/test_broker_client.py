"""Pole and broker that do not come together, against a real mosquitto: every refusal names its cause."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import subprocess

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from controller import broker
from controller.broker import Broker
from controller.broker_address import BrokerAddress
from controller.broker_client import BrokerClient, TurnedAwayError
from controller.config import Mqtt
from controller.tls_look import served
from interfaces.errors import ConfigError
from tests.certificates import Office

pytestmark = pytest.mark.real_broker


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    return Office(tmp_path_factory.mktemp("office"))


@pytest.fixture(scope="module")
def ca(office):
    return office.authority("road-ca")


@pytest.fixture
def serve(mosquitto, tmp_path):
    """Start mosquitto anew with lines of configuration; gives its address with TLS."""

    def started(server=None, ca=None, *lines):
        rows = [f"listener {mosquitto.port} 127.0.0.1", "set_tcp_nodelay true", "log_type none"]
        rows += ["allow_anonymous true"] if not any("allow_anonymous" in line for line in lines) else []
        if server is not None:
            rows += [f"cafile {ca.cert}", f"certfile {server.cert}", f"keyfile {server.key}"]
        mosquitto.stop()
        (tmp_path / "mosquitto.conf").write_text("\n".join([*rows, *lines, "user root"]) + "\n")
        mosquitto.start()
        return BrokerAddress("127.0.0.1", mosquitto.port, tls=True)

    return started


@pytest.fixture(scope="module")
def server(office, ca):
    return office.issue("server", ca, names=("127.0.0.1", "broker.example"))


async def why_not(broker, **options):
    with pytest.raises(TurnedAwayError) as refused:
        async with asyncio.timeout(20):
            await BrokerClient(broker, **options).__aenter__()
    return str(refused.value)


def speak_until(newest, monkeypatch):
    make = Broker.tls

    def capped(self):
        context = make(self)
        context.maximum_version = newest
        return context

    monkeypatch.setattr(Broker, "tls", capped)


async def test_a_verified_broker_is_spoken_to_and_shows_its_certificate(serve, server, ca):
    address = serve(server, ca)
    async with BrokerClient(Broker(address, ca_file=ca.cert)) as client:
        await client.subscribe("a")
        assert client.server_certificate() == server.one.public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"names": ("broker.example", "192.0.2.7")}, "is for broker.example, 192.0.2.7, not for 127.0.0.1: write one"),
        ({}, "has no names (subjectAltName), only the common name 'bad'"),
        ({"names": ("127.0.0.1",), "days": (-9, -1)}, "expired on "),
        ({"names": ("127.0.0.1",), "days": (1, 9)}, "is valid only from "),
    ],
)
async def test_what_is_wrong_with_a_brokers_certificate_is_said(about, words, serve, office, ca):
    said = await why_not(Broker(serve(office.issue("bad", ca, **about), ca), ca_file=ca.cert))
    assert words in said
    assert ("this machine's clock says 20" in said) == ("days" in about)


async def test_a_look_at_what_a_broker_serves_leaves_no_connection_behind(serve, server, ca, monkeypatch):
    opened, connect = [], asyncio.open_connection

    async def noted(*about, **more):
        reader, writer = await connect(*about, **more)
        opened.append(writer.get_extra_info("socket"))
        return reader, writer

    monkeypatch.setattr(asyncio, "open_connection", noted)
    assert await served(Broker(serve(server, ca), ca_file=ca.cert)) == server.one.public_bytes(Encoding.DER)
    assert [connection.fileno() for connection in opened] == [-1]


async def test_an_authority_that_expired_is_told_from_a_broker_that_did(serve, office):
    old = office.authority("old-ca", days=(-9, -1))
    said = await why_not(Broker(serve(office.issue("young", old, names=("127.0.0.1",)), old), ca_file=old.cert))
    assert "its certificate, or that of its authority, has expired" in said


@pytest.mark.parametrize("given", [True, False])
async def test_an_unknown_authority_is_named(given, serve, server, ca, office):
    stranger = office.authority("stranger")
    said = await why_not(Broker(serve(server, ca), ca_file=stranger.cert if given else ""))
    assert "is signed by 'road-ca', whom we do not know" in said


async def test_a_revoked_broker_is_refused(serve, server, ca, office):
    address = serve(server, ca)
    lists = office.revocations(ca), office.revocations(ca, server)
    said = await why_not(Broker(address, ca_file=ca.cert, crl_file=lists[1]))
    assert "its certificate is revoked by crl_file" in said
    async with BrokerClient(Broker(address, ca_file=ca.cert, crl_file=office.revocations(ca))):
        pass


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_broker_that_wants_a_certificate_says_so_and_takes_ours(newest, serve, server, ca, office, monkeypatch):
    speak_until(newest, monkeypatch)
    address = serve(server, ca, "require_certificate true")
    said = await why_not(Broker(address, ca_file=ca.cert))
    assert "wants a certificate of ours" in said
    good = office.issue("pole", ca)
    async with BrokerClient(Broker(address, ca_file=ca.cert, cert_file=good.cert, key_file=good.key)) as client:
        await client.subscribe("a")
    stranger = office.issue("foreign", office.authority("stranger"))
    said = await why_not(Broker(address, ca_file=ca.cert, cert_file=stranger.cert, key_file=stranger.key))
    assert "does not know the authority that signed our certificate: 'foreign' of 'stranger', valid 20" in said
    old = office.issue("old", ca, days=(-9, -1))
    said = await why_not(Broker(address, ca_file=ca.cert, cert_file=old.cert, key_file=old.key))
    assert "says that our certificate has expired" in said


@pytest.fixture
def users(tmp_path):
    subprocess.run(["mosquitto_passwd", "-c", "-b", tmp_path / "users", "me", "hush"], check=True)
    return tmp_path / "users"


async def test_a_password_is_taken_or_refused(serve, server, ca, users, tmp_path):
    (tmp_path / "word").write_text("hush\n")
    address = serve(server, ca, "allow_anonymous false", f"password_file {users}")
    broker = Broker(address, "me", str(tmp_path / "word"), ca.cert)
    async with BrokerClient(broker) as client:
        await client.subscribe("a")
    (tmp_path / "word").write_text("wrong-hush\n")
    said = await why_not(broker)
    assert "refuses user 'me'" in said
    assert "bad user name or password" in said
    assert "hush" not in said
    assert "refuses us without a user name" in await why_not(Broker(address, ca_file=ca.cert))


async def test_tls_to_a_plain_port_and_plain_to_a_tls_port(serve, server, ca):
    plain = serve()
    assert "speaks no TLS on this port" in await why_not(Broker(plain, ca_file=ca.cert))
    address = serve(server, ca)
    said = await why_not(Broker(BrokerAddress("127.0.0.1", address.port, tls=False)))
    assert said == f"speaks TLS on this port: write mqtts://127.0.0.1:{address.port}"


async def test_a_broker_of_tomorrow_alone_is_told(serve, server, ca, monkeypatch):
    address = serve(server, ca, "tls_version tlsv1.3")
    speak_until(ssl.TLSVersion.TLSv1_2, monkeypatch)
    assert "speaks no version of TLS that we do" in await why_not(Broker(address, ca_file=ca.cert))


def test_nothing_older_than_1_2_is_offered(ca):
    context = Broker(BrokerAddress("a", 1, tls=True), ca_file=ca.cert).tls()
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


async def test_renewed_files_count_at_the_next_connection(serve, server, ca, office):
    address = serve(server, ca, "require_certificate true")
    held = office.issue("held", office.authority("stranger"))
    broker = Broker(address, ca_file=ca.cert, cert_file=held.cert, key_file=held.key)
    assert "does not know the authority" in await why_not(broker)
    office.issue("held", ca)
    async with BrokerClient(broker) as client:
        await client.subscribe("a")


async def test_nobody_there_and_a_name_that_nobody_knows():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        assert await why_not(Broker(BrokerAddress("127.0.0.1", port, tls=True))) == "nothing listens there"
    said = await why_not(Broker(BrokerAddress("no-such-broker.invalid", 8883, tls=True)))
    assert "its name is not known" in said


async def test_a_server_that_hangs_up_or_says_nothing_of_mqtt():
    hung_up = asyncio.Semaphore(0)

    async def hang_up(reader, writer):
        with contextlib.suppress(OSError):
            await reader.read(10)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        hung_up.release()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        said = await why_not(Broker(BrokerAddress("127.0.0.1", port, tls=False)))
        assert said == "closed the connection before it answered; is it an MQTT broker?"
        assert "speaks no TLS" in await why_not(Broker(BrokerAddress("127.0.0.1", port, tls=True)))
        async with asyncio.timeout(20):
            for _ in range(2):
                await hung_up.acquire()


async def test_a_silent_server_is_given_up_and_its_socket_closed():
    over = asyncio.Event()

    async def wait(reader, writer):
        while await reader.read(100):
            pass
        over.set()
        writer.close()

    async with await asyncio.start_server(wait, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        assert await why_not(Broker(BrokerAddress("127.0.0.1", port, tls=False)), timeout=0.2) == "no answer"
        async with asyncio.timeout(5):
            await over.wait()


def test_files_that_cannot_be_used_are_named(ca, office, tmp_path):
    good, other = office.issue("good", ca), office.issue("other", ca)
    (tmp_path / "empty").write_text("")
    address = BrokerAddress("a", 1, tls=True)
    for files, words in (
        ({"ca_file": "/nowhere"}, "ca_file: there is no such file: /nowhere"),
        ({"ca_file": str(tmp_path / "empty")}, "holds no certificate in PEM form"),
        ({"ca_file": ca.cert, "crl_file": str(tmp_path / "empty")}, "crl_file"),
        ({"cert_file": good.cert}, "holds no certificate or no key in PEM form"),
        ({"cert_file": good.cert, "key_file": other.key}, "the key is not that of the certificate"),
    ):
        with pytest.raises(ConfigError) as refused:
            Broker(address, **files).tls()
        assert words in str(refused.value)


@pytest.mark.parametrize("already", [False, True])
async def test_a_connection_closed_before_the_event_loop_waits_for_it_troubles_nobody(already):
    """As when a broker refuses our certificate right after the handshake."""
    troubles, (ours, theirs) = [], socket.socketpair()
    asyncio.get_running_loop().set_exception_handler(lambda _loop, trouble: troubles.append(trouble))
    client = BrokerClient(broker.of(Mqtt(url="mqtt://127.0.0.1:1")))
    if already:
        ours.close()
    client._on_socket_register_write(client._client, None, ours)
    ours.close()
    theirs.close()
    for _ in range(3):
        await asyncio.sleep(0)
    assert troubles == []
