"""Events that must not be lost: SQLite (WAL, synchronous=FULL) on one thread, a row an event, batched commits."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from controller.publication.publication import Publication
from interfaces.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

_R = TypeVar("_R")
_COLUMNS = [one.name for one in fields(Publication)]
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS event (seq INTEGER PRIMARY KEY, {", ".join(_COLUMNS)});
CREATE INDEX IF NOT EXISTS event_urgent ON event (topic, expires_at_ns) WHERE urgent = 1;
CREATE TEMP TABLE refused (seq INTEGER PRIMARY KEY);
CREATE TEMP TABLE held (seq INTEGER PRIMARY KEY);
"""
_INSERT = f"INSERT INTO event VALUES (?, {', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - our names
_WAITS = "event.seq NOT IN (SELECT seq FROM refused) AND event.seq NOT IN (SELECT seq FROM held)"
_LIVE = "(urgent AND (expires_at_ns = 0 OR expires_at_ns > :now))"
_AHEAD = f"""
WITH live AS (SELECT topic, max(seq) AS last FROM event
              WHERE urgent = 1 AND (expires_at_ns = 0 OR expires_at_ns > :now)
              AND event.seq NOT IN (SELECT seq FROM held) GROUP BY topic)
SELECT event.* FROM live JOIN event INDEXED BY event_urgent
ON event.urgent = 1 AND event.topic = live.topic AND event.seq <= live.last
WHERE {_WAITS}
ORDER BY row_number() OVER (PARTITION BY event.topic ORDER BY event.seq), event.seq LIMIT :limit"""  # noqa: S608
_REST = f"SELECT * FROM event WHERE {_WAITS} ORDER BY seq LIMIT :limit"  # noqa: S608 - constant text
_DROP = f"DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE NOT {_LIVE} ORDER BY urgent, seq LIMIT :limit)"  # noqa: S608 - constant text
HOLD_S: Final = 15.0  # longer than a broker takes to save what it acknowledged, and to be missed when it dies


@dataclass(frozen=True, slots=True)
class Stored:
    """One event on disk; `seq` grows with each put and names it to `done`."""

    seq: int
    publication: Publication


class Outbox:
    """Async front of the database. `put` returns once the event is on disk; `done` after the broker's PUBACK.

    A broker may forget in a crash what it acknowledged shortly before. So an event stays on disk for `hold_s` of steady
    time beyond `done`; `send_again`, after a lost connection, makes all of these wait once more.

    Full (rows or disk): the oldest near misses go first, then expired hazards, counted in `dropped`; a hazard still
    valid is never dropped. Hazards of one topic leave in the order of their puts, so no NEW follows
    its CANCEL. A damaged file is moved aside to `*.corrupt` and named in `moved_aside`.
    """

    def __init__(
        self,
        path: Path,
        utc_ns: Callable[[], int],
        max_rows: int = 200_000,
        hold_s: float = HOLD_S,
    ) -> None:
        self.dropped = 0
        self.moved_aside = ""
        self._path = path
        self._utc_ns = utc_ns
        self._max_rows, self._hold_s = max_rows, hold_s
        self._held: deque[tuple[float, tuple[int, ...]]] = deque()  # when acknowledged, which
        self._thread = ThreadPoolExecutor(1, "outbox")
        self._waiting: list[tuple[Publication, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._base: sqlite3.Connection
        self._last = 0

    async def __aenter__(self) -> Self:
        await self._run(self._open)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writing:
            await asyncio.gather(self._writing, return_exceptions=True)
        await self._run(self._base.close)
        self._thread.shutdown()

    async def put(self, publication: Publication) -> None:
        """Keep one event; DeliveryError when the disk takes it not even after dropping what may be dropped."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((publication, kept))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await kept

    async def pending(self, limit: int = 100) -> list[Stored]:
        """The next events to send: the topics of hazards still valid first, in turn, then the rest in order."""
        return await self._run(self._next, limit)

    async def done(self, *seqs: int) -> None:
        """Events the broker has acknowledged: send them no more, unless the connection is lost soon."""
        await self._run(self._hold, seqs, asyncio.get_running_loop().time())

    async def send_again(self) -> None:
        """The connection was lost: what was acknowledged shortly before waits again, in its old place."""
        await self._run(self._release)

    async def refuse(self, *seqs: int) -> None:
        """Pass over events the broker refused, until `ask_again` or the next start; they stay on disk."""
        await self._run(self._pass_over, seqs)

    async def ask_again(self) -> None:
        """Count refused events among the pending ones again."""
        await self._run(self._ask_again)

    async def backlog(self) -> int:
        """How many events wait for their acknowledgement."""
        return await self._run(self._count_waiting)

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await self._run(self._insert, [one for one, _ in batch])
            except sqlite3.Error as error:
                _settle(batch, DeliveryError(f"outbox {self._path}: {error}; free disk space or mend the disk"))
            else:
                _settle(batch, None)

    async def _run(self, call: Callable[..., _R], *args: object) -> _R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *args)

    def _open(self) -> None:
        try:
            self._base = _connect(self._path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise DeliveryError(f"outbox {self._path}: {error}") from error
            aside = self._path.with_name(self._path.name + ".corrupt")
            os.replace(self._path, aside)
            for suffix in ("-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            self.moved_aside = str(aside)
            self._base = _connect(self._path)
        self._last = int(self._base.execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()[0])

    def _insert(self, batch: list[Publication]) -> None:
        over = self._count() + len(batch) - self._max_rows
        if over > 0:
            self._drop(over)
        rows = [(self._last + place, *_row(one)) for place, one in enumerate(batch, 1)]
        self._last += len(batch)  # never used twice: `done` of a dropped event must not hit a newer one
        try:
            with self._base:
                self._base.executemany(_INSERT, rows)
        except sqlite3.OperationalError:
            self._base.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the disk is full: to forget takes room too
            self._drop(max(len(batch), 100))
            with self._base:
                self._base.executemany(_INSERT, rows)

    def _drop(self, count: int) -> None:
        while count > 0 and self._held:
            count -= self._forget(self._held.popleft()[1])
        if count <= 0:
            return
        with self._base:
            self.dropped += self._base.execute(_DROP, {"now": self._utc_ns(), "limit": count}).rowcount

    def _next(self, limit: int) -> list[Stored]:
        asked = {"now": self._utc_ns(), "limit": limit}
        rows = self._base.execute(_AHEAD, asked).fetchall()
        if len(rows) < limit:
            ahead = {row[0] for row in rows}
            rest = self._base.execute(_REST, asked).fetchall()
            rows += [row for row in rest if row[0] not in ahead][: limit - len(rows)]
        return [Stored(row[0], _publication(row[1:])) for row in rows]

    def _hold(self, seqs: tuple[int, ...], now: float) -> None:
        with self._base:
            self._base.executemany("INSERT OR IGNORE INTO held VALUES (?)", [(seq,) for seq in seqs])
        self._held.append((now, seqs))
        over: list[int] = []
        while self._held and now - self._held[0][0] >= self._hold_s:
            over += self._held.popleft()[1]
        if over:
            self._forget(over)

    def _forget(self, seqs: Sequence[int]) -> int:
        rows = [(seq,) for seq in seqs]
        with self._base:
            gone = self._base.executemany("DELETE FROM event WHERE seq = ?", rows).rowcount
            self._base.executemany("DELETE FROM held WHERE seq = ?", rows)
        return gone

    def _release(self) -> None:
        with self._base:
            self._base.execute("DELETE FROM held")
        self._held.clear()

    def _pass_over(self, seqs: tuple[int, ...]) -> None:
        with self._base:
            self._base.executemany("INSERT OR IGNORE INTO refused VALUES (?)", [(seq,) for seq in seqs])

    def _ask_again(self) -> None:
        with self._base:
            self._base.execute("DELETE FROM refused")

    def _count_waiting(self) -> int:
        return self._count() - int(self._base.execute("SELECT count(*) FROM held").fetchone()[0])

    def _count(self) -> int:
        return int(self._base.execute("SELECT count(*) FROM event").fetchone()[0])


def _connect(path: Path) -> sqlite3.Connection:
    base = sqlite3.connect(path, check_same_thread=False)
    try:
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("PRAGMA synchronous=FULL")
        base.execute("PRAGMA temp_store=MEMORY")
        base.executescript(_SCHEMA)
        if base.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("damaged")
    except sqlite3.Error:
        base.close()
        raise
    return base


def _settle(batch: list[tuple[Publication, asyncio.Future[None]]], error: Exception | None) -> None:
    for _, kept in batch:
        if kept.done():
            continue
        if error:
            kept.set_exception(error)
        else:
            kept.set_result(None)


def _row(one: Publication) -> tuple[object, ...]:
    return tuple(json.dumps(value) if isinstance(value, tuple) else value for value in astuple(one))


def _publication(row: tuple[Any, ...]) -> Publication:
    named = dict(zip(_COLUMNS, row, strict=True))
    named["user_properties"] = tuple((key, value) for key, value in json.loads(named["user_properties"]))
    return Publication(**{**named, **{flag: bool(named[flag]) for flag in ("retain", "durable", "urgent")}})
