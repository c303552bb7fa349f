"""How fast to ask a server: so many requests a second, and ever more slowly while it fails."""

from __future__ import annotations

from collections import deque
from typing import Final

REQUESTS_PER_S: Final = 5  # what the system's own collector keeps to
WAITS_S: Final = (0.5, 60.0)


class Pace:
    """At most `count` requests in any one second."""

    def __init__(self, count: int = REQUESTS_PER_S) -> None:
        self._planned: deque[float] = deque(maxlen=count)

    def reserve(self, now: float) -> float:
        """Plan one request: how many seconds from now it may leave."""
        full = len(self._planned) == self._planned.maxlen
        at = max(now, self._planned[0] + 1.0) if full else now
        self._planned.append(at)
        return at - now


class BackOff:
    """Doubling waits from half a second to a minute; what the server asks for counts when it is longer."""

    def __init__(self) -> None:
        self.failures = 0  # in a row

    def failed(self, chance: float, asked_s: float = 0.0) -> float:
        """Seconds to wait; `chance` from 0 to 1 spreads poles that failed together over half the wait."""
        low, high = WAITS_S
        wait_s = min(low * 2.0 ** min(self.failures, 16), high)
        self.failures += 1
        return max(wait_s * (0.5 + 0.5 * chance), min(asked_s, high))

    def succeeded(self) -> None:
        """All is well again."""
        self.failures = 0
