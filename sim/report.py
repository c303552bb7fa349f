"""What modules that report instead of detect say of a scene: its weather, its signals, the state of a link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import MessageType
from sim.weather import CLEAR

if TYPE_CHECKING:
    from sim.signals import Signals
    from sim.weather import Weather

Report = pb.CommsStatus | pb.EnvironmentReading | pb.SignalState | pb.PowerStatus


class Road(Protocol):
    """What is needed of a road."""

    now_s: float
    signals: Signals | None


class Reporting(NamedTuple):
    """What a class of module reports and how often."""

    message_type: MessageType
    rate_hz: float


REPORTS: Final = {
    "comms": Reporting(MessageType.COMMS_STATUS, 1.0),
    "power": Reporting(MessageType.POWER_STATUS, 1.0),
    "environment": Reporting(MessageType.ENVIRONMENT, 1.0),
    "signal": Reporting(MessageType.SIGNAL_STATE, 5.0),
}


def report(module_class: str, weather: Weather = CLEAR, road: Road | None = None) -> Report:
    """The report of a module of `module_class` now, all but its time and number."""
    if module_class == "environment":
        return environment(weather)
    if module_class == "signal":
        return signals(road)
    return uplink() if module_class == "comms" else power()


def uplink() -> pb.CommsStatus:
    """A link that is up."""
    return pb.CommsStatus(up=True, uplink_bps=20_000_000, technology="5G")


def power() -> pb.PowerStatus:
    """A supply that is well."""
    return pb.PowerStatus(
        supply_mv=24_100, current_ma=2_300, cabinet_temperature_c=31.0, door_open=False, on_mains=True
    )


def environment(weather: Weather) -> pb.EnvironmentReading:
    """The weather as a roadside weather station tells it."""
    return pb.EnvironmentReading(
        visibility_m=weather.visibility_m,
        precipitation_mmph=weather.precipitation_mmph,
        air_temperature_c=weather.air_temperature_c,
        road_temperature_c=weather.road_temperature_c,
        humidity_percent=weather.humidity_percent,
        wind_speed_mps=weather.wind_speed_mps,
        wind_direction_deg=weather.wind_direction_deg,
        water_level_m=weather.water_level_m,
        road_surface=int(weather.surface),
    )


def signals(road: Road | None) -> pb.SignalState:
    """Every group of the road's signals; none when it has no signals."""
    aspects = road.signals.aspects(road.now_s) if road is not None and road.signals is not None else ()
    return pb.SignalState(
        groups=[
            pb.SignalGroup(group=one.group, colour=int(one.colour), remaining_ds=int(one.remaining_s * 10))
            for one in aspects
        ]
    )
