"""The plain ELF kernel inside a vmlinuz: an emulated processor is spared some seconds of unpacking."""

from __future__ import annotations

import lzma
import sys
from pathlib import Path

XZ = b"\xfd7zXZ\x00"
ELF = b"\x7fELF"


def unpacked(image: bytes) -> bytes:
    """The first xz stream that holds an ELF file. Raises SystemExit where there is none."""
    at = image.find(XZ)
    while at >= 0:
        try:
            kernel = lzma.LZMADecompressor().decompress(image[at:])
        except lzma.LZMAError:
            kernel = b""
        if kernel.startswith(ELF):
            return kernel
        at = image.find(XZ, at + 1)
    raise SystemExit("the kernel image holds no kernel packed with xz")


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(unpacked(Path(sys.argv[1]).read_bytes()))
