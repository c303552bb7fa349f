"""SocketCAN in a real kernel: CAN FD on vcan, and two emulated controllers with a driver, a bit rate and a bus."""

from __future__ import annotations

import pytest
from guest_modules import plug, pull

FD = "can://socketcan/vcan0?fd=1"
CLASSIC = "can://socketcan/can0"
OF_THE_MODULES = "can://socketcan/can1"
DRIVER = "/sys/bus/pci/drivers/kvaser_pci"


@pytest.fixture
async def vcan(machine):
    """An interface for CAN FD frames."""
    await machine.done("modprobe vcan && ip link add vcan0 type vcan && ip link set vcan0 mtu 72 up")


async def test_modules_on_can_fd_are_found_and_lost(machine, pole, vcan):
    async with pole({"lidar": FD, "comms": FD}) as one:
        await one.start()
        await plug(machine, "lidar", FD)
        await plug(machine, "comms", FD)
        await one.until("lidar", "ACTIVE")
        await one.until("comms", "ACTIVE")
        await one.until_seen()
        await pull(machine, "lidar")
        await one.until("lidar", "LOST")
        await plug(machine, "lidar", FD)
        await one.until("lidar", "ACTIVE")
        print(list(one.history))
        print(await machine.run("pole status --json; top -b -n1 | head -20"))
        assert not {"LOST", "GONE"} & set(one.states("comms"))
