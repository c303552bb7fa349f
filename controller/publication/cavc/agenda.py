"""What is to be sent next: what changed, then what has been due for longest, so that a slow server gets some of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

REFUSED_AGAIN_S: Final = 600.0  # a document that was refused is tried again, lest a mended server never gets it


@dataclass(slots=True)
class _Entry:
    period_s: float
    next_at: float = 0.0
    said: Any = None


class Agenda:
    """Documents, each with its period in seconds; all are due at first, in the order given."""

    def __init__(self, periods_s: Mapping[str, float]) -> None:
        self._entries = {name: _Entry(period_s) for name, period_s in periods_s.items()}

    def due(self, now: float, contents: Mapping[str, Any]) -> str | None:
        """The document to send now; `contents` is what some would say, for the others only time counts."""
        changed = [name for name, content in contents.items() if content != self._entries[name].said]
        if changed:
            return changed[0]
        longest = min(self._entries, key=lambda name: self._entries[name].next_at)
        return longest if now >= self._entries[longest].next_at else None

    def next_at(self) -> float:
        """When the next one is due if nothing changes."""
        return min(entry.next_at for entry in self._entries.values())

    def taken(self, name: str, now: float, content: Any = None) -> None:
        """The server has it: due again a period after it was due, or after now when that has passed."""
        entry = self._entries[name]
        next_at = entry.next_at + entry.period_s
        entry.next_at = next_at if now < next_at <= now + entry.period_s else now + entry.period_s
        entry.said = content

    def refused(self, name: str, now: float, content: Any = None) -> None:
        """The server will not have it: tried again when it says something else, or later."""
        entry = self._entries[name]
        entry.next_at = now + min(10 * entry.period_s, REFUSED_AGAIN_S)
        entry.said = content
