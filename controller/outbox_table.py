"""The outbox on disk: an SQLite table (WAL, synchronous=FULL), a row an event; one thread at a time uses it."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from controller.publication.publication import Publication
from interfaces.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_COLUMNS: Final = [one.name for one in fields(Publication)]
_SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS event (seq INTEGER PRIMARY KEY, {", ".join(_COLUMNS)});
CREATE INDEX IF NOT EXISTS event_urgent ON event (topic, expires_at_ns) WHERE urgent = 1;
CREATE TEMP TABLE refused (seq INTEGER PRIMARY KEY);
CREATE TEMP TABLE held (seq INTEGER PRIMARY KEY, since REAL, ends REAL);
CREATE INDEX temp.held_since ON held (since);
CREATE TEMP TABLE again (seq INTEGER PRIMARY KEY, first REAL);
"""
_INSERT: Final = f"INSERT INTO event VALUES (?, {', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - our names
_WAITS: Final = "event.seq NOT IN (SELECT seq FROM refused) AND event.seq NOT IN (SELECT seq FROM held)"
_LIVE: Final = "(urgent AND (expires_at_ns = 0 OR expires_at_ns > :now))"
_AHEAD: Final = f"""
WITH live AS (SELECT topic, max(seq) AS last FROM event
              WHERE urgent = 1 AND (expires_at_ns = 0 OR expires_at_ns > :now)
              AND event.seq NOT IN (SELECT seq FROM held) GROUP BY topic)
SELECT event.* FROM live JOIN event INDEXED BY event_urgent
ON event.urgent = 1 AND event.topic = live.topic AND event.seq <= live.last
WHERE {_WAITS}
ORDER BY row_number() OVER (PARTITION BY event.topic ORDER BY event.seq), event.seq LIMIT :limit"""  # noqa: S608
_REST: Final = f"SELECT * FROM event WHERE {_WAITS} ORDER BY seq LIMIT :limit"  # noqa: S608 - constant text
_DROP: Final = f"""
DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE NOT {_LIVE} ORDER BY urgent, seq LIMIT :limit)"""  # noqa: S608
_CUT: Final = "SELECT seq FROM event JOIN held USING (seq) ORDER BY urgent, seq LIMIT ?"
_HOLD: Final = """
INSERT OR IGNORE INTO held SELECT seq, :now, CASE WHEN expires_at_ns > :utc THEN
:now + min((expires_at_ns - :utc) / 1e9, coalesce(expiry_s, 9e9)) END FROM event WHERE seq = :seq"""
_TIRED: Final = "SELECT seq FROM held JOIN again USING (seq) WHERE since = ? AND first <= ?"
_PAST: Final = """
DELETE FROM event WHERE seq IN (SELECT old.seq FROM event AS new CROSS JOIN refused CROSS JOIN event AS old
WHERE new.seq = :seq AND old.seq = refused.seq AND new.topic = old.topic AND new.seq > old.seq AND old.urgent)"""
PAGE_B: Final = 2048
STEP_PAGES: Final = 2048  # the file grows by so many at once; the log, too: half for one transaction, the largest drop


@dataclass(frozen=True, slots=True)
class Stored:
    """One event on disk; `seq` grows with each put and names it to `done`."""

    seq: int
    publication: Publication


class OutboxTable:
    """Events that wait, that are refused and that are held. Opening raises DeliveryError, the rest sqlite3.Error.

    A damaged file is moved aside to `*.corrupt` and named in `moved_aside`.
    """

    def __init__(self, path: Path, utc_ns: Callable[[], int], max_rows: int) -> None:
        self.dropped = 0  # never taken by the broker
        self.cut_short = 0  # held, and forgotten too early
        self.moved_aside = ""
        self._path, self._utc_ns, self._max_rows = path, utc_ns, max_rows
        try:
            self._base = _connect(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise DeliveryError(f"outbox {path}: {error}") from error
            self.moved_aside = _move_aside(path)
            self._base = _connect(path)
        self._grow()
        self.last: int  # seq on disk when it was opened
        self._count: int  # of rows; to count a long backlog anew takes longer than a hazard may wait
        self.last, self._count = self._base.execute("SELECT coalesce(max(seq), 0), count(*) FROM event").fetchone()

    def close(self) -> None:
        """Nothing may be asked afterwards."""
        self._base.close()

    def insert(self, batch: Sequence[Stored]) -> None:
        """All of them, on disk on return, or none; room is made by dropping what may be dropped."""
        over = self._count + len(batch) - self._max_rows
        if over > 0:
            self._drop(over)
        rows = [(one.seq, *_row(one.publication)) for one in batch]
        grown = False
        while True:
            try:
                with self._base:
                    self._base.executemany(_INSERT, rows)
            except sqlite3.OperationalError:  # the file is full
                grown = not grown and self._grow()
                if not grown and not self._drop(max(len(batch), 100)):  # and the disk
                    raise
            else:
                self._count += len(rows)
                return

    def next(self, limit: int) -> list[Stored]:
        """What waits: the topics of hazards still valid in turn, each in order, then the rest in order."""
        asked = {"now": self._utc_ns(), "limit": limit}
        rows = self._base.execute(_AHEAD, asked).fetchall()
        if len(rows) < limit:
            ahead = {row[0] for row in rows}
            rest = self._base.execute(_REST, asked).fetchall()
            rows += [row for row in rest if row[0] not in ahead][: limit - len(rows)]
        return [Stored(row[0], _publication(row[1:])) for row in rows]

    def hold(self, seqs: Sequence[int], now: float, tired_s: float) -> None:
        """The broker has taken them (`now` steady, in s). Refused hazards before them on their topics are past.

        Those that it took `tired_s` ago for the first time, and again now, are not held any more.
        """
        asked = [{"seq": seq, "now": now, "utc": self._utc_ns()} for seq in seqs]
        with self._base:
            self._base.executemany(_HOLD, asked)
            past = self._base.executemany(_PAST, asked).rowcount
        self.dropped += past
        self._count -= past
        tired = [row[0] for row in self._base.execute(_TIRED, (now, now - tired_s))]
        if tired:
            self._try_to_forget(tired)

    def release(self, now: float) -> None:
        """What is held waits again, but for what was said in time and whose time has passed since."""
        self._forget_held("ends <= ?", now)
        with self._base:
            self._base.execute("INSERT OR IGNORE INTO again SELECT seq, since FROM held")
            self._base.execute("DELETE FROM held")

    def let_go(self, until: float) -> None:
        """Forget what is held since before."""
        self._forget_held("since <= ?", until)

    def forget(self, seqs: Sequence[int]) -> None:
        """Gone for good."""
        rows = [(seq,) for seq in seqs]
        with self._base:
            gone = self._base.executemany("DELETE FROM event WHERE seq = ?", rows).rowcount
            self._base.executemany("DELETE FROM held WHERE seq = ?", rows)
            self._base.executemany("DELETE FROM again WHERE seq = ?", rows)
        self._count -= gone

    def refuse(self, seqs: Sequence[int]) -> None:
        """Pass them over."""
        with self._base:
            self._base.executemany("INSERT OR IGNORE INTO refused VALUES (?)", [(seq,) for seq in seqs])

    def ask_again(self) -> None:
        """None is passed over any more."""
        with self._base:
            self._base.execute("DELETE FROM refused")

    def count_waiting(self) -> int:
        """Refused ones too."""
        return self._count - int(self._base.execute("SELECT count(*) FROM held").fetchone()[0])

    def _grow(self) -> bool:
        """Take a step of the disk, in the log and in the file: pages taken and given back stay there to be used.

        The file needs no more than it has until the next step. So on a full disk the log can always go into it, and
        there is room to forget.
        """
        step = STEP_PAGES - self._ask("PRAGMA freelist_count")
        if step > 0 and _free_b(self._path) < 3 * STEP_PAGES * PAGE_B:
            return False
        try:
            if step > 0:
                self._ask(f"PRAGMA max_page_count={self._ask('PRAGMA page_count') + step + 8}")
                with self._base:
                    self._base.execute("CREATE TABLE step AS SELECT zeroblob(?)", (step * PAGE_B,))
                    self._base.execute("DROP TABLE step")
            self._base.execute("PRAGMA wal_checkpoint")
        except sqlite3.OperationalError:
            return False
        finally:
            self._ask("PRAGMA max_page_count=1")  # no less than it has
        return True

    def _ask(self, pragma: str) -> int:
        return int(self._base.execute(pragma).fetchone()[0])

    def _drop(self, count: int) -> int:
        """Room for so many, or fewer: what the broker has first, for what nobody has is lost for certain."""
        held = [row[0] for row in self._base.execute(_CUT, (count,))]
        self.forget(held)
        self.cut_short += len(held)
        rest = {"now": self._utc_ns(), "limit": count - len(held)}
        with self._base:
            dropped = self._base.execute(_DROP, rest).rowcount
        self.dropped += dropped
        self._count -= dropped
        return len(held) + dropped

    def _forget_held(self, which: str, limit: float) -> None:
        held = [row[0] for row in self._base.execute(f"SELECT seq FROM held WHERE {which}", (limit,))]  # noqa: S608 - ours
        if held:
            self._try_to_forget(held)

    def _try_to_forget(self, seqs: Sequence[int]) -> None:
        with contextlib.suppress(sqlite3.OperationalError):  # a full disk: to forget takes room, too, and may wait
            self.forget(seqs)


def _connect(path: Path) -> sqlite3.Connection:
    base = sqlite3.connect(path, check_same_thread=False)
    try:
        base.execute(f"PRAGMA page_size={PAGE_B}")  # of a new file
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("PRAGMA synchronous=FULL")
        base.execute(f"PRAGMA wal_autocheckpoint={STEP_PAGES // 2}")
        base.execute("PRAGMA temp_store=MEMORY")
        base.executescript(_SCHEMA)
        if base.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("damaged")
    except sqlite3.Error:
        base.close()
        raise
    return base


def _free_b(path: Path) -> int:
    told = os.statvfs(path.parent)
    return told.f_bavail * told.f_frsize


def _move_aside(path: Path) -> str:
    aside = path.with_name(path.name + ".corrupt")
    os.replace(path, aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return str(aside)


def _row(one: Publication) -> tuple[object, ...]:
    return tuple(json.dumps(value) if isinstance(value, tuple) else value for value in astuple(one))


def _publication(row: tuple[Any, ...]) -> Publication:
    named = dict(zip(_COLUMNS, row, strict=True))
    named["user_properties"] = tuple((key, value) for key, value in json.loads(named["user_properties"]))
    return Publication(**{**named, **{flag: bool(named[flag]) for flag in ("retain", "durable", "urgent")}})
