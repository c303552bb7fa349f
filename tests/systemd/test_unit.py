"""The unit file as systemd reads it."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from controller.systemd import notify

UNIT = Path(__file__).parents[2] / "systemd" / "pole.service"


@pytest.fixture
def analyze():
    binary = shutil.which("systemd-analyze")
    if not binary:
        pytest.fail("systemd-analyze is missing: install it (apt install systemd)")

    def run(*arguments):
        return subprocess.run([binary, *arguments], capture_output=True, text=True, check=False)

    return run


def test_systemd_understands_every_line(analyze, tmp_path):
    unit = tmp_path / "pole.service"
    unit.write_text(UNIT.read_text().replace("/opt/pole/bin/pole", shutil.which("true")))
    done = analyze("verify", "--man=no", str(unit))
    said = [line for line in done.stderr.splitlines() if "pole.service" in line]
    assert done.returncode == 0
    assert not said  # unknown keys do not change the exit code


def test_the_credentials_are_understood_when_uncommented(analyze, tmp_path):
    unit, text = tmp_path / "pole.service", UNIT.read_text()
    assert text.count("#LoadCredential") == 3
    unit.write_text(
        text.replace("/opt/pole/bin/pole", shutil.which("true")).replace("#LoadCredential", "LoadCredential")
    )
    done = analyze("verify", "--man=no", str(unit))
    assert (done.returncode, [line for line in done.stderr.splitlines() if "pole.service" in line]) == (0, [])


def test_an_unknown_key_would_be_seen(analyze, tmp_path):
    unit = tmp_path / "pole.service"
    unit.write_text("[Service]\nExecStart=/bin/true\nPrivateTemp=yes\n")
    assert "PrivateTemp" in analyze("verify", "--man=no", str(unit)).stderr


def test_the_sandbox_is_tight(analyze):
    done = analyze("security", "--offline=true", str(UNIT))
    exposure = float(re.search(r"exposure level.*?: ([\d.]+)", done.stdout)[1])
    assert exposure <= 2.5


def test_notify_reaches_the_socket_that_systemd_named(tmp_path, monkeypatch):
    for name in (str(tmp_path / "notify"), "@pole-test-notify"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(name.replace("@", "\0"))
            monkeypatch.setenv("NOTIFY_SOCKET", name)
            assert notify("READY=1")
            assert listener.recv(100) == b"READY=1"
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    assert not notify("WATCHDOG=1")
    monkeypatch.delenv("NOTIFY_SOCKET")
    assert not notify("READY=1")
