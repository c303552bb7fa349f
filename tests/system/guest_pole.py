"""The pole in the guest: its configuration, its service, and what it publishes on the broker there."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import replace

from interfaces.consumer import Consumer
from interfaces.errors import LinkError
from sim.module import SimModule
from sim.scenario import scenario

PATIENCE_S = 180  # an emulated processor on a busy machine
BEATEN_TRACK_S = 20.0
UNIT = "pole.service"
LIGHT = "\n[publish]\nobjects_rate_hz = 4\njson_twins = false\n"  # as much as an emulated processor can do


class GuestPole:
    """`ports` gives each slot's URL; the slots are those of a scene. A context that follows the broker."""

    def __init__(self, machine, ports):
        self.machine = machine
        self.scene = scenario("calm")
        self.specs = {spec.slot: spec for spec in self.scene.modules if spec.slot in ports}
        self.ports = ports
        self.slots = {}
        self.history = deque(maxlen=1000)
        self.reasons = ()
        self.objects = 0
        self._changed = asyncio.Event()
        self._modules = {}
        world = self.scene.world()
        for _ in range(400):
            world.step(BEATEN_TRACK_S / 400)
        self._truth = world.truth

    async def __aenter__(self):
        kept = replace(self.scene, modules=tuple(self.specs.values()))
        text = kept.config_text(self.ports, site="", state_dir="/var/lib/pole")
        await self.machine.write("/etc/pole/pole.toml", text + LIGHT)
        self._follow = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_):
        for slot in list(self._modules):
            await self.unplug(slot)
        self._follow.cancel()
        await asyncio.gather(self._follow, return_exceptions=True)

    async def start(self):
        """Start the service; systemd returns when the daemon says that it is ready."""
        await self.machine.done(f"systemctl start {UNIT}", PATIENCE_S)

    async def property(self, name):
        """What systemd knows of the service."""
        return await self.machine.done(f"systemctl show -P {name} {UNIT}")

    async def journal(self):
        """What the service wrote."""
        return await self.machine.done(f"journalctl -u {UNIT} -o cat --no-pager")

    def plug(self, slot, wire, serial=1):
        """A simulated module of the slot's class behind a wire."""
        module = SimModule(self.specs[slot], self._truth, serial=serial)
        self._modules[slot] = (asyncio.create_task(module.run(wire), name=f"module {slot}"), wire)

    async def unplug(self, slot):
        """Pull it, adapter and all."""
        task, _ = self._modules.pop(slot)
        task.cancel()
        await asyncio.wait([task])

    async def until(self, slot, state, serial=None, since_ns=0):
        """Seconds until the pole says so of a slot: `serial` is the module's, after `since_ns` of an earlier state."""
        return await self._when(lambda: self._is(slot, state, serial, since_ns), f"{slot} {state}")

    async def until_said_again(self, slot, sequence):
        """Wait for a publication on a slot after the one with this sequence number."""
        await self._when(lambda: self.slots[slot].header.sequence > sequence, f"{slot} said again")

    async def until_reason(self, text):
        """Wait until the pole gives a reason with this text for being less than it should be."""
        await self._when(lambda: any(text in reason for reason in self.reasons), text)

    async def until_seen(self, more=5):
        """Wait for as many further publications with objects."""
        goal = self.objects + more
        await self._when(lambda: self.objects >= goal, "objects")

    def states(self, slot):
        """Every state of a slot that was published, in turn."""
        return [state for name, state, _ in self.history if name == slot]

    def served_on(self, slot):
        """Whether a slot, once ACTIVE, was published as serving ever since; how it got there is its own matter."""
        states = self.states(slot)
        return "ACTIVE" in states and set(states[states.index("ACTIVE") :]) <= {"ACTIVE", "DEGRADED"}

    def _is(self, slot, state, serial, since_ns):
        seen = self.slots.get(slot)
        if seen is None or seen.state != state or seen.since_ns <= since_ns:
            return False
        return serial in {None, seen.identity.serial_number}

    async def _when(self, condition, what):
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"not within {PATIENCE_S} s: {what}; {self.reasons} {list(self.history)}") from None
        return loop.time() - asked_at

    async def _listen(self):
        url = f"mqtt://127.0.0.1:{self.machine.broker_port}"
        while True:
            with contextlib.suppress(LinkError):
                async with Consumer(url) as heard:
                    async for one in heard.received("pole/#"):
                        self._take(one)
            await asyncio.sleep(0.5)

    def _take(self, one):
        if one.kind == "slot" and one.message is not None:
            before = self.slots.get(one.message.slot)
            self.slots[one.message.slot] = one.message
            if before is None or (before.state, before.reason) != (one.message.state, one.message.reason):
                self.history.append((one.message.slot, one.message.state, one.message.reason))
        elif one.kind == "objects" and one.message is not None and one.message.objects:
            self.objects += 1
        elif one.kind == "status" and one.message is not None:
            self.reasons = tuple(one.message.reasons)
        self._changed.set()
