"""The documents of a pole from what it published: the same encoders, fed from messages instead of the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from controller.publication.cavc.alive_monitoring_info import alive_monitoring_info
from controller.publication.cavc.device import devices
from controller.publication.cavc.near_miss_info_list import near_miss_info_list, record
from controller.publication.cavc.resting import MOVING, UNKNOWN
from controller.publication.cavc.roadside_unit_info import roadside_unit_info
from controller.publication.cavc.sensor_info import sensor_info
from controller.publication.cavc.service_location_info import service_location_info
from controller.publication.cavc.target_info import target_info
from controller.publication.cavc.use_case_info import use_case_info
from controller.publication.retold import tracks_of
from controller.publication.voice import sender_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from controller.config import Config
    from interfaces.proto import pmi_pb2
    from interfaces.proto import publication_pb2 as pb

    Ranges = Mapping[str, Sequence[pmi_pb2.DetectionRange]]

STANDING_MPS: Final = 0.5


class Live:
    """What one pole has published so far. A pole that said nothing of itself is not known to be alive."""

    def __init__(self, config: Config) -> None:
        self._config, self._sender = config, sender_of(config)
        self.status: pb.PoleStatus | None = None
        self.slots: dict[str, pb.SlotStatus] = {}
        self.objects: pb.PerceivedObjects | None = None
        self.near_misses: list[pb.NearMiss] = []

    def take(self, kind: str, message: Any) -> None:
        """Learn from a publication of a topic of the table, by its name."""
        if message is None:
            return
        if kind == "status":
            self.status = message
        elif kind == "slot":
            self.slots[message.slot] = message
        elif kind == "objects":
            self.objects = message
        elif kind == "nearmiss":
            self.near_misses.append(message)

    def make(self, name: str, now_ns: int, ranges: Ranges) -> list[dict[str, Any]]:
        """The documents of a kind; none when what they need was not published or configured."""
        config = self._config
        if name == "nearMissInfoList":
            return [near_miss_info_list(config, [record(one, config) for one in self.near_misses])]
        if name == "serviceLocationInfo":
            return [service_location_info(config, now_ns)]
        if name == "roadsideUnitInfo":
            unit = roadside_unit_info(config, now_ns)
            return [unit] if unit else []
        if name == "targetInfo":
            return self._targets(self.objects, now_ns) if self.objects is not None else []
        return self._states(name, self.status, now_ns, ranges) if self.status is not None else []

    def _targets(self, objects: pb.PerceivedObjects, now_ns: int) -> list[dict[str, Any]]:
        tracks = tracks_of(objects)
        speed = np.hypot(tracks.objects["vx"], tracks.objects["vy"])
        resting = [MOVING if moves else UNKNOWN for moves in (speed >= STANDING_MPS).tolist()]
        return target_info(tracks, resting, self._sender, self._config, now_ns, counter=objects.header.sequence)

    def _states(self, name: str, status: pb.PoleStatus, now_ns: int, ranges: Ranges) -> list[dict[str, Any]]:
        found = devices(self._config, list(self.slots.values()))
        if name == "sensorInfo":
            return [sensor_info(self._config, self._sender, now_ns, found, ranges)]
        make = use_case_info if name == "useCaseInfo" else alive_monitoring_info
        return [make(self._config, now_ns, found, alive=status.alive, availability=status.service_availability)]
