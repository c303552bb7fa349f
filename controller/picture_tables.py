"""The live picture's tables: poles, weather, slots, hazards, near misses."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table
from rich.text import Text

from interfaces.pole_reader import Standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.picture import Picture

STANDINGS: Final = {
    Standing.AVAILABLE: ("available 可", "green"),
    Standing.DEGRADED: ("degraded 縮退", "yellow"),
    Standing.UNAVAILABLE: ("unavailable 不可", "red"),
    Standing.GONE: ("gone 停止", "red"),
    Standing.SILENT: ("silent 応答なし", "red"),
}
COLOURS: Final = {"ACTIVE": "green", "PROBATION": "cyan", "DEGRADED": "yellow", "LOST": "red", "REJECTED": "red"}
WIRE_HEADS: Final = ("wire", "load, of budget")
SURFACES: Final = ("dry 乾", "moist 湿", "wet 濡", "snow 雪", "ice 氷", "black ice 黒氷")


def pole_lines(of: Picture) -> Iterator[Text]:
    """A line a pole, its reasons below."""
    if not of.poles.known:
        yield Text("waiting for the first pole …", style="dim")
    for pole, event in sorted(of.poles.known.items()):
        words, colour = STANDINGS[event.standing]
        name = event.profile.name if event.profile is not None else ""
        line = Text(f"● {'/'.join(map(str, pole))} {name}: {words}", style=colour)
        said = event.status
        line.append(
            f"   {said.tracks} tracks   {said.publications_per_s:.0f} msg/s"
            f"   lag p50 {said.lag_p50_s * 1e3:.1f} ms, p99 {said.lag_p99_s * 1e3:.1f} ms   backlog {said.backlog}",
            style="default",
        )
        for reason in event.reasons:
            line.append(f"\n  {reason}", style=colour)
        if pole in of.weather:
            line.append("\n  " + "; ".join(map(weather_words, of.weather[pole].readings)), style="default")
        yield line
    for kind, error in of.unread.items():
        yield Text(f"{kind}: {error}", style="red")


def weather_words(reading: Any) -> str:
    """What one module says of the weather, without what is unknown."""
    figures = (
        ("visibility 視程", reading.visibility_m, "m"),
        ("rain 雨", reading.precipitation_mmph, "mm/h"),
        ("air 気温", reading.air_temperature_c, "°C"),
        ("road 路温", reading.road_temperature_c, "°C"),
        ("wind 風", reading.wind_speed_mps, "m/s"),
        ("water 冠水", reading.water_level_m, "m"),
    )
    words = [f"{name} {value:g} {unit}" for name, value, unit in figures if not math.isnan(value)]
    if reading.HasField("road_surface") and reading.road_surface < len(SURFACES):
        words.append(f"road {SURFACES[reading.road_surface]}")
    return f"{reading.slot}: {', '.join(words)}"


def slot_table(of: Picture, *, wide: bool) -> Table:
    """The modules of all poles; the wires have room only in wide ones."""
    table = Table(expand=True, title="Slots", title_justify="left")
    heads = ("slot", "state", *WIRE_HEADS, "Hz", "objects", "latency ms", "clock ms", "module: why")
    for head in heads:
        if wide or head not in WIRE_HEADS:
            table.add_column(head, no_wrap=head != "module: why", min_width=9 if head == "state" else None)
    for (_, name), slot in sorted(of.slots.items(), key=lambda item: item[0]):
        state = Text(slot.state, style=COLOURS.get(slot.state, "dim"))
        figures = (slot.rate_hz, slot.objects, slot.latency_s * 1e3, slot.clock_error_s * 1e3)
        wire = _wire(slot) if wide else ()
        table.add_row(name, state, *wire, *(f"{value:.1f}" for value in figures), _why(slot))
    return table


def _wire(slot: Any) -> tuple[str, str]:
    share = f"{slot.granted:.0%} of {slot.allowed:.0%}" + (f", bus {slot.load:.0%}" if slot.load else "")
    return f"{slot.wire} #{slot.address}" if slot.address else slot.wire, share


def _why(slot: Any) -> str:
    if slot.registration.words:
        return f"{slot.registration.standing}: {slot.registration.words}"
    module = f"{slot.identity.product} {slot.identity.serial_number}".strip()
    return f"{module}: {slot.reason}" if module else str(slot.reason)


def hazard_table(of: Picture) -> Table:
    """Hazards that hold."""
    table = Table(expand=True, title="Hazards", title_justify="left")
    for head in ("hazard", "code", "prob.", "quality", "km/h"):
        table.add_column(head, no_wrap=True)
    table.add_column("空間ID", overflow="fold")
    for one in (event.hazard for event in of.hazards.live.values()):
        speed = "" if math.isnan(one.speed_mps) else f"{one.speed_mps * 3.6:.0f}"
        quality, code = f"{one.header.information_quality}/7", f"{one.cause}/{one.subcause}"
        table.add_row(one.kind, code, f"{one.probability:.2f}", quality, speed, one.event_position.spatial_id)
    return table


def near_miss_table(of: Picture) -> Table:
    """The newest near misses."""
    table = Table(expand=True, title="Near misses (ヒヤリハット)", title_justify="left")
    for head in ("severity", "NEDO", "conflict", "TTC s", "PET s", "DRAC m/s²"):
        table.add_column(head)
    for one in (miss for _, miss in of.near_misses):
        figures = (one.ttc_s, one.pet_s, one.drac_mps2)
        shown = ("–" if math.isnan(value) else f"{value:.1f}" for value in figures)
        table.add_row(str(one.severity), one.nedo_level or "–", one.conflict, *shown)
    return table
