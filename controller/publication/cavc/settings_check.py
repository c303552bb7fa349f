"""Mistakes in [cavc] that one key alone does not show: names that do not meet, addresses that cannot be."""

from __future__ import annotations

from collections import Counter
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from controller.publication.cavc.alive_monitoring_info import MAX_DEVICES
from controller.publication.cavc.device import CLASSIFICATION, DETECTING, MAX_SENSORS, UNASSIGNED
from controller.publication.cavc.roadside_unit_info import missing
from controller.publication.cavc.service_location_info import MAX_UNITS
from controller.publication.cavc.settings import RoadsideUnit
from controller.publication.cavc.target_info import MAX_BATCHES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from controller.config import Config

Fault = tuple[tuple[str, ...], str]  # key path below [cavc], what is wrong
FILES: Final = ("api_key_file", "account_id_file", "password_file")


def faults(config: Config) -> Iterator[Fault]:
    """Every mistake, each with the key to blame."""
    if config.cavc.roadside_unit != RoadsideUnit():
        for key in missing(config):
            yield ("roadside_unit", key), "is needed for 路側機属性情報 and missing"
    yield from _device_ids(config)
    yield from _approaches(config)
    yield from _use_cases(config)
    if config.cavc.upload.url:
        yield from _slots(config)
        yield from _upload(config)


def _device_ids(config: Config) -> Iterator[Fault]:
    for slot in config.cavc.device_ids:
        if slot not in config.slot:
            yield ("device_ids", slot), _no("slot", slot, config.slot)
    for number, count in Counter(config.cavc.device_ids.values()).items():
        if count > 1:
            yield ("device_ids",), f"gives {number:#08x} to {count} slots; every device needs an id of its own"
    fused = range(config.cavc.target_device_id, config.cavc.target_device_id + MAX_BATCHES)
    for slot, number in config.cavc.device_ids.items():
        if number in fused:
            yield ("device_ids", slot), f"is {number:#08x}, which target_device_id and the 15 ids after it take"
        elif number >= UNASSIGNED:
            yield (
                ("device_ids", slot),
                f"is {number:#08x}; from {UNASSIGNED:#08x} on ids are kept for slots without one",
            )


def _slots(config: Config) -> Iterator[Fault]:
    kinds = Counter(CLASSIFICATION.get(slot.module_class) for slot in config.slot.values())
    most = max((count for kind, count in kinds.items() if kind is not None), default=0)
    detecting = sum(slot.module_class in DETECTING for slot in config.slot.values())
    if most > MAX_DEVICES or detecting > MAX_SENSORS:
        yield ("upload", "url"), f"sends at most {MAX_DEVICES} devices of a class; there are {most} slots of one"


def _approaches(config: Config) -> Iterator[Fault]:
    for number, count in Counter(one.id for one in config.cavc.approach).items():
        if count > 1:
            yield ("approach",), f"id {number} is used {count} times"
    if len(config.cavc.other_unit) >= MAX_UNITS:
        yield (
            ("other_unit",),
            f"names {len(config.cavc.other_unit)} units; at most {MAX_UNITS - 1} stand beside this one",
        )


def _use_cases(config: Config) -> Iterator[Fault]:
    known = {one.id for one in config.cavc.approach}
    looking = [name for name, slot in config.slot.items() if slot.module_class in DETECTING]
    for case in config.cavc.use_case:
        for approach in sorted({*case.approaches, case.supported_approach} - known - {0}):
            yield (
                ("use_case",),
                f"of type {case.type:#04x} names approach {approach}, which cavc.approach does not have",
            )
        for slot in case.slots:
            if slot not in looking:
                yield ("use_case",), f"of type {case.type:#04x}: " + _no("slot that detects", slot, looking)


def _upload(config: Config) -> Iterator[Fault]:
    upload = config.cavc.upload
    for key in ("login_url", *FILES):
        if not getattr(upload, key):
            yield ("upload", key), "is needed when url is given, and missing"
    for key in ("url", "login_url", "near_miss_url"):
        wrong = _address(getattr(upload, key), plain=upload.plain_http)
        if wrong:
            yield ("upload", key), wrong


def _address(url: str, *, plain: bool) -> str:
    try:
        parts = urlsplit(url)
        known = not url or (parts.scheme in {"https", "http"} and bool(parts.hostname) and parts.port != 0)
    except ValueError:
        known = False
    if set("@?#") & set(url):
        return "holds more than an address; names and keys belong in the files, never here"
    if not known:
        return f"is {url!r}; write https://host[:port]/path"
    if parts.scheme == "http" and not plain:
        return f"is {url!r}: keys would cross the network in the clear; use https://, or set plain_http = true"
    return ""


def _no(what: str, name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    return f"there is no {what} {name!r}; {hint}"
