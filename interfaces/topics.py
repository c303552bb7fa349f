"""The topic table: everything the pole publishes, as data, and how a topic's name is built."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final, Protocol

from interfaces.proto import publication_pb2 as pb
from interfaces.spatial_id import quadkey

if TYPE_CHECKING:
    from google.protobuf.message import Message


SPEC: Final = "1.0"  # of this interface; a reader of another first number cannot understand the payload
ROOT: Final = "smartpole/v1"
PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
KEPT: Final = 256  # names of topics said again and again
WEEK_S: Final = 7 * 86_400.0
# User properties of every publication; those with a place carry `spatial_id` too.
PROPERTIES: Final = {
    "proto": "full name of the message",
    "spec": "version of this interface; another first number means another payload",
    "detected_at": "UTC ns of what is told, as the header says it",
    "id": "names the statement: a repeat carries it again, its JSON twin shares it",
}
PLACE_PROPERTY: Final = {"spatial_id": "空間ID z/f/x/y (zoom 25) of the event"}
TILE_LEVELS: Final = ("q6", "q10", "q14", "q18")
CUTS: Final = ((0, 6), (6, 10), (10, 14), (14, 18))  # digits of the zoom-18 quadkey in each topic level


@dataclass(frozen=True)
class Topic:
    """One row. `expiry_s` None: never, or as long as the message itself says (hazards). `rate` is for people.

    `twin_expiry_s` is the JSON twin's own where it has one.
    """

    name: str
    template: str
    message: type[Message]
    qos: int
    retain: bool
    expiry_s: float | None
    rate: str
    content_type: str = PROTOBUF
    twin_expiry_s: float | None = None

    @cached_property
    def kind(self) -> str:
        """Full name of the message."""
        return self.message.DESCRIPTOR.full_name

    @property
    def levels(self) -> str:
        """The template with the four levels of the tile by name."""
        return self.template.replace("{tile}", "/".join(f"{{{level}}}" for level in TILE_LEVELS))

    @property
    def properties(self) -> dict[str, str]:
        """User properties of its publications and what each means."""
        return PROPERTIES | PLACE_PROPERTY if "{tile}" in self.template else PROPERTIES


STATUS: Final = Topic(
    "status",
    "pole/{sl}/{rsu}/status",
    pb.PoleStatus,
    qos=1,
    retain=True,
    expiry_s=None,
    rate="on change and 1 s",
    twin_expiry_s=5.0,  # a will has no twin: what it cannot take back must not stay
)
PROFILE: Final = Topic(
    "profile", "pole/{sl}/{rsu}/profile", pb.PoleProfile, qos=1, retain=True, expiry_s=None, rate="on change"
)
SLOT: Final = Topic(
    "slot", "pole/{sl}/{rsu}/slot/{slot}", pb.SlotStatus, qos=1, retain=True, expiry_s=None, rate="on change and 5 s"
)
OBJECTS: Final = Topic(
    "objects", "pole/{sl}/{rsu}/objects", pb.PerceivedObjects, qos=0, retain=False, expiry_s=1.0, rate="10 Hz"
)
HAZARD: Final = Topic(
    "hazard", "hazard/{tile}/{sl}/{rsu}/{action_id}", pb.Hazard, qos=1, retain=True, expiry_s=None, rate="event"
)
NEAR_MISS: Final = Topic(
    "nearmiss", "nearmiss/{tile}/{sl}/{rsu}", pb.NearMiss, qos=1, retain=False, expiry_s=WEEK_S, rate="event"
)
WEATHER: Final = Topic(
    "weather",
    "weather/{tile}/{sl}/{rsu}",
    pb.RoadEnvironment,
    qos=1,
    retain=True,
    expiry_s=600.0,
    rate="1 min and on change",
)
TOPICS: Final = (STATUS, PROFILE, SLOT, OBJECTS, HAZARD, NEAR_MISS, WEATHER)


class Sender(Protocol):
    """Whose topics: the pole's ids and the topic root."""

    @property
    def service_location_id(self) -> int:
        """Number of the place, 32 bits."""

    @property
    def roadside_unit_id(self) -> int:
        """Number of the unit at that place, 32 bits."""

    @property
    def root(self) -> str:
        """Everything before the first level of the table."""


def name(topic: Topic, sender: Sender, **levels: object) -> str:
    """The full topic name; `levels` fills what the template asks beyond the pole's ids."""
    return _name(sender.root, topic.template, sender.service_location_id, sender.roadside_unit_id, **levels)


@lru_cache(KEPT)
def _name(root: str, template: str, sl: int, rsu: int, **levels: object) -> str:
    return f"{root}/{template.format(sl=sl, rsu=rsu, **levels)}"


def tile(latitude_deg: float, longitude_deg: float) -> str:
    """The four topic levels "q6/q10/q14/q18" of a point (6 + 4 + 4 + 4 digits)."""
    key = quadkey(latitude_deg, longitude_deg, 18)
    return "/".join(key[low:high] for low, high in CUTS)


def covering(topic: Topic, key: str) -> str:
    """The filter below the root for one row's publications in quadkey `key`, coarsened to the next cut; no twins."""
    known = [key[low:high] for low, high in CUTS if len(key) >= high]
    levels = iter([*known, *("+" for _ in CUTS[len(known) :])])
    return "/".join(
        (next(levels) if one[1:-1] in TILE_LEVELS else "+") if one.startswith("{") else one
        for one in topic.levels.split("/")
    )


def row_of(topic: str, root: str) -> tuple[Topic, bool] | None:
    """The row a received topic belongs to and whether it is the JSON twin; None when it is none of ours."""
    if not topic.startswith(root + "/"):
        return None
    levels = topic[len(root) + 1 :].split("/")
    twin = levels[-1] == "json"
    for row in TOPICS:
        if _fits(row.levels.split("/"), levels[:-1] if twin else levels):
            return row, twin
    return None


def matches(pattern: str, topic: str) -> bool:
    """Whether a topic filter covers a topic name (MQTT 5 §4.7; wildcards do not cover a first level with "$")."""
    wanted, levels = pattern.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in {"+", "#"}:
        return False
    for index, want in enumerate(wanted):
        if want == "#":
            return True
        if index >= len(levels) or want not in {"+", levels[index]}:
            return False
    return len(wanted) == len(levels)


def _fits(template: list[str], levels: list[str]) -> bool:
    return len(template) == len(levels) and all(
        want.startswith("{") or want == got for want, got in zip(template, levels, strict=True)
    )
