"""Addresses of brokers: what is understood, and what is refused in which words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.broker_address import BrokerAddress, is_loopback, parse
from interfaces.errors import ConfigError


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        ("mqtt://127.0.0.1", "127.0.0.1", 1883, False),
        ("mqtt://localhost:1884/", "localhost", 1884, False),
        ("mqtt://[::1]", "::1", 1883, False),
        ("mqtts://broker.example", "broker.example", 8883, True),
        ("mqtts://[2001:db8::7]:443", "2001:db8::7", 443, True),
    ],
)
def test_an_address_is_understood_and_said_again(url, host, port, tls):
    found = parse(url)
    assert found == BrokerAddress(host, port, tls)
    assert parse(str(found)) == found


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://a", "write mqtts://host"),
        ("mqtt://", "write mqtts://host"),
        ("broker.example", "write mqtts://host"),
        ("mqtts://a/topic", "write mqtts://host"),
        ("mqtt://a:99999", "out of range"),
        ("mqtts://[::1", "Invalid IPv6"),
        ("mqtt://192.0.2.7:1883", "write mqtts://192.0.2.7:1883, or plaintext = true in [mqtt] on a network you trust"),
        ("mqtt://broker", "broker is not this machine"),
        ("mqtt://127.0.0.1.example", "is not this machine"),
    ],
)
def test_what_is_refused_says_the_key_and_the_cure(url, words):
    with pytest.raises(ConfigError) as refused:
        parse(url)
    assert "mqtt.url" in str(refused.value)
    assert words in str(refused.value)


@pytest.mark.parametrize("url", ["mqtts://me:hush@a", "mqtts://me:hush@a:99999", "mqtts://:hush@[::1", "me:hush@a"])
def test_a_password_in_an_address_is_refused_and_not_repeated(url):
    with pytest.raises(ConfigError) as refused:
        parse(url)
    assert "hush" not in str(refused.value)


def test_plain_mqtt_leaves_the_machine_where_that_is_said():
    assert parse("mqtt://192.0.2.7", plaintext=True) == BrokerAddress("192.0.2.7", 1883, tls=False)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_refused(text):
    try:
        found = parse(text)
    except ConfigError:
        return
    assert found.tls or is_loopback(found.host)
    assert 0 < found.port < 65536
