"""A TCP proxy that may swallow everything without a word."""

from __future__ import annotations

import asyncio
import contextlib


class SilentWay:
    """To a port on this machine; `open` says whether anything passes."""

    def __init__(self, port):
        self._port, self._ends, self.open = port, set(), asyncio.Event()
        self.open.set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        self.cut()

    def cut(self):
        """End what the partition has torn; TCP would do so by its own timers, later."""
        for one in self._ends:
            one.transport.abort()
        self._ends.clear()

    async def _carry(self, reader, writer):
        self._ends.add(writer)
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
            self._ends.add(far_writer)
            await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))
        writer.close()

    async def _pass(self, reader, writer):
        with contextlib.suppress(OSError):
            while some := await reader.read(65536):
                if self.open.is_set():
                    writer.write(some)
        writer.close()
