"""The same documents over real sockets: aiohttp, TLS, dead ends; and the whole pole behind them."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ipaddress
import ssl
import sys
from dataclasses import replace

import pytest
from aiohttp import web
from cavc_server import NEAR_MISS_PATH, SECRETS, Server, upload
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from living import T0, config

from controller import log
from controller.app import App
from controller.cavc_client import AioHttp, Answer, Client, Outcome
from controller.hazard.near_miss import NearMiss, Participant
from controller.pipeline import Picture
from controller.site import Site
from interfaces.errors import ConfigError

DOCUMENT = {"attribute": {}}


@contextlib.asynccontextmanager
async def serving(server, trust=None):
    """`server` on a free port of this machine, over TLS with `trust`; gives its address."""

    async def handle(request):
        server.asked_at.append(asyncio.get_running_loop().time())
        await asyncio.sleep(server.delay_s)
        headers = {key.lower(): value for key, value in request.headers.items()}
        answer = server.answer(request.method, request.path, headers, await request.read())
        if "x-pieces" not in answer.headers:
            return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
        response = web.StreamResponse(status=answer.status)
        await response.prepare(request)
        for at in range(0, len(answer.body), 7):
            await response.write(answer.body[at : at + 7])
            await asyncio.sleep(0.002)
        return response

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=trust)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"{'https' if trust else 'http'}://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@pytest.fixture
def server():
    one = Server()
    one._check_document = lambda *_: None
    return one


def reach(folder, url, **more):
    known = upload(folder, url=url, login_url=f"{url}/auth/login", near_miss_url=f"{url}{NEAR_MISS_PATH}", **more)
    return config(upload={"plain_http": True, **known}).cavc.upload


async def put(settings, path="/useCaseInfo"):
    async with AioHttp(settings) as http:
        client = Client(http, settings)
        return await client.put(settings.url + path, DOCUMENT)


async def test_a_document_goes_over_the_wire(server, tmp_path):
    async with serving(server) as url:
        assert (await put(reach(tmp_path, url))).outcome is Outcome.TAKEN
    assert server.faults == []
    assert [document for _, _, document in server.taken] == [DOCUMENT]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A server's own certificate for 127.0.0.1: (path of certificate and key)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "cavc.test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(made.public_bytes(pem) + private)
    return path


async def test_tls_is_taken_from_a_known_authority_and_refused_from_another(server, tmp_path, certificate):
    trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trust.load_cert_chain(certificate)
    async with serving(server, trust) as url:
        assert (await put(reach(tmp_path, url, ca_file=str(certificate)))).outcome is Outcome.TAKEN
        stranger = await put(reach(tmp_path, url))
    assert stranger.outcome is Outcome.FAILED
    assert "certificate" in stranger.reason.lower()
    assert len(server.taken) == 1


async def test_a_redirect_is_not_followed_with_our_keys(server, tmp_path):
    server.next.append(Answer(302, {"location": "http://127.0.0.1:1/steal"}))
    async with serving(server) as url:
        assert (await put(reach(tmp_path, url))).outcome is Outcome.REFUSED


async def test_a_server_that_is_away_or_mute_is_a_failure(server, tmp_path):
    away = await put(reach(tmp_path, "http://127.0.0.1:1"))
    server.delay_s = 30.0
    async with serving(server) as url:
        mute = await put(reach(tmp_path, url, timeout_s=1.0))
    assert [away.outcome, mute.outcome] == [Outcome.FAILED] * 2
    assert "no answer within 1 s" in mute.reason
    assert not [secret for secret in SECRETS if secret in away.reason + mute.reason]


async def test_an_answer_in_pieces_is_read_whole(server, tmp_path):
    sign_in = server._sign_in
    server._sign_in = lambda *_: replace(sign_in(*_), headers={"x-pieces": "yes"})
    async with serving(server) as url:
        assert (await put(reach(tmp_path, url))).outcome is Outcome.TAKEN


async def test_a_huge_answer_is_not_swallowed_whole(server, tmp_path):
    server._sign_in = lambda *_: Answer(201, {}, b'{"accessToken": "' + b"x" * 5_000_000)
    async with serving(server) as url:
        assert (await put(reach(tmp_path, url))).outcome is Outcome.FAILED


def test_without_aiohttp_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(ConfigError, match=r"smartpole\[cavc\]"):
        AioHttp(reach(tmp_path, "http://127.0.0.1:1"))


def test_authorities_that_are_none_are_a_mistake_of_the_configuration(tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(ConfigError, match="ca_file"):
        AioHttp(reach(tmp_path, "http://127.0.0.1:1", ca_file=str(tmp_path / "ca.pem")))


def near_miss_seen():
    one = Participant(1, 2, 0.0, 1.0, 5.0, 0.1, 4.0, 2.0, 6.0)
    figures = (1.4, 0.9, 3.5, 1.3, 0.8, 0.9, 5.0, 1.0)
    return NearMiss(8, T0, T0 + 2, T0 + 4, 2, "中", "rear_end", 1.0, 2.0, 0.0, *figures, (one, one), 3, 6)


async def test_a_whole_pole_tells_cavc_of_itself(tmp_path, monkeypatch):
    server = Server()
    async with serving(server) as url:
        settings = config(upload=reach(tmp_path, url).model_dump())
        app = App(settings, Site(), tmp_path / "state", log.logger())
        met = [[near_miss_seen()]]
        judged = lambda tracks: Picture(tracks, [], met.pop() if met else [])  # noqa: E731
        monkeypatch.setattr(app.pipeline, "judge", judged)
        task = asyncio.create_task(app.run())
        try:
            async with asyncio.timeout(30):
                while len({path for _, path, _ in server.taken}) < 7:  # noqa: ASYNC110 -- the server has no event
                    await asyncio.sleep(0.05)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert server.faults == []
    (told,) = server.documents("nearMissInfoList")
    assert told["attribute"][0]["category"] == "追突"
    assert app.cavc.counters["cavc_taken"] >= 6
    assert app.health.status(0, None).counters["cavc_taken"] >= 6
