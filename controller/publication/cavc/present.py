"""What a pole would tell CAVC at this moment: its newest picture and state, made into documents on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from controller.fusion.step import MAX_TRACKS
from controller.fusion.track import Tracks, empty_tracks
from controller.publication.cavc.alive_monitoring_info import UNAVAILABLE, alive_monitoring_info
from controller.publication.cavc.device import devices
from controller.publication.cavc.resting import Resting
from controller.publication.cavc.roadside_unit_info import roadside_unit_info
from controller.publication.cavc.sensor_info import sensor_info
from controller.publication.cavc.service_location_info import service_location_info
from controller.publication.cavc.target_info import BATCH, target_info
from controller.publication.cavc.use_case_info import use_case_info

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from controller.config import Config
    from controller.publication.cavc.device import Device
    from controller.publication.publication import Sender
    from controller.slot import SlotReport
    from interfaces.proto import pmi_pb2

    Ranges = Mapping[str, Sequence[pmi_pb2.DetectionRange]]


OF_STATE: Final = ("aliveMonitoringInfo", "sensorInfo", "useCaseInfo")


class Present:
    """`contents` is what the documents that change with the modules say, but for the time."""

    def __init__(self, config: Config, sender: Sender) -> None:
        self.contents: dict[str, list[dict[str, Any]]] = {}
        self._config, self._sender = config, sender
        self._resting = Resting()
        self._tracks: Tracks | None = None
        self._devices: tuple[Device, ...] = ()
        self._ranges: Ranges = {}
        self._availability: int | None = None  # None until the pole has judged itself
        self._counter = 0
        self._batches = -(-MAX_TRACKS // BATCH)  # that may hold targets there: an earlier run may have left some

    def see(self, tracks: Tracks) -> None:
        """The newest picture of the road."""
        self._resting.see(tracks)
        self._tracks = tracks

    def hear(self, availability: int, slots: Sequence[SlotReport], ranges: Ranges) -> bool:
        """The newest state of pole and slots, with the ranges in their data sheets; whether anything changed."""
        found = devices(self._config, slots)
        if (found, availability, ranges) == (self._devices, self._availability, self._ranges):
            return False
        self._devices, self._availability, self._ranges = found, availability, ranges
        self.contents = {name: self.make(name, 0) for name in OF_STATE}
        return True

    def make(self, name: str, now_ns: int) -> list[dict[str, Any]]:
        """The documents of a kind; none while there is nothing to say."""
        config, found, availability = self._config, self._devices, self._availability
        if name == "targetInfo":
            return self._targets(self._tracks, now_ns) if self._tracks is not None else []
        if name == "serviceLocationInfo":
            return [service_location_info(config, now_ns)]
        if name == "roadsideUnitInfo":
            unit = roadside_unit_info(config, now_ns)
            return [unit] if unit else []
        if availability is None:
            return []
        if name == "sensorInfo":
            return [sensor_info(config, self._sender, now_ns, found, self._ranges)]
        make = use_case_info if name == "useCaseInfo" else alive_monitoring_info
        return [make(config, now_ns, found, alive=True, availability=availability)]

    def leave(self, now_ns: int) -> list[tuple[str, list[dict[str, Any]]]]:
        """Last words: nobody serves here, there are no targets. Else the ones said last would stand for ever."""
        gone = alive_monitoring_info(self._config, now_ns, self._devices, alive=False, availability=UNAVAILABLE)
        empty = self._targets(Tracks(now_ns, empty_tracks(0)), now_ns)
        return [("aliveMonitoringInfo", [gone]), ("targetInfo", empty)] if self._availability is not None else []

    def settle(self, name: str, made: Sequence[dict[str, Any]], *, taken: bool) -> None:
        """What became of documents: batches of targets that were not all taken may all hold some there."""
        if name == "targetInfo":
            full = sum(1 for one in made if one["attribute"]["deviceIndividualInfo"][0]["targetNum"])
            self._batches = full if taken else len(made)

    def _targets(self, tracks: Tracks, now_ns: int) -> list[dict[str, Any]]:
        self._counter += 1
        resting = self._resting.column(tracks)
        return target_info(
            tracks, resting, self._sender, self._config, now_ns, counter=self._counter, batches=self._batches
        )
