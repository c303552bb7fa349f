"""What a consumer iterates over: publications wait here until the application asks for the next event."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar

from interfaces.cancellation import heed_cancellation
from interfaces.topics import OBJECTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from interfaces.reader import Reader
    from interfaces.reception import Received

MOST_WAITING: Final = 10_000  # publications a slow reader may lag behind; then the oldest are dropped and counted
_R = TypeVar("_R", bound="Reader[Any]")
_T = TypeVar("_T")


class Stream(Generic[_R, _T]):
    """An endless `async for` over the events of one reader; ends with its consumer. One task may iterate it."""

    def __init__(self, reader: _R, start: Callable[[Stream[Any, Any]], None]) -> None:
        self.reader = reader
        self.lost = 0  # publications dropped because nobody took them in time
        self._start: Callable[[Stream[Any, Any]], None] | None = start
        self._mail: dict[object, tuple[Received, float]] = {}
        self._ready: deque[_T] = deque()
        self._fresh = asyncio.Event()
        self._end: BaseException | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> _T:
        """The next event; LinkError when the broker does not let us read."""
        if self._start is not None:
            self._start(self)
            self._start = None
        while not self._ready:
            self._read()
            if self._ready:
                break
            if self._end is not None:
                raise self._end
            self._fresh.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self.reader.next_s):
                    await self._fresh.wait()
            heed_cancellation()
        return self._ready.popleft()

    def put(self, one: Received, now_s: float) -> None:
        """Hand over a publication; of pictures only the newest of a topic waits."""
        key: object = one.topic if one.kind == OBJECTS.name else object()
        self._mail.pop(key, None)
        self._mail[key] = one, now_s
        if len(self._mail) > MOST_WAITING:
            del self._mail[next(iter(self._mail))]
            self.lost += 1
        self._fresh.set()

    def end(self, reason: BaseException) -> None:
        """Nothing comes any more."""
        self._end = self._end or reason
        self._fresh.set()

    def _read(self) -> None:
        while self._mail and not self._ready:
            self._ready.extend(self.reader.take(*self._mail.pop(next(iter(self._mail)))))
        if not self._ready:
            self._ready.extend(self.reader.due(asyncio.get_running_loop().time()))
