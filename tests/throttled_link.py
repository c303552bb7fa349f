"""A slow link as a TCP proxy: so many bytes a second each way, headers counted, after a latency."""

from __future__ import annotations

import asyncio
import contextlib
import socket

SEGMENT_B, HEADERS_B = 1448, 52


class ThrottledLink:
    """`async with ThrottledLink(port, 1200) as link:` listens on `link.port` and leads to 127.0.0.1:port.

    `upward` is all that clients sent, as the link carried it: (bytes carried before it, its bytes, with headers).
    """

    def __init__(self, port, bytes_per_s, latency_s=0.3):
        self.bytes_per_s, self.latency_s, self._target = bytes_per_s, latency_s, port
        self.upward, self.connections = [], []  # pieces of the newest connection; bytes of each
        self.up = asyncio.Event()
        self.up.set()
        self._carried_b, self._busy_until, self._tasks, self._writers = 0, 0.0, set(), set()

    async def __aenter__(self):
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)  # what waits stays with the sender
        listening.bind(("127.0.0.1", 0))
        self._server = await asyncio.start_server(self._accept, sock=listening, limit=SEGMENT_B)
        self.port = listening.getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        await self.cut()
        await self._server.wait_closed()

    @property
    def url(self):
        return f"mqtt://127.0.0.1:{self.port}"

    def carried_b(self):
        """Bytes of all directions upward that have left the link by now, with headers."""
        ahead_s = max(0.0, self._busy_until - asyncio.get_running_loop().time())
        return self._carried_b - ahead_s * self.bytes_per_s

    async def cut(self, *, stay_down=False):
        """Every connection breaks; `stay_down`: and none is let in until `up` is set."""
        if stay_down:
            self.up.clear()
        for writer in list(self._writers):
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader, writer):
        if not self.up.is_set():
            writer.transport.abort()
            return
        task = asyncio.current_task()
        self._tasks.add(task)
        self.upward = []
        self.connections.append(self.upward)
        far_writer = writer
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            for one in (writer, far_writer):
                one.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._writers.add(one)
            up, down = asyncio.Queue(), asyncio.Queue()
            pumps = (
                self._carry(reader, up, upward=True),
                self._carry(far_reader, down, upward=False),
                self._deliver(up, far_writer),
                self._deliver(down, writer),
            )
            await asyncio.wait([asyncio.create_task(one) for one in pumps], return_when=asyncio.FIRST_COMPLETED)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            for one in (writer, far_writer):
                one.close()
                self._writers.discard(one)

    async def _carry(self, reader, queue, *, upward):
        loop = asyncio.get_running_loop()
        free_at = loop.time()
        with contextlib.suppress(OSError):
            while piece := await reader.read(SEGMENT_B):
                cost = len(piece) + HEADERS_B
                free_at = max(free_at, loop.time()) + cost / self.bytes_per_s
                if upward:
                    self.upward.append((self._carried_b, cost, piece))
                    self._carried_b += cost
                    self._busy_until = free_at
                await asyncio.sleep(free_at - loop.time())
                queue.put_nowait((free_at + self.latency_s, piece))
        queue.put_nowait((0.0, b""))

    async def _deliver(self, queue, writer):
        loop = asyncio.get_running_loop()
        while True:
            at, piece = await queue.get()
            if not piece:
                return
            await asyncio.sleep(at - loop.time())
            writer.write(piece)
