"""SocketCAN in a real kernel: CAN FD on vcan, and two emulated controllers with a driver, a bit rate and a bus."""

from __future__ import annotations

from pathlib import Path

import pytest
from guest_modules import plug, pull

NETWORK = Path(__file__).parents[2] / "deploy" / "80-can.network"
FD = "can://socketcan/vcan0?fd=1"
CLASSIC = "can://socketcan/can0"
FAR_END = "can://socketcan/can1"  # of the same bus, in a network namespace that only the modules see
BITRATE = 250_000
CARD = "$(basename $(readlink -f /sys/class/net/can0/device))"


@pytest.fixture
async def vcan(machine):
    """An interface for CAN FD frames."""
    await machine.done("modprobe vcan && ip link add vcan0 type vcan && ip link set vcan0 mtu 72 up")


@pytest.fixture
async def cards(machine):
    """can0 set up by the sample of deploy/, can1 at the other end of the bus, out of the pole's sight."""
    text = NETWORK.read_text().replace("BitRate=500K", f"BitRate={BITRATE}")
    await machine.write("/etc/systemd/network/80-can.network", text)
    await machine.done("ip netns add modules && ip link set can1 netns modules")
    await machine.done(f"ip netns exec modules ip link set can1 up type can bitrate {BITRATE}")
    await machine.done("systemctl restart systemd-networkd")
    await machine.until("ip link show can0 | grep -q LOWER_UP")


async def test_modules_on_can_fd_are_found_and_lost(machine, pole, note, vcan):
    async with pole({"lidar": FD, "comms": FD}) as one:
        await one.start()
        await plug(machine, "lidar", FD)
        await plug(machine, "comms", FD)
        await one.until("lidar", "ACTIVE")
        await one.until("comms", "ACTIVE")
        await one.until_seen()
        await pull(machine, "lidar")
        note("CAN FD module: pull to LOST", await one.until("lidar", "LOST"))
        await plug(machine, "lidar", FD)
        await one.until("lidar", "ACTIVE")
        assert one.served_on("comms")
        sent = await machine.done("timeout 5 candump -n 200 vcan0 || true")
        assert any(len(bytes.fromhex(line.split("]")[1])) > 8 for line in sent.splitlines())  # more than CAN can carry


async def test_frames_that_tell_of_errors_end_nothing(machine, pole, vcan):
    async with pole({"comms": FD}) as one:
        await one.start()
        await plug(machine, "comms", FD)
        await one.until("comms", "ACTIVE")
        before = one.slots["comms"].header.sequence
        for error in ("20000040#0000000000000000", "20000004#0020000000000000"):  # bus-off, error-passive
            await machine.done(f"cansend vcan0 {error}")
        await one.until_said_again("comms", before)
        assert one.slots["comms"].state == "ACTIVE"


async def test_a_controller_with_a_driver_and_a_bit_rate(machine, pole, note, cards):
    details = await machine.done("ip -d link show can0")
    assert f"bitrate {BITRATE}" in details
    assert "ERROR-ACTIVE" in details
    async with pole({"lidar": CLASSIC, "comms": CLASSIC}) as one:
        await one.start()
        await plug(machine, "lidar", FAR_END, "modules")
        await plug(machine, "comms", FAR_END, "modules")
        await one.until("lidar", "ACTIVE")
        await one.until("comms", "ACTIVE")
        await one.until_seen()
        for _ in range(2):
            await machine.done("ip link set can0 down")
            note("CAN interface: down to LOST", await one.until("lidar", "LOST"))
            await one.until("comms", "LOST")
            await one.until_reason("the interface is down")
            await machine.done("ip link set can0 up")
            note("CAN interface: up to ACTIVE", await one.until("lidar", "ACTIVE"))
            await one.until("comms", "ACTIVE")
        await one.until_seen()


@pytest.mark.parametrize(
    ("take", "give"),
    [
        pytest.param(
            "echo {card} > /sys/bus/pci/drivers/kvaser_pci/unbind",
            "echo {card} > /sys/bus/pci/drivers/kvaser_pci/bind",
            id="driver",
        ),
        pytest.param("echo 1 > /sys/bus/pci/devices/{card}/remove", "echo 1 > /sys/bus/pci/rescan", id="card"),
    ],
)
async def test_what_can0_stands_for_is_taken_away_and_comes_back(machine, pole, note, cards, take, give):
    async with pole({"comms": CLASSIC}) as one:
        await one.start()
        await plug(machine, "comms", FAR_END, "modules")
        await one.until("comms", "ACTIVE")
        card = await machine.done(f"echo {CARD}")
        await machine.done(take.format(card=card))
        await one.until("comms", "LOST")
        await one.until_reason("no such interface")
        await machine.done(give.format(card=card))
        note("CAN controller: back to ACTIVE", await one.until("comms", "ACTIVE"))


async def test_an_interface_without_fd_is_told_apart(machine, pole, cards):
    async with pole({"comms": f"{CLASSIC}?fd=1"}) as one:
        await one.start()
        await one.until_reason("it must carry CAN FD")
