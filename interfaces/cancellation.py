"""Cancellations that must not be lost."""

from __future__ import annotations

import asyncio


def heed_cancellation() -> None:
    """Raise a cancellation that was swallowed: Python 3.11's wait_for does so when its result comes at the same moment,
    its TaskGroup when it fails while being cancelled.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
