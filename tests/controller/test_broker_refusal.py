"""Words for refusals, without a network: what a person reads and mends by."""

from __future__ import annotations

import errno
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller import broker_refusal, certificate
from controller.broker import Broker
from controller.broker_address import BrokerAddress
from controller.certificate import NS_PER_DAY, Certificate

NOW_NS = 20_781 * NS_PER_DAY  # 2026-11-24 00:00 UTC
BROKER = Broker(BrokerAddress("broker.example", 8883, tls=True))


def shown(begins_days=-100.0, ends_days=100.0):
    return Certificate(
        "b", "ca", (), int(NOW_NS + begins_days * NS_PER_DAY), int(NOW_NS + ends_days * NS_PER_DAY), False
    )


@pytest.mark.parametrize(
    ("code", "served", "words"),
    [
        (
            10,
            shown(ends_days=-9),
            "expired on 2026-11-15 00:00 UTC; this machine's clock says 2026-11-24:",
        ),
        (
            10,
            shown(ends_days=-0.01),
            "expired on 2026-11-23 23:45 UTC; this machine's clock says 2026-11-24 00:00 UTC:",
        ),
        (10, shown(), "or that of its authority, has expired; this machine's clock says 2026-11-24:"),
        (10, None, "or that of its authority, has expired; this machine's clock says 2026-11-24:"),
        (9, shown(begins_days=2), "is valid only from 2026-11-26 00:00 UTC; this machine's clock says 2026-11-24:"),
        (9, None, "is not yet valid"),
        (19, None, "its certificate is signed, whom we do not know"),
        (62, None, "its certificate is not for broker.example"),
        (26, None, "not for servers"),
        (79, shown(), "its certificate is refused: the words of OpenSSL"),
    ],
)
def test_words_for_what_openssl_found(code, served, words):
    assert words in broker_refusal.of_verification(code, "the words of OpenSSL", "broker.example", served, NOW_NS)


@given(st.integers(0, 100), st.sampled_from([None, shown()]))
def test_every_code_has_words(code, served):
    assert broker_refusal.of_verification(code, "m", "h", served, NOW_NS)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (
            "TLSV1_ALERT_UNKNOWN_CA",
            "the authority that signed our certificate: 'b' of 'ca', valid 2026-08-16",
        ),
        ("SOMETHING_NEW", "speaks no TLS on this port, or ended it without a word"),
        ("SOMETHING_NEW", "(SOMETHING_NEW)"),
        (None, "TLS is by custom on 8883"),
    ],
)
def test_words_for_how_tls_ended(reason, words):
    assert words in broker_refusal.of_alert(reason, shown())


@pytest.mark.parametrize(
    ("code", "own", "words"),
    [
        (0x86, None, "refuses us without a user name: bad user name or password (0x86)"),
        (0x87, shown(), "refuses 'b' (the name in our certificate): not authorized"),
        (0x85, None, "refuses the client id 'pole-1-2' (0x85)"),
        (0x84, None, "does not speak MQTT 5 (0x84)"),
        (0x95, None, "Packet too large (0x95)"),
    ],
)
def test_words_for_what_the_broker_answered(code, own, words):
    assert words in broker_refusal.of_connack(code, "Packet too large", BROKER, "pole-1-2", own)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "nothing listens there"),
        (OSError(errno.EHOSTUNREACH, "x"), "the host cannot be reached"),
        (TimeoutError(), "no answer"),
        (socket.gaierror(-2, "Name or service not known"), "its name is not known (Name or service not known)"),
        (OSError(), "OSError"),
    ],
)
def test_words_for_no_connection_at_all(error, words):
    assert words in broker_refusal.of_network(error)


@given(st.binary(max_size=200))
def test_no_bytes_of_a_broker_break_the_reading_of_its_certificate(data):
    assert certificate.of_der(data) is None
