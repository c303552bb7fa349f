"""A busy road through a real mosquitto on a slow link: `python tests/bench/bench_uplink.py [seconds] [bit/s] [seed]`.

Objects at 10 Hz, a status a second, near misses and overlapping hazards. How late each hazard is at a consumer from the
moment it is kept; then the link breaks for 20 s and comes back with a backlog. The same road in full for comparison.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import aiomqtt
import numpy as np

from controller.config import Mqtt
from controller.hazard.hazard import Phase
from controller.outbox import Outbox
from controller.publication.narrow_form import narrow, row_of
from controller.publication.packet_size import link_b, packet_b
from controller.publisher import Publisher
from interfaces.proto import publication_pb2 as pb
from tests.controller.publication.busy_road import SENDER, T0, BusyRoad
from tests.real_broker import ended, free_port, started
from tests.throttled_link import ThrottledLink

ROOT = SENDER.root
LATENCY_S = 0.3
OUTAGE_S = 20.0


class Run:
    """One way over one link."""

    def __init__(self, folder, port, rate, seed, budget):
        self.folder, self.port, self.rate, self.budget = folder, port, rate, budget
        self.road, self.kept, self.arrived = BusyRoad(seed, twins=True), {}, {}
        self.stall_s = 0.0
        self.kinds, self.loop = Counter(), asyncio.get_running_loop()
        self.start = self.loop.time()

    def now(self):
        return self.loop.time() - self.start

    def now_ns(self):
        return T0 + int(self.now() * 1e9)

    async def run(self, seconds, *, outage=True):
        consumer = asyncio.create_task(self.consume())
        async with (
            Outbox(self.folder / f"{self.budget}.db", self.now_ns) as box,
            ThrottledLink(self.port, self.rate, LATENCY_S) as link,
        ):
            one = Publisher(
                Mqtt(url=link.url), "pole", box, utc_ns=self.now_ns, greeting=lambda: self.road.status(self.now()),
                will=lambda: self.road.status(0.0)[0], report=lambda text: print(f"    {self.now():6.1f} s: {text}"),
            )  # fmt: skip
            one.narrow.set_budget(self.budget)
            tasks = [asyncio.create_task(it) for it in (one.run(), self.talk(one), self.watch())]
            await asyncio.sleep(seconds)
            self.show(f"{seconds:g} s on {self.rate * 8:g} bit/s", 0.0, self.now() - 2.0)
            if self.budget and outage:
                await self.outage(link)
            sent_b = sum(cost for pieces in link.connections for _, cost, _ in pieces)
            print(f"    {sent_b} B with headers in {self.now():.0f} s; {dict(one.narrow.counters)}", flush=True)
            for task in (*tasks, consumer):
                task.cancel()
            await asyncio.gather(*tasks, consumer, return_exceptions=True)

    async def outage(self, link):
        await link.cut(stay_down=True)
        await asyncio.sleep(OUTAGE_S)
        back = self.now()
        held = dict(self.road.active)
        before = len(link.connections)
        link.up.set()
        while len(link.connections) == before:  # noqa: ASYNC110 - connections have no event
            await asyncio.sleep(0.01)
        opened = self.now()
        await asyncio.sleep(12)
        first = [min((at for (of, _, _), at in self.arrived.items() if of == one and at > back), default=np.nan)
                 for one in held]  # fmt: skip
        waits = ", ".join(f"{at - opened:.2f}" for at in first)
        print(f"    after {OUTAGE_S:g} s without a link: hazards that held at a consumer {waits} s after TCP connected")

    async def talk(self, one):
        tick = 0
        while True:
            now = self.now()
            for part in self.road.events(now):
                if part.urgent and part.payload and not part.topic.endswith("/json"):
                    said = pb.Hazard.FromString(part.payload)
                    self.kept[said.action_id, said.phase, said.header.sequence] = self.now()
                await one.keep(part)
            for part in (*self.road.objects(now), *(self.road.status(now) if tick % 10 == 0 else ())):
                one.offer(part)
            tick += 1
            await asyncio.sleep(max(0.0, tick * 0.1 - self.now()))

    async def watch(self):
        while True:
            before = self.now()
            await asyncio.sleep(0.02)
            self.stall_s = max(self.stall_s, self.now() - before - 0.02)

    async def consume(self):
        async with aiomqtt.Client("127.0.0.1", self.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            await client.subscribe(f"{ROOT}/#", qos=1)
            async for message in client.messages:
                levels = str(message.topic).split("/")
                self.kinds[levels[2] if levels[2] != "pole" else levels[5]] += 1
                if levels[2] == "hazard" and message.payload and levels[-1] != "json":
                    said = pb.Hazard.FromString(message.payload)
                    self.arrived.setdefault((said.action_id, said.phase, said.header.sequence), self.now())

    def show(self, words, since, until):
        print(f"  {words}, {'budget ' + format(self.budget, ',.0f') + ' B/s' if self.budget else 'in full'}:")
        for name in ("NEW", "UPDATE", "CANCEL"):
            mine = {key: at for key, at in self.kept.items()
                    if key[1] == pb.Hazard.Phase.Value(name) and since <= at < until}  # fmt: skip
            late = [self.arrived[key] - at for key, at in mine.items() if key in self.arrived]
            figures = "p50 {:.2f} p95 {:.2f} max {:.2f} s".format(*np.percentile(late, [50, 95, 100])) if late else "-"
            print(f"    {name:6} kept {len(mine):3} arrived {len(late):3}: {figures}")
        words = f"this machine kept the program waiting for up to {self.stall_s:.2f} s"
        print(f"    arrived in all: {dict(self.kinds)}; {words}", flush=True)


@contextlib.asynccontextmanager
async def mosquitto(folder):
    port, conf = free_port(), folder / "mosquitto.conf"
    conf.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nlog_type none\nuser root\n"
    )
    process = started(conf, port)
    try:
        yield port
    finally:
        ended(process)


def costs():
    """Bytes on the link of each message, with headers and our acknowledgement: in full, short, short and by alias."""
    road = BusyRoad(twins=True)
    said = {"hazard": road.hazard(0.0, 1, Phase.NEW), "nearmiss": road.near_miss(0.0), "status": road.status(0.0)}
    for name, (full, twin) in said.items():
        short = narrow(full, row_of(full))
        sizes = (
            _cost(full, full.topic, False), _cost(twin, twin.topic, False), _cost(short, short.topic, True),
            _cost(short, "", True),
        )  # fmt: skip
        print("  {:8} full {} B and its twin {} B, short {} B, by alias {} B".format(name, *sizes))


def _cost(one, topic, alias):
    return link_b(packet_b(one, len(topic), alias=alias, expires=True), qos=one.qos)


async def _main(seconds, bits_per_s, seed):
    rate = bits_per_s / 8
    costs()
    for budget in (rate, 0.0):
        with tempfile.TemporaryDirectory() as name:
            async with mosquitto(Path(name)) as port:
                await Run(Path(name), port, rate, seed, budget).run(seconds if budget else min(seconds, 20))


def run():
    """Figures of 40 s on 9,600 bit/s for the table of all benchmarks."""
    kept, arrived = asyncio.run(_short())
    for name in ("NEW", "UPDATE", "CANCEL"):
        number = pb.Hazard.Phase.Value(name)
        late = [arrived[key] - at for key, at in kept.items() if key[1] == number and key in arrived]
        yield f"{name}, 9,600 bit/s, keep to consumer, median", float(np.median(late)), "s"
        yield f"{name}, 9,600 bit/s, keep to consumer, longest of {len(late)}", max(late), "s"


async def _short():
    with tempfile.TemporaryDirectory() as name:
        async with mosquitto(Path(name)) as port:
            one = Run(Path(name), port, 1200.0, 2, 1200.0)
            await one.run(40, outage=False)
            return one.kept, one.arrived


if __name__ == "__main__":
    given = [*sys.argv[1:], *["60", "9600", "1"][len(sys.argv) - 1 :]]
    asyncio.run(_main(float(given[0]), float(given[1]), int(given[2])))
