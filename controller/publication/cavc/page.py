"""The field tables of docs/cavc.md, written from the tables that encoders and checks use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from controller.publication.cavc.document import DOCUMENTS
from controller.publication.cavc.field import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.publication.cavc.field import Field

MARK: Final = "<!-- written by python -m controller.publication.cavc.page -->"


def tables() -> str:
    """Markdown: one table a document, one row a key, what lists hold indented under their list."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield MARK
    for one in DOCUMENTS.values():
        yield ""
        yield f"### {one.title} {one.name}"
        yield ""
        yield f"Sent {one.when}." + (f" PUT {one.path}." if one.path else "")
        yield ""
        yield "| 項目 | key | legal | real values | unit × step | unknown | needed | codes |"
        yield "|---|---|---|---|---|---|---|---|"
        yield from _rows(one.table, "")


def _rows(table: tuple[Field, ...], indent: str) -> Iterator[str]:
    for row in table:
        cells = (
            row.name,
            f"{indent}`{row.key}`",
            _legal(row),
            _real(row),
            _unit(row),
            "" if row.unknown is None else str(row.unknown),
            "yes" if row.required else "–",
            row.codes or (f"length of `{row.counts}`" if row.counts else ""),
        )
        yield "| " + " | ".join(cells) + " |"
        yield from _rows(row.rows, indent + "· ")


def _legal(row: Field) -> str:
    if row.kind is Kind.LIST:
        return f"{row.low:.0f}..{row.high:.0f} elements"
    if row.kind is Kind.TEXT:
        return f"{row.low:.0f}..{row.high:.0f} characters"
    if row.kind in {Kind.INTEGER, Kind.NUMBER}:
        return f"{row.low:.0f}..{row.high:.0f}"
    return str(row.kind)


def _real(row: Field) -> str:
    return "{}..{}".format(*row.real) if row.kind is Kind.INTEGER and row.unknown is not None else ""


def _unit(row: Field) -> str:
    if row.step == 1:
        return row.unit
    return f"{row.unit} × {f'{row.step:.7f}'.rstrip('0')}"


if __name__ == "__main__":
    print(tables(), end="")  # noqa: T201 -- the documentation is written from it
