"""Who is being accepted while a server closes is cut, not forgotten."""

from __future__ import annotations

import asyncio
import gc
import socket
import warnings

from sim.listening import stop_listening


async def hear_after_closing():
    """What a client hears that connects in the turn of the loop in which there is a reason to close, too."""
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    reason, reader = socket.socketpair()

    def close():
        loop.remove_reader(reader)
        stop_listening(server)

    with reason, reader, socket.create_connection(server.sockets[0].getsockname()) as client:
        reason.send(b"!")
        loop.add_reader(reader, close)
        await server.wait_closed()
        for _ in range(4):
            await asyncio.sleep(0)
        client.settimeout(1)
        try:
            return client.recv(1)
        except ConnectionError:  # it was not accepted at all
            return b""


def test_nobody_is_forgotten():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert asyncio.run(hear_after_closing()) == b""
        gc.collect()
