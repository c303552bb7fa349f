"""ITS FORUM RC-016 1.0, 通常路側機: the 物標 a roadside unit perceives, by sensor, in its own application header.

A header of 16 bytes, the system's state, options of which the sensors are the first, then for each active sensor (or
once, without sensors) a count and that many objects as RC-013 common areas whose data_length counts their header.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from controller.publication.radio import common_area
from controller.publication.radio.bits import Field, Structure
from controller.publication.radio.vehicle import MANAGEMENT, TIME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from controller.publication.radio.common_area import CommonArea

HEADER: Final = Structure(
    "header",
    "DF_路側機ヘッダ",
    Field("service_id", 3),
    Field("operation", 1),
    Field("version", 4),
    Field("counter", 8),
    Field("message_id", 16),
    Field("roadside_id", 32),
    *TIME.fields,
    Field("message_size", 16, unit="B"),
    Field("reserved", 16),
)
SENSOR: Final = Structure(
    "sensor", "DF_センサ属性情報", Field("sensor_id", 24), Field("operation", 1), Field("status", 15)
)
VALID, INVALID = 0, 1  # system state
ACTIVE: Final = 0  # sensor status: objects of this sensor follow
SENSORS: Final = 0x80  # bit of the options: the sensors
OBJECTS_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class Roadside:
    """One message. `header` keeps what a sender chooses: message_size follows. Without `sensors` there is one group.

    `valid` False: the unit cannot say anything, and nothing follows. `groups`: one for each active sensor, in order.
    """

    header: Mapping[str, int]
    groups: tuple[tuple[CommonArea, ...], ...] = ((),)
    sensors: tuple[Mapping[str, int], ...] = ()
    valid: bool = True


def encode(message: Roadside) -> bytes:
    """The message's bytes. Raises ValueError for what does not fit or does not agree."""
    body = bytes([VALID]) + _sensors(message) + _groups(message) if message.valid else bytes([INVALID])
    return HEADER.pack({**message.header, "message_size": len(body)}) + body


def decode(data: bytes) -> Roadside | str:
    """The message in bytes from outside, or why it is none that can be read here. Never raises."""
    header = HEADER.unpack(data)
    if header is None or header["message_size"] != len(data) - HEADER.size or len(data) == HEADER.size:
        return f"RC-016: {len(data)} B do not agree with the header"
    state, at = data[HEADER.size], HEADER.size + 1
    if state == INVALID:
        return Roadside(header, (), valid=False) if at == len(data) else "RC-016: an invalid state with data"
    if state != VALID or at >= len(data) or data[at] & ~SENSORS:
        return "RC-016: a state or an option that is not known here"
    found = _read_sensors(data, at + 1) if data[at] & SENSORS else ((), at + 1)
    if isinstance(found, str):
        return f"RC-016: {found}"
    sensors, at = found
    count = sum(one["status"] == ACTIVE for one in sensors) if sensors else 1
    groups = _read_groups(data, at, count)
    return f"RC-016: {groups}" if isinstance(groups, str) else Roadside(header, groups, sensors)


def _sensors(message: Roadside) -> bytes:
    if not message.sensors:
        return bytes([0])
    told = bytes([len(message.sensors)])
    told += b"".join(bytes([SENSOR.size]) + SENSOR.pack(one) for one in message.sensors)
    return bytes([SENSORS, len(told)]) + told


def _groups(message: Roadside) -> bytes:
    active = sum(one["status"] == ACTIVE for one in message.sensors) if message.sensors else 1
    if len(message.groups) != active:
        raise ValueError(f"RC-016: {len(message.groups)} groups for {active} active sensors")
    return b"".join(_group(group) for group in message.groups)


def _group(group: Sequence[CommonArea]) -> bytes:
    if len(group) > OBJECTS_MAX:
        raise ValueError(f"RC-016: {len(group)} objects, at most {OBJECTS_MAX} go out")
    objects = (common_area.encode(one, counted=MANAGEMENT.size) for one in group)
    return bytes([len(group)]) + b"".join(objects)


def _read_sensors(data: bytes, at: int) -> tuple[tuple[dict[str, int], ...], int] | str:
    """Sensors of the layout of §4.4.2.2.4; other experiments' layouts cannot be told apart, so they are refused."""
    if at + 2 > len(data):
        return "sensors: end too early"
    end, count = at + 1 + data[at], data[at + 1]
    if not count or end != at + 2 + count * (1 + SENSOR.size) or end > len(data):
        return f"sensors: {data[at]} B do not hold {count} sensors"
    sensors = []
    for place in range(at + 2, end, 1 + SENSOR.size):
        sensor = SENSOR.unpack(data, place + 1)
        if data[place] != SENSOR.size or sensor is None:
            return f"sensors: one of {data[place]} B"
        sensors.append(sensor)
    return tuple(sensors), end


def _read_groups(data: bytes, at: int, count: int) -> tuple[tuple[CommonArea, ...], ...] | str:
    groups = []
    for _ in range(count):
        if at >= len(data):
            return "objects: end too early"
        objects, left, at = [], data[at], at + 1
        for _ in range(left):
            found = common_area.decode(data, at, counted=MANAGEMENT.size)
            if isinstance(found, str):
                return f"objects: {found}"
            objects.append(found[0])
            at = found[1]
        groups.append(tuple(objects))
    return tuple(groups) if at == len(data) else f"objects: {len(data) - at} B too many"
