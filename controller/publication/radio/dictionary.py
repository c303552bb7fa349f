"""The tables of docs/radio.md, written from those in code: `python -m controller.publication.radio.dictionary`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.publication.radio import cpm, rc016, rc016_csma, sdsm
from controller.publication.radio.etsi_quantities import QUANTITIES
from controller.publication.radio.targets import size_class
from controller.publication.radio.vehicle import COMMON, EXTENDED, FREE, MANAGEMENT, OPTIONS
from controller.radio import SENDINGS
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import ObjectClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from controller.publication.radio.bits import Field, Structure


def tables() -> str:
    """All generated sections, in Markdown."""
    return "\n".join(_sections()) + "\n"


def _sections() -> Iterator[str]:
    yield from ("## What goes out (送信)", "")
    yield "| `radio.send` | format | radio | priority | lifetime ms | of several the newest wins |"
    yield "|---|---|---|---|---|---|"
    for name, row in SENDINGS.items():
        radio, kind = pb.RadioChannel.Name(row.radio), pb.PayloadFormat.Name(row.format)
        wins = "yes" if row.stream else "no, every one counts"
        yield f"| `{name}` | {kind} | {radio} | {row.priority} | {row.lifetime_ms} | {wins} |"
    yield from ("", "## RC-013 frames (ITS FORUM RC-013 1.1)", "")
    yield from _structures((MANAGEMENT, *COMMON))
    yield from ("## RC-013 options", "")
    for flag, option in OPTIONS.items():
        yield from _structure(option, f", option flag 0x{flag:02x}")
    yield f"Flag 0x{EXTENDED:02x}: options of later versions follow, kept as bytes; 0x{FREE:02x}: a free area follows."
    yield from ("", "## RC-016 frames (ITS FORUM RC-016 1.0)", "")
    yield from _structures((rc016.HEADER, rc016.SENSOR, rc016_csma.HEADER, rc016_csma.OBJECT))
    yield from ("## Object classes in each format (物標種別)", "")
    yield "| class | code | RC-013, RC-016 | CPM | SDSM objType |"
    yield "|---|---|---|---|---|"
    yield from map(_class_row, ObjectClass)
    yield from ("", "## Quantities of CPM, DENM and CAM (TS 102 894-2 V2.4.1)", "")
    yield from _fields(QUANTITIES.values())
    yield from ("## Quantities of SDSM (SAE J3224)", "")
    yield from _fields(sdsm.QUANTITIES.values())


def _structures(structures: Iterable[Structure]) -> Iterator[str]:
    for one in structures:
        yield from _structure(one)


def _structure(one: Structure, remark: str = "") -> Iterator[str]:
    yield f"### {one.title} `{one.name}`, {one.size} B{remark}"
    yield ""
    yield from _fields(one.fields)


def _fields(fields: Iterable[Field]) -> Iterator[str]:
    yield "| field | bits | step | range | unknown |"
    yield "|---|---|---|---|---|"
    for field in fields:
        low, high = field.range
        step = f"{field.step:.10g} {field.unit}".strip() if field.step else field.unit
        unknown = "" if field.unknown is None else str(field.unknown)
        yield f"| {field.name} | {field.bits} | {step} | {low} … {high} | {unknown} |"
    yield ""


def _class_row(kind: ObjectClass) -> str:
    group, code = cpm.CLASSES[kind]
    told = f"{group} {' '.join(map(str, code)) if isinstance(code, tuple) else code}"
    name = kind.name.lower().replace("_", " ")
    return f"| {name} | {int(kind)} | {size_class(kind)} | {told} | {sdsm.object_type(kind)} |"


if __name__ == "__main__":
    print(tables(), end="")  # noqa: T201 -- the documentation is written from standard output
