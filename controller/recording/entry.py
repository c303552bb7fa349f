"""What the tape holds: what went into the pipeline, what it was asked, and what was said, one type an entry."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from interfaces.topics import JSON

if TYPE_CHECKING:
    from controller.fusion.track import Tracks
    from controller.publication.publication import Publication, Stamp
    from controller.publication.voice import Statement
    from modules.capability import Capability
    from modules.detection import Detections

ENTRY_BYTES: Final = 400  # what an entry costs beside its payload, roughly


@dataclass(frozen=True, slots=True)
class Plugged:
    """A module serves the slot from now on, of default capability when None is given; or nobody does."""

    slot: str
    serving: bool
    capability: Capability | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """One message of a module."""

    detections: Detections


@dataclass(frozen=True, slots=True)
class Reported:
    """What a module said that detects nothing: a reading of its class."""

    slot: str
    reading: object
    measured_at_ns: int


@dataclass(frozen=True, slots=True)
class Looked:
    """The road at the instant it was asked for."""

    tracks: Tracks


@dataclass(frozen=True, slots=True)
class Judged:
    """The tracks before it were judged; `events` is for people."""

    valid_at_ns: int
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One publication of a statement. JSON twins are kept as their digest alone (`payload` None)."""

    topic: str
    content_type: str
    qos: int
    retain: bool
    digest: int
    payload: bytes | None


@dataclass(frozen=True, slots=True)
class Said:
    """What was said at once, of the road."""

    stamp: Stamp
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Noted:
    """A publication that does not come from the road: the health of pole and modules."""

    at_ns: int
    topic: str
    payload: bytes


Entry = Plugged | Heard | Reported | Looked | Judged | Said | Noted


def said(statement: Statement) -> Said:
    """The statement as it is kept."""
    return Said(statement.stamp, tuple(_part(one) for one in statement.publications))


def size_of(entry: Entry) -> int:
    """Bytes in memory, roughly."""
    match entry:
        case Heard():
            return ENTRY_BYTES + entry.detections.objects.nbytes
        case Looked():
            return ENTRY_BYTES + entry.tracks.objects.nbytes
        case Said():
            return ENTRY_BYTES + sum(ENTRY_BYTES + len(part.payload or b"") for part in entry.parts)
        case Noted():
            return ENTRY_BYTES + len(entry.payload)
    return ENTRY_BYTES


def digest(publication: Publication) -> int:
    """64 bits of every attribute and the payload."""
    head = repr(astuple(publication)[2:]).encode() + publication.topic.encode()
    return int.from_bytes(blake2b(head + b"\0" + publication.payload, digest_size=8).digest(), "little")


def _part(one: Publication) -> Part:
    payload = None if one.content_type == JSON else one.payload
    return Part(one.topic, one.content_type, one.qos, one.retain, digest(one), payload)
