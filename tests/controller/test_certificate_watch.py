"""Certificates that end are known in time: in the status, among its reasons and once a day in the log."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from controller import certificate, tls_look
from controller.broker import Broker
from controller.broker_address import BrokerAddress
from controller.certificate_watch import CertificateWatch
from controller.config import Origin
from controller.geometry import LocalFrame
from controller.publication.publication import Sender, Stamp
from controller.publication.status import pole_status
from controller.slot import PoleReport
from interfaces.proto import publication_pb2 as pb
from tests.certificates import NOW, Office

NOW_NS = int(NOW.timestamp()) * 10**9
DAY_NS = certificate.NS_PER_DAY
SENDER = Sender(1, 2, (), LocalFrame.of(Origin(latitude_deg=36, longitude_deg=140)))
REPORT = PoleReport(True, 0, 1, (), 0.0, 0, 0, 0.0, 0.0, 0.0, NOW_NS, "0")


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


def watching(own, lines, *, warning_days=30, now_ns=NOW_NS):
    broker = Broker(BrokerAddress("broker.example", 8883, tls=True), cert_file=own.cert if own else "")
    return CertificateWatch(broker, warning_days, utc_ns=lambda: now_ns, report=lines.append)


def der(issued):
    return issued.one.public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (31, None),
        (30, None),
        (29.5, "the broker's certificate 'b' ends in 29 days, on 20"),
        (1.5, "the broker's certificate 'b' ends in 1 day, on 20"),
        (-0.5, "the broker's certificate 'b' expired on 20"),
    ],
)
def test_the_status_names_what_ends_within_the_warning(days, words, office):
    lines = []
    watch = watching(None, lines)
    watch.seen(der(office.issue("b", days=(-90, days))))
    watch.seen(der(office.issue("b", days=(-90, days))))
    assert len(watch.troubles()) == (words is not None)
    assert all(one.startswith(words) for one in (*watch.troubles(), *lines))
    assert len(lines) == len(watch.troubles()), "told once, not at each connection"


def test_the_status_message_carries_both_certificates(office):
    watch = watching(office.issue("pole", days=(-1, 10)), [])
    watch.seen(der(office.issue("b", names=("broker.example", "192.0.2.7"), days=(-1, -0.5))))
    report = replace(REPORT, certificates=watch.held)
    message = pb.PoleStatus.FromString(pole_status(report, SENDER, Stamp(1, NOW_NS))[0].payload)
    own, theirs = message.certificates
    assert (own.holder, own.name, own.not_after_ns) == ("pole", "pole", NOW_NS + 10 * DAY_NS)
    assert (theirs.holder, list(theirs.names)) == ("broker", ["broker.example", "192.0.2.7"])
    assert (own.left_s, theirs.left_s) == (864_000.0, -43_200.0)


def test_nothing_is_said_of_a_way_without_certificates():
    watch = watching(None, [])
    watch.seen(b"")
    watch.seen(b"no certificate")
    assert (watch.held, watch.troubles()) == ({}, ())
    assert not pb.PoleStatus.FromString(pole_status(REPORT, SENDER, Stamp(1, NOW_NS))[0].payload).certificates


@pytest.mark.looptime
async def test_it_is_logged_daily_until_both_are_renewed_without_a_connection(office, monkeypatch):
    served = [office.issue("b", days=(-1, 5))]

    async def proved(broker):
        return der(served[-1]) if served else b""

    monkeypatch.setattr(tls_look, "proved", proved)
    lines = []
    watch = watching(office.issue("pole", days=(-1, 3)), lines)
    task = asyncio.create_task(watch.run())
    await asyncio.sleep(3600)
    assert len(lines) == 1
    watch.seen(der(served[-1]))
    assert ["pole" in one for one in lines] == [True, False]
    await asyncio.sleep(86_400)
    assert lines[:2] == lines[2:]
    office.issue("pole", days=(-1, 300))
    served.clear()  # the network is away: the last certificate known still counts
    await asyncio.sleep(86_400)
    assert lines[4:] == [lines[1]]
    served.append(office.issue("b", days=(-1, 300)))
    await asyncio.sleep(86_400)
    assert len(lines) == 5
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
