"""PoleReport → PoleStatus, and the will that says the pole is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.publication.envelope import header, publications
from controller.publication.publication import NS_PER_S
from interfaces import topics
from interfaces.proto import publication_pb2 as pb

if TYPE_CHECKING:
    from controller.publication.publication import Publication, Sender, Stamp
    from controller.slot import PoleReport


def pole_status(report: PoleReport, sender: Sender, stamp: Stamp) -> tuple[Publication, ...]:
    """The state of the whole pole."""
    message = pb.PoleStatus(
        header=header(sender, stamp, stamp.published_at_ns),
        alive=report.alive,
        service_availability=report.availability,
        utilisation=report.utilisation,
        reasons=report.reasons,
        backlog=report.backlog,
        tracks=report.tracks,
        publications_per_s=report.publications_per_s,
        lag_p50_s=report.lag_p50_s,
        lag_p99_s=report.lag_p99_s,
        started_ns=report.started_ns,
        version=report.version,
        counters=report.counters,
        certificates=[
            pb.Certificate(
                holder=holder,
                name=one.common_name,
                names=one.names,
                not_after_ns=one.not_after_ns,
                left_s=(one.not_after_ns - stamp.published_at_ns) / NS_PER_S,
            )
            for holder, one in report.certificates.items()
        ],
    )
    return publications(topics.STATUS, topics.name(topics.STATUS, sender), message, sender, stamp.published_at_ns)


def will(sender: Sender, connected_at: Stamp) -> Publication:
    """What the broker says when we vanish; its times are those of the connection, and it has no twin."""
    return farewell(sender, connected_at, "connection to the pole lost")[0]


def farewell(sender: Sender, stamp: Stamp, reason: str) -> tuple[Publication, ...]:
    """Not alive, unavailable."""
    message = pb.PoleStatus(
        header=header(sender, stamp, stamp.published_at_ns),
        alive=False,
        service_availability=2,
        reasons=[reason],
    )
    return publications(topics.STATUS, topics.name(topics.STATUS, sender), message, sender, stamp.published_at_ns)
