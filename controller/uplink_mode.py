"""Which way a pole publishes: in full, or within bytes a second; by configuration, by command, by what is reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from modules.comms import CommsReading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from controller.config import Uplink

Mode = Literal["auto", "full", "narrow"]
WIDE_B_PER_S: Final = 125_000.0  # 1 Mbit/s: from here on the pole says everything
LEAST_B_PER_S: Final = 1_200.0  # 9,600 bit/s: what "narrow" means when nobody says how much
FLOOR_B_PER_S: Final = 240.0  # 2,400 bit/s: who claims less must not silence the pole
OURS: Final = 0.8  # of a reported capacity
CALM_S: Final = 30.0  # a link has to be wide, or unreported, for so long before it is believed


def reported_bps(readings: Iterable[object]) -> int:
    """The best uplink of the comms modules that serve, bit/s; 0 when none says."""
    told = (one for one in readings if isinstance(one, CommsReading) and one.up)
    return max((one.uplink_bps for one in told), default=0)


@dataclass(slots=True)
class UplinkMode:
    """What stands in pole.toml until a command says something else."""

    mode: Mode
    bytes_per_s: float  # 0: no bound
    _decided: float = 0.0
    _narrow_at: float = -CALM_S

    @classmethod
    def of(cls, config: Uplink) -> UplinkMode:
        """As configured."""
        return cls(config.mode, config.bytes_per_s)

    def decide(self, reported: int, now: float) -> float:
        """Bytes a second, 0 for a full uplink; `reported` in bit/s, 0 when unknown. Narrow at once, wide when calm."""
        known = [one for one in (self.bytes_per_s, reported / 8 * OURS) if one > 0]
        budget = min(known, default=0.0)
        if self.mode == "full":
            budget = 0.0
        elif self.mode == "narrow":
            budget = budget or LEAST_B_PER_S
        elif budget >= WIDE_B_PER_S or not budget:
            budget = self._decided if now - self._narrow_at < CALM_S else 0.0
        else:
            self._narrow_at = now
        self._decided = max(budget, FLOOR_B_PER_S) if budget else 0.0
        return self._decided
