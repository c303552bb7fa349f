"""Protobuf descriptors → JSON Schema (draft 07) of their JSON mapping, with field names as in the .proto."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.descriptor import FieldDescriptor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from google.protobuf.descriptor import Descriptor

UNITS: Final = {  # by the longest fitting end of a field's name
    "_ns": "ns since 1970-01-01 UTC",
    "_s": "s",
    "_per_s": "1/s",
    "_m": "m",
    "_mps": "m/s",
    "_mps2": "m/s²",
    "_mmph": "mm/h",
    "_rad": "rad",
    "_radps": "rad/s",
    "_deg": "°",
    "_hz": "Hz",
    "_c": "°C",
    "_percent": "%",
}
_WORDS: Final = re.compile(r"^\s*(?:optional |repeated )?(?:(?:map<[^>]*>|[\w.]+) )?(\w+) = \d+;(?:\s*//\s*(.*))?$")
_OPENING: Final = re.compile(r"^\s*(?:message|enum) (\w+) \{")
_BLOCK: Final = re.compile(r"^(?://[^\n]*\n)*(?:message|enum) (\w+) \{\n.*?^\}\n", re.MULTILINE | re.DOTALL)
_WHOLE: Final = {"type": "string", "pattern": r"^-?\d+$"}
_NUMBER: Final = {"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]}
_SCALARS: Final[dict[int, dict[str, Any]]] = {
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    FieldDescriptor.TYPE_UINT32: {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    FieldDescriptor.TYPE_UINT64: {"type": "string", "pattern": r"^\d+$"},
    FieldDescriptor.TYPE_INT64: _WHOLE,
    FieldDescriptor.TYPE_FLOAT: _NUMBER,
    FieldDescriptor.TYPE_DOUBLE: _NUMBER,
}


def schema_of(kind: Descriptor) -> dict[str, str]:
    """The reference to a message's schema."""
    return {"$ref": f"#/components/schemas/{_name(kind)}"}


def schemas(kinds: Iterable[Descriptor], said: Mapping[str, str]) -> dict[str, Any]:
    """Schemas of messages and of all they hold, by name; `said` describes fields by "Message.field"."""
    return {_name(kind): _message(kind, said) for kind in _reached(kinds)}


def comments(proto: str) -> dict[str, str]:
    """What a .proto's text says behind its fields and values, by "Message.field"."""
    found, inside = {}, []
    for line in proto.splitlines():
        if opening := _OPENING.match(line):
            inside.append(opening[1])
        elif line.strip() == "}":
            inside.pop()
        elif inside and (field := _WORDS.match(line)) and field[2]:
            found[".".join([*inside, field[1]])] = field[2]
    return found


def sources(proto: str, kind: Descriptor) -> str:
    """The part of a .proto's text that one message needs."""
    wanted = {one.full_name.removeprefix(kind.file.package + ".").partition(".")[0] for one in _reached([kind])}
    wanted |= {field.enum_type.name for one in _reached([kind]) for field in one.fields if field.enum_type}
    blocks = [block[0] for block in _BLOCK.finditer(proto) if block[1] in wanted]
    return "\n".join(['syntax = "proto3";\n', f"package {kind.file.package};\n", *blocks])


def unit(field: str) -> str:
    """The unit that a field's name ends with; empty when it has none."""
    ends = sorted((end for end in UNITS if field.endswith(end)), key=len)
    return UNITS[ends[-1]] if ends else ""


def _name(kind: Descriptor) -> str:
    return kind.full_name.removeprefix(kind.file.package + ".")


def _reached(kinds: Iterable[Descriptor]) -> list[Descriptor]:
    """The messages and all they hold, each once, in the order of meeting; entries of maps are none."""
    found: dict[str, Descriptor] = {}
    waiting = list(kinds)
    while waiting:
        kind = waiting.pop(0)
        if kind.full_name not in found and not kind.GetOptions().map_entry:
            found[kind.full_name] = kind
            waiting += [field.message_type for field in kind.fields if field.message_type]
    return list(found.values())


def _message(kind: Descriptor, said: Mapping[str, str]) -> dict[str, Any]:
    fields = {field.name: _field(kind, field, said) for field in kind.fields}
    return {"type": "object", "required": list(_always(kind)), "properties": fields}


def _always(kind: Descriptor) -> Iterator[str]:
    """Fields that the JSON always has: those that protobuf cannot leave out, and the header."""
    for field in kind.fields:
        if field.name == "header" or not field.has_presence:
            yield field.name


def _field(owner: Descriptor, field: FieldDescriptor, said: Mapping[str, str]) -> dict[str, Any]:
    words = said.get(f"{_name(owner)}.{field.name}", "")
    about = {"description": words} if words else {}
    if unit(field.name):
        about["x-unit"] = unit(field.name)
    kind = field.message_type
    if kind and kind.GetOptions().map_entry:
        return {"type": "object", "additionalProperties": _single(kind.fields_by_name["value"], said), **about}
    one = _single(field, said)
    if field.is_repeated:
        return {"type": "array", "items": one, **about}
    return {"allOf": [one], **about} if "$ref" in one and about else {**one, **about}


def _single(field: FieldDescriptor, said: Mapping[str, str]) -> dict[str, Any]:
    if field.message_type:
        return schema_of(field.message_type)
    if not field.enum_type:
        return dict(_SCALARS[field.type])
    named = field.enum_type
    values = [value.name for value in named.values]
    where = named.full_name.removeprefix(named.file.package + ".")
    words = {value: said[f"{where}.{value}"] for value in values if f"{where}.{value}" in said}
    about = {"description": "; ".join(f"{value}: {text}" for value, text in words.items())} if words else {}
    return {"type": "string", "enum": values, **about}
