"""The radio of a running pole: joins the programme, the comms modules' queues and what they hear."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Final

from controller.cooperative import Cooperative
from controller.publication.radio import uper
from controller.publication.radio.station import Station
from controller.publication.voice import cooperative_slots
from controller.radio import Programme, cpm_sensor
from controller.radio_check import ETSI, has_etsi
from controller.radio_queue import RadioQueue
from interfaces.wire_cost import stream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from controller.config import Config
    from controller.fusion.track import Tracks
    from controller.hazard.hazard import Hazard
    from controller.pipeline import Pipeline
    from controller.publication.radio.cpm import CpmSensor
    from controller.supervisor import Supervisor
    from interfaces.wire_cost import WireCost
    from modules.comms import RadioReading

DETECTING: Final = frozenset({"sensor", "camera", "lidar", "radar", "comms"})


class RadioRoom:
    """Tell it of all slots by `serve` before the first picture; `report` gets what went wrong, for the log."""

    def __init__(self, config: Config, pipeline: Pipeline, report: Callable[[str], None]) -> None:
        self._config, self._pipeline, self._report = config, pipeline, report
        station = Station.of(config)
        self.programme = Programme(config.radio, station, cooperative_slots(config))
        self.cooperative = Cooperative(
            station.frame, station.geoid_height_m, config.radio.cooperative_range_m, secrets.token_bytes(16)
        )
        self.queues: dict[str, RadioQueue] = {}
        self._supervisors: Mapping[str, Supervisor] = {}
        self._trouble = ""
        self._etsi = bool(ETSI & set(config.radio.send)) or (config.radio.cooperative and has_etsi())

    def serve(self, supervisors: Mapping[str, Supervisor], costs: Mapping[str, WireCost | None]) -> None:
        """Speak through the comms modules among these slots; `costs` says what a byte costs on their wires."""
        self._supervisors = supervisors
        comms = (name for name, slot in self._config.slot.items() if slot.module_class == "comms")
        self.queues = {name: RadioQueue(costs.get(name) or stream()) for name in comms if name in supervisors}

    async def open(self) -> None:
        """Compile ETSI's modules, in a thread: it takes a second."""
        if not self._etsi:
            return
        try:
            self.programme.codec = self.cooperative.codec = await asyncio.to_thread(uper.load)
        except Exception as error:  # noqa: BLE001 -- without ETSI's messages the pole still serves
            self._report(f"no CPM, DENM or CAM: {type(error).__name__}: {error}")

    async def say(self, tracks: Tracks, hazards: Sequence[Hazard]) -> None:
        """Send what is due of one picture. Encoding runs in a thread: a full picture takes longer than a link waits."""
        if not self._config.radio.send or not self.queues:
            return
        self.programme.sensors = self._sensors()
        try:
            payloads = await asyncio.to_thread(self.programme.due, tracks, hazards)
        except Exception as error:  # noqa: BLE001 -- one picture that cannot be told must not end the pole
            trouble = f"nothing sent: {type(error).__name__}: {error}"
            if trouble != self._trouble:  # ten times a second would bury the log
                self._report(trouble)
            self._trouble = trouble
            return
        self._trouble = ""
        now = asyncio.get_running_loop().time()
        for name, queue in self.queues.items():
            supervisor = self._supervisors[name]
            if supervisor.keeper.session.has_radio:
                queue.offer(payloads, now)
                for one in queue.take(now):
                    supervisor.send_radio(one.message())

    @property
    def counters(self) -> dict[str, int]:
        """What became of payloads, by slot, and which claims were refused, by reason."""
        sent = {
            f"{slot}_{name}": count for slot, queue in self.queues.items() for name, count in queue.counters.items()
        }
        refused = {f"refused_{name.replace(' ', '_')}": count for name, count in self.cooperative.counters.items()}
        return {f"radio_{name}": count for name, count in (sent | refused).items()}

    def hear(self, slot: str, reading: RadioReading, heard_at_ns: int, now_ns: int, error_s: float) -> None:
        """Fuse what vehicles said of themselves, where the configuration wants it."""
        if self._config.radio.cooperative:
            self._pipeline.add(self.cooperative.detections(slot, reading, heard_at_ns, now_ns, error_s))

    def _sensors(self) -> list[CpmSensor]:
        serving = ((name, one.keeper) for name, one in self._supervisors.items() if one.keeper.uid)
        slots = list(self._config.slot)
        return [
            cpm_sensor(slots.index(name), str(keeper.slot.module_class), keeper.slot.mount, keeper.capability)
            for name, keeper in serving
            if keeper.slot.module_class in DETECTING
        ]
