"""Random schedules of faults against a real mosquitto: `python tests/bench/bench_delivery.py [schedules] [first seed]`.

The broker saves once a second, and the outbox holds for 4 s what was acknowledged; a broker is killed at any instant.

A child (outbox and publisher) says each event's key once it is durable. Faults at random instants: the child is killed
and started anew, the broker is killed, paused or restarted, the way to it swallows everything, the child's clock steps.
Then: every key said must have reached a consumer that keeps its session, and a repeat must carry the payload of its
first arrival.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
from collections import Counter
from itertools import islice
from pathlib import Path

CHILD = """
import asyncio, sys, time
from pathlib import Path
from controller.config import Mqtt
from controller.outbox import Outbox
from controller.publication.publication import Publication
from controller.publisher import Publisher
path, url, life, step = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
now = lambda: time.time_ns() + step
will = Publication("s/status", b"", "c", 1, False, None, (), "w")
async def main():
    async with Outbox(path, now, hold_s=4.0) as box:
        one = Publisher(Mqtt(url=url, keepalive_s=2), "pole", box, utc_ns=now, greeting=list, will=lambda: will,
                        report=lambda text: None)
        running = asyncio.create_task(one.run())
        for n in range(10**6 if life != "drain" else 0):
            key = f"{life}-{n}"
            near = n % 3 == 0
            await one.keep(Publication("s/near" if near else "s/hazard", key.encode(), "c", 1, False, 30.0,
                           (("id", key),), key, durable=True, urgent=not near, expires_at_ns=now() + 30 * 10**9))
            print(key, flush=True)
            await asyncio.sleep(0.004)
        await running
asyncio.run(main())
"""
FAULTS = ("kill child", "kill broker", "pause broker", "restart broker", "partition", "clock forward", "clock back")
SAVED_S = 1.5
AT_ONCE = 6
TOP = Path(__file__).parents[2]


class Way:
    """The pole's way to the broker, which may swallow everything without a word."""

    def __init__(self, port):
        self._port, self._ends, self.open = port, set(), asyncio.Event()
        self.open.set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        self.cut()

    async def _carry(self, reader, writer):
        self._ends.add(writer)
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
            self._ends.add(far_writer)
            await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))
        writer.close()

    async def _pass(self, reader, writer):
        with contextlib.suppress(OSError):
            while some := await reader.read(65536):
                if self.open.is_set():
                    writer.write(some)
        writer.close()

    def cut(self):
        """End what the partition has torn; TCP would do so by its own timers, later."""
        for one in self._ends:
            one.transport.abort()
        self._ends.clear()


class Schedule:
    """One seeded run in a folder of its own."""

    def __init__(self, seed, folder):
        self.random, self.folder = random.Random(seed), folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.said, self.got, self.lives, self.step = set(), [], 0, 0
        self.broker = self.child = self.hearing = None

    async def run(self):
        """(faults done, events said, arrivals, keys missing, repeats whose payload is not their id's)."""
        (self.folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nlog_type none\nuser root\n"
            f"persistence true\npersistence_location {self.folder}/\nautosave_interval 1\n"
            "max_queued_messages 0\n"
        )
        async with Way(self.port) as self.way:
            return await self._run()

    async def _run(self):
        await self._start_broker()
        consumer = asyncio.create_task(self._consume())
        await asyncio.sleep(SAVED_S)  # the consumer's session is on the broker's disk
        await self._start_child()
        faults = [self.random.choice(FAULTS) for _ in range(self.random.randint(1, 4))]
        try:
            for fault in faults:
                await asyncio.sleep(self.random.uniform(0.0, 0.35))
                await self._fault(fault)
            await asyncio.sleep(self.random.uniform(0.0, 0.2))
            await self._end_child()
            await self._start_child("drain")  # the last life says nothing new: it would be killed saying it
            await self._arrived()
        finally:
            consumer.cancel()
            for one in (self.child, self.broker):
                with contextlib.suppress(ProcessLookupError):
                    one.kill()
                    await one.wait()
            await asyncio.gather(consumer, return_exceptions=True)
        ids = {key for key, _ in self.got}
        return faults, len(self.said), len(self.got), self.said - ids, [one for one in self.got if one[0] != one[1]]

    async def _arrived(self):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(20):
                said = set(self.said)
                while not said <= {key for key, _ in self.got}:  # noqa: ASYNC110 - arrivals have no event
                    await asyncio.sleep(0.02)

    async def _fault(self, fault):
        if fault == "kill child" or fault.startswith("clock"):
            self.step = {"clock forward": 10**12, "clock back": -(10**12)}.get(fault, self.step)
            await self._end_child()
            await self._start_child()
        elif fault == "pause broker":
            self.broker.send_signal(signal.SIGSTOP)
            await asyncio.sleep(self.random.uniform(0.05, 0.5))
            self.broker.send_signal(signal.SIGCONT)
        elif fault == "partition":
            self.way.open.clear()
            await asyncio.sleep(self.random.uniform(0.05, 1.5))
            self.way.cut()
            self.way.open.set()
        else:
            self.broker.terminate() if fault == "restart broker" else self.broker.kill()
            await self.broker.wait()
            await asyncio.sleep(self.random.uniform(0.0, 0.3))
            await self._start_broker()

    async def _start_broker(self):
        self.broker = await asyncio.create_subprocess_exec(
            BINARY, "-c", str(self.folder / "mosquitto.conf"), stderr=asyncio.subprocess.DEVNULL
        )
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            await asyncio.sleep(0.01)

    async def _start_child(self, life=""):
        self.lives += 1
        arguments = (
            str(self.folder / "o.db"),
            f"mqtt://127.0.0.1:{self.way.port}",
            life or str(self.lives),
            str(self.step),
        )
        self.child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CHILD, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            cwd=TOP,
            env=os.environ | {"PYTHONPATH": str(TOP)},
        )  # fmt: skip
        self.hearing = asyncio.create_task(self._hear(self.child.stdout))
        while (  # noqa: ASYNC110 - what the child says has no event
            not life
            and self.child.returncode is None
            and not any(key.startswith(f"{self.lives}-") for key in self.said)
        ):
            await asyncio.sleep(0.01)

    async def _end_child(self):
        self.child.kill()
        await self.child.wait()
        await self.hearing

    async def _hear(self, lines):
        async for line in lines:
            if line.endswith(b"\n"):
                self.said.add(line.decode().strip())

    async def _consume(self):
        """An independent consumer with a session that the broker keeps; it says each arrival as it comes."""
        listener = await asyncio.create_subprocess_exec(
            "mosquitto_sub", "-V", "5", "-p", str(self.port), "-i", "consumer", "-c", "-x", "3600", "-q", "1",
            "-t", "s/#", "-F", "%P|%p", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            async for line in listener.stdout:
                named, _, payload = line.decode().strip().partition("|")
                if payload:
                    self.got.append((named.removeprefix("id:"), payload))
        finally:
            listener.kill()
            await listener.wait()


BINARY = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


async def schedule(seed):
    """One schedule's result; see `Schedule.run`."""
    with tempfile.TemporaryDirectory() as folder:
        return await Schedule(seed, Path(folder)).run()


async def _main(count, first):
    faults, said, arrived, missing, wrong = Counter(), 0, 0, 0, 0
    left = iter(range(first, first + count))
    running = {asyncio.create_task(schedule(seed)): seed for seed in islice(left, AT_ONCE)}
    for done in range(1, count + 1):
        ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        one = ended.pop()
        seed = running.pop(one)
        running |= {asyncio.create_task(schedule(another)): another for another in islice(left, 1)}
        acted, events, arrivals, lost, bad = one.result()
        faults.update(acted)
        said, arrived, missing, wrong = said + events, arrived + arrivals, missing + len(lost), wrong + len(bad)
        if lost or bad:
            print(f"seed {seed}: {acted}: missing {sorted(lost)[:5]} ({len(lost)}), wrong {bad[:3]}", flush=True)
        if done % 5 == 0 or done == count:
            figures = f"{said} acknowledged, {arrived} arrivals, {missing} missing, {wrong} with another id"
            print(f"{done} schedules: {figures}; {dict(faults)}", flush=True)


def run(count: int = 12) -> list[tuple[str, float, str]]:
    """(name, value, unit) rows of a few schedules."""

    async def all_of_them():
        return [await schedule(seed) for seed in range(count)]

    results = asyncio.run(all_of_them())
    return [
        (f"{count} schedules of faults: events acknowledged", float(sum(one[1] for one in results)), ""),
        ("missing at the consumer", float(sum(len(one[3]) for one in results)), ""),
    ]


if __name__ == "__main__":
    asyncio.run(_main(int((sys.argv[1:] or ["20"])[0]), int((sys.argv[2:] or ["0"])[0])))
