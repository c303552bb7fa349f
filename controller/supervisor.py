"""One task a slot, for ever: wait for a module, move its frames, start again. Nothing a module does ends it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from interfaces.errors import LinkError, PoleError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from controller.slot_keeper import SlotKeeper
    from interfaces.link import Link
    from interfaces.proto import pmi_pb2 as pb

BACK_OFF_S: Final = (0.02, 1.0)
FRAMES_A_TURN: Final = 64  # then others have their turn: a flood on one wire is not a flood on the loop


class Supervisor:
    """Joins a slot's wire and its keeper. `arrive()` waits for a module and gives its link; `report` gets
    (event, text) for the log; `changed` is called after a change of state, `moved` after frames were taken in."""

    def __init__(
        self,
        keeper: SlotKeeper,
        arrive: Callable[[], Awaitable[Link]],
        *,
        utc_ns: Callable[[], int],
        report: Callable[[str, str], None],
        changed: Callable[[], None],
        moved: Callable[[], None] = lambda: None,
    ) -> None:
        self.keeper = keeper
        self._arrive, self._utc_ns, self._report, self._changed = arrive, utc_ns, report, changed
        self._moved = moved
        self._link: Link | None = None
        self._back_off_s = BACK_OFF_S[0]
        self._newest_state = ""

    @property
    def faults(self) -> Mapping[str, int]:
        """The open link's counters."""
        return self._link.faults if self._link is not None else {}

    def send_radio(self, body: pb.RadioSend) -> bool:
        """Hand a payload to the module's radio; False when there is none that serves. A dead wire is `run`'s matter."""
        if self._link is None or not self.keeper.session.send_radio(body, now=asyncio.get_running_loop().time()):
            return False
        with suppress(LinkError):
            self._send(self._link)
        return True

    def identify(self, seconds: int) -> bool:
        """Let the serving module show itself; False when its wire is gone."""
        if self._link is None:
            return False
        self.keeper.session.identify(seconds, now=asyncio.get_running_loop().time())
        with suppress(LinkError):
            self._send(self._link)
        return True

    def self_test(self) -> bool:
        """Let the serving module test itself; `keeper.tested` follows. False when its wire is gone."""
        if self._link is None:
            return False
        self.keeper.session.self_test(now=asyncio.get_running_loop().time())
        with suppress(LinkError):
            self._send(self._link)
        return True

    async def run(self) -> None:
        """Serve the slot until cancelled."""
        while True:
            try:
                await self._serve()
            except PoleError as error:
                self._unplugged(str(error))
            except Exception as error:  # noqa: BLE001 -- a bug met through one module must not take the others down
                self._report("slot_failed", f"{type(error).__name__}: {error}")
                self._unplugged("internal error, starting again")
            await asyncio.sleep(self._back_off_s)
            self._back_off_s = min(self._back_off_s * 2, BACK_OFF_S[1])

    async def _serve(self) -> None:
        link = await self._arrive()
        self._link = link
        self.keeper.session.address = link.address
        try:
            while True:
                await self._turn(link)
        finally:
            self._link = None
            await link.close()

    async def _turn(self, link: Link) -> None:
        loop = asyncio.get_running_loop()
        session = self.keeper.session
        try:
            async with asyncio.timeout_at(self.keeper.next_deadline()):
                frames = await link.receive()
        except TimeoutError:
            frames = []
        for index, frame in enumerate(frames):
            now, wall_ns = loop.time(), self._utc_ns()
            self.keeper.handle(session.receive(frame, now, wall_ns), now, wall_ns)
            self._send(link)
            if index % FRAMES_A_TURN == FRAMES_A_TURN - 1:
                await asyncio.sleep(0)
        now, wall_ns = loop.time(), self._utc_ns()
        self.keeper.handle(session.tick(now, wall_ns), now, wall_ns)
        self.keeper.judge(now, wall_ns)
        self._send(link)
        self._tell()
        if frames:
            self._moved()

    def _send(self, link: Link) -> None:
        for frame in self.keeper.session.take_frames():
            link.send(frame)

    def _unplugged(self, reason: str) -> None:
        now = asyncio.get_running_loop().time()
        if self.keeper.session.hello is not None:
            self.keeper.handle(self.keeper.session.link_lost(now=now, reason=reason), now, self._utc_ns())
        self._tell()

    def _tell(self) -> None:
        while self.keeper.told:
            self._report("module", self.keeper.told.popleft())
        state = self.keeper.session.state
        if state != self._newest_state:
            self._newest_state = state
            self._back_off_s = BACK_OFF_S[0]
            self._report("slot_state", f"{state}: {self.keeper.session.reason}")
            self._changed()
