"""A faster rate on a serial line with one module, by agreement and with a way back, sans-IO (PMI §6).

Both sides begin at the rate the line is opened with. HELLO names the module's other rates; the controller answers the
first HELLO with BAUD, the module acknowledges at the old rate, then both change. Whoever hears no good frame for
BAUD_PATIENCE goes back, so a bad cable, a reboot or another module end at the rate where HELLO is heard.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from interfaces.asking import Asking, acknowledgement
from interfaces.frame import Flag, Frame
from interfaces.message import Message, decode, encode
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import ADDRESS_ALL, ADDRESS_CONTROLLER, ADDRESS_NONE, BAUD_PATIENCE, MessageType

if TYPE_CHECKING:
    from collections.abc import Collection


class BaudController:
    """The controller's side: holds the HELLO back until the rate is settled. `rate` is the one to speak now."""

    def __init__(self, start: int, limit: int) -> None:
        self.rate = start
        self._start, self._limit = start, limit
        self._asking = Asking()
        self._wish = 0
        self._hello: Frame | None = None
        self._who = b""
        self._failed = b""  # a boot that could not be heard at the agreed rate is not asked again
        self._proven = False
        self._heard_at = math.inf
        self._seq = 0
        self._out: list[Frame] = []

    def next_deadline(self) -> float | None:
        """When `tick` has something to do next (s), None for never."""
        due = min(self._asking.due, self._heard_at + BAUD_PATIENCE)
        return None if due == math.inf else due

    def take_frames(self) -> list[Frame]:
        """Frames to send now, at the rate that was valid before the call that queued them."""
        frames, self._out = self._out, []
        return frames

    def hear(self, frames: list[Frame], now: float) -> list[Frame]:
        """Good frames from the line; those for the session."""
        return [one for frame in frames for one in self._hear(frame, now)]

    def tick(self, now: float) -> list[Frame]:
        """Let time pass; a HELLO that waited in vain for its module's ACK goes on to the session."""
        if self._heard_at + BAUD_PATIENCE <= now:
            self._fall_back()
        if self._asking.due > now:
            return []
        frame = self._asking.again(now)
        if frame is not None:
            self._emit(frame)
            return []
        self._failed = self._who
        return self._release()

    def _hear(self, frame: Frame, now: float) -> list[Frame]:
        if self.rate != self._start:
            self._proven, self._heard_at = True, now
        if frame.type == MessageType.BAUD and frame.flags & Flag.ACK:
            return self._agreed(now) if self._asking.heard(frame) else []
        wish = self._wish_of(frame)
        if wish == 0:
            return [frame]
        if self._hello is None:
            body = encode(Message(MessageType.BAUD, pb.Baud(rate=wish), ADDRESS_CONTROLLER, ADDRESS_ALL))
            self._wish = wish
            request = body._replace(flags=Flag.ACK_REQ)
            self._asking.start(request, now)
            self._emit(request)
        self._hello = frame
        return []

    def _wish_of(self, frame: Frame) -> int:
        """The rate that a HELLO makes possible, 0 when there is nothing to gain."""
        message = decode(frame) if frame.type == MessageType.HELLO and self.rate == self._start else None
        if not isinstance(message, Message) or not isinstance(message.body, pb.Hello):
            return 0
        self._who = message.body.uid + message.body.boot_id.to_bytes(4, "little")
        possible = [rate for rate in message.body.baud_rates if self._start < rate <= self._limit]
        return max(possible, default=0) if self._who != self._failed else 0

    def _agreed(self, now: float) -> list[Frame]:
        self.rate, self._proven, self._heard_at = self._wish, False, now
        return self._release()

    def _fall_back(self) -> None:
        self.rate, self._heard_at = self._start, math.inf
        if not self._proven:
            self._failed = self._who

    def _release(self) -> list[Frame]:
        hello, self._hello = self._hello, None
        return [] if hello is None else [hello]

    def _emit(self, frame: Frame) -> None:
        self._seq = (self._seq + 1) & 0xFFFFFFFF
        frame = frame._replace(seq=self._seq)
        self._asking.sent(frame)
        self._out.append(frame)


class BaudModule:
    """The module's side. After `hear`, send what `take_frames` returns, then change to `rate`."""

    def __init__(self, start: int, rates: Collection[int]) -> None:
        self.rate = start
        self._start, self._rates = start, rates
        self._heard_at = 0.0
        self._out: list[Frame] = []

    def next_deadline(self) -> float | None:
        """When `tick` has something to do next (s), None for never."""
        return None if self.rate == self._start else self._heard_at + BAUD_PATIENCE

    def take_frames(self) -> list[Frame]:
        """The ACK, to be sent before the rate changes."""
        frames, self._out = self._out, []
        return frames

    def hear(self, frame: Frame, now: float) -> list[Frame]:
        """A good frame from the line; the session's part of it."""
        self._heard_at = now
        message = decode(frame)
        if not isinstance(message, Message) or not isinstance(message.body, pb.Baud) or frame.flags & Flag.ACK:
            return [frame]
        if message.body.rate in self._rates:
            self._out.append(acknowledgement(frame, ADDRESS_NONE))
            self.rate = message.body.rate
        return []

    def tick(self, now: float) -> None:
        """Go back when the controller is not heard any more."""
        if self._heard_at + BAUD_PATIENCE <= now:
            self.rate = self._start
