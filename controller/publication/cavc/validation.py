"""Whether a JSON document is what its field table says: exact keys, types, ranges, counts, times."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from controller.publication.cavc.field import Field, Kind
from controller.publication.cavc.header import MODEL_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.publication.cavc.document import Document

_TIME: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}"
_UTC: Final = re.compile(_TIME + "Z")
_JST: Final = re.compile(_TIME + r"\+09:00")


def problems(document: Document, value: Any) -> list[str]:
    """Everything wrong with one document, each with the path of its key; empty when it may be sent."""
    if not isinstance(value, dict):
        return ["is no object"]
    found = [f"{key}: unknown key" for key in value if key not in {"dataModelType", "attribute"}]
    if "dataModelType" in value and value["dataModelType"] not in MODEL_TYPES:
        found.append(f"dataModelType: {value['dataModelType']!r} is none of {', '.join(MODEL_TYPES)}")
    if "dataModelType" not in value and document.many:
        found.append("dataModelType: missing")
    if "attribute" not in value:
        return [*found, "attribute: missing"]
    if document.many:
        whole = Field("", "attribute", 0, 2_147_483_647, Kind.LIST, rows=document.table)
        return [*found, *_value(whole, value["attribute"], "attribute")]
    return [*found, *_object(document.table, value["attribute"], "attribute")]


def _object(table: tuple[Field, ...], value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: is no object"
        return
    known = {row.key for row in table}
    yield from (f"{path}.{key}: unknown key" for key in value if key not in known)
    for row in table:
        where = f"{path}.{row.key}"
        if row.key not in value:
            if row.required:
                yield f"{where}: missing"
            continue
        yield from _value(row, value[row.key], where)
        if row.counts and isinstance(value.get(row.counts), list) and value[row.key] != len(value[row.counts]):
            yield f"{where}: {value[row.key]}, but {row.counts} has {len(value[row.counts])}"


def _value(row: Field, value: Any, where: str) -> Iterator[str]:
    return _CHECKS.get(row.kind, _written)(row, value, where)


def _boolean(row: Field, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, bool):
        yield f"{where}: {value!r} is no {row.kind}"


def _text(row: Field, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{where}: {value!r} is no {row.kind}"
    elif not row.low <= len(value) <= row.high:
        yield f"{where}: {len(value)} characters, {row.low}..{row.high} are allowed"


def _written(row: Field, value: Any, where: str) -> Iterator[str]:
    """Dates, times and uuids."""
    if not isinstance(value, str) or not _readable(row.kind, value):
        yield f"{where}: {value!r} is no {row.kind}"


def _list(row: Field, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{where}: is no array"
        return
    if not row.low <= len(value) <= row.high:
        yield f"{where}: {len(value)} elements, {row.low}..{row.high} are allowed"
    for number, one in enumerate(value):
        yield from _object(row.rows, one, f"{where}[{number}]")


def _number(row: Field, value: Any, where: str) -> Iterator[str]:
    """An integer of JSON is written without a point: the consumer casts it. NaN lies in no range."""
    if isinstance(value, bool) or not isinstance(value, int if row.kind is Kind.INTEGER else (int, float)):
        yield f"{where}: {value!r} is no {row.kind}"
    elif not (row.low <= value <= row.high):
        yield f"{where}: {value}, {row.low}..{row.high} are allowed"
    elif row.kind is Kind.INTEGER and value != row.unknown and row.first is not None and value < row.first:
        yield f"{where}: {value}, {row.first}..{row.high} or {row.unknown} are allowed"


def _readable(kind: Kind, text: str) -> bool:
    pattern = {Kind.UTC: _UTC, Kind.JST: _JST}.get(kind)
    if pattern is not None and not pattern.fullmatch(text):
        return False
    try:
        if kind is Kind.UUID:
            return str(UUID(text)) == text.lower()
        if kind is Kind.DATE:
            return date.fromisoformat(text).isoformat() == text
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


_CHECKS: Final = {
    Kind.LIST: _list,
    Kind.INTEGER: _number,
    Kind.NUMBER: _number,
    Kind.BOOLEAN: _boolean,
    Kind.TEXT: _text,
}
