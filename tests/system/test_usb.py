"""USB serial adapters come and go while the daemon runs: real udev, real drivers, modules at their far ends."""

from __future__ import annotations

import asyncio

from usb_adapter import adapter
from usb_ports import by_id, by_path

PORTS = {"lidar": by_id("LIDAR-0001"), "camera": by_id("CAMERA-0002")}


async def test_slots_are_found_by_the_serial_numbers_of_their_adapters(machine, pole, note):
    async with (
        pole(PORTS) as one,
        adapter(machine, "CAMERA-0002", 1) as camera,
        adapter(machine, "LIDAR-0001", 2) as lidar,
    ):
        await one.start()
        one.plug("lidar", lidar)
        note("USB adapter: plug to ACTIVE", await one.until("lidar", "ACTIVE"))
        one.plug("camera", camera)
        note("USB adapter: plug to ACTIVE", await one.until("camera", "ACTIVE"))
        await one.until_seen()


async def test_a_pulled_adapter_leaves_its_neighbour_alone_and_comes_back_in_another_port(machine, pole, note):
    async with pole(PORTS) as one, adapter(machine, "LIDAR-0001", 1) as lidar:
        await one.start()
        one.plug("lidar", lidar)
        await one.until("lidar", "ACTIVE")
        async with adapter(machine, "CAMERA-0002", 2) as camera:
            one.plug("camera", camera)
            await one.until("camera", "ACTIVE")
            await one.unplug("camera")  # while it sends ten frames a second
            note("USB adapter: pull to LOST", await one.until("camera", "LOST"))
            one.plug("camera", camera)
            note("USB adapter: plug to ACTIVE", await one.until("camera", "ACTIVE"))
            await one.unplug("camera")
            await one.until("camera", "LOST")
        async with adapter(machine, "CAMERA-0002", 5) as camera:
            one.plug("camera", camera)
            await one.until("camera", "ACTIVE")
            await one.until_seen()
        assert one.served_on("lidar")


async def test_slots_at_usb_ports_take_whatever_adapter_is_put_there(machine, pole):
    async with pole({"lidar": by_path(1), "camera": by_path(2)}) as one:
        await one.start()
        async with adapter(machine, "A", 1) as lidar, adapter(machine, "B", 2) as camera:
            one.plug("lidar", lidar)
            one.plug("camera", camera)
            await one.until("lidar", "ACTIVE", "S00001")
            await one.until("camera", "ACTIVE", "S00001")
            await one.unplug("camera")
            await one.until("camera", "LOST")
        async with adapter(machine, "C", 2) as another:
            one.plug("camera", another, serial=2)
            await one.until("camera", "PROBATION", "S00002")
            await one.until("camera", "ACTIVE", "S00002")


async def test_adapters_pass_bytes_on_at_once_and_are_no_modems(machine):
    async with adapter(machine, "LIDAR-0001", 1) as lidar:
        lidar.plug()
        await machine.until("[ -e /dev/serial/by-id/*LIDAR-0001* ]")
        await machine.done("udevadm settle")
        assert await machine.done("cat /sys/bus/usb-serial/devices/ttyUSB0/latency_timer") == "1"
        assert "ID_MM_PORT_IGNORE=1" in await machine.done("udevadm info /dev/ttyUSB0")


async def test_a_storm_of_plugs_leaves_nothing_behind(machine, pole):
    async with (
        pole(PORTS) as one,
        adapter(machine, "LIDAR-0001", 1) as lidar,
        adapter(machine, "CAMERA-0002", 2) as camera,
    ):
        await one.start()
        one.plug("lidar", lidar)
        one.plug("camera", camera)
        await one.until("lidar", "ACTIVE")
        await one.until("camera", "ACTIVE")
        count_files = f"ls /proc/{await one.property('MainPID')}/fd | wc -l"
        files = await machine.done(count_files)
        await one.unplug("camera")
        for cycle in range(20):
            one.plug("camera", camera)
            await asyncio.sleep(0.15 * (cycle % 10))  # before the kernel is done, while it says who it is, later
            await one.unplug("camera")
        await one.until("camera", "LOST")
        one.plug("camera", camera)
        await one.until("camera", "ACTIVE")
        await one.until_seen()
        assert await machine.done(count_files) == files
        assert await one.property("NRestarts") == "0"
        assert one.served_on("lidar")
