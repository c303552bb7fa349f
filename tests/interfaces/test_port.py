"""Port URLs: what they mean, and what is said of a wrong one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.errors import LinkError
from interfaces.port import SCHEMES, parse


@pytest.mark.parametrize(
    ("url", "scheme", "place", "shared", "path"),
    [
        ("/dev/ttyUSB0", "serial", "/dev/ttyUSB0", False, "/dev/ttyUSB0"),
        ("serial:///dev/ttyUSB0?baud=921600", "serial", "/dev/ttyUSB0", False, "/dev/ttyUSB0"),
        ("tcp://192.0.2.1:99", "tcp", "192.0.2.1:99", False, ""),
        ("tcp://[2001:db8::1]:99", "tcp", "[2001:db8::1]:99", False, ""),
        ("can://socketcan/can0?fd=1", "can", "socketcan/can0", True, ""),
        ("can+sim:///run/x.sock", "can+sim", "/run/x.sock", True, "/run/x.sock"),
        ("modbus+tcp://h:502?address=3", "modbus+tcp", "h:502", True, ""),
    ],
)
def test_what_a_url_means(url, scheme, place, shared, path):
    port = parse(url)
    assert (port.scheme, port.place, port.shared, port.path) == (scheme, place, shared, path)


def test_selectors_are_not_part_of_the_wire():
    one = parse(f"rs485:///dev/x?baud=460800&uid={'0a' * 16}")
    two = parse("rs485:///dev/x?baud=460800&address=7")
    assert one.wire == two.wire == "rs485:///dev/x?baud=460800"
    assert (one.uid, one.address, two.uid, two.address) == (b"\n" * 16, 0, b"", 7)


@pytest.mark.parametrize(("scheme", "row"), SCHEMES.items())
def test_every_example_is_good_and_has_a_cost(scheme, row):
    port = parse(row.example)
    assert port.scheme == scheme
    assert 0 < port.cost.message_s(100) < 0.1
    assert port.cost.message_s(2000) > port.cost.message_s(100)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("seriel:///dev/x", "did you mean serial://"),
        ("zigbee://x", "known: serial, tcp"),
        ("tcp://host", "names no place; write tcp://"),
        ("tcp://host:99999", "names no place"),
        ("serial:///dev/x?baud=fast", "baud is 'fast'"),
        ("serial:///dev/x?bauds=9600", "did you mean baud?"),
        ("modbus+tcp://h:502?unit=3", "unknown option 'unit'"),
        ("can+sim:///x?uid=12", "32 hexadecimal digits"),
        ("serial:///dev/x?baud=0", "must be a whole number"),
    ],
)
def test_a_wrong_url_is_explained(url, words):
    with pytest.raises(LinkError) as caught:
        parse(url)
    assert words in str(caught.value)
    assert url in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_a_port_or_an_explained_error(text):
    try:
        parse(text)
    except LinkError as error:
        assert text in str(error)  # noqa: PT017 -- good texts are good, too
