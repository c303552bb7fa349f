"""Places on a map of letters, north up: a terminal's cell is twice as high as wide."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from rich.text import Text

from interfaces.legs import scale

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

REACHES_M: Final = (60, 100, 150, 250, 400, 600, 1000, 2000, 5000, 10_000)
ARROWS: Final = "→↗↑↖←↙↓↘"
ASPECT: Final = 2.0  # of a cell


@dataclass(frozen=True, slots=True)
class Mark:
    """A letter at a place; of those in one cell the last is seen. An arrow beside it shows the way it moves."""

    latitude_deg: float
    longitude_deg: float
    letter: str
    style: str = ""
    heading_rad: float = math.nan  # counter-clockwise from east


@dataclass(frozen=True, slots=True)
class Plan:
    """What the map shows: `reach_m` from its middle to its right edge."""

    latitude_deg: float
    longitude_deg: float
    reach_m: float

    @classmethod
    def of(cls, middles: Sequence[Mark], marks: Sequence[Mark], columns: int, rows: int) -> Plan:
        """Around the middle of some marks, wide enough that all are on the map."""
        latitude = sum(one.latitude_deg for one in middles) / len(middles)
        longitude = sum(one.longitude_deg for one in middles) / len(middles)
        offsets = [cls(latitude, longitude, 0.0).offset(one) for one in marks]
        flat = (columns - 1) / ((rows - 1) * ASPECT)  # how much wider than high
        far = max((max(abs(east), abs(north) * flat) for east, north in offsets), default=0.0)
        return cls(latitude, longitude, next((reach for reach in REACHES_M if far <= reach), REACHES_M[-1]))

    def offset(self, mark: Mark) -> tuple[float, float]:
        """Metres east and north of the middle."""
        here, there = (self.latitude_deg, self.longitude_deg), (mark.latitude_deg, mark.longitude_deg)
        north, east = (np.subtract(there, here) * scale(np.array([here, there]))[0]).tolist()
        return east, north

    def draw(self, marks: Iterable[Mark], columns: int, rows: int) -> Text:
        """The map as lines of text."""
        cells: dict[tuple[int, int], tuple[str, str]] = {}
        arrows: dict[tuple[int, int], tuple[str, str]] = {}
        step = 2 * self.reach_m / (columns - 1)
        for mark in marks:
            east, north = self.offset(mark)
            column, row = round(east / step + (columns - 1) / 2), round((rows - 1) / 2 - north / step / ASPECT)
            cells[row, column] = mark.letter, mark.style
            if not math.isnan(mark.heading_rad):
                beside = row - round(math.sin(mark.heading_rad)), column + round(math.cos(mark.heading_rad))
                arrows[beside] = ARROWS[round(mark.heading_rad / (math.pi / 4)) % 8], mark.style
        shown = arrows | cells
        text = Text(no_wrap=True)
        for row in range(rows):
            for column in range(columns):
                text.append(*shown.get((row, column), (" ", "")))
            text.append("\n" if row < rows - 1 else "")
        return text
