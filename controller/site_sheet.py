"""What every part of a drawn site map is told: which part of the plane, how large, and in which words."""

from __future__ import annotations

from typing import Final, NamedTuple

CJK: Final = "\u2e80"  # from here on letters that matplotlib's own font lacks


class Words(NamedTuple):
    """Labels in English, and in Japanese beside it where they can be shown."""

    japanese: bool

    def __call__(self, english: str, japanese: str) -> str:
        """Both, or the English alone."""
        return f"{english} {japanese}" if self.japanese else english

    def name(self, text: str) -> str:
        """A name that somebody chose, without what cannot be shown."""
        return printable(text) if self.japanese else "".join("?" if c >= CJK else c for c in printable(text))


class Extent(NamedTuple):
    """The part of the plane that is drawn, m."""

    west: float
    south: float
    east: float
    north: float

    @property
    def width(self) -> float:
        """West to east, m."""
        return self.east - self.west

    @property
    def height(self) -> float:
        """South to north, m."""
        return self.north - self.south


class Scale(NamedTuple):
    """How large things of the plane come out."""

    extent: Extent
    width_in: float

    def points(self, metres: float) -> float:
        """Printer's points (1/72 in) of a length."""
        return metres / self.extent.width * self.width_in * 72


def printable(text: str) -> str:
    """Text that may stand in a picture and in XML: no control characters, no half characters."""
    return "".join(c if c.isprintable() else "?" for c in text)
