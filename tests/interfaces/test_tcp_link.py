"""A module behind TCP on real sockets: connect, hang up, come back, vanish."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket

import pytest

from interfaces.datasheet import to_bytes
from interfaces.errors import LinkError
from interfaces.frame import Frame
from interfaces.module_session import ModuleSession
from interfaces.session import ControllerSession
from interfaces.states import State
from interfaces.tcp_link import connect, open_tcp, parse_tcp_url
from sim.tcp_wire import TcpWire
from tests.exchange import good_hello, good_sheet


async def arrived(link):
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.003):
            return await link.receive()
    return []


def flood(link):
    for _ in range(10_000):
        link.send(Frame(0x40, bytes(4000)))


async def test_frames_cross_both_ways():
    wire = TcpWire()
    module = wire.plug()
    controller = await open_tcp(wire.url)
    assert (controller.name, controller.address) == (wire.url, 2)
    controller.send(Frame(2, b"hi", 1, 2))
    assert await module.receive() == [Frame(2, b"hi", 1, 2)]
    sent = [Frame(0x40, bytes(range(256)) * 8, 2, 1, 5, seq) for seq in range(50)]
    for frame in sent:
        module.send(frame)
    got = []
    while len(got) < len(sent):
        got += await controller.receive()
    assert got == sent
    await controller.close()
    await wire.unplug()


async def test_a_pulled_plug_ends_the_link_and_the_port_comes_back_where_it_was():
    wire = TcpWire()
    module = wire.plug()
    url = wire.url
    for _ in range(2):
        controller = await open_tcp(url)
        controller.send(Frame(2, b""))
        await module.receive()
        await wire.unplug()
        with pytest.raises(LinkError, match="unplugged"):
            await controller.receive()
        with pytest.raises(LinkError):
            controller.send(Frame(2, b""))
        with pytest.raises(LinkError, match="nobody listens"):
            await open_tcp(url)
        module = wire.plug()
        assert wire.url == url
    await wire.unplug()


async def test_the_hello_said_while_nobody_was_there_waits():
    wire = TcpWire()
    module = wire.plug()
    module.send(Frame(1, b"old"))
    module.send(Frame(1, b"HELLO"))
    module.send(Frame(0x40, b"data for nobody"))
    controller = await open_tcp(wire.url)
    assert await controller.receive() == [Frame(1, b"HELLO")]
    await controller.close()
    await wire.unplug()


async def test_the_newest_controller_has_the_module():
    wire = TcpWire()
    module = wire.plug()
    first = await open_tcp(wire.url)
    first.send(Frame(2, b"first"))
    await module.receive()
    second = await open_tcp(wire.url)
    second.send(Frame(2, b"second"))
    assert (await module.receive())[0].payload == b"second"
    with pytest.raises(LinkError):
        await first.receive()
    module.send(Frame(0x40, b"x"))
    assert (await second.receive())[0].payload == b"x"
    await second.close()
    await wire.unplug()


async def test_a_peer_that_takes_nothing_any_more_is_gone():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link = await open_tcp(f"tcp://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(LinkError, match="does not read"):
            flood(link)
        await link.close()


async def test_the_kernel_ends_a_connection_whose_peer_vanished():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        await connect("127.0.0.1", server.getsockname()[1]) as connection,
    ):
        get = connection.getsockopt
        assert get(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 3000
        assert get(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        idle, each, count = (
            get(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
        assert idle + each * count <= 4
        assert get(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


async def test_a_silent_module_is_lost_and_found_again_on_the_same_connection():
    wire = TcpWire()
    module_link = wire.plug()
    module = ModuleSession(good_hello(), to_bytes(good_sheet()), rng=random.Random(1))
    controller = ControllerSession(session_id=5)
    link = await open_tcp(wire.url)

    async def pump(until, now, *, talks=True):
        """Both sides in virtual time `now`, their frames over the real socket."""
        for _ in range(100):
            if talks:
                module.tick(now, 0)
                for frame in module.take_frames():
                    module_link.send(frame)
            controller.tick(now, 0)
            for frame in controller.take_frames():
                link.send(frame)
            for frame in await arrived(link):
                controller.receive(frame, now, 0)
            for frame in await arrived(module_link) if talks else []:
                module.receive(frame, now, 0)
            if controller.state is State.IDENTIFYING and controller.sheet is not None and not controller.plans:
                controller.activate([], probation=False, now=now)
            if controller.state is until:
                return
        raise AssertionError(controller.state, controller.reason)

    await pump(State.ACTIVE, 0.0)
    await pump(State.LOST, 3.1, talks=False)
    await pump(State.ACTIVE, 6.5)
    await link.close()
    await wire.unplug()


async def test_a_hundred_plug_cycles_leave_no_descriptor():
    wire = TcpWire()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(100):
        wire.plug()
        controller = await open_tcp(wire.url)
        await wire.unplug()
        with pytest.raises(LinkError):
            await controller.receive()
    assert len(os.listdir("/proc/self/fd")) <= before + 1


@pytest.mark.parametrize(
    "url", ["tcp://host", "tcp://:4321", "tcp://host:0", "tcp://host:99999", "serial://host:1", "tcp://[::1:4"]
)
async def test_a_url_without_place_or_port_is_refused(url):
    with pytest.raises(LinkError, match="not of the form tcp://host:port"):
        await open_tcp(url)


def test_urls():
    assert parse_tcp_url("tcp://192.0.2.7:4321") == ("192.0.2.7", 4321)
    assert parse_tcp_url("tcp://[2001:db8::7]:4321") == ("2001:db8::7", 4321)
