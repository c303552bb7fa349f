"""A module that listens on a TCP port, as modules with an Ethernet jack do; its cable can be pulled."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from typing import TYPE_CHECKING

from interfaces.errors import LinkError
from interfaces.fd_link import FdLink
from interfaces.link import Inbox
from interfaces.spec import ADDRESS_FIRST_MODULE, MessageType

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from interfaces.frame import Frame


class TcpWire:
    """Listens on `host:port` while it is plugged; port 0 takes a free one at the first plug and keeps it."""

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self.host, self.port = host, port
        self.link: TcpModuleLink | None = None

    @property
    def url(self) -> str:
        """Where the controller finds it."""
        return f"tcp://{self.host}:{self.port}"

    def plug(self) -> TcpModuleLink:
        """Listen; what is plugged stays. Needs a running loop."""
        if self.link is None:
            self.link = TcpModuleLink(socket.create_server((self.host, self.port)), self.url)
            self.port = self.link.port
        return self.link

    async def unplug(self) -> None:
        """Close the port and its connection (FIN); safe when it is not plugged."""
        link, self.link = self.link, None
        if link is not None:
            await link.close()


class TcpModuleLink:
    """The module's end: one controller at a time, the newest. The newest HELLO waits for the next one to connect."""

    def __init__(self, server: socket.socket, name: str) -> None:
        self._server = server
        self._name = name
        self._connection: FdLink | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._hello: Frame | None = None
        self._open = True
        self.port: int = server.getsockname()[1]
        self._loop = asyncio.get_running_loop()
        self._inbox = Inbox(Counter())
        server.settimeout(0)
        self._loop.add_reader(server.fileno(), self._on_connection)

    @property
    def name(self) -> str:
        """The module's URL."""
        return self._name

    @property
    def address(self) -> int:
        """There is one module only."""
        return ADDRESS_FIRST_MODULE

    @property
    def faults(self) -> dict[str, int]:
        """What was wrong with the controller's bytes on this connection."""
        return dict(self._connection.faults) if self._connection is not None else {}

    async def receive(self) -> list[Frame]:
        """Frames from the controller; LinkError when the cable is pulled, not when the controller leaves."""
        return await self._inbox.take()

    def send(self, frame: Frame) -> None:
        """Send a frame to whoever is connected; without anybody it is lost."""
        if not self._open:
            raise LinkError(f"{self._name}: closed")
        if frame.type == MessageType.HELLO:
            self._hello = frame
        if self._connection is not None:
            try:
                self._connection.send(frame)
            except LinkError:
                self._connection = None

    def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are."""
        if self._connection is not None:
            self._connection.send_bytes(data)

    async def close(self) -> None:
        """Stop listening and hang up."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._server.fileno())
        self._server.close()
        self._inbox.end(f"{self._name}: unplugged")
        if self._connection is not None:
            await self._connection.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_connection(self) -> None:
        try:
            connection, _ = self._server.accept()
        except OSError:
            return
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link, before = FdLink(connection.fileno(), self._name, connection.close), self._connection
        self._connection = link
        self._run(self._read(link))
        if before is not None:
            self._run(before.close())
        if self._hello is not None:
            self.send(self._hello)

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read(self, link: FdLink) -> None:
        try:
            while True:
                self._inbox.put(await link.receive())
        except LinkError:
            if self._connection is link:
                self._connection = None
