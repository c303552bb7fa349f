"""What is wrong with a site map: each finding with file, line, feature and cure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from interfaces.errors import ConfigError

ERROR: Final = "error"
WARNING: Final = "warning"
_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]|[^\s{}\[\]",:]+', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake: `line` counts from 1, 0 where it has none; `feature` its index or None; `id` empty if unnamed."""

    severity: str
    file: str
    line: int
    feature: int | None
    id: str
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        warning = "warning: " if self.severity == WARNING else ""
        name = f" (id {self.id!r})" if self.id else ""
        feature = "" if self.feature is None else f"feature {self.feature}{name}: "
        told = f"{place}: {warning}{feature}{self.text}"
        return told.encode("utf-8", "backslashreplace").decode()  # JSON may hold half a character


class Findings:
    """Gathers what is wrong with one file; lines are looked up only once something is."""

    def __init__(self, name: str, text: str) -> None:
        self._name, self._text = name, text
        self._lines: list[int] | None = None
        self.found: list[Finding] = []

    def add(self, text: str, feature: int | None = None, key: str = "", severity: str = ERROR, line: int = 0) -> None:
        """One more, of the file as a whole or of a feature with id `key`."""
        at = line if feature is None else self._line(feature)
        self.found.append(Finding(severity, self._name, at, feature, key, text))

    def sort(self) -> None:
        """Into the order of the file."""
        self.found.sort(key=lambda one: -1 if one.feature is None else one.feature)

    @property
    def errors(self) -> list[Finding]:
        """What makes the map unusable."""
        return [one for one in self.found if one.severity == ERROR]

    def finish(self) -> None:
        """Raise ConfigError with every error, a line each; nothing when there is none."""
        if self.errors:
            raise ConfigError("\n".join(map(str, self.errors)))

    def _line(self, feature: int) -> int:
        if self._lines is None:
            self._lines = feature_lines(self._text)
        return self._lines[feature] if feature < len(self._lines) else 0


def feature_lines(text: str) -> list[int]:
    """The line (from 1) on which each member of the top-level "features" begins; `text` is valid JSON."""
    lines: list[int] = []
    depth, key, inside, line, counted = 0, "", False, 1, 0
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in "}]":
            depth -= 1
            inside = inside and depth > 1
            continue
        if depth == 2 and inside:
            line += text.count("\n", counted, token.start())
            counted = token.start()
            lines.append(line)
        if mark in "{[":
            if depth == 1 and key == '"features"':
                inside, lines = mark == "[", []
                line, counted = 1, 0
            depth += 1
        elif depth == 1:
            key = mark
    return lines
