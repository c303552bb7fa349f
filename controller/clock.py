"""The one place that reads the machine's clocks, and the pole's own time, which never runs backwards (PMI §5)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

STEP_NS: Final = 50_000_000  # more than this between two looks is a step, not a drift
SLEW_PPM: Final = 500  # as the kernel slews
NS_PER_S: Final = 1_000_000_000


class PoleClock:
    """UTC as the pole publishes it: `wall()` followed slowly, in ns, on `steady()`, which only counts up.

    A system clock that is set forward (as at the first NTP answer after a start without a battery clock) is followed
    at once. One that is set back is not: time goes on, at most 500 ppm slower, until the system clock has caught up.
    """

    def __init__(self, wall: Callable[[], int], steady: Callable[[], int]) -> None:
        self._wall, self._steady = wall, steady
        self._looked_at = steady()
        self._offset = wall() - self._looked_at
        self._ahead = 0
        self.steps = 0  # how often the system clock was set, either way
        self.last_step_s = 0.0

    def now_ns(self) -> int:
        """UTC in ns since 1970."""
        steady = self._steady()
        ahead = steady + self._offset - self._wall()
        if abs(ahead - self._ahead) > STEP_NS:
            self.steps += 1
            self.last_step_s = (self._ahead - ahead) / NS_PER_S
        if ahead < -STEP_NS:
            self._offset -= ahead
            ahead = 0
        else:
            most = (steady - self._looked_at) * SLEW_PPM // 1_000_000
            slewed = max(-most, min(most, ahead))
            self._offset -= slewed
            ahead -= slewed
        self._looked_at, self._ahead = steady, ahead
        return steady + self._offset

    @property
    def error_s(self) -> float:
        """How far the pole's time is from the system's."""
        return abs(self._ahead) / NS_PER_S

    @property
    def trouble(self) -> str:
        """What a person should know, empty when all is well."""
        if self._ahead <= STEP_NS:
            return ""
        return (
            f"the system clock was set back: published time is {self.error_s:.1f} s ahead of it; "
            "restart the service to follow at once"
        )


CLOCK: Final = PoleClock(time.time_ns, time.monotonic_ns)


def utc_ns() -> int:
    """UTC in ns since 1970, never less than before."""
    return CLOCK.now_ns()
