"""The live picture: every kind of publication is drawn, and what is over disappears."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from rich.console import Console

from controller.fusion.track import Tracks, empty_tracks
from controller.geometry import LocalFrame
from controller.hazard.hazard import Hazard, Phase
from controller.hazard.near_miss import NearMiss, Participant
from controller.picture import Picture
from controller.publication.hazard import hazard
from controller.publication.near_miss import near_miss
from controller.publication.objects import objects
from controller.publication.publication import Sender, Stamp
from controller.publication.slots import slot_status
from controller.publication.status import pole_status
from controller.slot import ModuleIdentity, PoleReport, SlotReport
from interfaces.reception import decode

T0 = 1_760_000_000_000_000_000
SENDER = Sender(7, 9, ("cam", "lidar"), LocalFrame(35.6, 139.7, 60.0), json_twins=False)
STAMP = Stamp(1, T0)
HAZARD = Hazard(5, "wrong_way", Phase.NEW, 14, 2, T0, T0, 5.0, 10.0, 20.0, float("nan"), 1.0, 8.0, 0.9, 5, (3,), 3)
SIDE = Participant(1, 2, 0.0, 1.0, 5.0, 0.1, 4.0, 2.0, 6.0)
NAN = float("nan")
NEAR = NearMiss(
    8, T0, T0, T0, 3, "中", "crossing", 1.0, 2.0, 0.0, NAN, 0.9, 3.5, NAN, 0.8, 0.9, 5.0, 1.0, (SIDE, SIDE), 3, 6
)
WHO = ModuleIdentity(b"u" * 16, 1, "v", "LiDAR X", "S1", 1, "1.0", b"", b"", 256, 2)
SLOT = SlotReport("lidar", "all round", "lidar", True, "serial:///x", "ACTIVE", "plan accepted", T0, WHO, rate_hz=10.0)
REPORT = PoleReport(True, 1, 0, ("required slot cam is LOST",), 0.0, 3, 4, 20.0, 0.004, 0.012, T0, "0.1.0")


def shown(*batches):
    picture = Picture()
    for batch in batches:
        for publication in batch:
            one = decode(publication.topic, publication.payload, SENDER.root)
            assert one is not None
            picture.take(one)
    console = Console(width=140, record=True, file=open("/dev/null", "w"))  # noqa: SIM115 -- rich closes it
    with console.file:
        console.print(picture.draw())
        return console.export_text()


def test_it_waits_for_the_first_status():
    assert "waiting for the pole" in shown()


def test_every_kind_of_publication_is_drawn():
    rows = empty_tracks(2)
    rows["object_class"], rows["x"], rows["y"], rows["z"] = [6, 2], [30.0, -30.0], [40.0, 500.0], np.nan
    text = shown(
        pole_status(REPORT, SENDER, STAMP),
        slot_status(SLOT, SENDER, STAMP),
        objects(Tracks(T0, rows), SENDER, STAMP),
        hazard(HAZARD, SENDER, STAMP),
        near_miss(NEAR, SENDER, STAMP),
    )
    for word in ("degraded 縮退", "required slot cam is LOST", "p99 12.0 ms", "LiDAR X S1", "plan accepted"):
        assert word in text
    for word in ("wrong_way", "14/2", "5/7", "29 ", "25/", "crossing", "中", "0.9", "–"):
        assert word in text
    road = text[text.index("Road,") : text.index("Hazards")]
    drawn = [line for line in road.splitlines()[1:] if "│" in line]
    assert sum(line.count("p") for line in drawn[:21]) == 1  # the person; the car lies beyond the map
    assert sum(line.count("c") for line in drawn[:21]) == 0


def test_a_cancelled_hazard_disappears():
    over = replace(HAZARD, phase=Phase.CANCEL)
    assert "wrong_way" not in shown(hazard(HAZARD, SENDER, STAMP), hazard(over, SENDER, STAMP))
    assert "wrong_way" in shown(hazard(HAZARD, SENDER, STAMP))


def test_a_change_of_state_is_told():
    lost = replace(SLOT, state="LOST", reason="unplugged")
    assert "lidar: LOST — unplugged" in shown(slot_status(SLOT, SENDER, STAMP), slot_status(lost, SENDER, STAMP))
