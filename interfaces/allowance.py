"""How often something may happen: a token bucket on the caller's clock."""

from __future__ import annotations


class Allowance:
    """At most `burst` at once and `rate_hz` in the long run."""

    __slots__ = ("_burst", "_rate_hz", "_since", "_tokens")

    def __init__(self, burst: float, rate_hz: float) -> None:
        self._burst = burst
        self._rate_hz = rate_hz
        self._tokens = burst
        self._since: float | None = None

    def take(self, now: float) -> bool:
        """Whether one more may happen at `now` (s)."""
        elapsed = 0.0 if self._since is None else max(0.0, now - self._since)
        self._since = now
        self._tokens = min(self._burst, self._tokens + elapsed * self._rate_hz)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
