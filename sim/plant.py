"""A scene's modules on real wires under a folder of ports, its road moving in real time, and its faults."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.clock import utc_ns
from sim.fault import Deed, Fault
from sim.harness import Harness, urls
from sim.module import SimModule
from sim.radio import SimRadio
from sim.replay import RecordedRoad, RecordedSensor, Recording
from sim.report import report
from sim.sensing import MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sim.miscalibration import Miscalibrated
    from sim.road import World
    from sim.scene import ModuleSpec, Scenario
    from sim.sensing import Sensor

STEP_S: Final = 0.05
OUT_S: Final = 1.0  # how long a hand needs to swap a module


class Plant:
    """Everything outside the controller. `run` until cancelled; ports appear as `ports/<slot>`.

    With `equipped` the comms modules have radios and that share of all vehicles speaks to them.
    """

    def __init__(
        self,
        scene: Scenario,
        ports: Path,
        *,
        baud: int | None = 921_600,
        wires: Mapping[str, str] | None = None,
        recording: Recording | None = None,
        speed: float = 1.0,
        equipped: float | None = None,
    ) -> None:
        self.scene, self.ports, self.speed, self.equipped = scene, ports, speed, equipped
        self.harness = Harness(paced=baud is not None)
        self.world: World | RecordedRoad = scene.world(repeat=True) if recording is None else RecordedRoad(recording)
        self._recording = recording if recording is not None and recording.detected else None
        self._urls = urls([spec.slot for spec in scene.modules], wires or {}, ports, baud)
        self._specs = {spec.slot: spec for spec in scene.modules}
        self._serials = dict.fromkeys(self._specs, 1)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._coming: dict[str, asyncio.TimerHandle] = {}  # the second half of a swap
        self.modules: dict[str, SimModule] = {}  # the newest of each slot

    def url(self, slot: str) -> str:
        """What stands in pole.toml for the slot's port."""
        return self._urls[slot]

    @property
    def plugged(self) -> frozenset[str]:
        """Slots that hold a module now."""
        return frozenset(slot for slot, task in self._tasks.items() if not task.done())

    async def run(self, faults: Sequence[Fault] = ()) -> None:
        """Plug every module, move the road, do the faults in their order."""
        loop = asyncio.get_running_loop()
        start = due = loop.time()
        left = sorted(faults, key=lambda fault: fault.at_s)
        try:
            for slot in self._specs:
                self.plug(slot)
            while True:
                due = max(due + STEP_S, loop.time())
                await asyncio.sleep(due - loop.time())
                self.world.step(STEP_S * self.speed)
                while left and left[0].at_s <= loop.time() - start:
                    await self._do(left.pop(0))
        finally:
            for slot in self._specs:
                await self.unplug(slot)
            self.harness.close()

    def plug(self, slot: str) -> None:
        """Put the slot's module in; one that is in stays."""
        if slot not in self.plugged:
            spec, serial = self._specs[slot], self._serials[slot]
            module = SimModule(
                spec,
                self.world.truth,
                serial=serial,
                sensor=self._sensor(spec, serial),
                report=lambda: report(spec.module_class, self.scene.weather, self.world),
                radio=self._radio(spec, serial),
            )
            self.modules[slot] = module
            wire = self.harness.wire(self._urls[slot], module.uid)
            self._tasks[slot] = asyncio.create_task(module.run(wire), name=f"module {slot}")

    async def unplug(self, slot: str) -> None:
        """Pull it, or the one that a hand is about to put in."""
        if (coming := self._coming.pop(slot, None)) is not None:
            coming.cancel()
        task = self._tasks.pop(slot, None)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def _radio(self, spec: ModuleSpec, serial: int) -> SimRadio | None:
        if self.equipped is None or spec.module_class != "comms":
            return None
        return SimRadio(self.scene.origin, utc_ns, equipped=self.equipped, seed=serial)

    def _sensor(self, spec: ModuleSpec, serial: int) -> Sensor | Miscalibrated | RecordedSensor | None:
        """What the module measures with: each exemplar of a product errs in its own way, the same every time."""
        if spec.module_class not in MODELS:
            return None
        if self._recording is not None and isinstance(self.world, RecordedRoad):
            return RecordedSensor(self.world, self._recording)
        rng = np.random.default_rng([self.scene.seed, zlib.crc32(spec.slot.encode()), serial])
        return self.scene.sensor(spec, rng, lambda: self.world.now_s)

    async def _do(self, fault: Fault) -> None:
        if fault.deed is Deed.PLUG:
            self.plug(fault.slot)
            return
        await self.unplug(fault.slot)
        if fault.deed is Deed.SWAP:
            self._serials[fault.slot] += 1
            self._coming[fault.slot] = asyncio.get_running_loop().call_later(OUT_S, self.plug, fault.slot)
