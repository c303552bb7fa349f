"""A client for who uses what poles publish: `async with Consumer(url) as c: async for event in c.hazards(area): …`.

What arrives is reference information (参考情報), never a command.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING, Any, Final, Self
from weakref import WeakSet, finalize

import aiomqtt

from interfaces.area import Area, Box
from interfaces.broker_connection import WITHIN_S, client_maker
from interfaces.cancellation import heed_cancellation
from interfaces.errors import ConfigError, LinkError, PoleError
from interfaces.event_reader import FilterReader, NearMissReader, events_of
from interfaces.hazard_reader import HazardReader
from interfaces.object_reader import ObjectReader
from interfaces.pole_reader import PoleReader
from interfaces.reception import Once, decode
from interfaces.stream import Stream
from interfaces.topics import ROOT

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from types import TracebackType

    from interfaces.hazard_reader import HazardEvent
    from interfaces.object_reader import Picture
    from interfaces.pole_reader import PoleEvent
    from interfaces.proto.publication_pb2 import NearMiss
    from interfaces.reception import PoleId, Received

LEAVE_S: Final = 0.5  # for answers that are on their way
BACK_OFF_S: Final = (0.25, 10.0)


class Consumer:
    """One connection, renewed for ever once it stood, with all its streams; they may be opened and left at any time.

    `url`: mqtt://host[:port] or mqtts://host[:port]; `tls` None trusts the authorities of this machine. `report` gets
    one readable line at each change of the connection's fate and for each kind of publication that cannot be read.
    A `patient` one keeps trying for the first connection, too: entering it takes until a broker is there.
    `connect` makes a client of another kind for each connection; the url then only names it.
    """

    def __init__(
        self,
        url: str,
        *,
        tls: ssl.SSLContext | None = None,
        username: str | None = None,
        password: str | None = None,
        root: str = ROOT,
        report: Callable[[str], None] = lambda _: None,
        patient: bool = False,
        connect: Callable[[], aiomqtt.Client] | None = None,
    ) -> None:
        self.connected = asyncio.Event()
        self._url, self._root, self._report, self._patient = url, root, report, patient
        self._connect = connect or client_maker(url, tls, username, password)
        self._streams: WeakSet[Stream[Any, Any]] = WeakSet()
        self._settled: WeakSet[Stream[Any, Any]] = WeakSet()
        self._subscribed: set[str] = set()
        self._changed, self._settling = asyncio.Event(), asyncio.Lock()
        self._told, self._unread = "", Once(256)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Connect; LinkError when that fails and this one is not patient, ConfigError for a mistake of the caller's."""
        first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run(first))
        self._task.add_done_callback(lambda task: self._ended(task, first))
        try:
            await first
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the broker and end all streams."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                await self._settling.acquire()  # aiomqtt logs an answer that nobody waits for as an error
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def hazards(self, area: Area | str | None = None) -> Stream[HazardReader, HazardEvent]:
        """What begins, changes and ends in an area or on a route; `reader.live` is what holds. A str is a 空間ID."""
        return Stream(HazardReader(_area(area)), self._open)

    def near_misses(self, area: Area | str | None = None) -> Stream[NearMissReader, NearMiss]:
        """Near misses (ヒヤリハット) from now on, each once."""
        return Stream(NearMissReader(_area(area)), self._open)

    def objects(self, *poles: PoleId, area: Area | str | None = None) -> Stream[ObjectReader, Picture]:
        """Road users in motion: newest picture of each pole, and that it became stale. Name poles where many are."""
        return Stream(ObjectReader(poles, _area(area)), self._open)

    def poles(self, area: Area | str | None = None) -> Stream[PoleReader, PoleEvent]:
        """How the poles that stand in an area are, and that one fell silent."""
        return Stream(PoleReader(_area(area)), self._open)

    def received(self, *filters: str, area: Area | str | None = None) -> Stream[FilterReader, Received]:
        """What some filters below the root cover, as it comes, also what cannot be read; events elsewhere left out.

        Without filters: everything, or with an area hazards, near misses and weather there.
        """
        place = _area(area)
        return Stream(FilterReader(filters or (events_of(place) if place else ("#",)), place), self._open)

    def _open(self, stream: Stream[Any, Any]) -> None:
        self._streams.add(stream)
        finalize(stream, self._changed.set)  # who leaves the loop over a stream wants its filters no more
        self._changed.set()
        if self._task is None or self._task.done():
            stream.end(LinkError(f"broker {self._url}: not connected; use `async with`"))

    def _ended(self, task: asyncio.Task[None], first: asyncio.Future[None]) -> None:
        reason = None if task.cancelled() else task.exception()
        for stream in list(self._streams):
            stream.end(reason or StopAsyncIteration())
        if reason is not None and not first.done():
            first.set_exception(reason)

    async def _run(self, first: asyncio.Future[None]) -> None:
        delay = BACK_OFF_S[0]
        while True:
            try:
                await self._connection(first)
            except* (aiomqtt.MqttError, OSError, PoleError) as errors:
                reason = _first(errors)
                if not first.done() and isinstance(reason, ConfigError):
                    first.set_exception(reason)
                elif not first.done() and not self._patient:
                    first.set_exception(LinkError(f"broker {self._url}: {reason}"))
                else:
                    self._tell(f"broker {self._url}: {reason}; trying again")
                delay = BACK_OFF_S[0] if self.connected.is_set() else min(delay * 2, BACK_OFF_S[1])
            finally:
                self.connected.clear()
                self._subscribed.clear()
                self._settled.clear()
            heed_cancellation()
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 -- jitter, not a secret

    async def _connection(self, first: asyncio.Future[None]) -> None:
        async with self._connect() as client, asyncio.TaskGroup() as group:
            heed_cancellation()  # aiomqtt waits with wait_for, which can swallow one on 3.11
            self.connected.set()
            self._tell(f"broker {self._url}: connected")
            if not first.done():
                first.set_result(None)
            self._changed.set()
            group.create_task(self._settle(client))
            await self._receive(client)  # a 3.11 TaskGroup that only waits leaves its task cancelled after a failure

    async def _receive(self, client: aiomqtt.Client) -> None:
        clock = asyncio.get_running_loop().time
        async for message in client.messages:
            said = getattr(message.properties, "UserProperty", ())
            left_s = getattr(message.properties, "MessageExpiryInterval", None)
            one = decode(str(message.topic), bytes(message.payload), self._root, dict(said), left_s)
            if one is not None:
                self._hand_out(one, clock())
            heed_cancellation()

    def _hand_out(self, one: Received, now_s: float) -> None:
        if one.error and self._unread.first((one.kind, one.error)):
            self._report(f"{one.topic}: {one.error}")
        for stream in list(self._streams):
            stream.put(one, now_s)

    async def _settle(self, client: aiomqtt.Client) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            async with self._settling:
                await self._settle_now(client)

    async def _settle_now(self, client: aiomqtt.Client) -> None:
        """Make the subscriptions those that the streams need; a new stream asks anew, for what is retained."""
        for stream in [one for one in self._streams if one not in self._settled]:
            self._settled.add(stream)
            await self._subscribe(client, stream)
            heed_cancellation()
        for one in self._subscribed - {one for stream in self._streams for one in stream.reader.filters}:
            self._subscribed.discard(one)
            await client.unsubscribe(f"{self._root}/{one}")
            heed_cancellation()

    async def _subscribe(self, client: aiomqtt.Client, stream: Stream[Any, Any]) -> None:
        filters = stream.reader.filters
        try:
            answers = await client.subscribe([(f"{self._root}/{one}", 1) for one in filters], timeout=WITHIN_S)
        except ValueError:
            stream.end(ConfigError(f"{' '.join(filters)}: + and # stand alone between slashes, # only at the end"))
            return
        self._subscribed.update(filters)
        for one, answer in zip(filters, answers, strict=False):
            if getattr(answer, "is_failure", False):
                stream.end(LinkError(f"broker {self._url} does not let us read {self._root}/{one}: {answer}"))

    def _tell(self, fate: str) -> None:
        if fate != self._told:
            self._told = fate
            self._report(fate)


def _area(area: Area | str | None) -> Area | None:
    return Box.parse(area) if isinstance(area, str) else area


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = errors.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
