"""Near misses on their way to the ヒヤリハット管理システム: on disk until the server has taken them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Self

from google.protobuf.message import DecodeError

from controller.cavc_client import Outcome, Result
from controller.outbox import Outbox
from controller.publication.cavc.near_miss_info_list import near_miss_info_list, record
from controller.publication.cavc.pace import BackOff
from controller.publication.publication import Publication
from interfaces.cancellation import heed_cancellation
from interfaces.errors import DeliveryError
from interfaces.topics import JSON, NEAR_MISS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from controller.cavc_client import Client
    from controller.config import Config
    from controller.outbox import Stored

BATCH: Final = 20  # records in one document
REFUSED_AGAIN_S: Final = 3600.0
SHORTEST_S: Final = 0.001  # to wait: a timer may fire a hair before its time, and time must go on
BY_RECORD: Final = frozenset({400, 409, 413, 415, 422})  # refusals that a record may be to blame for
KIND: Final = NEAR_MISS.kind


class CavcNearMisses:
    """Nothing leaves the store but what was taken. A refused record steps aside for an hour, so that others pass.

    `tell` gets a key and what is wrong with it, or an empty text when that is over.
    """

    def __init__(
        self, config: Config, store: Path, *, utc_ns: Callable[[], int], tell: Callable[[str, str], None]
    ) -> None:
        self._config, self._tell = config, tell
        self._outbox = Outbox(store, utc_ns, hold_s=0.0)
        self._kept = asyncio.Event()
        self._aside: set[int] = set()
        self._back_off = BackOff()
        self.waiting = 0  # in the store, since the last step

    async def __aenter__(self) -> Self:
        await self._outbox.__aenter__()
        if self._outbox.moved_aside:
            self._tell("store", f"the store of near misses was damaged; it is now {self._outbox.moved_aside}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._outbox.__aexit__(kind, error, trace)

    async def keep(self, publication: Publication) -> None:
        """Store a NearMiss message; other publications are let pass. On return it outlives power loss."""
        if dict(publication.user_properties).get("proto") != KIND or publication.content_type == JSON:
            return
        try:
            one = record(NEAR_MISS.message.FromString(publication.payload), self._config)  # type: ignore[arg-type]  # KIND says it
            text = json.dumps(one, ensure_ascii=False, allow_nan=False).encode()
            await self._outbox.put(Publication(NEAR_MISS.name, text, JSON, 1, False, None, (), one["id"], durable=True))  # noqa: FBT003 -- a row
        except (DeliveryError, DecodeError, ValueError) as error:
            self._tell("store", f"near miss {publication.key} cannot be kept: {error}")
        else:
            self._tell("store", "")
            self._kept.set()

    async def run(self, client: Client) -> None:
        """Send until cancelled."""
        loop = asyncio.get_running_loop()
        again_at = loop.time() + REFUSED_AGAIN_S
        while True:
            self._kept.clear()
            if loop.time() >= again_at:
                self._aside.clear()
                again_at = loop.time() + REFUSED_AGAIN_S
            if not await self._step(client):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(again_at - loop.time(), SHORTEST_S)):
                        await self._kept.wait()
            heed_cancellation()

    async def _step(self, client: Client) -> bool:
        """Send the oldest that wait; False when none does."""
        try:
            waiting = await self._outbox.pending(BATCH + len(self._aside))
            batch = [one for one in waiting if one.seq not in self._aside][:BATCH]
            if not batch:
                return False
            result = await self._offer(client, batch)
            self.waiting = await self._outbox.backlog()
        except sqlite3.Error as error:
            result = Result(Outcome.FAILED, f"the store of near misses: {error}")
        if result.outcome is Outcome.FAILED:
            self._tell("near misses", f"{result.reason}; trying again")
            await asyncio.sleep(self._back_off.failed(random.random(), result.wait_s))  # noqa: S311 -- jitter, not a secret
        else:
            self._back_off.succeeded()
            self._tell("near misses", "")
        return True

    async def _offer(self, client: Client, batch: Sequence[Stored]) -> Result:
        """Put records; when they are refused together each half alone, until the one at fault is found."""
        records = [json.loads(one.publication.payload) for one in batch]
        result = await client.put(self._config.cavc.upload.near_miss_url, near_miss_info_list(self._config, records))
        if result.outcome is Outcome.REFUSED and result.status not in BY_RECORD:
            return replace(result, outcome=Outcome.FAILED)
        if result.outcome is Outcome.TAKEN:
            await self._outbox.done(*(one.seq for one in batch))
        elif result.outcome is Outcome.REFUSED and len(batch) > 1:
            for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
                result = await self._offer(client, half)
                if result.outcome is Outcome.FAILED:
                    break
        elif result.outcome is Outcome.REFUSED:
            self._aside.add(batch[0].seq)
            self._tell("record", f"near miss {batch[0].publication.key} was refused and is kept: {result.reason}")
        return result
