"""The last seconds of a pole in memory, and the clips that events cut out of them. Pure; times are UTC ns.

The tape is a row of segments. Each begins with the pipeline's whole state, so that any row of whole segments runs
again exactly as it ran; what is forgotten is forgotten a segment at a time.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from controller.recording.entry import Looked, size_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.recording.entry import Entry

NS_PER_S: Final = 1_000_000_000
SEGMENT_NS: Final = 5 * NS_PER_S
LATE_NS: Final = 8 * NS_PER_S  # an encounter is told at most so long after its peak
LONGEST_NS: Final = 60 * NS_PER_S  # a road where something always happens fills several clips


@dataclass(frozen=True, slots=True)
class Event:
    """Why a clip is kept: a near miss or a new hazard, and when it happened."""

    kind: str
    id: int
    at_ns: int


@dataclass(slots=True)
class Segment:
    """Entries in order, after the state (bytes of `state_writer`) they begin in."""

    begin_ns: int
    state: bytes
    entries: list[Entry] = field(default_factory=list)
    size: int = 0


@dataclass(frozen=True, slots=True)
class Clip:
    """A piece of tape about one event or several that follow each other closely."""

    events: tuple[Event, ...]
    begin_ns: int
    end_ns: int
    state: bytes
    entries: tuple[Entry, ...]
    size: int


@dataclass(slots=True)
class _Open:
    """A clip that goes on."""

    events: list[Event]
    since_ns: int
    until_ns: int

    def complete(self, now_ns: int) -> bool:
        return now_ns >= min(self.until_ns, self.events[0].at_ns + LONGEST_NS)


class Tape:
    """Holds at least `before_ns` and at most `max_bytes`; a clip ends `after_ns` behind its last event.

    Call `tick` between two pictures: only then is the state whole.
    """

    def __init__(self, before_ns: int, after_ns: int, max_bytes: int) -> None:
        self.counters: Counter[str] = Counter()
        self._before_ns, self._after_ns, self._max_bytes = before_ns, after_ns, max_bytes
        self._segments: deque[Segment] = deque()
        self._size = 0
        self._open: _Open | None = None
        self._whole = 0  # entries of the newest segment that belong to whole pictures

    @property
    def size(self) -> int:
        """Bytes held, roughly."""
        return self._size

    def add(self, entry: Entry) -> None:
        """Keep one entry; nothing is kept before the first tick and after an overflow until the next."""
        if not self._segments:
            return
        size = size_of(entry)
        self._segments[-1].entries.append(entry)
        self._segments[-1].size += size
        self._size += size
        if self._size > self._max_bytes and len(self._segments) == 1:
            self.forget()
            self.counters["overflows"] += 1

    def happened(self, event: Event, now_ns: int) -> None:
        """An event of now, or of which one knows only now: it opens a clip or lengthens the open one."""
        if self._open is None:
            self._open = _Open([], event.at_ns - self._before_ns, 0)
        self._open.events.append(event)
        self._open.since_ns = min(self._open.since_ns, event.at_ns - self._before_ns)
        self._open.until_ns = max(self._open.until_ns, now_ns + self._after_ns)

    def tick(self, now_ns: int, state: Callable[[], bytes]) -> Clip | None:
        """A picture is done: the clip that is complete with it, if one is."""
        clip = None
        if self._open is not None and (self._open.complete(now_ns) or self._size > self._max_bytes):
            clip = self._cut(self._open, now_ns)
        if not self._segments or self._full(self._segments[-1], now_ns):
            self._begin(now_ns, state())
        self._whole = len(self._segments[-1].entries)
        self._trim(now_ns)
        return clip

    def forget(self) -> None:
        """Begin anew at the next tick: what is held cannot run again as it ran."""
        self._segments.clear()
        self._size = 0
        self._open = None

    def lost(self) -> None:
        """The picture broke off: if it had begun to be judged, what is held would not run again as it ran."""
        if self._segments and any(isinstance(one, Looked) for one in self._segments[-1].entries[self._whole :]):
            self.forget()
            self.counters["lost"] += 1

    def end(self, now_ns: int) -> Clip | None:
        """The pole stops: the open clip up to the last whole picture."""
        if self._segments:
            del self._segments[-1].entries[self._whole :]
        return self._cut(self._open, now_ns) if self._open is not None else None

    def _cut(self, open_: _Open, now_ns: int) -> Clip | None:
        self._open = None
        if not self._segments:
            return None
        chosen = list(self._segments)
        while len(chosen) > 1 and chosen[1].begin_ns < open_.since_ns:
            del chosen[0]
        entries = tuple(entry for segment in chosen for entry in segment.entries)
        return Clip(
            tuple(open_.events), chosen[0].begin_ns, now_ns, chosen[0].state, entries, sum(one.size for one in chosen)
        )

    def _full(self, newest: Segment, now_ns: int) -> bool:
        return not 0 <= now_ns - newest.begin_ns < SEGMENT_NS or newest.size - len(newest.state) > self._max_bytes // 4

    def _begin(self, now_ns: int, state: bytes) -> None:
        self._segments.append(Segment(now_ns, state, size=len(state)))
        self._size += len(state)

    def _trim(self, now_ns: int) -> None:
        horizon = now_ns - self._before_ns - LATE_NS
        if self._open is not None:
            horizon = min(horizon, self._open.since_ns)
        while len(self._segments) > 1 and (
            self._segments[1].begin_ns < horizon or self._size > self._max_bytes or self._segments[0].begin_ns > now_ns
        ):
            self._size -= self._segments.popleft().size
