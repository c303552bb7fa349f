"""DE_…信頼度: how sure a number is, in the codes of RC-013 §6, which CAVC shares. 0 is unknown, the highest surest."""

from __future__ import annotations

import math
from typing import Final

# At most so much error with 95 %, from the surest code down; the code after the last row is "more".
POSITION: Final = (0.1, 1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 75.0, 100.0)  # m
SPEED: Final = (0.05, 0.1, 0.5, 1.0, 5.0, 10.0)  # m/s
HEADING: Final = (0.5, 1.0, 5.0, 10.0, 20.0, 30.0)  # degrees
SIGMAS: Final = 1.96  # 95 % of a normal error


def code(rows: tuple[float, ...], sigma: float) -> int:
    """The code of a standard deviation; 0 when it is not finite."""
    return 1 + sum(bound >= SIGMAS * sigma for bound in rows) if math.isfinite(sigma) else 0


def sigma(rows: tuple[float, ...], value: int) -> float:
    """The greatest standard deviation that a code allows; NaN for unknown, and for "more" than the table says."""
    return rows[len(rows) + 1 - value] / SIGMAS if 2 <= value <= len(rows) + 1 else math.nan
