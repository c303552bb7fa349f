"""Events that must not be lost: kept on disk by one thread, in batches, until the broker surely has them."""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Self, TypeVar

from controller.outbox_table import OutboxTable, Stored
from interfaces.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from controller.publication.publication import Publication

__all__ = ["HOLD_S", "Outbox", "Stored"]

_R = TypeVar("_R")
HOLD_S: Final = 15.0  # longer than a broker takes to save what it acknowledged
TIRED: Final = 4  # holds; on connections that break again and again the backlog must still become shorter


class Outbox:
    """Async front of the table. `put` returns once the event is on disk; `done` after the broker's PUBACK.

    A broker may forget in a crash what it acknowledged shortly before. So an event stays on disk until the broker
    `lived` for `hold_s` beyond `done`, however long it is away meanwhile; `send_again`, after a lost connection, makes
    all of these wait once more, but for those whose time has passed since: a broker drops them as well. What it
    took again `TIRED` holds after the first time is believed.

    Full (rows or disk): held ones make room first, near misses before hazards, counted in `cut_short`; then the oldest
    near misses, then expired hazards, counted in `dropped`; a hazard still valid is never dropped. Hazards of one topic
    leave in the order of their puts, so no NEW follows its CANCEL.
    """

    def __init__(
        self,
        path: Path,
        utc_ns: Callable[[], int],
        max_rows: int = 200_000,
        hold_s: float = HOLD_S,
    ) -> None:
        self._path, self._utc_ns, self._max_rows, self._hold_s = path, utc_ns, max_rows, hold_s
        self._lived_at = 0.0
        self._thread = ThreadPoolExecutor(1, "outbox")
        self._waiting: list[tuple[Stored, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._reader: asyncio.Future[list[Stored]] | None = None  # who waits in `coming`
        self._unread = True  # there may be something that the last look has not seen
        self._last = 0  # seq
        self._table: OutboxTable

    async def __aenter__(self) -> Self:
        self._table = await self._run(OutboxTable, self._path, self._utc_ns, self._max_rows)
        self._last = self._table.last
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writing:
            await asyncio.gather(self._writing, return_exceptions=True)
        await self._run(self._table.close)
        self._thread.shutdown()

    @property
    def moved_aside(self) -> str:
        """Where a damaged file went; empty when it was none."""
        return self._table.moved_aside

    @property
    def dropped(self) -> int:
        """Events that the broker never took: for want of room, or refused and then past."""
        return self._table.dropped

    @property
    def cut_short(self) -> int:
        """Events that the broker took, but that were held for less than `hold_s`, for want of room."""
        return self._table.cut_short

    async def put(self, publication: Publication) -> None:
        """Keep one event; DeliveryError when the disk takes it not even after dropping what may be dropped."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._last += 1  # never used twice: `done` of a dropped event must not hit a newer one
        self._waiting.append((Stored(self._last, publication), kept))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await kept

    async def pending(self, limit: int = 100) -> list[Stored]:
        """The next events to send: the topics of hazards still valid first, in turn, then the rest in order."""
        self._unread = False
        return await self._run(self._next, limit)

    async def coming(self, limit: int, within_s: float) -> list[Stored]:
        """`pending`, or when the last look has left nothing: what is put next, while it is written; nothing after
        `within_s`. So a slow disk holds up no hazard. For one reader at a time.
        """
        if self._unread:
            return await self.pending(limit)
        self._reader = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(within_s):
                batch = await self._reader
        except TimeoutError:
            return []
        finally:
            self._reader = None
        if len(batch) > limit:
            self._unread = True
        return batch[:limit]

    async def done(self, *seqs: int) -> None:
        """Events the broker has acknowledged: send them no more, unless the connection is lost soon."""
        await self._run(self._table.hold, seqs, asyncio.get_running_loop().time(), TIRED * self._hold_s)
        if not self._hold_s:
            await self.forget(*seqs)

    def lived(self, at: float) -> None:
        """The broker has answered to something said at this time of the event loop, so it was well then."""
        self._lived_at = max(self._lived_at, at)

    async def send_again(self) -> None:
        """The connection was lost: what was acknowledged shortly before waits again, in its old place."""
        await self._run(self._table.let_go, self._lived_at - self._hold_s)
        await self._run(self._table.release, asyncio.get_running_loop().time())

    async def forget(self, *seqs: int) -> None:
        """Events of no use to anyone any more: gone, whatever the broker says."""
        await self._run(self._table.forget, seqs)

    async def refuse(self, *seqs: int) -> None:
        """Pass over events the broker refused, until `ask_again` or the next start; they stay on disk.

        A hazard goes for good when the broker takes a later word of its topic: what is past must not follow that.
        """
        await self._run(self._table.refuse, seqs)

    async def ask_again(self) -> None:
        """Count refused events among the pending ones again."""
        self._unread = True
        await self._run(self._table.ask_again)

    async def backlog(self) -> int:
        """How many events wait for their acknowledgement."""
        return await self._run(self._table.count_waiting)

    def _next(self, limit: int) -> list[Stored]:
        self._table.let_go(self._lived_at - self._hold_s)
        return self._table.next(limit)

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            rows = [one for one, _ in batch]
            if self._reader is not None and not self._reader.done():
                self._reader.set_result(sorted(rows, key=lambda one: not one.publication.urgent))
            else:
                self._unread = True
            try:
                await self._run(self._table.insert, rows)
            except sqlite3.Error as error:
                _settle(batch, DeliveryError(f"outbox {self._path}: {error}; free disk space or mend the disk"))
            else:
                _settle(batch, None)

    async def _run(self, call: Callable[..., _R], *args: object) -> _R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *args)


def _settle(batch: list[tuple[Stored, asyncio.Future[None]]], error: Exception | None) -> None:
    for _, kept in batch:
        if kept.done():
            continue
        if error:
            kept.set_exception(error)
        else:
            kept.set_result(None)
