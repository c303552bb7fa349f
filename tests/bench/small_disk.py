"""A small disk of its own that can be filled to the last byte: a tmpfs, so it takes root to mount."""

from __future__ import annotations

import contextlib
import os
import subprocess

SIZE = 16 << 20  # bytes
POSSIBLE = os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0


@contextlib.contextmanager
def small_disk(folder):
    """Mount it at a folder, made when it is missing."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


@contextlib.contextmanager
def filled(folder):
    """Nothing more fits in the meantime; call what it gives to take what was freed."""

    def fill():
        with (folder / "fill").open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass

    try:
        fill()
        yield fill
    finally:
        (folder / "fill").unlink()
