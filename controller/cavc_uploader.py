"""The option that sends documents to the 環境情報連携システム and near misses to the ヒヤリハット管理システム."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING, Any, Final, Self

from controller.cavc_client import AioHttp, Client, Outcome, Result
from controller.cavc_near_misses import CavcNearMisses
from controller.publication.cavc.agenda import Agenda
from controller.publication.cavc.document import DOCUMENTS
from controller.publication.cavc.pace import BackOff
from controller.publication.cavc.present import Present
from interfaces.cancellation import heed_cancellation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from controller.cavc_client import Http
    from controller.config import Config
    from controller.fusion.track import Tracks
    from controller.publication.publication import Publication, Sender
    from controller.slot import PoleReport, SlotReport
    from interfaces.proto import pmi_pb2

HOUR_S: Final = 3600.0
FAREWELL_S: Final = 2.0  # that stopping may take
SHORTEST_S: Final = 0.001  # to wait: a timer may fire a hair before its time, and time must go on


class CavcUploader:
    """Off without a url: then it takes everything and sends nothing. `report` gets a line when the fate changes.

    Of targets and states only the newest counts: a slow server gets fewer pictures, never older ones. Near misses
    lie in a file of their own until the server has taken them.
    """

    def __init__(
        self,
        config: Config,
        sender: Sender,
        store: Path,
        *,
        utc_ns: Callable[[], int],
        report: Callable[[str], None],
        http: Http | None = None,
    ) -> None:
        upload = config.cavc.upload
        self.on = bool(upload.url)
        self._upload, self._utc_ns, self._report = upload, utc_ns, report
        self._present = Present(config, sender)
        self._own = AioHttp(upload) if self.on and http is None else None
        chosen = http or self._own
        self.client = Client(chosen, upload) if self.on and chosen is not None else None
        self._agenda = Agenda(
            {
                "aliveMonitoringInfo": upload.alive_period_s,
                "sensorInfo": HOUR_S,
                "useCaseInfo": HOUR_S,
                "roadsideUnitInfo": HOUR_S,
                "serviceLocationInfo": HOUR_S,
                "targetInfo": upload.targets_period_s,
            }
        )
        wanted = self.on and bool(upload.near_miss_url)
        self.near_misses = CavcNearMisses(config, store, utc_ns=utc_ns, tell=self._tell) if wanted else None
        self._changed = asyncio.Event()
        self._fates: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        if self.near_misses is not None:
            await self.near_misses.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.near_misses is not None:
            await self.near_misses.__aexit__(kind, error, trace)

    @property
    def trouble(self) -> str:
        """What a person should know, empty when all is well."""
        fates = "; ".join(fate for fate in self._fates.values() if fate)
        return f"cavc: {fates}" if fates else ""

    @property
    def counters(self) -> dict[str, int]:
        """How often what happened; empty when it is off."""
        if self.client is None:
            return {}
        waiting = {"near_misses_waiting": self.near_misses.waiting} if self.near_misses is not None else {}
        return {f"cavc_{kind}": count for kind, count in {**self.client.counts, **waiting}.items()}

    def see(self, tracks: Tracks) -> None:
        """The newest picture of the road."""
        if self.on:
            self._present.see(tracks)

    def hear(
        self,
        pole: PoleReport,
        slots: Sequence[SlotReport],
        ranges: Mapping[str, Sequence[pmi_pb2.DetectionRange]],
    ) -> None:
        """The newest state of the pole and of its slots, and the detection ranges in their data sheets."""
        if not self.on:
            return
        try:
            if self._present.hear(pole.availability, slots, ranges):
                self._changed.set()
        except Exception as error:  # noqa: BLE001 -- a document that cannot be made must not end the pole
            self._tell("state", f"{type(error).__name__}: {error}")
        else:
            self._tell("state", "")

    async def keep(self, publication: Publication) -> None:
        """Store a near miss; everything else that is published is let pass. On return it outlives power loss."""
        if self.near_misses is not None:
            await self.near_misses.keep(publication)

    async def run(self) -> None:
        """Send until cancelled, then say good-bye; returns at once when it is off."""
        if self.client is None:
            return
        async with self._own or contextlib.nullcontext():
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._documents(self.client), name="cavc documents")
                    if self.near_misses is not None:
                        group.create_task(self.near_misses.run(self.client), name="cavc near misses")
            finally:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(FAREWELL_S):
                        for name, made in self._present.leave(self._utc_ns()):
                            await self._send(self.client, name, made)

    async def _documents(self, client: Client) -> None:
        back_off = BackOff()
        while True:
            try:
                result = await self._step(client)
            except Exception as error:  # noqa: BLE001 -- a document that cannot be made must not end the pole
                result = Result(Outcome.FAILED, f"{type(error).__name__}: {error}")
            if result.outcome is Outcome.FAILED:
                self._tell("documents", f"{result.reason}; trying again")
                await asyncio.sleep(back_off.failed(random.random(), result.wait_s))  # noqa: S311 -- jitter, not a secret
            elif result.outcome is not Outcome.IDLE:
                back_off.succeeded()
                self._tell("documents", "")
            heed_cancellation()

    async def _step(self, client: Client) -> Result:
        """Send what is due, or wait until something is."""
        loop = asyncio.get_running_loop()
        self._changed.clear()
        contents = self._present.contents
        name = self._agenda.due(loop.time(), contents)
        if name is None:
            await _wait(self._changed, self._agenda.next_at() - loop.time())
            return Result(Outcome.IDLE)
        made = self._present.make(name, self._utc_ns())
        result = await self._send(client, name, made) if made else Result(Outcome.IDLE)
        if result.outcome is not Outcome.FAILED:
            refused = result.outcome is Outcome.REFUSED
            settle = self._agenda.refused if refused else self._agenda.taken
            settle(name, loop.time(), contents.get(name))
            self._tell(name, f"{name} was refused: {result.reason}" if refused else "")
        return result

    async def _send(self, client: Client, name: str, made: list[dict[str, Any]]) -> Result:
        """The documents of one kind; the first that is not taken ends it."""
        result = Result(Outcome.TAKEN)
        for document in made:
            result = await client.put(self._upload.url.rstrip("/") + DOCUMENTS[name].path, document)
            if result.outcome is not Outcome.TAKEN:
                break
        self._present.settle(name, made, taken=result.outcome is Outcome.TAKEN)
        return result

    def _tell(self, key: str, fate: str) -> None:
        if fate != self._fates.get(key, ""):
            self._fates[key] = fate
            self._report(fate or f"{key}: well again")


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(timeout_s, SHORTEST_S)):
            await event.wait()
