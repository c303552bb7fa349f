"""Fixtures that every test may use."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from tests.real_broker import ended, free_port, started

# Hypothesis reads its largest part only when it is asked for a type: here, not in the midst of a test, where CPython
# before 3.11.8 may fail to parse it while garbage is collected (gh-106905).
st.from_type(int)


class Mosquitto:
    """A real mosquitto on a free loopback port: start, stop, kill, restart."""

    def __init__(self, folder):
        self.port = free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self._conf = folder / "mosquitto.conf"
        self._conf.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nlog_type error\n"
        )
        self._process = None

    def start(self):
        self._process = started(self._conf, self.port)

    def stop(self):
        if self._process:
            ended(self._process)
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
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.stop()
