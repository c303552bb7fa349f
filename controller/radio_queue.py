"""What waits for one comms module: hazards all and first, of a picture the newest, no more than its wire can bear."""

from __future__ import annotations

import math
from collections import Counter, deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.radio import TxPayload
    from interfaces.wire_cost import WireCost

SHARE: Final = 0.3  # of the wire's time: what the budget leaves beside data and control (PMI §5)
BURST_S: Final = 0.3  # of the wire's time that may be saved up, and that hazards may borrow
HAZARDS_MAX: Final = 64


class RadioQueue:
    """`counters`: payloads sent, replaced by a newer picture, expired, and hazards that found no room."""

    def __init__(self, cost: WireCost) -> None:
        self.counters: Counter[str] = Counter()
        self._cost = cost
        self._hazards: deque[tuple[float, TxPayload]] = deque()
        self._pictures: dict[int, tuple[float, Sequence[TxPayload]]] = {}
        self._turns: dict[int, float] = {}  # when each stream went last: the wire is shared, not won
        self._credit_s = BURST_S
        self._at = 0.0

    def offer(self, payloads: Sequence[TxPayload], now: float) -> None:
        """Take in what is due (steady s); the parts of a picture come together."""
        for one in payloads:
            if one.sending.stream == 0:
                self._hazards.append((now + one.sending.lifetime_ms / 1000, one))
        while len(self._hazards) > HAZARDS_MAX:
            self._hazards.popleft()
            self.counters["overflow"] += 1
        for stream in dict.fromkeys(one.sending.stream for one in payloads if one.sending.stream):
            parts = [one for one in payloads if one.sending.stream == stream]
            self.counters["replaced"] += len(self._pictures.pop(stream, (0.0, ()))[1])
            self._pictures[stream] = now + parts[0].sending.lifetime_ms / 1000, parts

    def take(self, now: float) -> list[TxPayload]:
        """What may go to the module now (steady s)."""
        self._credit_s = min(BURST_S, self._credit_s + SHARE * (now - self._at))
        self._at = now
        taken: list[TxPayload] = []
        while self._hazards and self._credit_s > -BURST_S:
            until, one = self._hazards.popleft()
            self._spend([one], taken, expired=until < now)
        for stream in sorted(self._pictures, key=lambda one: self._turns.get(one, -math.inf)):
            until, parts = self._pictures[stream]
            if until < now or (self._credit_s > 0 and not self._hazards):
                self._spend(parts, taken, expired=until < now)
                self._turns[stream] = now if until >= now else self._turns.get(stream, -math.inf)
                del self._pictures[stream]
        return taken

    def _spend(self, parts: Sequence[TxPayload], taken: list[TxPayload], *, expired: bool) -> None:
        self.counters["expired" if expired else "sent"] += len(parts)
        if not expired:
            self._credit_s -= sum(self._cost.message_s(len(one.data)) for one in parts)
            taken += parts
