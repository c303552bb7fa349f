"""The topic table for people: what stands between the marks in `docs/mqtt.md`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interfaces.topics import HAZARD, PLACE_PROPERTY, PROPERTIES, TOPICS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interfaces.topics import Topic


def text() -> str:
    """Markdown: the topics, then their user properties."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "| topic below the root | message | QoS | retained | expires after | comes |"
    yield "|---|---|---|---|---|---|"
    for row in TOPICS:
        kept = "yes" if row.retain else "no"
        yield f"| `{row.levels}` | `{row.message.__name__}` | {row.qos} | {kept} | {_expiry(row)} | {row.rate} |"
    yield ""
    yield "| user property | what it is |"
    yield "|---|---|"
    for name, words in (PROPERTIES | PLACE_PROPERTY).items():
        where = " (hazards, near misses, weather)" if name in PLACE_PROPERTY else ""
        yield f"| `{name}` | {words}{where} |"


def _expiry(row: Topic) -> str:
    if row is HAZARD:
        return "its validity"
    if row.expiry_s is None:
        return f"never; its twin {row.twin_expiry_s:g} s" if row.twin_expiry_s else "never"
    return f"{row.expiry_s / 86_400:g} days" if row.expiry_s >= 86_400 else f"{row.expiry_s:g} s"


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201 -- the documentation is written from it
