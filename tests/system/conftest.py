"""A freshly booted guest for every test, from one state that is saved once."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache" / "system-test"
sys.path.insert(0, str(HERE))

from guest_pole import GuestPole  # noqa: E402
from machine import Machine  # noqa: E402

FIGURES = pytest.StashKey[dict[str, list[float]]]()


@pytest.fixture
def note(pytestconfig):
    """Note seconds under a name, for the table at the end; nothing is judged by them."""
    figures = pytestconfig.stash.setdefault(FIGURES, {})
    return lambda name, seconds: figures.setdefault(name, []).append(seconds)


def pytest_terminal_summary(terminalreporter, config):
    """The figures that were noted: an emulated processor is 12 to 20 times slower than a real one."""
    for name, seconds in config.stash.get(FIGURES, {}).items():
        terminalreporter.write_line(f"{name:45} {', '.join(f'{one:.1f}' for one in seconds)} s")


@pytest.fixture(scope="session")
def saved():
    """The folder of the saved state: booted, quiet, the broker serving, nothing plugged in."""
    contents = CACHE / "contents"
    if not contents.exists():
        pytest.fail("there is no guest image: run make system-test")
    folder = CACHE / "saved"
    stamp = hashlib.sha256(contents.read_bytes() + (HERE / "machine.py").read_bytes()).hexdigest()
    if not (folder / "stamp").exists() or (folder / "stamp").read_text() != stamp:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        asyncio.run(_save(folder))
        (folder / "stamp").write_text(stamp)
    return folder


@pytest.fixture
async def machine(saved, tmp_path):
    """A guest of one's own, booted."""
    one = Machine(CACHE, tmp_path, saved)
    await one.start()
    try:
        yield one
    finally:
        await one.stop()
        (tmp_path / "disk.qcow2").unlink(missing_ok=True)


@pytest.fixture
async def pole(machine, request):
    """`async with pole(ports) as one`; when the test fails the journal is shown."""
    yield lambda ports: GuestPole(machine, ports)
    if getattr(request.node, "failed", False):
        print(await machine.done("journalctl -u pole -o short-monotonic --no-pager | tail -80; dmesg | tail -20"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Let fixtures know of a failure."""
    report = yield
    item.failed = report.when == "call" and report.failed
    return report


async def _save(folder):
    booting = Machine(CACHE, folder / "boot")
    await booting.start()
    try:
        state = await booting.done("systemctl is-system-running || systemctl --failed --no-legend")
        assert state == "running", state
        await booting.done("systemctl is-active mosquitto && udevadm settle")
        await booting.save(folder)
    finally:
        await booting.stop()
    shutil.rmtree(folder / "boot")
