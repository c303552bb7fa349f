"""Names that udev gives the emulator's USB serial adapters."""

from __future__ import annotations


def by_id(serial):
    """The port of the adapter with this serial number, wherever it is plugged in."""
    return f"serial:///dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_{serial}-if00-port0"


def by_path(port):
    """The port of any adapter in this USB port."""
    return f"serial:///dev/serial/by-path/pci-0000:00:07.0-usb-0:{port}:1.0-port0"
