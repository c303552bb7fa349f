"""Fixtures that every test may use."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time

import pytest
from hypothesis import strategies as st

# Hypothesis reads its largest part only when it is asked for a type: here, not in the midst of a test, where CPython
# before 3.11.8 may fail to parse it while garbage is collected (gh-106905).
st.from_type(int)


class Mosquitto:
    """A real mosquitto on a free loopback port: start, stop, kill, restart."""

    def __init__(self, folder, binary):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self._command = [binary, "-c", str(folder / "mosquitto.conf")]
        (folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nlog_type error\n"
        )
        self._process = None

    def start(self):
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        pytest.fail("mosquitto did not open its port within 5 s")

    def stop(self):
        """End it as systemd would: asked first, killed when it does not end (2.0.11 once did not)."""
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
            self._process = None

    def kill(self):
        self._process.kill()
        self._process.wait(10)
        self._process = None

    def restart(self):
        self.stop()
        self.start()


@pytest.fixture
def mosquitto(tmp_path):
    binary = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if not binary:
        pytest.fail("mosquitto is missing: install it (apt install mosquitto mosquitto-clients)")
    broker = Mosquitto(tmp_path, binary)
    broker.start()
    yield broker
    broker.stop()
