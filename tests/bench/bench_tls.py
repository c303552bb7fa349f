"""What TLS costs on the way to the broker: `python tests/bench/bench_tls.py`. A real mosquitto on this machine.

For plain MQTT and for TLS 1.3 with certificates on both sides: time to connect, time from publishing to the consumer
(4 kB, QoS 1, one at a time) and processor time of this process, which is pole and consumer, a message.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

TOP = Path(__file__).parents[2]
sys.path.insert(0, str(TOP))

from controller.acknowledging_client import AcknowledgingClient  # noqa: E402
from controller.broker import Broker  # noqa: E402
from controller.broker_address import BrokerAddress  # noqa: E402
from tests.certificates import Office  # noqa: E402

MESSAGES, CONNECTIONS = 1000, 30
PAYLOAD = bytes(4096)


def run():
    """Rows of name, value, unit."""
    with tempfile.TemporaryDirectory() as folder:
        for way, broker, process in served(Path(folder)):
            try:
                figures = asyncio.run(measured(broker))
            finally:
                process.terminate()
                process.wait(10)
            yield from ((f"{way}: {name}", value, unit) for name, value, unit in figures)


def served(folder):
    """(name, broker, process of mosquitto) of each way."""
    office = Office(folder / "office")
    ca = office.authority("ca")
    server, own = office.issue("server", ca, names=("127.0.0.1",)), office.issue("own", ca)
    tls = f"cafile {ca.cert}\ncertfile {server.cert}\nkeyfile {server.key}\nrequire_certificate true\n"
    for way, lines, files in (
        ("plain", "", {}),
        ("TLS 1.3, mutual", tls, {"ca_file": ca.cert, "cert_file": own.cert, "key_file": own.key}),
    ):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        conf = folder / "mosquitto.conf"
        conf.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nlog_type none\nuser root\n{lines}"
        )
        binary = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
        process = subprocess.Popen([binary, "-c", conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield way, Broker(BrokerAddress("127.0.0.1", port, tls=bool(lines)), **files), process


async def measured(broker):
    """The figures of one way."""
    connecting, passing = [], []
    for _ in range(CONNECTIONS):
        started = time.perf_counter()
        async with AcknowledgingClient(broker):
            connecting.append(time.perf_counter() - started)
    async with AcknowledgingClient(broker) as reader, AcknowledgingClient(broker) as writer:
        await reader.subscribe("a", qos=1)
        messages = aiter(reader.messages)
        cpu = time.process_time()
        for _ in range(MESSAGES):
            started = time.perf_counter()
            sending = asyncio.create_task(
                writer.acknowledged("a", PAYLOAD, qos=1, retain=False, properties=Properties(PacketTypes.PUBLISH))
            )
            await anext(messages)
            passing.append(time.perf_counter() - started)
            await sending
        cpu = time.process_time() - cpu
    p50, p99 = statistics.median(passing), statistics.quantiles(passing, n=100)[98]
    return (
        ("connect, p50", statistics.median(connecting) * 1e3, "ms"),
        ("to the consumer, p50", p50 * 1e3, "ms"),
        ("to the consumer, p99", p99 * 1e3, "ms"),
        ("processor of pole and consumer a message", cpu / MESSAGES * 1e6, "µs"),
    )


if __name__ == "__main__":
    for name, value, unit in run():
        print(f"{name:60} {value:8.2f} {unit}")
