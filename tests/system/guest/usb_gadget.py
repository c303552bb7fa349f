"""A module that is a USB device itself (CDC-ACM), on the kernel's software USB host: `usb_gadget.py SLOT SERIAL`.

It is plugged in when this starts and pulled out when this is told to end.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tty
from pathlib import Path

from interfaces.fd_link import FdLink
from sim.module import SimModule
from sim.scenario import scenario

GADGETS = Path("/sys/kernel/config/usb_gadget")
CONTROLLER = "dummy_udc.0"
LANGUAGE = "strings/0x409"


class GadgetWire:
    """A wire for a SimModule: the USB device is on the bus while it is plugged."""

    def __init__(self, serial):
        self._gadget = GADGETS / serial
        self._serial = serial
        self._link = None

    def plug(self):
        """Make the device, open its own end of the line, put it on the bus."""
        gadget, function = self._gadget, self._gadget / "functions/acm.line"
        for folder in (gadget / LANGUAGE, function, gadget / "configs/c.1"):
            folder.mkdir(parents=True)
        for name, value in {
            "idVendor": "0x1209",
            "idProduct": "0x0001",
            f"{LANGUAGE}/manufacturer": "smartpole",
            f"{LANGUAGE}/product": "module",
            f"{LANGUAGE}/serialnumber": self._serial,
        }.items():
            (gadget / name).write_text(value)
        (gadget / "configs/c.1/acm.line").symlink_to(function)
        (gadget / "UDC").write_text(CONTROLLER)
        fd = os.open(
            f"/dev/ttyGS{(function / 'port_num').read_text().strip()}", os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY
        )
        tty.setraw(fd)
        self._link = FdLink(fd, self._serial, lambda: os.close(fd))
        return self._link

    async def unplug(self):
        """Take the device off the bus."""
        (self._gadget / "UDC").write_text("\n")
        await self._link.close()
        (self._gadget / "configs/c.1/acm.line").unlink()
        for name in ("configs/c.1", "functions/acm.line", LANGUAGE, "."):
            (self._gadget / name).resolve().rmdir()


async def serve(slot, serial):
    """Be the module until SIGTERM."""
    scene = scenario("calm")
    spec = next(one for one in scene.modules if one.slot == slot)
    module = asyncio.create_task(SimModule(spec, scene.world().truth).run(GadgetWire(serial)))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, module.cancel)
    await asyncio.wait([module])


if __name__ == "__main__":
    subprocess.run(["modprobe", "-a", "dummy_hcd", "libcomposite", "usb_f_acm"], check=True)
    asyncio.run(serve(*sys.argv[1:]))
