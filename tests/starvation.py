"""Rounds on a real clock: what is lost while the machine does not let the event loop run is no fault of the code."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

LATE_S: Final = 0.01  # the shared wires lose frames from about 18 ms on
ROUNDS: Final = 6


async def lost(a_round):
    """What `a_round` returned: of the first that lost nothing or was not starved, else of the last."""
    for _ in range(ROUNDS):
        async with _watched() as lateness:
            missing = await a_round()
        if not any(missing) or max(lateness) < LATE_S:
            break
    return missing


@contextlib.asynccontextmanager
async def _watched():
    lateness = [0.0]
    beating = asyncio.create_task(_beat(lateness))
    try:
        yield lateness
    finally:
        beating.cancel()


async def _beat(lateness, period_s=0.002):
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + period_s
        await asyncio.sleep(period_s)
        lateness.append(loop.time() - due)
