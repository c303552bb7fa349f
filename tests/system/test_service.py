"""pole.service under systemd in a real kernel: ready, confined, watched, and open to modules that come later."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from usb_adapter import adapter
from usb_ports import by_id

LIDAR = {"lidar": by_id("LIDAR-0001")}
GADGET = Path(__file__).parent / "guest" / "usb_gadget.py"


async def test_it_says_that_it_is_ready_and_is_confined(machine, pole):
    async with pole(LIDAR) as one:
        await one.start()  # Type=notify: systemd waits for READY=1
        assert (await one.property("Type"), await one.property("ActiveState")) == ("notify", "active")
        text = await machine.done(f"cat /proc/{await one.property('MainPID')}/status")
        facts = dict(line.split(":\t") for line in text.splitlines() if ":\t" in line)
        assert {int(facts["CapEff"], 16), int(facts["CapBnd"], 16)} == {0}
        assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")
        assert 61184 <= int(facts["Uid"].split()[0]) <= 65519  # a user that exists only while it runs
        score = await machine.done("systemd-analyze security pole.service --no-pager | tail -1")
        assert float(re.search(r"([\d.]+) OK", score)[1]) <= 2.5


async def test_a_mistake_in_the_configuration_is_in_the_journal(machine, pole):
    async with pole(LIDAR) as one:
        await machine.done("sed -i s/longitude_deg/longitude/ /etc/pole/pole.toml")
        assert (await machine.run("systemctl start pole")).code != 0
        assert "longitude_deg" in await one.journal()


async def test_the_watchdog_starts_a_stopped_daemon_anew(machine, pole, note):
    async with pole(LIDAR) as one, adapter(machine, "LIDAR-0001", 1) as lidar:
        await one.start()
        one.plug("lidar", lidar)
        await one.until("lidar", "ACTIVE")
        first = one.slots["lidar"].since_ns
        await machine.done(f"kill -STOP {await one.property('MainPID')}")
        await machine.until('[ "$(systemctl show -P NRestarts pole)" = 1 ] && systemctl -q is-active pole')
        assert "Failed with result 'watchdog'" in await one.journal()
        note("watchdog: restarted to ACTIVE", await one.until("lidar", "ACTIVE", since_ns=first))


async def test_it_listens_to_udev(machine, pole):
    async with pole(LIDAR) as one:
        await one.start()
        pid = await one.property("MainPID")
        sockets = await machine.done("cat /proc/net/netlink")  # columns: socket, protocol, port-id, groups …
        heard = [line.split() for line in sockets.splitlines()[1:]]
        assert any(row[1] == "15" and row[2] == pid and int(row[3], 16) for row in heard), sockets


async def test_a_module_that_is_a_usb_device_may_come_after_the_start(machine, pole, note):
    async with pole({"lidar": "serial:///dev/serial/by-id/usb-smartpole_module_LIDAR-0003-if00"}) as one:
        await one.start()
        await machine.write("/root/usb_gadget.py", GADGET.read_text())
        for _ in range(2):
            await machine.done("systemd-run -q --unit=gadget /opt/pole/bin/python /root/usb_gadget.py lidar LIDAR-0003")
            await one.until("lidar", "ACTIVE")
            await machine.done("systemctl stop gadget")
            note("USB device: pull to LOST", await one.until("lidar", "LOST"))


@pytest.mark.parametrize("driver", ["present", "late"])
async def test_the_serial_drivers_must_be_there_before_the_service(machine, pole, driver):
    """DeviceAllow= is looked up when a unit starts: without the driver it would forbid what it means to allow."""
    if driver == "late":
        await machine.done("sed -i s/modprobe@[a-z_]*.service//g /etc/systemd/system/pole.service")
        await machine.done("systemctl daemon-reload")
    assert not (await machine.done("lsmod")).count("usbserial")
    async with pole(LIDAR) as one, adapter(machine, "LIDAR-0001", 1) as lidar:
        await one.start()
        one.plug("lidar", lidar)
        if driver == "present":
            await one.until("lidar", "ACTIVE")
            return
        await one.until_reason("the service may not use it")
        assert set(one.states("lidar")) <= {"ABSENT"}
