"""Modules on every kind of wire show themselves and test themselves when a person asks."""

from __future__ import annotations

import pytest

from controller.command_actions import CommandActions, CommandError
from controller.commands import Identify, SelfTest
from sim.broker import Broker
from sim.fault import DEMO_WIRES
from tests.scenario.test_pole import staged


async def test_identify_and_self_test_over_every_wire_of_the_demo(tmp_path):
    async with Broker("127.0.0.1") as broker, staged(tmp_path, broker.url, wires=DEMO_WIRES) as stage:
        await stage.until(lambda: {stage.state(slot) for slot in stage.config.slot} == {"ACTIVE"})
        actions = CommandActions(stage.app)
        for slot in stage.config.slot:
            assert await actions.identify(Identify(slot=slot, seconds=1)) == {"slot": slot, "seconds": 1}, slot
        told = await actions.self_test(SelfTest())
        assert told == {slot: {"passed": True, "detail": "simulated"} for slot in stage.config.slot}
        await stage.plant.unplug("camera")
        await stage.until(lambda: stage.state("camera") == "LOST")
        with pytest.raises(CommandError, match="slot camera is LOST: no module serves it"):
            await actions.identify(Identify(slot="camera"))
