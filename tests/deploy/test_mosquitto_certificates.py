"""The certificates of deploy/mosquitto on a real broker: whom it lets in, whom it keeps out, how long they last."""

from __future__ import annotations

import asyncio
import signal
import ssl

import pytest

from controller import tls_look
from controller.acknowledging_client import AcknowledgingClient
from controller.app import App
from controller.broker import Broker
from controller.broker_address import BrokerAddress
from controller.broker_client import BrokerClient, TurnedAwayError
from controller.certificate_watch import CertificateWatch
from controller.clock import utc_ns
from controller.config_file import load
from controller.log import logger
from controller.site import Site
from interfaces.topics import ROOT, TOPICS, WEATHER
from tests.deploy.served import OTHER, POLE, Served, said, topic_of

pytestmark = pytest.mark.real_broker


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
    with one.serving():
        yield one


async def test_a_stolen_pole_is_kept_out(revoking):
    with pytest.raises(TurnedAwayError, match="says that our certificate is revoked: '8202302/136323843' of 'poles"):
        await BrokerClient(revoking.pole(OTHER)).__aenter__()
    async with AcknowledgingClient(revoking.pole(POLE)) as client:
        await said(client, topic_of(WEATHER, POLE))


async def test_a_renewed_broker_is_seen_while_the_connection_stands(tmp_path):
    renewed, lines = Served(tmp_path), []
    pole = renewed.pole(POLE)
    watch = CertificateWatch(pole, 30, utc_ns=utc_ns, report=lines.append)
    with renewed.serving() as process:
        async with asyncio.timeout(20), BrokerClient(pole) as client:
            watch.seen(client.server_certificate())
            before = watch.held["broker"]
            renewed.issue("broker", "127.0.0.1", days=20)
            process.send_signal(signal.SIGHUP)
            while (now := await tls_look.proved(pole)) == client.server_certificate():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.02)
            watch.seen(now)
            assert watch.held["broker"].not_after_ns < before.not_after_ns
            assert "the broker's certificate '127.0.0.1' ends in 19 days" in lines[0]
            await client.subscribe("a")
