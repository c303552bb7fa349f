"""A real mosquitto in a process of its own."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import time

import pytest

BINARY = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
PORTS = range(20_000, 32_000)  # below those that Linux gives to connections: what is free when asked for stays so


def free_port():
    """A port of 127.0.0.1 on which nobody listens."""
    while True:
        port = secrets.choice(PORTS)  # hypothesis seeds `random`, alike in each process
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


def started(conf, *ports, limit_s=30):
    """The process that reads `conf`, once all its `ports` are open."""
    if BINARY is None:
        pytest.fail("mosquitto is missing: install it (apt install mosquitto mosquitto-clients)")
    with conf.with_suffix(".log").open("w") as log:
        process = subprocess.Popen([BINARY, "-c", conf], stdout=log, stderr=log)
    deadline = time.monotonic() + limit_s
    for port in ports:
        while not _is_open(port):
            if process.poll() is not None or time.monotonic() > deadline:
                ended(process)
                said = conf.with_suffix(".log").read_text()
                pytest.fail(f"mosquitto did not open port {port}, it ended with {process.returncode}: {said}")
            time.sleep(0.02)
    return process


def ended(process):
    """End it as systemd would: asked first, killed when it does not end (2.0.11 once did not)."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


def _is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
