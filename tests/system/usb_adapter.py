"""A USB serial adapter in a port of the guest, with a simulated module behind it."""

from __future__ import annotations

import contextlib
import socket

from interfaces.fd_link import FdLink


class UsbAdapter:
    """A wire for a SimModule: the adapter is in the guest's USB port while the module is plugged in.

    The emulator attaches the adapter to the bus when somebody connects to its socket and detaches it at the end.
    """

    def __init__(self, path):
        self._path = path
        self.link = None

    def plug(self):
        """Attach it; the module's end of the serial line."""
        if self.link is None:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(str(self._path))
            connection.setblocking(False)
            self.link = FdLink(connection.fileno(), str(self._path), connection.close)
        return self.link

    async def unplug(self):
        """Detach it; safe when it is not plugged."""
        link, self.link = self.link, None
        if link is not None:
            await link.close()


@contextlib.asynccontextmanager
async def adapter(machine, serial, port):
    """An adapter with a serial number, to be plugged into a USB port (1 to 8) of the guest."""
    name = f"usb-{serial}"
    path = machine.folder / f"{name}.sock"
    backend = {"type": "socket", "data": {"addr": {"type": "unix", "data": {"path": str(path)}}, "wait": False}}
    await machine.qmp("chardev-add", id=f"line-{name}", backend=backend)
    await machine.qmp(
        "device_add", driver="usb-serial", id=name, bus="usb.0", port=str(port), serial=serial, chardev=f"line-{name}"
    )
    wire = UsbAdapter(path)
    try:
        yield wire
    finally:
        await wire.unplug()
        await machine.qmp("device_del", id=name)
        await machine.until_deleted(name)
        await machine.qmp("chardev-remove", id=f"line-{name}")
