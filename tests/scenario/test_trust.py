"""Level L3 through the whole daemon, on every bus that carries frames: the trusted serve with tags, others do not."""

from __future__ import annotations

import asyncio
import contextlib

import numpy as np
import pytest

from controller import log
from controller.app import App
from controller.config import Config
from controller.site import Site
from controller.trust import TrustStore
from interfaces.errors import ConfigError
from interfaces.security import public_bytes
from interfaces.states import State
from sim.harness import Harness, urls
from sim.module import SimModule
from sim.road import TRUTH
from sim.scene import ModuleSpec
from tests.secured import key_of

PATIENCE_S = 30
VENDOR = key_of("vendor")


def empty_road():
    return np.zeros(0, TRUTH)


def config_of(ports, state_dir):
    slots = {slot: {"port": url, "class": "radar", "level": "L3"} for slot, url in ports.items()}
    return Config.model_validate(
        {
            "pole": {"service_location_id": 1, "roadside_unit_id": 2, "state_dir": str(state_dir)},
            "origin": {"latitude_deg": 36.0, "longitude_deg": 140.0},
            "mqtt": {"url": "mqtt://127.0.0.1:9"},
            "slot": slots,
        }
    )


@contextlib.asynccontextmanager
async def running(*coroutines):
    tasks = [asyncio.create_task(one) for one in coroutines]
    try:
        yield
        assert not any(task.done() for task in tasks), tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=PATIENCE_S)


async def until(condition):
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 -- states are read, they have no event
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("kind", ["serial", "tcp", "rs485", "can", "canfd"])
async def test_a_trusted_module_serves_with_tags_and_a_stranger_is_refused(tmp_path, kind):
    ports = urls(["north"], {"north": kind}, tmp_path)
    store = TrustStore(tmp_path / "state" / "trust")
    app = App(config_of(ports, tmp_path / "state"), Site((), ()), tmp_path / "state", log.logger())
    session = app.supervisors["north"].keeper.session
    harness = Harness()
    module = SimModule(ModuleSpec("north", "radar"), empty_road, key=key_of("module"), vendor_key=VENDOR)
    try:
        async with running(app.run(), module.run(harness.wire(ports["north"], module.uid))):
            await until(lambda: session.state is State.REJECTED)
            assert "is signed by no trusted vendor" in session.reason
            assert not session.counters["authenticated"]
            store.add_vendor("acme", public_bytes(VENDOR))
            await until(lambda: session.state is State.ACTIVE)
            assert session.authenticated
            before = module.sent
            await until(lambda: module.sent > before + 5)
            assert session.state is State.ACTIVE
            assert session.counters["bad_tag"] == session.counters["unauthenticated"] == 0
        assert store.devices()[module.uid].vendor == "acme"
    finally:
        harness.close()


async def test_a_pole_does_not_start_with_a_store_that_others_can_read(tmp_path):
    (tmp_path / "trust").mkdir(mode=0o755)
    config = config_of({"north": "tcp://127.0.0.1:9"}, tmp_path)
    with pytest.raises(ConfigError, match="chmod 0700"):
        App(config, Site((), ()), tmp_path, log.logger())
