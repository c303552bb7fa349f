"""The pole of `bench_delivery.py`, a process of its own: outbox and publisher, and what they did, a line each.

`kept KEY` once an event is durable, `answered KEY` at its PUBACK, `dropped KEY live|spare` when it is dropped for want
of room. Standard input takes `step NANOSECONDS`, a step of the clock, and `stop`, after which nothing new is said.
Arguments: database, address of the broker, a name for the keys ("drain" says nothing), the clock's error in ns;
"forgetful" makes a pole that does not repeat what it held.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from controller import publisher
from controller.acknowledging_client import AcknowledgingClient
from controller.config import Mqtt
from controller.outbox import Outbox
from controller.outbox_table import OutboxTable
from controller.publication.publication import Publication

HOLD_S = 4.0
VALIDITY_S = 30
EVERY_S = 0.004
TOPICS = ("s/near", "s/hazard/1", "s/hazard/2")


class Clock:
    """UTC with an error."""

    def __init__(self, step_ns):
        self.step_ns, self.stopped = step_ns, asyncio.Event()

    def utc_ns(self):
        return time.time_ns() + self.step_ns

    async def listen(self):
        loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        async for line in reader:
            word, _, figure = line.decode().strip().partition(" ")
            if word == "step":
                self.step_ns += int(figure)
            else:
                self.stopped.set()


class Told(AcknowledgingClient):
    """Says what the broker has taken."""

    async def acknowledged(self, topic, payload, qos, retain, properties, **named):
        await super().acknowledged(topic, payload, qos, retain, properties, **named)
        if qos:
            plain = Properties(PacketTypes.PUBLISH)
            plain.unpack(properties.pack())
            say(f"answered {dict(plain.UserProperty)['id']}")


class Watched(OutboxTable):
    """Says what is dropped, before it is."""

    dropping = False

    def _drop(self, count):
        self.dropping = True
        try:
            super()._drop(count)
        finally:
            self.dropping = False

    def watch(self):
        self._base.create_function("gone", 3, self._gone)
        self._base.execute(
            "CREATE TEMP TRIGGER watched BEFORE DELETE ON main.event "
            "BEGIN SELECT gone(OLD.key, OLD.urgent, OLD.expires_at_ns); END"
        )

    def _gone(self, key, urgent, expires_at_ns):
        if self.dropping:
            say(f"dropped {key} {'live' if urgent and expires_at_ns > self._utc_ns() else 'spare'}")


def say(line):
    os.write(1, f"{line}\n".encode())  # one write: two threads speak


async def nothing(_):
    """Instead of `Outbox.send_again`."""


async def main(path, url, life, step_ns, kind=""):
    if kind == "forgetful":
        Outbox.send_again = nothing
    clock = Clock(int(step_ns))
    listening = asyncio.create_task(clock.listen())
    will = Publication("s/status", b"", "c", 1, False, None, (("id", "will"),), "w")
    publisher.AcknowledgingClient = Told
    async with Outbox(Path(path), clock.utc_ns, hold_s=HOLD_S) as box:
        box._table.__class__ = Watched
        await box._run(box._table.watch)
        one = publisher.Publisher(
            Mqtt(url=url, keepalive_s=2), "pole", box,
            utc_ns=clock.utc_ns, greeting=list, will=lambda: will, report=lambda text: print(text, file=sys.stderr),
        )  # fmt: skip
        running = asyncio.create_task(one.run())
        n = 0
        while life != "drain" and not clock.stopped.is_set():
            key, near = f"{life}-{n}", n % 3 == 0
            ends_ns = clock.utc_ns() + VALIDITY_S * 10**9
            if await one.keep(
                Publication(
                    TOPICS[n % 3], key.encode(), "c", 1, False, float(VALIDITY_S), (("id", key),), key,
                    durable=True, urgent=not near, expires_at_ns=ends_ns,
                )
            ):  # fmt: skip
                say(f"kept {key}")
            n += 1
            if n % 100 == 0:  # a pole says its state now and then: its answers show that the broker lives
                one.offer(will)
            await asyncio.sleep(EVERY_S)
        say("stopped -")
        await asyncio.gather(running, listening)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
