"""Entries of the tape as messages on channels, and back: protobuf everywhere, with its schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from controller.fusion.track import TRACK, Tracks
from controller.publication.publication import Stamp
from controller.recording.columns import fill, rows_of
from controller.recording.entry import Entry, Heard, Judged, Looked, Noted, Part, Plugged, Reported, Said
from controller.recording.state_reader import load
from controller.recording.state_writer import StateError, dump
from interfaces import topics
from interfaces.proto import recording_pb2 as pb
from modules.detection import OBJECT, Axes, Detections

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.protobuf.message import Message as Proto

TRACKS: Final = "/pole/tracks"
JUDGEMENTS: Final = "/pole/judgements"
STATEMENTS: Final = "/pole/statements"
_MODULES: Final = "/modules/"
DETECTIONS: Final = "/detections"
PLUG: Final = "/plug"
REPORT: Final = "/report"


class Message(NamedTuple):
    """One message of a recording; `schema` None: its bytes are of no protobuf type of ours. Times are UTC ns."""

    topic: str
    schema: type[Proto] | None
    logged_ns: int
    published_ns: int
    data: bytes


def messages(entry: Entry, root: str, now_ns: int) -> Iterator[Message]:
    """An entry as it is written; `root` is that of the topics, `now_ns` the time of what has none of its own."""
    match entry:
        case Heard():
            one = entry.detections
            topic = f"{_MODULES}{one.slot}{DETECTIONS}"
            yield Message(topic, pb.Detections, one.arrived_at_ns, one.measured_at_ns, _detections(one))
        case Plugged():
            yield Message(f"{_MODULES}{entry.slot}{PLUG}", pb.Plug, now_ns, now_ns, _plug(entry))
        case Reported():
            at = entry.measured_at_ns
            yield Message(f"{_MODULES}{entry.slot}{REPORT}", pb.Report, now_ns, at, _report(entry))
        case Looked():
            at = entry.tracks.valid_at_ns
            yield Message(TRACKS, pb.Tracks, at, at, _tracks(entry.tracks))
        case Judged():
            judgement = pb.Judgement(valid_at_ns=entry.valid_at_ns, events=entry.events)
            yield Message(JUDGEMENTS, pb.Judgement, now_ns, entry.valid_at_ns, judgement.SerializeToString())
        case Noted():
            yield Message(entry.topic, _schema(entry.topic, root), entry.at_ns, entry.at_ns, entry.payload)
        case Said():
            yield from _said(entry, root)


def entries(read: Iterable[tuple[str, bytes]]) -> Iterator[Entry]:
    """Entries from the (topic, data) of messages in order; ValueError or DecodeError for what was never written."""
    waiting: list[tuple[str, bytes]] = []  # publications, met after the statement they belong to
    statement: pb.Statement | None = None
    for topic, data in read:
        if not topic.startswith(("/pole/", _MODULES)):
            waiting.append((topic, data))
            continue
        yield from _finished(statement, waiting)
        statement, waiting = None, []
        if topic == STATEMENTS:
            statement = pb.Statement.FromString(data)
        else:
            yield _entry(topic, data)
    yield from _finished(statement, waiting)


def _said(entry: Said, root: str) -> Iterator[Message]:
    at = entry.stamp.published_at_ns
    yield Message(STATEMENTS, pb.Statement, at, at, _statement(entry))
    for part in entry.parts:
        if part.payload is not None:
            yield Message(part.topic, _schema(part.topic, root), at, at, part.payload)


def _entry(topic: str, data: bytes) -> Entry:
    if topic == TRACKS:
        tracks = pb.Tracks.FromString(data)
        return Looked(Tracks(tracks.valid_at_ns, rows_of(tracks, TRACK)))
    if topic == JUDGEMENTS:
        judgement = pb.Judgement.FromString(data)
        return Judged(judgement.valid_at_ns, tuple(judgement.events))
    if topic.endswith(PLUG):
        plug = pb.Plug.FromString(data)
        return Plugged(plug.slot, plug.serving, load(plug.exact, {}))
    if topic.endswith(REPORT):
        report = pb.Report.FromString(data)
        return Reported(report.slot, load(report.exact, {}), report.measured_at_ns)
    if topic.endswith(DETECTIONS):
        return Heard(_heard(pb.Detections.FromString(data)))
    raise ValueError(f"unknown channel {topic}")


def _finished(statement: pb.Statement | None, waiting: list[tuple[str, bytes]]) -> Iterator[Entry]:
    """The statement with its publications, and what else was said meanwhile."""
    if statement is not None:
        stamp = Stamp(statement.sequence, statement.published_at_ns, statement.clock_error_s)
        yield Said(stamp, tuple(_part(told, waiting) for told in statement.publications))
    for topic, data in waiting:
        yield Noted(0, topic, data)


def _part(told: pb.Statement.Publication, waiting: list[tuple[str, bytes]]) -> Part:
    payload = None
    if told.content_type != topics.JSON:
        index = next((index for index, (topic, _) in enumerate(waiting) if topic == told.topic), None)
        if index is None:
            raise ValueError(f"a statement without its publication on {told.topic}")
        payload = waiting.pop(index)[1]
    return Part(told.topic, told.content_type, told.qos, told.retain, told.digest, payload)


def _detections(one: Detections) -> bytes:
    message = pb.Detections(
        slot=one.slot,
        measured_at_ns=one.measured_at_ns,
        arrived_at_ns=one.arrived_at_ns,
        axes=str(one.axes),
        total=one.total,
        clock_error_s=one.clock_error_s,
    )
    fill(message, one.objects)
    return message.SerializeToString()


def _tracks(one: Tracks) -> bytes:
    message = pb.Tracks(valid_at_ns=one.valid_at_ns)
    fill(message, one.objects)
    return message.SerializeToString()


def _heard(message: pb.Detections) -> Detections:
    return Detections(
        message.slot,
        message.measured_at_ns,
        message.arrived_at_ns,
        Axes(message.axes),
        rows_of(message, OBJECT),
        message.total,
        message.clock_error_s,
    )


def _plug(entry: Plugged) -> bytes:
    told = repr(entry.capability) if entry.capability is not None else ""
    exact = dump(entry.capability, {})
    return pb.Plug(slot=entry.slot, serving=entry.serving, capability=told, exact=exact).SerializeToString()


def _report(entry: Reported) -> bytes:
    try:
        exact = dump(entry.reading, {})
    except StateError:
        exact = dump(None, {})  # of a class of module that is not ours: it says nothing of the road
    return pb.Report(
        slot=entry.slot, measured_at_ns=entry.measured_at_ns, reading=repr(entry.reading), exact=exact
    ).SerializeToString()


def _statement(entry: Said) -> bytes:
    parts: list[Any] = [
        pb.Statement.Publication(
            topic=part.topic, content_type=part.content_type, qos=part.qos, retain=part.retain, digest=part.digest
        )
        for part in entry.parts
    ]
    return pb.Statement(
        sequence=entry.stamp.sequence,
        published_at_ns=entry.stamp.published_at_ns,
        clock_error_s=entry.stamp.clock_error_s,
        publications=parts,
    ).SerializeToString()


def _schema(topic: str, root: str) -> type[Proto] | None:
    row = topics.row_of(topic, root)
    return row[0].message if row is not None and not row[1] else None
