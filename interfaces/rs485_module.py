"""The module's side of an RS-485 line, sans-IO: silent until asked, found by uid (PMI §6). A model for vendors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from interfaces.branch_search import within
from interfaces.frame import Flag, Frame
from interfaces.message import Message, decode, encode, is_data
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import (
    ADDRESS_ALL,
    ADDRESS_CONTROLLER,
    ADDRESS_NONE,
    RS485_ANSWER_SIZE,
    RS485_UNMUTE,
    MessageType,
)

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_QUEUED: Final = 64
DATA_QUEUED: Final = 2


class Rs485Module:
    """Stands between a `ModuleSession` and the line. Its uid is the one of the HELLO that the session queues.

    Give `receive` every good frame heard; it returns those for the session. Then, once the session has had its turn
    and within 20 ms, send what `answer` returns.
    """

    def __init__(self) -> None:
        self.address = ADDRESS_NONE
        self.muted = False
        self._uid = b""
        self._boot_id = 0
        self._queue: list[tuple[tuple[int, int], Frame]] = []
        self._polled: Frame | None = None
        self._reply: list[Frame] = []
        self._asked_at = 0.0

    @property
    def asked(self) -> bool:
        """Whether the controller waits for an answer."""
        return self._polled is not None or bool(self._reply)

    def queue(self, frame: Frame) -> None:
        """Keep a frame of the session until it is polled; only the newest HELLO, and two of each channel's data.

        One of the two may wait while the line is busy with somebody else, so that a short delay loses nothing.
        """
        message = decode(frame)
        alike, most = (frame.type, 0), MAX_QUEUED
        if isinstance(message, Message) and isinstance(message.body, pb.Hello):
            self._uid, self._boot_id = message.body.uid, message.body.boot_id
            most = 1
        elif isinstance(message, Message) and is_data(frame.type):
            alike, most = (frame.type, getattr(message.body, "channel", 0)), DATA_QUEUED
        waiting = [i for i, (kind, _) in enumerate(self._queue) if kind == alike]
        if len(waiting) >= most:
            del self._queue[waiting[0]]
        self._queue.append((alike, frame))
        del self._queue[:-MAX_QUEUED]

    def receive(self, frame: Frame, now: float) -> list[Frame]:
        """Take one good frame from the line; the session's part of it."""
        if frame.src != ADDRESS_CONTROLLER:
            return []
        self._polled, self._reply = None, []  # who asks anew, anybody, no longer waits for what was asked before
        if self.muted and now - self._asked_at >= RS485_UNMUTE and frame.dst != self.address:
            self._unmute()
        if frame.dst not in {self.address or ADDRESS_ALL, ADDRESS_ALL}:
            return []
        answer = _ANSWERS.get(frame.type)
        if answer is None:
            return [frame]
        answer(self, frame, now)
        return []

    def answer(self) -> list[Frame]:
        """Frames to send now, the last one without MORE; none when nothing was asked."""
        if self._polled is None:
            reply, self._reply = self._reply, []
            return reply
        polled, self._polled = self._polled, None
        frames: list[Frame] = []
        size = 0
        for _, frame in self._queue:
            size += len(frame.payload) + len(frame.tag)
            if frames and size > RS485_ANSWER_SIZE:
                break
            frames.append(frame._replace(src=frame.src or self.address, flags=frame.flags | Flag.MORE))
        del self._queue[: len(frames)]
        if not frames:
            return [self._ack(polled)]
        frames[-1] = frames[-1]._replace(flags=frames[-1].flags & ~Flag.MORE)
        return frames

    def _on_poll(self, frame: Frame, now: float) -> None:
        if frame.dst == self.address:
            self._asked_at = now
            self._polled = frame

    def _on_branch(self, frame: Frame, _now: float) -> None:
        message = decode(frame)
        if self.muted or not self._uid or not isinstance(message, Message) or not isinstance(message.body, pb.Branch):
            return
        if within(self._uid, message.body.lower, message.body.upper):
            body = pb.Present(uid=self._uid, boot_id=self._boot_id)
            self._reply = [encode(Message(MessageType.PRESENT, body, ADDRESS_NONE, ADDRESS_CONTROLLER, 0, frame.seq))]

    def _on_mute(self, frame: Frame, now: float) -> None:
        message = decode(frame)
        if not isinstance(message, Message) or not isinstance(message.body, pb.Mute):
            return
        body = message.body
        if not body.uid:
            self._unmute()
        elif (body.uid, body.boot_id) == (self._uid, self._boot_id):
            self.muted, self.address, self._asked_at = True, body.address & 0xFF, now
            self._reply = [self._ack(frame)] if frame.flags & Flag.ACK_REQ else []

    def _unmute(self) -> None:
        self.muted, self.address = False, ADDRESS_NONE

    def _ack(self, frame: Frame) -> Frame:
        return Frame(frame.type, b"", self.address, ADDRESS_CONTROLLER, 0, frame.seq, frame.priority, Flag.ACK)


_ANSWERS: Final[dict[int, Callable[[Rs485Module, Frame, float], None]]] = {
    MessageType.POLL: Rs485Module._on_poll,  # noqa: SLF001 -- its own table
    MessageType.BRANCH: Rs485Module._on_branch,  # noqa: SLF001 -- as above
    MessageType.MUTE: Rs485Module._on_mute,  # noqa: SLF001 -- as above
}
