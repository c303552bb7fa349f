"""A vehicle or 物標 as RC-013 describes it: the common frames with their options and the free area behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from controller.publication.radio import free_area
from controller.publication.radio.vehicle import (
    ATTRIBUTES,
    COMMON,
    COMMON_SIZE,
    EXTENDED,
    FREE,
    MANAGEMENT,
    OPTIONS,
    POSITION,
    STATE,
    TIME,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.publication.radio.bits import Values
    from controller.publication.radio.free_area import FreeEntry


@dataclass(frozen=True, slots=True)
class CommonArea:
    """Wire values by the tables of `vehicle`; `options` by the names of its structures.

    `management` keeps what a sender chooses: data_length and option_flags follow from the rest.
    """

    management: Mapping[str, int]
    time: Mapping[str, int]
    position: Mapping[str, int]
    state: Mapping[str, int]
    attributes: Mapping[str, int]
    options: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    extended: bytes = b""  # options of later versions, not understood here
    free: tuple[FreeEntry, ...] = ()


def encode(area: CommonArea, *, counted: int) -> bytes:
    """The bytes; data_length counts the frames and `counted` bytes of the management frame before them."""
    body = TIME.pack(area.time) + POSITION.pack(area.position) + STATE.pack(area.state)
    body += ATTRIBUTES.pack(area.attributes)
    flags = 0
    for flag, option in OPTIONS.items():
        if option.name in area.options:
            flags |= flag
            body += option.pack(area.options[option.name])
    if area.extended:
        flags |= EXTENDED
        body += area.extended
    free = free_area.encode(area.free) if area.free else b""
    told = {"data_length": counted + len(body), "option_flags": flags | (FREE if free else 0)}
    return MANAGEMENT.pack({**area.management, **told}) + body + free


def decode(data: bytes, at: int, *, counted: int) -> tuple[CommonArea, int] | str:
    """The area that begins at offset `at` and the offset after it, or why there is none."""
    management = MANAGEMENT.unpack(data, at)
    if management is None:
        return "management: ends too early"
    start = at + MANAGEMENT.size
    end, flags = start + management["data_length"] - counted, management["option_flags"]
    if end < start + COMMON_SIZE or end > len(data):
        return f"management.data_length: {management['data_length']} does not agree with {len(data) - at} B"
    optional = _options(data[start + COMMON_SIZE : end], flags)
    free = free_area.decode(data, end) if flags & FREE else ((), end)
    if isinstance(optional, str) or isinstance(free, str):
        return optional if isinstance(optional, str) else str(free)
    time, position, state, attributes = _frames(data, start)
    return CommonArea(management, time, position, state, attributes, *optional, free[0]), free[1]


def _frames(data: bytes, at: int) -> list[Values]:
    """The frames that every area has; the caller made sure that they are there."""
    frames = []
    for structure in COMMON:
        frames.append(structure.unpack(data, at) or {})
        at += structure.size
    return frames


def _options(data: bytes, flags: int) -> tuple[dict[str, Values], bytes] | str:
    """The options known here and the bytes of later ones, or why these bytes are none."""
    options, at = {}, 0
    for flag, option in OPTIONS.items():
        if flags & flag:
            found = option.unpack(data, at)
            if found is None:
                return f"{option.name}: ends too early"
            options[option.name] = found
            at += option.size
    if bool(flags & EXTENDED) != (at < len(data)):
        return f"option_flags: {flags:#04x} does not agree with {len(data) - at} B of later options"
    return options, data[at:]
