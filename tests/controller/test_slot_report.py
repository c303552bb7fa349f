"""What a slot tells of its module: its share of the wire, its counters, the steps of its clock."""

from __future__ import annotations

import pytest

from controller.config import Config
from controller.fusion.standing import Finding, Standing
from controller.geometry import LocalFrame
from controller.pipeline import Pipeline
from controller.publication.publication import Sender, Stamp
from controller.publication.slots import slot_status
from controller.served import Served
from controller.site import Site
from controller.slot_keeper import SlotKeeper
from interfaces import wire_cost
from interfaces.events import HeartbeatSeen, TimeSample
from interfaces.module_session import ModuleState
from interfaces.proto import pmi_pb2 as pb
from interfaces.proto import publication_pb2 as pub
from tests.exchange import WALL_NS, Exchange

CAN = wire_cost.can(500_000, 2_000_000)


def a_keeper(tmp_path, shares=(), **slot):
    config = Config.model_validate(
        {
            "pole": {"service_location_id": 1, "roadside_unit_id": 2},
            "origin": {"latitude_deg": 36.0, "longitude_deg": 140.0},
            "slot": {"r": {"port": "can+sim:///bus", "class": "radar", **slot}},
        }
    )
    return SlotKeeper(
        "r",
        config.slot["r"],
        Pipeline(config, Site((), ())),
        sheets={},
        served=Served(tmp_path / "served.json"),
        serving=lambda _slot: set(),
        cost=CAN,
        neighbours=lambda: shares,
    )


def converse(keeper, module, seconds=2.0):
    """Let a module and the keeper's session talk in virtual time."""
    now = 0.0
    while now < seconds:
        wall = WALL_NS + round(now * 1e9)
        module.tick(now, round(now * 1e6))
        for frame in module.take_frames():
            keeper.handle(keeper.session.receive(frame, now, wall), now, wall)
        keeper.handle(keeper.session.tick(now, wall), now, wall)
        for frame in keeper.session.take_frames():
            module.receive(frame, now, round(now * 1e6))
        now += 0.01
    return now


def test_a_module_gets_its_share_of_the_wire(tmp_path):
    keeper = a_keeper(tmp_path, shares=(0.2, 0.0))
    module = Exchange().module
    now = converse(keeper, module)
    assert module.state is ModuleState.RUNNING
    report = keeper.report(now, {"crc32": 3}, 0.4)
    assert report.wire == "CAN FD 500000/2000000"
    assert report.allowed == pytest.approx((0.6 - 0.2) / 2)
    assert 0 < report.granted <= report.allowed
    assert report.load == 0.4
    assert report.counters["wire_crc32"] == 3


def test_a_full_wire_refuses_with_the_sum(tmp_path):
    keeper = a_keeper(tmp_path, shares=(0.35, 0.25))
    module = Exchange().module
    converse(keeper, module, 0.5)
    assert module.state is ModuleState.REJECTED
    text = keeper.session.reason
    assert "60% of CAN FD 500000/2000000 - 35% - 25% granted to others = 0.0%" in text


def test_steps_of_a_clock_are_told_and_counted(tmp_path):
    keeper = a_keeper(tmp_path)
    for second in range(5):
        t0 = second * 1_000_000
        keeper.handle([TimeSample(t0, t0 + 100, t0 + 100, t0 + 200, 0, 0)], second, t0 * 1000)
    for second in range(5, 9):
        t0 = second * 1_000_000
        keeper.handle([TimeSample(t0, t0 + 700_100, t0 + 700_100, t0 + 200, 0, 0)], second, t0 * 1000)
    assert keeper.session.counters["clock_steps"] == 1
    assert keeper.told == type(keeper.told)(["its clock and the pole's moved against each other by -0.700 s"])


def test_what_the_module_counts_itself_is_shown(tmp_path):
    keeper = a_keeper(tmp_path)
    keeper.handle([HeartbeatSeen(pb.Heartbeat(frames_dropped=4, crc_errors=9))], 0.0, 0)
    counters = keeper.report(0.0, {}).counters
    assert (counters["module_dropped"], counters["module_crc"]) == (4, 9)


def test_how_a_module_stands_to_the_others_is_told_with_the_slot(tmp_path, monkeypatch):
    keeper = a_keeper(tmp_path)
    assert keeper.report(0.0, {}).registration is None
    found = Finding(Standing.QUARANTINED, "turned by +3.0°", yaw_deg=3.0, range_scale=0.9, effect_m=1.5)
    monkeypatch.setattr(Pipeline, "finding", lambda _self, slot: found if slot == "r" else None)
    sender = Sender(7, 9, ("r",), LocalFrame(36.0, 140.0, 0.0), geoid_height_m=37.0)
    binary = slot_status(keeper.report(0.0, {}), sender, Stamp(1, WALL_NS, 0.002))[0]
    message = pub.SlotStatus.FromString(binary.payload)
    told = message.registration
    assert (told.standing, told.words, told.yaw_deg, told.effect_m) == ("quarantined", "turned by +3.0°", 3.0, 1.5)
    assert told.range_scale == 0.9
    assert not told.HasField("agreement"), "unknown"
