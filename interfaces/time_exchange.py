"""Two-way time exchange with one module, one request at a time (PMI §5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interfaces.events import TimeSample
from interfaces.proto import pmi_pb2 as pb

if TYPE_CHECKING:
    from google.protobuf.message import Message as Body


class TimeExchange:
    """Numbers requests and believes only the answer to the newest one."""

    def __init__(self) -> None:
        self.replies = 0
        self._token = 0
        self._asked: pb.TimeRequest | None = None

    @property
    def idle(self) -> bool:
        """Whether no answer is awaited."""
        return self._asked is None

    def request(self, now_us: int) -> pb.TimeRequest:
        """The next request; an older one without answer is given up."""
        self._token = (self._token + 1) & 0xFFFFFFFF
        self._asked = pb.TimeRequest(token=self._token, controller_tx_us=now_us)
        return self._asked

    def sample(self, reply: Body, now_us: int) -> TimeSample | str:
        """The sample a reply gives, or what is wrong with it."""
        asked = self._asked
        if not isinstance(reply, pb.TimeReply) or asked is None or reply.token != asked.token:
            return "TIME_REPLY to no open TIME_REQUEST"
        if reply.controller_tx_us != asked.controller_tx_us or reply.module_tx_us < reply.module_rx_us:
            return "TIME_REPLY does not echo its request, or its times run backwards"
        self._asked = None
        self.replies += 1
        return TimeSample(
            asked.controller_tx_us,
            reply.module_rx_us,
            reply.module_tx_us,
            now_us,
            reply.clock_err_us,
            reply.clock_state,
        )

    def stop(self) -> None:
        """Forget what is open and how many answers came."""
        self.replies = 0
        self._asked = None
