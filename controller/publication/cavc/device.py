"""The modules of the slots as devices (機器) of the documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from controller.config import SlotClass
from controller.health import performance
from interfaces.states import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    ids = _device_ids(config, told)
    return tuple(
        Device(
            name,
            ids[name],
            CLASSIFICATION.get(slot.module_class),
            slot.module_class in DETECTING,
            performance(told[name]) if name in told else State.ABSENT,
        )
        for name, slot in config.slot.items()
    )


def sensors(of: Sequence[Device]) -> tuple[Device, ...]:
    """The devices of センサ情報, in its order, which targetSensorNumber counts."""
    return tuple(one for one in of if one.detecting)[:MAX_SENSORS]


def _device_ids(config: Config, told: Mapping[str, Any]) -> dict[str, int]:
    """The operator's word, else the module's own unless another slot has it, else a reserved one by the slot's number.

    Modules of one product all bring the same id; two devices of one id could not be told apart.
    """
    ids = {name: number for name, number in config.cavc.device_ids.items() if name in config.slot}
    for number, name in enumerate(config.slot):
        own = _own_id(told.get(name))
        ids.setdefault(name, own if own and own not in ids.values() else UNASSIGNED + number)
    return ids


def _own_id(report: Any) -> int:
    """What the data sheet of the module says; 0 when there is none or it does not fit."""
    identity = report.identity if report is not None else None
    own = int(identity.device_id) if identity is not None else 0
    return own if own < UNASSIGNED else 0
