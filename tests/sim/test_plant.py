"""Everything outside the controller begins and ends as a whole."""

from __future__ import annotations

import asyncio

import pytest

from sim.fault import Deed, Fault
from sim.module import SimModule
from sim.plant import OUT_S, Plant
from sim.scenario import scenario


@pytest.fixture
def plant(tmp_path, monkeypatch):
    """Whose modules do nothing."""

    async def stay(_self, _wire):
        await asyncio.Event().wait()

    monkeypatch.setattr(SimModule, "run", stay)
    return Plant(scenario("calm"), tmp_path)


@pytest.mark.looptime
async def test_a_swap_puts_another_one_in_after_a_while(plant):
    running = asyncio.create_task(plant.run([Fault(0.5, Deed.SWAP, "radar")]))
    await asyncio.sleep(0.7)
    assert "radar" not in plant.plugged
    old = plant.modules["radar"].uid
    await asyncio.sleep(OUT_S)
    assert "radar" in plant.plugged
    assert plant.modules["radar"].uid != old
    running.cancel()
    await asyncio.wait([running])


@pytest.mark.looptime
@pytest.mark.parametrize("swap", [True, False])
async def test_no_module_outlives_the_plant_not_even_one_that_was_to_come(plant, swap):
    running = asyncio.create_task(plant.run([Fault(0.5, Deed.SWAP, "radar")] if swap else []))
    await asyncio.sleep(0.7)
    running.cancel()
    await asyncio.wait([running])
    await asyncio.sleep(2 * OUT_S)
    assert plant.plugged == frozenset()
    assert [one for one in asyncio.all_tasks() if one.get_name().startswith("module ")] == []


@pytest.mark.looptime
async def test_who_is_pulled_during_a_swap_stays_out(plant):
    running = asyncio.create_task(plant.run([Fault(0.5, Deed.SWAP, "radar"), Fault(0.8, Deed.UNPLUG, "radar")]))
    await asyncio.sleep(0.8 + 2 * OUT_S)
    assert "radar" not in plant.plugged
    running.cancel()
    await asyncio.wait([running])
