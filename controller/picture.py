"""The live picture of one pole in a terminal: slots, road, hazards, near misses, rates."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from interfaces.spec import ObjectClass

if TYPE_CHECKING:
    from interfaces.reception import Received

AVAILABILITY: Final = {0: ("available 可", "green"), 1: ("degraded 縮退", "yellow"), 2: ("unavailable 不可", "red")}
COLOURS: Final = {"ACTIVE": "green", "PROBATION": "cyan", "DEGRADED": "yellow", "LOST": "red", "REJECTED": "red"}
MARKS: Final = {
    ObjectClass.LARGE_VEHICLE: "B",
    ObjectClass.MEDIUM_VEHICLE: "T",
    ObjectClass.CAR: "c",
    ObjectClass.MOTORCYCLE: "m",
    ObjectClass.BICYCLE: "b",
    ObjectClass.LIGHT_VEHICLE: "b",
    ObjectClass.PEDESTRIAN: "p",
    ObjectClass.OBSTACLE: "#",
}
MAP_COLUMNS: Final = 61
MAP_ROWS: Final = 21
REACH_M: Final = 60.0


class Picture:
    """What is known of the pole from what it published."""

    def __init__(self) -> None:
        self.status: Any = None
        self.slots: dict[str, Any] = {}
        self.objects: Any = None
        self.hazards: dict[str, Any] = {}
        self.near_misses: deque[Any] = deque(maxlen=5)
        self.changes: deque[str] = deque(maxlen=6)
        self.count = 0

    def take(self, one: Received) -> None:
        """Learn from a publication."""
        self.count += 1
        if one.kind == "hazard":
            self._take_hazard(one)
        elif one.message is None:
            return
        elif one.kind == "status":
            self.status = one.message
        elif one.kind == "slot":
            self._take_slot(one.message)
        elif one.kind == "objects":
            self.objects = one.message
        elif one.kind == "nearmiss":
            self.near_misses.appendleft(one.message)

    def draw(self) -> Group:
        """The picture now."""
        return Group(
            self._status_line(), self._slot_table(), self._map(), self._hazard_table(), self._near_miss_table()
        )

    def _take_hazard(self, one: Received) -> None:
        if one.message is None or one.message.phase == one.message.CANCEL:
            self.hazards.pop(one.topic, None)
        else:
            self.hazards[one.topic] = one.message

    def _take_slot(self, message: Any) -> None:
        old = self.slots.get(message.slot)
        if old is None or old.state != message.state:
            self.changes.appendleft(f"{message.slot}: {message.state} — {message.reason}")
        self.slots[message.slot] = message

    def _status_line(self) -> Text:
        if self.status is None:
            return Text("waiting for the pole …", style="dim")
        words, colour = AVAILABILITY.get(self.status.service_availability, ("?", "red"))
        line = Text(f"● {words}", style=colour)
        line.append(
            f"   {self.status.tracks} tracks   {self.status.publications_per_s:.0f} msg/s"
            f"   lag p50 {self.status.lag_p50_s * 1e3:.1f} ms, p99 {self.status.lag_p99_s * 1e3:.1f} ms"
            f"   backlog {self.status.backlog}",
            style="default",
        )
        for reason in self.status.reasons:
            line.append(f"\n  {reason}", style=colour)
        return line

    def _slot_table(self) -> Table:
        table = Table(expand=True, title="Slots", title_justify="left")
        for head in (
            "slot",
            "state",
            "wire",
            "load, of budget",
            "Hz",
            "objects",
            "latency ms",
            "clock ms",
            "module: why",
        ):
            table.add_column(head, no_wrap=head != "module: why", min_width=9 if head == "state" else None)
        for name, slot in sorted(self.slots.items()):
            state = Text(slot.state, style=COLOURS.get(slot.state, "dim"))
            module = f"{slot.identity.product} {slot.identity.serial_number}".strip()
            figures = (slot.rate_hz, slot.objects, slot.latency_s * 1e3, slot.clock_error_s * 1e3)
            wire = f"{slot.wire} #{slot.address}" if slot.address else slot.wire
            share = f"{slot.granted:.0%} of {slot.allowed:.0%}" + (f", bus {slot.load:.0%}" if slot.load else "")
            why = f"{module}: {slot.reason}" if module else slot.reason
            if slot.registration.words:
                why = f"{slot.registration.standing}: {slot.registration.words}"
            table.add_row(name, state, wire, share, *(f"{value:.1f}" for value in figures), why)
        return table

    def _map(self) -> Panel:
        rows = [[" "] * MAP_COLUMNS for _ in range(MAP_ROWS)]
        rows[MAP_ROWS // 2][MAP_COLUMNS // 2] = "+"
        for one in self.objects.objects if self.objects is not None else ():
            column = round((one.position.x_m / REACH_M + 1) / 2 * (MAP_COLUMNS - 1))
            row = round((1 - one.position.y_m / REACH_M) / 2 * (MAP_ROWS - 1))
            if 0 <= column < MAP_COLUMNS and 0 <= row < MAP_ROWS:
                rows[row][column] = MARKS.get(one.object_class, "?")
        drawn = Text("\n".join("".join(row) for row in rows))
        title = f"Road, ±{REACH_M:.0f} m, north up: c car, T truck, B bus, p person, b bicycle, + origin"
        return Panel(Group(drawn, Text("\n".join(self.changes), style="dim")), title=title, title_align="left")

    def _hazard_table(self) -> Table:
        table = Table(expand=True, title="Hazards", title_justify="left")
        for head in ("hazard", "code", "probability", "quality", "speed km/h", "空間ID"):
            table.add_column(head)
        for one in self.hazards.values():
            speed = "" if math.isnan(one.speed_mps) else f"{one.speed_mps * 3.6:.0f}"
            quality = f"{one.header.information_quality}/7"
            code = f"{one.cause}/{one.subcause}"
            table.add_row(one.kind, code, f"{one.probability:.2f}", quality, speed, one.event_position.spatial_id)
        return table

    def _near_miss_table(self) -> Table:
        table = Table(expand=True, title="Near misses (ヒヤリハット)", title_justify="left")
        for head in ("severity", "NEDO", "conflict", "TTC s", "PET s", "DRAC m/s²"):
            table.add_column(head)
        for one in self.near_misses:
            figures = (one.ttc_s, one.pet_s, one.drac_mps2)
            shown = ("–" if math.isnan(value) else f"{value:.1f}" for value in figures)
            table.add_row(str(one.severity), one.nedo_level or "–", one.conflict, *shown)
        return table
