"""Signing in, renewing, the pace, what each answer means; and no key is ever told. In virtual time."""

from __future__ import annotations

import asyncio
import json

import pytest
from cavc_server import SECRETS, Server, cut, upload
from living import config

from controller.cavc_client import Answer, Client, Outcome

pytestmark = pytest.mark.looptime
DOCUMENT = {"attribute": {"updateTimeInfo": "x"}}
URL = "https://cavc.test/useCaseInfo"


@pytest.fixture
def server():
    one = Server()
    one._check_document = lambda *_: None
    return one


@pytest.fixture
def client(server, tmp_path):
    return Client(server, config(upload=upload(tmp_path)).cavc.upload)


async def test_it_signs_in_once_and_shows_its_token(client, server):
    for _ in range(3):
        assert (await client.put(URL, DOCUMENT)).outcome is Outcome.TAKEN
    assert (server.signed_in, len(server.taken), server.faults) == (1, 3, [])
    assert client.counts == {"logins": 1, "taken": 3}


async def test_two_at_once_sign_in_once(client, server):
    server.delay_s = 0.5
    await asyncio.gather(client.put(URL, DOCUMENT), client.put(URL, DOCUMENT))
    assert (server.signed_in, len(server.taken)) == (1, 2)


async def test_a_token_that_is_refused_is_renewed_and_the_document_sent_again(client, server):
    await client.put(URL, DOCUMENT)
    server.forget_token()
    assert (await client.put(URL, DOCUMENT)).outcome is Outcome.TAKEN
    assert (server.signed_in, server.renewed, len(server.taken)) == (1, 1, 2)


async def test_without_renewal_it_signs_in_again(client, server):
    await client.put(URL, DOCUMENT)
    server.forget_token()
    server.refresh_works = False
    assert (await client.put(URL, DOCUMENT)).outcome is Outcome.TAKEN
    assert (server.signed_in, server.renewed, client.counts["logins"]) == (2, 0, 2)


async def test_a_token_is_renewed_before_it_ends(client, server):
    await client.put(URL, DOCUMENT)
    await asyncio.sleep(server.lives_s - 61)
    await client.put(URL, DOCUMENT)
    assert (server.signed_in, server.renewed) == (1, 0)
    await asyncio.sleep(2)
    await client.put(URL, DOCUMENT)
    assert (server.signed_in, server.renewed, len(server.asked_at)) == (1, 1, 5)


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "a.e30.c", "a.bnVsbA.c", "..", "a.eyJleHAiOjEsImlhdCI6OX0.c"])
async def test_a_token_that_tells_no_end_is_used_until_it_is_refused(client, server, token):
    server._sign_in = lambda *_: Answer(201, {}, json.dumps({"accessToken": token}).encode())
    server._token = token
    for _ in range(3):
        assert (await client.put(URL, DOCUMENT)).outcome is Outcome.TAKEN
        await asyncio.sleep(1e6)
    assert len(server.asked_at) == 4


async def test_a_server_that_refuses_every_token_is_a_failure_not_a_loop(client, server):
    server.next.extend([401] * 10)
    result = await client.put(URL, DOCUMENT)
    assert (result.outcome, len(server.asked_at)) == (Outcome.FAILED, 4)


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422, 301])
async def test_what_will_never_be_taken_is_refused(client, server, status):
    server.next.append(status)
    assert (await client.put(URL, DOCUMENT)).outcome is Outcome.REFUSED


@pytest.mark.parametrize("status", [403, 408, 429, 500, 502, 503])
async def test_what_may_pass_is_a_failure(client, server, status):
    server.next.append(Answer(status, {"retry-after": "7"}))
    result = await client.put(URL, DOCUMENT)
    assert (result.outcome, result.wait_s) == (Outcome.FAILED, 7.0)


@pytest.mark.parametrize("asked", ["", "-3", "nan", "Wed, 21 Oct 2026 07:28:00 GMT", "²"])
async def test_a_retry_after_that_is_no_number_asks_for_nothing(client, server, asked):
    server.next.append(Answer(503, {"retry-after": asked}))
    assert (await client.put(URL, DOCUMENT)).wait_s == 0.0


async def test_never_more_than_five_requests_in_a_second(client, server):
    await asyncio.gather(*(client.put(URL, DOCUMENT) for _ in range(24)))
    times = server.asked_at
    assert len(times) == 25
    assert all(times[i + 5] - times[i] >= 0.999 for i in range(len(times) - 5))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b"{}",
        b'{"accessToken": ""}',
        b'{"accessToken": null}',
        b'{"accessToken": {}}',
        b'{"accessToken": "a b"}',
        b'{"accessToken": "a\\nX: y"}',
        b"\xff",
    ],
)
async def test_a_sign_in_without_a_token_is_a_failure(client, server, body):
    server._sign_in = lambda *_: Answer(201, {}, body)
    result = await client.put(URL, DOCUMENT)
    assert result.outcome is Outcome.FAILED
    assert server.taken == []


async def test_no_key_is_ever_told(client, server, tmp_path):
    told = []
    for script in (400, 403, 500, cut):
        server.next.append(script)
        told.append((await client.put(URL, DOCUMENT)).reason)
    (tmp_path / "password_file").write_text("wrong-but-secret")
    server.forget_token()
    server.refresh_works = False
    told.append((await client.put(URL, DOCUMENT)).reason)
    (tmp_path / "api_key_file").write_bytes(b"\xff\xfe")
    told.append((await client.put(URL, DOCUMENT)).reason)
    (tmp_path / "api_key_file").unlink()
    told.append((await client.put(URL, DOCUMENT)).reason)
    assert all(told)
    assert "sign-in" in told[4]
    assert "api_key_file" in told[5]
    assert "there is no such file" in told[6]
    assert not [one for one in told for secret in (*SECRETS, "wrong-but-secret", "Bearer", "e30.") if secret in one]


async def test_a_key_that_is_changed_on_disk_is_used_at_the_next_request(client, server, tmp_path):
    await client.put(URL, DOCUMENT)
    (tmp_path / "api_key_file").write_text("another")
    await client.put(URL, DOCUMENT)
    assert server.faults == ["/useCaseInfo: apiKey"]
