"""What goes out on the radio and when. Pure: tracks, hazards and time in, payloads out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from controller.fusion.track import Tracks
from controller.hazard.hazard import Hazard, Phase
from controller.publication.radio import rc016, rc016_csma
from controller.publication.radio.cpm import CpmSensor, cpm
from controller.publication.radio.denm import denm
from controller.publication.radio.its_time import time_of_day
from controller.publication.radio.rc016 import Roadside
from controller.publication.radio.rc016_csma import Csma
from controller.publication.radio.short_id import ShortIds
from controller.publication.radio.targets import common_areas, csma_objects
from controller.publication.radio.urgency import by_urgency
from controller.radio_check import ROADSIDE_HZ
from interfaces.proto import pmi_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from controller.config import Mount, Radio
    from controller.publication.radio.station import Station
    from controller.publication.radio.uper import Codec
    from modules.capability import Capability

NS_PER_MS: Final = 1_000_000
EARLY_NS: Final = 30 * NS_PER_MS  # pictures do not come to the millisecond
SENSORS_NS: Final = 1000 * NS_PER_MS  # between two descriptions of the sensors in CPM
REPEAT_NS: Final = 500 * NS_PER_MS  # of what was last said of a hazard, for those who just came
CANCEL_REPEATS: Final = 2
CSMA_OBJECTS: Final = rc016_csma.OBJECTS_MAX


@dataclass(frozen=True, slots=True)
class Sending:
    """One row: what a name in pole.toml stands for on PMI. Of a `stream` but 0 the newest wins; priority 0 is first."""

    stream: int
    radio: pb.RadioChannel.ValueType
    format: pb.PayloadFormat.ValueType
    priority: int
    lifetime_ms: int


SENDINGS: Final[Mapping[str, Sending]] = MappingProxyType(
    {
        "denm": Sending(0, pb.RADIO_5_9_GHZ, pb.ETSI_DENM, 0, 1000),
        "rc016": Sending(1, pb.RADIO_700_MHZ, pb.RC016_ROADSIDE, 2, 100),
        "rc016_csma": Sending(2, pb.RADIO_700_MHZ, pb.RC016_CSMA, 2, 100),
        "cpm": Sending(3, pb.RADIO_5_9_GHZ, pb.ETSI_CPM, 3, 200),
    }
)


@dataclass(frozen=True, slots=True)
class TxPayload:
    """One payload for a comms module; `part` counts those that one picture takes."""

    sending: Sending
    data: bytes
    part: int = 0

    def message(self) -> pb.RadioSend:
        """As it travels over PMI."""
        row = self.sending
        return pb.RadioSend(
            stream=row.stream,
            part=self.part,
            radio=row.radio,
            format=row.format,
            priority=row.priority,
            lifetime_ms=row.lifetime_ms,
            payload=self.data,
        )


@dataclass(slots=True)
class _Said:
    hazard: Hazard
    at_ns: int
    left: int


class Programme:
    """A pole's radio programme. Without a `codec` nothing of ETSI's goes out; `sensors` describe the slots in CPM.

    `cooperative` is the bit mask of slots that vehicles speak through: what rests on them alone is not said again, or a
    pole would vouch for what nobody saw, and two poles for each other.
    """

    def __init__(self, config: Radio, station: Station, cooperative: int = 0) -> None:
        self.codec: Codec | None = None
        self.sensors: Sequence[CpmSensor] = ()
        self._config, self._station, self._cooperative = config, station, cooperative
        self._due_ns: dict[str, int] = dict.fromkeys(config.send, 0)
        self._count = 0
        self._sensors_ns = 0
        self._said: dict[int, _Said] = {}
        self._tracks, self._events, self._objects = ShortIds(16), ShortIds(16), ShortIds(8)
        self._pictures = {"rc016": self._rc016, "rc016_csma": self._rc016_csma, "cpm": self._cpm}

    def due(self, tracks: Tracks, hazards: Sequence[Hazard]) -> list[TxPayload]:
        """What is to be sent at `tracks.valid_at_ns`, hazards first."""
        now_ns = tracks.valid_at_ns
        payloads = self._denms(hazards, now_ns) if "denm" in self._due_ns else []
        tracks = Tracks(now_ns, tracks.objects[self._is_seen(tracks.objects["sources"])])
        for name, picture in self._pictures.items():
            if name in self._due_ns and self._is_due(name, now_ns):
                payloads += [TxPayload(SENDINGS[name], data, part) for part, data in enumerate(picture(tracks))]
        return payloads

    def _is_seen(self, sources: Any) -> Any:
        """Whether more than claims, or nothing any more, supports what has these sources."""
        return (sources & ~np.uint32(self._cooperative) != 0) | (sources == 0)

    def _is_due(self, name: str, now_ns: int) -> bool:
        due_ns = self._due_ns[name]
        if now_ns < due_ns - EARLY_NS:
            return False
        rate_hz = self._config.cpm_rate_hz if name == "cpm" else ROADSIDE_HZ
        self._due_ns[name] = max(due_ns, now_ns - EARLY_NS) + round(1e9 / rate_hz)
        return True

    def _denms(self, hazards: Sequence[Hazard], now_ns: int) -> list[TxPayload]:
        if self.codec is None:
            return []
        for one in hazards:
            if not self._is_seen(np.uint32(one.sources)) and one.action_id not in self._said:
                continue
            left = CANCEL_REPEATS if one.phase is Phase.CANCEL else math.ceil(one.validity_s * 1e9 / REPEAT_NS)
            self._said[one.action_id] = _Said(one, 0, left + 1)
        numbers = dict(zip(self._said, self._events.of(self._said), strict=True))
        spoken = [said for said in self._said.values() if now_ns - said.at_ns >= REPEAT_NS - EARLY_NS]
        payloads = []
        for said in spoken:
            said.at_ns, said.left = now_ns, said.left - 1
            short = replace(said.hazard, action_id=numbers[said.hazard.action_id])
            payloads.append(TxPayload(SENDINGS["denm"], denm(short, self._station, self.codec)))
        self._said = {number: said for number, said in self._said.items() if said.left > 0}
        return payloads

    def _cpm(self, tracks: Tracks) -> tuple[bytes, ...]:
        if self.codec is None:
            return ()
        sensors: Sequence[CpmSensor] = ()
        if tracks.valid_at_ns - self._sensors_ns >= SENSORS_NS - EARLY_NS:
            self._sensors_ns, sensors = tracks.valid_at_ns, self.sensors
        rows = tracks.objects.copy()
        rows["id"] = self._tracks.of(rows["id"].tolist())
        limit_b = self._config.payload_max_b
        return cpm(Tracks(tracks.valid_at_ns, rows), self._station, self.codec, sensors=sensors, limit_b=limit_b)

    def _rc016(self, tracks: Tracks) -> tuple[bytes, ...]:
        room = (self._config.payload_max_b - rc016.HEADER.size - 3) // 36
        order = by_urgency(tracks)[: min(room, rc016.OBJECTS_MAX)]
        areas = common_areas(tracks, order, self._station, self._count)
        return (rc016.encode(Roadside(self._header(tracks), (areas,))),)

    def _rc016_csma(self, tracks: Tracks) -> tuple[bytes, ...]:
        order = by_urgency(tracks)[:CSMA_OBJECTS]
        objects = csma_objects(tracks, order, self._station)
        numbers = self._objects.of(tracks.objects["id"][order].tolist())
        told = tuple({**one, "object_id": number} for one, number in zip(objects, numbers, strict=True))
        header = {**self._header(tracks), "intersection_id": self._config.intersection_id}
        return (rc016_csma.encode(Csma(header, told)),)

    def _header(self, tracks: Tracks) -> dict[str, int]:
        self._count += 1
        return {
            "service_id": self._config.rc016_service_id,
            "operation": 1,
            "version": 1,
            "counter": self._count % 256,
            "message_id": self._config.rc016_message_id,
            "roadside_id": self._station.station_id,
            **time_of_day(tracks.valid_at_ns),
        }


def cpm_sensor(index: int, module_class: str, mount: Mount, capability: Capability) -> CpmSensor:
    """A slot as CPM describes it: its first field of view, turned and moved to where the module stands."""
    turn = math.radians(mount.yaw_deg)
    corners = np.array(capability.field_of_view[0] if capability.field_of_view else ()).reshape(-1, 2)
    rotation = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    placed = corners @ rotation + (mount.east_m, mount.north_m)
    return CpmSensor(index, module_class, tuple((float(x), float(y)) for x, y in placed))
