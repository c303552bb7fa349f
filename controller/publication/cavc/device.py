"""The modules of the slots as devices (機器) of the documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from controller.config import SlotClass
from interfaces.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.config import Config

SENSOR, SIGNAL, RADIO = 0, 1, 2
CLASSIFICATION: Final = {
    SlotClass.SENSOR: SENSOR,
    SlotClass.CAMERA: SENSOR,
    SlotClass.LIDAR: SENSOR,
    SlotClass.RADAR: SENSOR,
    SlotClass.ENVIRONMENT: SENSOR,
    SlotClass.SIGNAL: SIGNAL,
    SlotClass.COMMS: RADIO,
}  # a power module has no code
DETECTING: Final = (SlotClass.SENSOR, SlotClass.CAMERA, SlotClass.LIDAR, SlotClass.RADAR)
MAX_SENSORS: Final = 16
UNASSIGNED: Final = 0xFF0000  # plus the slot's number: no type, no maker


@dataclass(frozen=True, slots=True)
class Device:
    """What sits in a slot. `classification` is None for what the documents have no code for."""

    slot: str
    device_id: int
    classification: int | None
    detecting: bool
    state: str


def devices(config: Config, reports: Sequence[Any]) -> tuple[Device, ...]:
    """One device a slot, in the order of pole.toml; `reports` are SlotReport or the SlotStatus made of them."""
    told = {one.slot: one for one in reports}
    return tuple(
        Device(
            name,
            _device_id(config, name, number, told.get(name)),
            CLASSIFICATION.get(slot.module_class),
            slot.module_class in DETECTING,
            told[name].state if name in told else State.ABSENT,
        )
        for number, (name, slot) in enumerate(config.slot.items())
    )


def sensors(of: Sequence[Device]) -> tuple[Device, ...]:
    """The devices of センサ情報, in its order, which targetSensorNumber counts."""
    return tuple(one for one in of if one.detecting)[:MAX_SENSORS]


def _device_id(config: Config, name: str, number: int, report: Any) -> int:
    """The operator's word, else the module's own; else one of the reserved ids at the end, by the slot's number."""
    if name in config.cavc.device_ids:
        return config.cavc.device_ids[name]
    identity = report.identity if report is not None else None
    own = int(identity.device_id) if identity is not None else 0
    return own if 0 < own < 2**24 else UNASSIGNED + number
