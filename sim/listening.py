"""Ends a server without forgetting who is just being accepted."""

from __future__ import annotations

import asyncio


def stop_listening(server: asyncio.Server) -> None:
    """Accept nobody from now on, and close one turn of the loop later.

    A connection that was accepted in the same turn as `Server.close` was called is never closed: its transport cannot
    be attached to the server any more (CPython 3.11 to 3.13, `asyncio/base_events.py`).
    """
    loop = asyncio.get_running_loop()
    for listening in server.sockets:
        loop.remove_reader(listening.fileno())
    loop.call_soon(server.close)
