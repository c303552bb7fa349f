"""How received publications become events for an application: one reader a question. Pure; time is a parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from interfaces.reception import Received

Event_co = TypeVar("Event_co", covariant=True)
Key = TypeVar("Key")


class Reader(Protocol[Event_co]):
    """Times are seconds of one steady clock, that of the event loop."""

    @property
    def filters(self) -> tuple[str, ...]:
        """What to subscribe to, below the root."""

    def take(self, one: Received, now_s: float) -> Iterable[Event_co]:
        """What a publication that arrived at `now_s` means; also those of other readers' filters come here."""

    def due(self, now_s: float) -> Iterable[Event_co]:
        """What has come to pass by waiting."""

    @property
    def next_s(self) -> float | None:
        """When to ask again at the latest; None when nothing is waited for."""


class Deadlines(Generic[Key]):
    """Moments by key."""

    def __init__(self) -> None:
        self._at: dict[Key, float] = {}

    def set(self, key: Key, at_s: float) -> None:
        """Wait for `at_s`, instead of what was set before."""
        self._at[key] = at_s

    def drop(self, key: Key) -> None:
        """Wait no longer."""
        self._at.pop(key, None)

    def passed(self, now_s: float) -> list[Key]:
        """Whose moment has come; they are dropped."""
        found = [key for key, at_s in self._at.items() if at_s <= now_s]
        for key in found:
            del self._at[key]
        return found

    @property
    def next_s(self) -> float | None:
        """The first of them."""
        return min(self._at.values(), default=None)
