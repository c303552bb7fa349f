"""pole.toml from a file: every mistake at once, with line, key, value, what is allowed and the nearest known key."""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, get_args

from pydantic import BaseModel, ValidationError

from controller import broker_check, commands, config_paths, profiles_check, radio_check, site_file
from controller.config import Config
from controller.geometry import LocalFrame
from controller.publication.cavc import settings_check
from controller.site import Site
from interfaces.errors import ConfigError, LinkError
from interfaces.port import SCHEMES, parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic_core import ErrorDetails

MAX_SIZE: Final = 1_000_000
_TABLE: Final = re.compile(r"^\s*\[{1,2}([^\]]+)\]{1,2}\s*(?:#.*)?$")
_KEY: Final = re.compile(
    r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_PART: Final = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
_INLINE: Final = re.compile(r"""([A-Za-z0-9_-]+)\s*=""")


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: `line` counts from 1 (0: the file as a whole), `key` is the full path."""

    file: str
    line: int
    key: str
    text: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.key}: {self.text}" if self.key else f"{where}: {self.text}"


def load(path: Path) -> Config:
    """The configuration, its key files as absolute paths; raises ConfigError that lists every problem."""
    config, problems = check(path)
    if config is None:
        raise ConfigError("\n".join(map(str, problems)))
    return config_paths.anchored(config, path.parent)


def load_site(config: Config, folder: Path) -> Site:
    """The site map that `pole.site` names, relative to `folder`; an empty one when it names none."""
    if not config.pole.site:
        return Site()
    text = site_text(config, folder)
    return site_file.load(text, LocalFrame.of(config.origin), str(folder / config.pole.site))


def site_text(config: Config, folder: Path) -> str:
    """The site map as it stands in its file; empty when `pole.site` names none."""
    if not config.pole.site:
        return ""
    path = folder / config.pole.site
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the site map cannot be read: {error}") from None


def check(path: Path) -> tuple[Config | None, list[Problem]]:
    """The configuration or None, and every problem found. Relative paths count from the file's folder."""
    name = str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        return None, [Problem(name, 0, "", f"cannot be read: {error.strerror}")]
    if len(data) > MAX_SIZE:
        return None, [Problem(name, 0, "", f"{len(data)} B; a configuration has at most {MAX_SIZE} B")]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return None, [Problem(name, data[: error.start].count(b"\n") + 1, "", "is not UTF-8")]
    return _check_text(text, name, path.parent)


def _check_text(text: str, name: str, folder: Path) -> tuple[Config | None, list[Problem]]:
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        at = re.search(r"line (\d+)", str(error))
        return None, [Problem(name, int(at[1]) if at else 0, "", f"is no TOML: {error}")]
    lines = key_lines(text)
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        return None, sorted((_problem(one, name, lines) for one in error.errors()), key=lambda p: p.line)
    problems = list(_semantic(config, name, lines, folder))
    return (None if problems else config), problems


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """First line of every key path and table of a TOML text, as far as a line-by-line reading shows them."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if found := _TABLE.match(line):
            table = _path(found[1])
            lines.setdefault(table, number)
        elif found := _KEY.match(line):
            path = table + _path(found[1])
            for depth in range(len(table) + 1, len(path) + 1):
                lines.setdefault(path[:depth], number)
            for inner in _INLINE.findall(line[found.end() :]):
                lines.setdefault((*path, inner), number)
    return lines


def _path(text: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(text))


def _problem(error: ErrorDetails, name: str, lines: dict[tuple[str, ...], int]) -> Problem:
    path = tuple(str(part) for part in error["loc"])
    line = next((lines[path[:depth]] for depth in range(len(path), 0, -1) if path[:depth] in lines), 0)
    if error["type"] == "extra_forbidden":
        return Problem(name, line, ".".join(path), _unknown(path))
    if error["type"] == "missing":
        return Problem(name, line, ".".join(path), "is needed and missing")
    given = error["input"]
    value = "a table" if isinstance(given, dict) else repr(given)
    told = error["msg"][0].lower() + error["msg"][1:]
    if error["type"] == "literal_error":
        near = difflib.get_close_matches(str(given), re.findall(r"'([^']*)'", error["ctx"]["expected"]), 1, 0.5)
        told += f"; did you mean {near[0]!r}?" if near else ""
    return Problem(name, line, ".".join(path), f"is {value}; {told}")


def _unknown(path: tuple[str, ...]) -> str:
    known = _known_keys(path[:-1])
    near = difflib.get_close_matches(path[-1], known, 1, 0.5)
    hint = f"; did you mean {near[0]}?" if near else ";"
    return f"unknown key{hint} known here: {', '.join(known)}"


def _known_keys(path: tuple[str, ...]) -> list[str]:
    model: Any = Config
    for part in path:
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            model = next((one for one in get_args(model) if isinstance(one, type) and issubclass(one, BaseModel)), None)
            continue
        field = next((f for n, f in model.model_fields.items() if part in {n, f.alias}), None)
        model = field.annotation if field else None
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _semantic(config: Config, name: str, lines: dict[tuple[str, ...], int], folder: Path) -> list[Problem]:
    problems = []

    def blame(key: tuple[str, ...], text: str) -> None:
        line = next((lines[key[:depth]] for depth in range(len(key), 0, -1) if key[:depth] in lines), 0)
        problems.append(Problem(name, line, ".".join(key), text))

    if not config.slot:
        blame(("slot",), "no slot is named; write at least one [slot.NAME]")
    for slot, text in _port_problems(config):
        blame(("slot", slot, "port"), text)
    sections = {
        "cavc": settings_check.faults(config),
        "radio": radio_check.faults(config),
        "publish": profiles_check.publish_faults(config.publish),
        "foxglove": profiles_check.foxglove_faults(config.foxglove),
        "mqtt": broker_check.faults(config.mqtt),
        "commands": commands.faults(config.commands),
    }
    for section, faults in sections.items():
        for key, text in faults:
            blame((section, *key), text)
    for key, text in config_paths.missing(config, folder):
        blame(key, text)
    return problems + list(_map_problems(config, folder))


def _map_problems(config: Config, folder: Path) -> Iterator[Problem]:
    """What makes the site map unusable, in the lines of its own file."""
    path = folder / config.pole.site
    if not path.is_file():
        return
    try:
        text = site_text(config, folder)
    except ConfigError as error:
        yield Problem(str(path), 0, "", str(error).removeprefix(f"{path}: "))
        return
    _, findings = site_file.read(text, LocalFrame.of(config.origin), str(path))
    for one in findings.errors:
        yield Problem(
            one.file, one.line, f"feature {one.feature} {one.id}".strip() if one.feature is not None else "", one.text
        )


def _port_problems(config: Config) -> Iterator[tuple[str, str]]:
    taken: dict[object, str] = {}
    wires: dict[str, str] = {}
    for slot, entry in config.slot.items():
        if not entry.port:
            continue
        try:
            port = parse(entry.port)
        except LinkError as error:
            yield slot, str(error)
            continue
        if int(entry.level[1]) > SCHEMES[port.scheme].level:
            yield (
                slot,
                f"is {port.scheme}, which carries at most L{SCHEMES[port.scheme].level}; the slot asks {entry.level}",
            )
        if port.shared and wires.setdefault(port.place, port.wire) != port.wire:
            yield (
                slot,
                f"is {port.wire!r}; another slot has the same wire as {wires[port.place]!r}: write it the same way",
            )
        chosen = (port.uid, port.address) if port.shared else ()
        key = slot if port.shared and not any(chosen) else (port.place, chosen)
        if key in taken:
            yield slot, f"is {entry.port!r}, which slot {taken[key]} has already"
        taken.setdefault(key, slot)
