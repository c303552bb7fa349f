"""Random schedules of faults against a real mosquitto: `python tests/bench/bench_delivery.py [schedules] [first seed]`.

The broker saves once a second, and the outbox holds for 4 s what was acknowledged. A pole (`delivery_pole.py`) says an
event once it is durable and once the broker has answered. After the faults half of the poles only fall silent and go
on, the others are killed and started anew. Then every event kept must have reached a consumer that keeps its session,
first in the order of its topic, and repeats under the same id. A third argument puts one fault into every schedule.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

TOP = Path(__file__).parents[2]
sys.path.insert(0, str(TOP))

from tests.bench.silent_way import SilentWay  # noqa: E402
from tests.bench.small_disk import POSSIBLE, filled, small_disk  # noqa: E402
from tests.real_broker import BINARY, free_port  # noqa: E402

FAULTS = {  # and how often
    "kill pole": 3,
    "kill broker": 4,
    "broker away for longer than the hold": 1,
    "pause broker": 3,
    "restart broker": 3,
    "partition": 3,
    "stall consumer": 5,
    "clock forward": 2,
    "clock back": 2,
    "our disk full": 3,
    "broker disk full": 3,
}
NEED_ROOT = {"our disk full", "broker disk full", "kill broker with full disk"}
BEYOND = ("kill broker with full disk",)  # not promised: only by name
HOLD_S, STEP_NS, HELLO = 4.0, 10**12, "s/hello"
PATIENCE_S = 40
AT_ONCE = 6


def possible():
    """Faults that can be made here, with their weights."""
    return {fault: weight for fault, weight in FAULTS.items() if POSSIBLE or fault not in NEED_ROOT}


def drawn(seed, always=""):
    """The faults of a schedule, and whether its pole is started anew in the end."""
    dice, kinds = random.Random(seed), possible()
    faults = dice.choices(list(kinds), list(kinds.values()), k=dice.randint(1, 4))
    if always:
        faults[dice.randrange(len(faults))] = always
    return faults, dice.random() < 0.5


@dataclass
class Outcome:
    """What a schedule came to: events by their keys."""

    faults: list[str]
    anew: bool
    kept: list[str]
    answered: set[str]
    dropped: dict[str, str]
    got: list[tuple[str, str, str]]  # topic, id, payload
    missing: set[str] = field(init=False)

    def __post_init__(self):
        self.missing = set(self.kept) - {key for _, key, _ in self.got}

    @property
    def given_up(self):
        """Missing as promised: for want of room, and not a live hazard that the broker never had."""
        return {key for key in self.missing if key in self.dropped} - self.live

    @property
    def live(self):
        """Live hazards dropped before any broker had them: never."""
        return {key for key, what in self.dropped.items() if what == "live"} - self.answered

    @property
    def forgotten(self):
        """The broker answered, and no consumer has them."""
        return (self.missing & self.answered) - self.given_up

    @property
    def lost(self):
        """No broker ever answered."""
        return self.missing - self.answered - self.given_up

    @property
    def wrong(self):
        """Arrivals whose payload is not their id's."""
        return [one for one in self.got if one[1] != one[2]]

    @property
    def disordered(self):
        """First arrivals of kept events on a topic before one that was kept earlier."""
        place = {key: n for n, key in enumerate(self.kept)}
        newest, seen, bad = {}, set(), []
        for topic, key, _ in self.got:
            if key in place and key not in seen:
                seen.add(key)
                bad += [key] if place[key] < newest.get(topic, -1) else []
                newest[topic] = max(place[key], newest.get(topic, -1))
        return bad

    @property
    def bad(self):
        """What must be empty, by its name."""
        all_of_it = {name: getattr(self, name) for name in ("lost", "forgotten", "live", "wrong", "disordered")}
        return {name: sorted(what) for name, what in all_of_it.items() if what}


class Schedule:
    """One seeded run in a folder of its own."""

    def __init__(self, seed, folder, always="", *, forgetful=False, patience_s=PATIENCE_S):
        self.faults, self.anew = drawn(seed, always)
        self.forgetful, self.patience_s = forgetful, patience_s
        self.random, self.folder = random.Random(seed), folder
        self.port = free_port()
        self.kept, self.answered, self.dropped, self.got = [], set(), {}, []
        self.lives, self.step_ns, self.stalls = 0, 0, set()
        self.broker = self.pole = self.hearing = self.listener = None
        self.stopped, self.subscribed = asyncio.Event(), asyncio.Event()
        self.ours, self.theirs = folder / "ours", folder / "theirs"

    async def run(self):
        """The Outcome."""
        for disk in (self.ours, self.theirs):
            disk.mkdir()
        with contextlib.ExitStack() as disks:
            if NEED_ROOT & set(self.faults):
                for disk in (self.ours, self.theirs):
                    disks.enter_context(small_disk(disk))
            (self.folder / "mosquitto.conf").write_text(
                f"listener {self.port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nlog_type none\n"
                f"user root\npersistence true\npersistence_location {self.theirs}/\nautosave_interval 1\n"
                "max_queued_messages 0\n"
            )
            async with SilentWay(self.port) as self.way:
                return await self._run()

    async def _run(self):
        await self._start_broker()
        hello = ("mosquitto_pub", "-V", "5", "-p", str(self.port), "-q", "1", "-r", "-t", HELLO, "-m", "hello")
        await (await asyncio.create_subprocess_exec(*hello)).wait()
        consumer = asyncio.create_task(self._consume())
        await self.subscribed.wait()
        await self._saved()  # the consumer's session is on the broker's disk
        await self._start_pole()
        try:
            for fault in self.faults:
                await asyncio.sleep(self.random.uniform(0.0, 0.35))
                await self._fault(fault)
            await asyncio.sleep(self.random.uniform(0.0, 0.2))
            if self.anew:
                await self._end_pole()
                await self._start_pole("drain")  # the last life says nothing new: it would be killed saying it
            else:
                await self._tell("stop")
                await self.stopped.wait()
            await asyncio.gather(*self.stalls)
            await self._arrived()
        finally:
            for one in (consumer, *self.stalls):
                one.cancel()
            for one in (self.pole, self.broker):
                with contextlib.suppress(ProcessLookupError):
                    one.kill()
                    await one.wait()
            await asyncio.gather(consumer, *self.stalls, return_exceptions=True)
        return Outcome(self.faults, self.anew, self.kept, self.answered, self.dropped, self.got)

    async def _arrived(self):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.patience_s):
                while not set(self.kept) <= {key for _, key, _ in self.got} | set(self.dropped):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)

    async def _fault(self, fault):
        if fault == "kill pole":
            await self._end_pole()
            await self._start_pole()
        elif fault.startswith("clock"):
            step_ns = STEP_NS if fault == "clock forward" else -STEP_NS
            self.step_ns += step_ns
            await self._tell(f"step {step_ns}")
        elif fault == "stall consumer":
            self.stalls.add(asyncio.create_task(self._stall()))
            await asyncio.sleep(0.1)  # what is said now is more than a broker sends to one who does not answer
        elif fault == "partition":
            self.way.open.clear()
            await asyncio.sleep(self.random.uniform(0.05, 1.5))
            self.way.cut()
            self.way.open.set()
        elif fault == "our disk full":
            await self._fill(self.ours, self.random.uniform(0.1, 1.5))
        else:
            await self._fault_of_broker(fault)

    async def _fault_of_broker(self, fault):
        if fault == "pause broker":
            self.broker.send_signal(signal.SIGSTOP)
            await asyncio.sleep(self.random.uniform(0.05, self.random.choice((0.5, 0.5, 0.5, 4.0))))
            self.broker.send_signal(signal.SIGCONT)
        elif fault == "broker disk full":
            await self._fill(self.theirs, self.random.uniform(0.1, 2.5))
            await self._saved()
        elif fault == "kill broker with full disk":
            with filled(self.theirs):
                await asyncio.sleep(self.random.uniform(0.1, 2.5))
                self.broker.kill()
                await self.broker.wait()
            await self._start_broker()
        else:
            self.broker.terminate() if fault == "restart broker" else self.broker.kill()
            await self.broker.wait()
            away = fault == "broker away for longer than the hold"
            await asyncio.sleep(self.random.uniform(HOLD_S, HOLD_S + 1) if away else self.random.uniform(0.0, 0.3))
            await self._start_broker()

    async def _fill(self, disk, seconds):
        with filled(disk) as fill:
            for _ in range(round(seconds / 0.05)):
                await asyncio.sleep(0.05)
                fill()  # what is freed is taken as well

    async def _saved(self):
        """Until the broker has saved everything since now; it dies only then."""
        file = self.theirs / "mosquitto.db"
        before = file.stat().st_mtime_ns if file.exists() else 0
        while not file.exists() or file.stat().st_mtime_ns == before or not file.stat().st_size:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    async def _stall(self):
        if self.listener is None or self.listener.returncode is not None:
            return
        self.listener.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(self.random.uniform(0.2, 2.0))
        finally:
            self.listener.send_signal(signal.SIGCONT)

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

    async def _start_pole(self, life=""):
        self.lives += 1
        url, key = f"mqtt://127.0.0.1:{self.way.port}", life or str(self.lives)
        self.pole = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.delivery_pole", str(self.ours / "o.db"), url, key, str(self.step_ns),
            *(["forgetful"] if self.forgetful else []),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, cwd=TOP,
            env=os.environ | {"PYTHONPATH": str(TOP)},
        )  # fmt: skip
        self.hearing = asyncio.create_task(self._hear(self.pole.stdout))
        while (  # noqa: ASYNC110 - what the pole says has no event
            not life and self.pole.returncode is None and not (self.kept and self.kept[-1].startswith(f"{self.lives}-"))
        ):
            await asyncio.sleep(0.01)

    async def _end_pole(self):
        self.pole.kill()
        await self.pole.wait()
        await self.hearing

    async def _tell(self, line):
        self.pole.stdin.write(f"{line}\n".encode())
        await self.pole.stdin.drain()

    async def _hear(self, lines):
        async for line in lines:
            word, key, *rest = line.decode().split() if line.endswith(b"\n") else ("", "")
            if word == "kept":
                self.kept.append(key)
            elif word == "answered":
                self.answered.add(key)
            elif word == "dropped":
                self.dropped[key] = rest[0]
            elif word == "stopped":
                self.stopped.set()

    async def _consume(self):
        """An independent consumer with a session that the broker keeps; it says each arrival as it comes."""
        self.listener = listener = await asyncio.create_subprocess_exec(
            "mosquitto_sub", "-V", "5", "-p", str(self.port), "-i", "consumer", "-c", "-x", "3600", "-q", "1",
            "-t", "s/#", "-F", "%t|%P|%p", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            async for line in listener.stdout:
                topic, named, payload = line.decode().strip().split("|")
                if topic == HELLO:
                    self.subscribed.set()
                elif payload:
                    self.got.append((topic, named.removeprefix("id:"), payload))
        finally:
            listener.kill()
            await listener.wait()


async def schedule(seed, always=""):
    """One schedule's Outcome."""
    with tempfile.TemporaryDirectory() as folder:
        return await Schedule(seed, Path(folder), always).run()


class Sum:
    """Of many schedules."""

    def __init__(self):
        self.count, self.faults, self.figures = 0, Counter(), Counter()

    def add(self, seed, one):
        self.count += 1
        self.faults.update(one.faults)
        self.figures.update(
            kept=len(one.kept), arrivals=len(one.got), repeats=len(one.got) - len({key for _, key, _ in one.got}),
            given_up=len(one.given_up), went_on=not one.anew,
            **{name: len(getattr(one, name)) for name in ("lost", "forgotten", "live", "wrong", "disordered")},
        )  # fmt: skip
        if one.bad:
            few = {name: (len(what), what[:5]) for name, what in one.bad.items()}
            print(f"seed {seed}: {one.faults}, {'started anew' if one.anew else 'went on'}: {few}", flush=True)

    def __str__(self):
        told = self.figures
        return (
            f"{self.count} schedules, in {told['went_on']} the pole went on: {told['kept']} events kept, "
            f"{told['arrivals']} arrivals, {told['repeats']} of them repeats; "
            f"missing: {told['lost']} never acknowledged, {told['forgotten']} acknowledged and lost, "
            f"{told['given_up']} dropped for want of room, {told['live']} live hazards dropped; "
            f"{told['wrong']} with another id, {told['disordered']} out of order; {dict(self.faults)}"
        )


async def _main(count, first, always=""):
    for fault in FAULTS.keys() - possible().keys():
        print(f"left out, takes root to mount a small disk: {fault}")
    total, left = Sum(), iter(range(first, first + count))
    running = {asyncio.create_task(schedule(seed, always)): seed for seed in islice(left, AT_ONCE)}
    while running:
        ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for one in ended:
            total.add(running.pop(one), one.result())
        running |= {asyncio.create_task(schedule(seed, always)): seed for seed in islice(left, len(ended))}
        if total.count % 10 < len(ended) or not running:
            print(total, flush=True)


def run(count: int = 12) -> list[tuple[str, float, str]]:
    """(name, value, unit) rows of a few schedules."""

    async def all_of_them():
        return [await schedule(seed) for seed in range(count)]

    results = asyncio.run(all_of_them())
    return [
        (f"{count} schedules of faults: events kept", float(sum(len(one.kept) for one in results)), ""),
        ("missing at the consumer", float(sum(len(one.lost | one.forgotten) for one in results)), ""),
    ]


if __name__ == "__main__":
    told = sys.argv[1:]
    asyncio.run(_main(int((told or ["20"])[0]), int((told[1:] or ["0"])[0]), *told[2:]))
