"""Messages without a reply that must arrive: said with ACK_REQ and again until their ACK comes (PMI §5)."""

from __future__ import annotations

import math

from interfaces.frame import Flag, Frame
from interfaces.spec import REPLY_TIMEOUT, REQUEST_RETRIES


class Asking:
    """At most one message waits (window 1): a newer one takes its place. Each repeat is numbered anew.

    An ACK proves nothing about who sent it; all it ends is the repetition.
    """

    def __init__(self) -> None:
        self.due = math.inf
        self._frame: Frame | None = None
        self._seqs: set[int] = set()
        self._left = 0

    def start(self, frame: Frame, now: float) -> None:
        """Wait for the ACK of `frame`, which is about to be sent."""
        self._frame, self._left = frame, REQUEST_RETRIES
        self._seqs.clear()
        self.due = now + REPLY_TIMEOUT

    def sent(self, frame: Frame) -> None:
        """A frame left with its number."""
        if frame.flags & Flag.ACK_REQ and self._frame is not None:
            self._seqs.add(frame.seq)

    def again(self, now: float) -> Frame | None:
        """The message once more, None when it was said often enough."""
        if self._left == 0:
            self.stop()
            return None
        self._left -= 1
        self.due = now + REPLY_TIMEOUT
        return self._frame

    def heard(self, frame: Frame) -> bool:
        """Whether `frame` is the ACK that was awaited; then nothing is."""
        asked = self._frame
        if asked is None or (frame.type, frame.session) != (asked.type, asked.session) or frame.seq not in self._seqs:
            return False
        self.stop()
        return True

    def stop(self) -> None:
        """Wait no more."""
        self._frame, self.due = None, math.inf


def acknowledgement(frame: Frame, src: int) -> Frame:
    """The empty frame of the same type, session and number that says: it arrived."""
    return Frame(frame.type, b"", src, frame.src, frame.session, frame.seq, frame.priority, Flag.ACK)
