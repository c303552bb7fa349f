"""What a broker hands to a consumer, decoded by the topic table and checked for a version that can be understood."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError

from interfaces.topics import SPEC, row_of

if TYPE_CHECKING:
    from collections.abc import Mapping

MAJOR: Final = SPEC.partition(".")[0]


class PoleId(NamedTuple):
    """Who publishes."""

    service_location_id: int
    roadside_unit_id: int


@dataclass(frozen=True, slots=True)
class Received:
    """One publication; `message` is None when a retained one was cleared or when `error` says why it is not read."""

    topic: str
    kind: str  # the row of the topic table
    message: Any
    error: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)  # user properties
    left_s: float | None = None  # message expiry: how long it is of use from now on
    below: str = ""  # the topic below the root

    @property
    def pole(self) -> PoleId:
        """Whose message it is, by its header; ValueError without one."""
        if self.message is None:
            raise ValueError(f"{self.topic}: there is no message")
        return PoleId(self.message.header.service_location_id, self.message.header.roadside_unit_id)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: topic, type and the message in protobuf's JSON mapping with the field names of the schema."""
        if self.error:
            return {"topic": self.topic, "type": self.kind, "error": self.error}
        decoded = MessageToDict(self.message, preserving_proto_field_name=True) if self.message is not None else None
        return {"topic": self.topic, "type": self.kind, "payload": decoded}


def decode(
    topic: str,
    payload: bytes,
    root: str,
    properties: Mapping[str, str] | None = None,
    left_s: float | None = None,
) -> Received | None:
    """One publication; None when it is a twin or none of ours. Without user properties it is read as this version."""
    found = row_of(topic, root)
    if found is None or found[1]:
        return None
    row, said = found[0], properties or {}
    spec = said.get("spec", SPEC)
    message, error = None, ""
    if spec.partition(".")[0] != MAJOR:
        error = f"written in version {spec} of the interface; this reader understands {MAJOR}.x: update it"
    elif payload:
        try:
            message = row.message.FromString(payload)
        except DecodeError:
            error = "not a message of this topic"
    return Received(topic, row.name, message, error, said, left_s, topic[len(root) + 1 :])


class Once:
    """Tells repeats of the last `most` names."""

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._seen: dict[object, None] = {}

    def first(self, name: object) -> bool:
        """Whether `name` was not seen lately."""
        if name in self._seen:
            return False
        self._seen[name] = None
        if len(self._seen) > self._most:
            del self._seen[next(iter(self._seen))]
        return True
