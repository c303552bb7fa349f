"""The live picture in a terminal: poles and their slots, the road in motion, hazards, near misses, weather."""

from __future__ import annotations

import math
from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from controller.picture_tables import hazard_table, near_miss_table, pole_lines, slot_table
from controller.plan_view import Mark, Plan
from interfaces.event_reader import NearMissReader
from interfaces.hazard_reader import Change, HazardReader
from interfaces.object_reader import ObjectReader
from interfaces.pole_reader import PoleReader, Standing
from interfaces.spec import ObjectClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console, ConsoleOptions, RenderResult

    from interfaces.pole_reader import PoleEvent
    from interfaces.reception import PoleId, Received

LETTERS: Final[dict[int, tuple[str, str]]] = {
    ObjectClass.LARGE_VEHICLE: ("B", "cyan"),
    ObjectClass.MEDIUM_VEHICLE: ("T", "cyan"),
    ObjectClass.CAR: ("c", "cyan"),
    ObjectClass.MOTORCYCLE: ("m", "blue"),
    ObjectClass.BICYCLE: ("b", "green"),
    ObjectClass.LIGHT_VEHICLE: ("b", "green"),
    ObjectClass.PEDESTRIAN: ("p", "bold yellow"),
    ObjectClass.OBSTACLE: ("#", "magenta"),
}
MAP_ROWS: Final = 21
WIDE: Final = 110  # columns from which on the tables stand beside the map
MOVES_MPS: Final = 0.5
TRAIL: Final = 8  # places behind a road user, TRAIL_EVERY pictures apart
TRAIL_EVERY: Final = 3
MARKED_S: Final = 60.0  # a near miss stays on the map


class Picture:
    """What is known from what was published. `now_s` is seconds of one steady clock."""

    def __init__(self) -> None:
        self.poles, self.objects, self.hazards = PoleReader(), ObjectReader(), HazardReader()
        self.slots: dict[tuple[PoleId, str], Any] = {}
        self.near_misses: deque[tuple[float, Any]] = deque(maxlen=5)
        self.weather: dict[PoleId, Any] = {}
        self.changes: deque[str] = deque(maxlen=6)
        self.unread: dict[str, str] = {}
        self._near_misses = NearMissReader()
        self._trails: dict[tuple[PoleId, int], deque[Any]] = {}
        self._pictures = 0

    def take(self, one: Received, now_s: float) -> None:
        """Learn from a publication."""
        if one.error:
            self.unread[one.kind] = one.error
        elif one.kind == "slot" and one.message is not None:
            self._take_slot(one)
        elif one.kind == "weather" and one.message is not None:
            self.weather[one.pole] = one.message
        self._tell_poles(self.poles.take(one, now_s))
        for picture in self.objects.take(one, now_s):
            self._take_objects(picture.pole, picture.objects)
        for event in self.hazards.take(one, now_s):
            if event.change is not Change.UPDATE:
                self.changes.appendleft(f"{event.hazard.kind}: {event.end or event.change}")
        self.near_misses.extendleft((now_s, miss) for miss in self._near_misses.take(one, now_s))

    def draw(self, now_s: float) -> Drawn:
        """The picture now."""
        self._tell_poles(self.poles.due(now_s))
        self.changes.extendleft(f"{event.hazard.kind}: {event.end}" for event in self.hazards.due(now_s))
        for late in self.objects.due(now_s):
            self._trails = {key: trail for key, trail in self._trails.items() if key[0] != late.pole}
        return Drawn(self, now_s)

    def marks(self, now_s: float) -> list[Mark]:
        """Everything on the map, what matters most last."""
        trails = (Mark(north, east, "·", "dim") for trail in self._trails.values() for north, east in list(trail)[:-1])
        poles = (Mark(at.latitude_deg, at.longitude_deg, "+", "bold") for at in self.places())
        near = (
            Mark(miss.event_position.latitude_deg, miss.event_position.longitude_deg, "×", "bold yellow")
            for said_s, miss in self.near_misses
            if now_s - said_s < MARKED_S
        )
        hazards = (
            Mark(at.latitude_deg, at.longitude_deg, "▲", "bold red")
            for at in (event.hazard.event_position for event in self.hazards.live.values())
        )
        found = chain(trails, poles, self._road_users(), near, hazards)
        return [one for one in found if abs(one.latitude_deg) <= 90 and abs(one.longitude_deg) <= 180]

    def places(self) -> list[Any]:
        """Where poles stand, as far as they said it."""
        return [event.profile.position for event in self.poles.known.values() if event.profile is not None]

    def _road_users(self) -> Iterator[Mark]:
        seen = (one for picture in self.objects.newest.values() if not picture.stale for one in picture.objects)
        for one in seen:
            letter, style = LETTERS.get(one.object_class, ("?", ""))
            moves = math.hypot(one.vx_mps, one.vy_mps) > MOVES_MPS
            heading = math.atan2(one.vy_mps, one.vx_mps) if moves else math.nan
            yield Mark(one.position.latitude_deg, one.position.longitude_deg, letter, style, heading)

    def _take_slot(self, one: Received) -> None:
        key = one.pole, one.message.slot
        old = self.slots.get(key)
        if old is None or old.state != one.message.state:
            self.changes.appendleft(f"{one.message.slot}: {one.message.state} — {one.message.reason}")
        self.slots[key] = one.message

    def _take_objects(self, pole: PoleId, objects: Iterable[Any]) -> None:
        self._pictures += 1
        if self._pictures % TRAIL_EVERY:
            return
        old, here = self._trails, {}
        for one in objects:
            trail = here[pole, one.id] = old.get((pole, one.id)) or deque(maxlen=TRAIL)
            trail.append((one.position.latitude_deg, one.position.longitude_deg))
        self._trails = {key: trail for key, trail in old.items() if key[0] != pole} | here

    def _tell_poles(self, events: Iterable[PoleEvent]) -> None:
        for event in events:
            if event.standing in {Standing.GONE, Standing.SILENT}:
                self.changes.appendleft(f"pole {'/'.join(map(str, event.pole))}: {event.standing}")


class Drawn:
    """A picture at one moment, as wide as the terminal."""

    def __init__(self, picture: Picture, now_s: float) -> None:
        self._picture, self._now_s = picture, now_s

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Poles, map with tables beside or below it, slots."""
        of = self._picture
        tables = Group(hazard_table(of), near_miss_table(of), Text("\n".join(of.changes), style="dim"))
        yield Group(*pole_lines(of))
        if options.max_width >= WIDE:
            grid = Table.grid(expand=True, padding=(0, 1))
            half = options.max_width // 2
            grid.add_column(width=half)
            grid.add_column(ratio=1)
            grid.add_row(self._map(half - 4), tables)
            yield grid
        else:
            yield self._map(options.max_width - 4)
            yield tables
        yield slot_table(of, wide=options.max_width >= WIDE)

    def _map(self, columns: int) -> Panel:
        marks = self._picture.marks(self._now_s)
        middles = [Mark(at.latitude_deg, at.longitude_deg, "+") for at in self._picture.places()] or marks
        legend = "c car T truck B bus p person b bicycle + pole ▲ hazard × near miss"
        if not middles:
            return Panel(Text("no place is known yet", style="dim"), title="Road", title_align="left")
        plan = Plan.of(middles, marks, columns, MAP_ROWS)
        drawn = plan.draw(marks, columns, MAP_ROWS)
        title = f"Road ±{plan.reach_m:g} m, north up"
        return Panel(drawn, title=title, title_align="left", subtitle=legend, subtitle_align="left")
