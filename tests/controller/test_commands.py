"""Who may ask a pole for what: decisions on bytes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.commands import BURST, MODELS, NONCES_MAX, RATE_HZ, Desk, Identify, Request, answer
from interfaces.command import (
    COMMANDS,
    REQUEST_MAX_B,
    WINDOW_S,
    Asked,
    is_signed,
    request_topic,
    response_topic,
    signature,
)

POLE = Asked(7, 9)
KEY = "a key of some length"
ALL = frozenset(MODELS)
NOW = 1_760_000_000.0


def desk(allow=ALL, key=KEY, since_s=0.0):
    return Desk(POLE, frozenset(allow), key, since_s)


def request(command="identify", key=KEY, topic="", **values):
    body = {"slot": "camera", "time": NOW, "nonce": "12345678", "transaction": 5} | values
    if command != "identify":
        body = {name: value for name, value in body.items() if name != "slot" or "slot" in values}
    payload, topic = json.dumps(body).encode(), topic or request_topic(POLE, command)
    return Request(topic, payload, signature(key, topic, payload), "mari")


def test_a_signed_request_is_heard_and_its_transaction_kept():
    decision = desk().decide(request(seconds=3), 0.0, NOW)
    assert decision.asked == Identify(slot="camera", seconds=3, transaction=5, time=NOW, nonce="12345678")
    assert (decision.command, decision.answer_topic) == ("identify", "smartpole/v1/pole/7/9/response/identify")
    assert json.loads(answer(decision, {"slot": "camera"})) == {
        "status": "ok",
        "data": {"slot": "camera"},
        "transaction": 5,
    }


def test_every_command_has_a_model_and_names_its_parameters():
    assert {one.name for one in COMMANDS} == set(MODELS)
    for one in COMMANDS:
        assert set(one.parameters) == set(MODELS[one.name].model_fields) - {"transaction", "time", "nonce"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda r: replace(r, signature=""), "signature is missing or wrong"),
        (lambda r: replace(r, signature=signature("another key entirely", r.topic, r.payload)), "signature"),
        (lambda r: replace(r, payload=r.payload.replace(b"camera", b"radar!")), "signature"),
        (lambda r: replace(r, topic=request_topic(Asked(7, 9), "self_test")), "signature"),
        (lambda r: replace(r, retained=True), "retained"),
        (lambda r: replace(r, topic=request_topic(POLE, "reboot")), "no such command; known: status, identify"),
        (lambda r: replace(r, payload=b"{"), "is no JSON"),
        (lambda r: replace(r, payload=b"[1]"), "is no JSON object"),
        (lambda r: replace(r, payload=b'{"seconds": NaN}'), "NaN is no number here"),
        (lambda r: replace(r, payload=b"\xff"), "is not UTF-8"),
        (lambda r: replace(r, payload=b"[" * 4000), "is no JSON"),
        (lambda r: replace(r, payload=b" " * (REQUEST_MAX_B + 1)), "a request has at most 4096 B"),
        (lambda r: replace(r, payload=b"{}"), "slot: Field required"),
        (lambda _: request(seconds=0), "seconds: Input should be greater than or equal to 1"),
        (lambda _: request(seconds="3"), "seconds: Input should be a valid integer"),
        (lambda _: request(colour="red"), "colour: Extra inputs are not permitted"),
        (lambda _: request("log_level", level="loud"), "level: Input should be 'debug'"),
        (lambda _: request(time=NOW - WINDOW_S - 1), "its time is -61 s from the pole's"),
        (lambda _: request(time=NOW + WINDOW_S + 1), "its time is [+]61 s"),
        (lambda _: request(nonce="short"), "nonce: needs at least 8"),
    ],
)
def test_what_is_refused_says_why(change, reason):
    decision = desk().decide(change(request()), 0.0, NOW)
    assert decision.asked is None
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(decision.reason)
    assert json.loads(answer(decision, error=decision.reason))["status"] == "error"


def test_only_what_is_allowed():
    assert "not allowed here" in desk(allow={"status"}).decide(request(), 0.0, NOW).reason


def test_without_a_key_only_what_changes_nothing():
    bare = desk(key="")
    assert bare.decide(request("status"), 0.0, NOW).asked is not None
    assert bare.decide(Request(request_topic(POLE, "status"), b""), 0.1, NOW).asked is not None
    assert "has no key" in bare.decide(request(), 0.2, NOW).reason


def test_a_request_counts_once_and_not_from_before_the_start():
    one = desk()
    assert one.decide(request(), 0.0, NOW).asked is not None
    assert "heard before" in one.decide(request(), 1.0, NOW + 1).reason
    assert one.decide(request(nonce="abcdefgh"), 2.0, NOW + 2).asked is not None
    assert "older than the pole's start" in desk(since_s=NOW + 1).decide(request(), 0.0, NOW + 2).reason


def test_wrong_signatures_do_not_use_up_nonces():
    one = desk()
    assert one.decide(replace(request(), signature="no"), 0.0, NOW).asked is None
    assert one.decide(request(), 1.0, NOW).asked is not None


def test_a_flood_is_neither_heard_nor_answered():
    one = desk()
    decisions = [one.decide(request(nonce=f"{n:08}"), n / 100, NOW) for n in range(100)]
    assert sum(it.asked is not None for it in decisions) == 11
    assert {it.answer_topic for it in decisions if it.asked is None} == {""}
    assert one.decide(request(nonce="afterward"), 3.0, NOW).asked is not None
    assert NONCES_MAX > BURST + RATE_HZ * 2 * WINDOW_S  # what the rate lets through within the window is remembered


@pytest.mark.parametrize(
    "topic",
    [
        "smartpole/v1/hazard/1/2/3/4/7/9/1",
        "smartpole/v1/pole/7/8/response/identify",
        "smartpole/v1/pole/7/9/response/",
        "smartpole/v1/pole/7/9/response/#",
        "smartpole/v1/pole/7/9/response/" + "x" * 300,
        "",
    ],
)
def test_nobody_makes_the_pole_speak_elsewhere(topic):
    decision = desk().decide(replace(request(), response_topic=topic), 0.0, NOW)
    assert decision.answer_topic == response_topic(POLE, "identify")


def test_a_place_of_ones_own_below_the_responses_is_honoured():
    mine = response_topic(POLE, "identify") + "/me"
    decision = desk().decide(replace(request(), response_topic=mine, correlation=b"42"), 0.0, NOW)
    assert (decision.answer_topic, decision.correlation) == (mine, b"42")


@given(st.binary(max_size=200), st.text(max_size=40), st.text(max_size=40), st.binary(max_size=200))
def test_no_bytes_are_believed_or_break_it(payload, signed, level, correlation):
    topic = request_topic(POLE, "") + level
    decision = desk().decide(Request(topic, payload, signed, correlation=correlation), 0.0, NOW)
    assert decision.asked is None
    json.loads(answer(decision, error=decision.reason))


def test_a_signature_belongs_to_its_topic_and_bytes():
    given_ = signature(KEY, "a/b", b"c")
    assert is_signed(KEY, "a/b", b"c", given_)
    assert not is_signed(KEY, "a", b"/bc", given_)
    assert not is_signed(KEY, "a/b", b"c", "é")
