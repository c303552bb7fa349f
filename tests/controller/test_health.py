"""How the pole is, from its slots: lost, doubted and quarantined modules of required slots and of others."""

from __future__ import annotations

import pytest

from controller.fusion.standing import Finding, Standing
from controller.health import judge, performance
from controller.publication.slots import slot_status
from controller.publication.voice import sender_of
from controller.slot import SlotReport
from interfaces.proto.publication_pb2 import SlotStatus
from interfaces.states import State
from tests.controller.publication.profiles.scenes import STAMP, config

AVAILABLE, DEGRADED, UNAVAILABLE = range(3)


def slot(name="lidar", state=State.ACTIVE, standing=None, *, required=True, kind="lidar", reason="no answer"):
    found = Finding(standing, "turned by 5°") if standing is not None else None
    return SlotReport(name, name, kind, required, "p", state, reason, 0, registration=found)


OTHER = slot("radar", kind="radar", required=False)


@pytest.mark.parametrize(
    ("slots", "availability", "utilisation", "reasons"),
    [
        ([slot(), OTHER], AVAILABLE, 1, ()),
        ([], AVAILABLE, 1, ()),
        ([slot(state=State.LOST), OTHER], DEGRADED, 0, ("required slot lidar is LOST: no answer",)),
        ([slot(state=State.LOST, required=False), OTHER], AVAILABLE, 1, ()),
        ([slot(standing=Standing.OK), OTHER], AVAILABLE, 1, ()),
        ([slot(standing=Standing.CORRECTED), OTHER], AVAILABLE, 1, ()),
        ([slot(standing=Standing.DEGRADED), OTHER], DEGRADED, 0, ("required slot lidar is degraded: turned by 5°",)),
        (
            [slot(standing=Standing.QUARANTINED), OTHER],
            DEGRADED,
            0,
            ("required slot lidar is quarantined: turned by 5°",),
        ),
        ([slot(standing=Standing.QUARANTINED, required=False), OTHER], AVAILABLE, 1, ()),
        (
            [slot(standing=Standing.QUARANTINED, required=False)],
            UNAVAILABLE,
            0,
            ("no detecting module is active",),
        ),
        (
            [slot(state=State.ABSENT, standing=Standing.QUARANTINED)],
            UNAVAILABLE,
            0,
            ("required slot lidar is ABSENT: no answer", "no detecting module is active"),
        ),
        ([slot("sky", kind="environment", required=False, state=State.ABSENT)], AVAILABLE, 1, ()),
    ],
)
def test_a_pole_is_as_its_slots_are(slots, availability, utilisation, reasons):
    assert judge(slots) == (availability, utilisation, reasons)


@pytest.mark.parametrize(
    ("report", "told"),
    [
        (slot(), State.ACTIVE),
        (slot(standing=Standing.OK), State.ACTIVE),
        (slot(standing=Standing.DEGRADED), State.DEGRADED),
        (slot(standing=Standing.QUARANTINED), State.DEGRADED),
        (slot(state=State.PROBATION, standing=Standing.QUARANTINED), State.PROBATION),
    ],
)
def test_what_is_published_of_a_slot_tells_its_performance_too(report, told):
    assert performance(report) == told
    published = slot_status(report, sender_of(config()), STAMP)[0]
    assert performance(SlotStatus.FromString(published.payload)) == told
