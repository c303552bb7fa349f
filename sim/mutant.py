"""Modules that do one thing wrong each, for a conformance suite to notice. A mutant sits between session and wire."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from interfaces.errors import LinkError
from interfaces.frame import Frame, encode
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import MessageType
from sim.wire import PacedLink, SerialWire

if TYPE_CHECKING:
    from pathlib import Path

# What goes out for a frame the module wants to send: nothing, others, or raw bytes.
Outgoing = Callable[[Frame], Iterable[Frame | bytes]]
Incoming = Callable[[Frame], Iterable[Frame]]


@dataclass(frozen=True, slots=True)
class Mutant:
    """`killed_by` is the requirement that it breaks."""

    name: str
    killed_by: str
    outgoing: Outgoing = lambda frame: [frame]
    incoming: Incoming = lambda frame: [frame]
    again_s: float = 0.0  # repeat the last HELLO this often, addressed or not


class MutantLink:
    """A link that changes what passes."""

    def __init__(self, link: PacedLink, mutant: Mutant) -> None:
        self._link, self._mutant = link, mutant
        self._hello: Frame | None = None
        self._repeating: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """As the wire."""
        return self._link.name

    @property
    def address(self) -> int:
        """As the wire."""
        return self._link.address

    @property
    def faults(self) -> dict[str, int]:
        """As the wire."""
        return self._link.faults

    async def receive(self) -> list[Frame]:
        """What the mutant lets through."""
        while True:
            frames = [one for frame in await self._link.receive() for one in self._mutant.incoming(frame)]
            if frames:
                return frames

    def send(self, frame: Frame) -> None:
        """What the mutant makes of it."""
        if frame.type == MessageType.HELLO and self._mutant.again_s and self._repeating is None:
            self._hello = frame
            self._repeating = asyncio.create_task(self._repeat())
        for one in self._mutant.outgoing(frame):
            self._link.send_bytes(one if isinstance(one, bytes) else encode(one))

    async def close(self) -> None:
        """Give the wire back."""
        if self._repeating is not None:
            self._repeating.cancel()
        await self._link.close()

    async def _repeat(self) -> None:
        while self._hello is not None:
            await asyncio.sleep(self._mutant.again_s)
            with contextlib.suppress(LinkError):
                self._link.send(self._hello)


class MutantWire(SerialWire):
    """A wire whose module is a mutant."""

    def __init__(self, path: Path, mutant: Mutant) -> None:
        super().__init__(path)
        self._mutant = mutant
        self._mutant_link: MutantLink | None = None

    def plug(self) -> MutantLink:  # type: ignore[override]  # both are links, which is all a module asks for
        """Make the port appear."""
        if self._mutant_link is None:
            self._mutant_link = MutantLink(super().plug(), self._mutant)
        return self._mutant_link

    async def unplug(self) -> None:
        """Pull it out."""
        if self._mutant_link is not None:
            await self._mutant_link.close()
            self._mutant_link = None
        await super().unplug()


def _bad_crc(frame: Frame) -> Iterable[Frame | bytes]:
    wire = bytearray(encode(frame))
    if frame.type == MessageType.HEARTBEAT or frame.seq % 5 == 0:
        wire[-2] = wire[-2] % 255 + 1
    return [bytes(wire)]


def _of(kind: MessageType, change: Callable[[Frame], Iterable[Frame | bytes]]) -> Outgoing:
    return lambda frame: change(frame) if frame.type == kind else [frame]


def _without(kind: MessageType) -> Outgoing:
    return _of(kind, lambda _frame: [])


def _short_uid(frame: Frame) -> Iterable[Frame | bytes]:
    hello = pb.Hello.FromString(frame.payload)
    hello.uid = hello.uid[:8]
    return [frame._replace(payload=hello.SerializeToString())]


def _other_hash(frame: Frame) -> Iterable[Frame | bytes]:
    hello = pb.Hello.FromString(frame.payload)
    hello.sheet_hash = hello.sheet_hash[::-1]
    return [frame._replace(payload=hello.SerializeToString())]


def _other_offset(frame: Frame) -> Iterable[Frame | bytes]:
    chunk = pb.SheetChunk.FromString(frame.payload)
    chunk.offset += 1
    return [frame._replace(payload=chunk.SerializeToString())]


def _other_plan(frame: Frame) -> Iterable[Frame | bytes]:
    activated = pb.Activated.FromString(frame.payload)
    for plan in activated.plans:
        plan.rate_mhz *= 2
    return [frame._replace(payload=activated.SerializeToString())]


def _other_token(frame: Frame) -> Iterable[Frame | bytes]:
    return [frame._replace(payload=pb.Pong(token=5).SerializeToString())]


def _time_backwards(frame: Frame) -> Iterable[Frame | bytes]:
    reply = pb.TimeReply.FromString(frame.payload)
    reply.module_rx_us, reply.module_tx_us = reply.module_tx_us + 50, reply.module_rx_us
    return [frame._replace(payload=reply.SerializeToString())]


class _AnySession:
    """Takes every frame for one of its own session."""

    def __init__(self) -> None:
        self._session = 0

    def __call__(self, frame: Frame) -> Iterable[Frame]:
        if frame.type == MessageType.ASSIGN:
            self._session = pb.Assign.FromString(frame.payload).session
        return [frame._replace(session=self._session)] if frame.session else [frame]


MUTANTS: Final = (
    Mutant("sends bad CRCs", "PMI-SER-001", _bad_crc),
    Mutant("never says HELLO", "PMI-SES-001", _without(MessageType.HELLO)),
    Mutant("floods HELLO", "PMI-SES-002", again_s=0.3),
    Mutant("has a short uid", "PMI-SES-003", _of(MessageType.HELLO, _short_uid)),
    Mutant("says HELLO when addressed", "PMI-SES-004", again_s=1.0),
    Mutant("answers another offset", "PMI-SES-005", _of(MessageType.SHEET_CHUNK, _other_offset)),
    Mutant("announces another hash", "PMI-SES-006", _of(MessageType.HELLO, _other_hash)),
    Mutant("changes its plan", "PMI-SES-008", _of(MessageType.ACTIVATED, _other_plan)),
    Mutant("sends data thrice", "PMI-SES-009", _of(MessageType.DETECTIONS, lambda frame: [frame] * 3)),
    Mutant("has no heartbeat", "PMI-SES-010", _without(MessageType.HEARTBEAT)),
    Mutant("answers PING with another token", "PMI-SES-011", _of(MessageType.PONG, _other_token)),
    Mutant("tells time backwards", "PMI-SES-012", _of(MessageType.TIME_REPLY, _time_backwards)),
    Mutant("is silent about unknown types", "PMI-SES-013", _without(MessageType.UNSUPPORTED)),
    Mutant("answers every session", "PMI-SES-014", incoming=_AnySession()),
)
