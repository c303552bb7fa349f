"""What was published gives the documents that the pole itself would send."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from living import CONFIG, SENDER, T0, area, config, near_miss, report, tracks

from controller.publication.cavc.document import DOCUMENTS
from controller.publication.cavc.live import Live
from controller.publication.cavc.target_info import target_info
from controller.publication.cavc.validation import problems
from controller.publication.objects import objects
from controller.publication.publication import Stamp
from controller.publication.retold import tracks_of
from controller.publication.slots import slot_status
from controller.publication.status import pole_status, will
from controller.slot import PoleReport
from interfaces.proto import publication_pb2 as pb

STAMP = Stamp(41, T0 + 5_000_000)


def published(picture):
    return pb.PerceivedObjects.FromString(next(objects(picture, SENDER, STAMP)).payload)


def full(availability=0, **states):
    live = Live(CONFIG)
    pole = PoleReport(True, availability, 1, (), 0.0, 0, 0, 0.0, 0.0, 0.0, T0, "1")
    live.take("status", pb.PoleStatus.FromString(pole_status(pole, SENDER, STAMP)[0].payload))
    for name in CONFIG.slot:
        told = report(name, states.get(name, "ACTIVE"), 0x010700 + len(name))
        live.take("slot", pb.SlotStatus.FromString(slot_status(told, SENDER, STAMP)[0].payload))
    live.take("objects", published(tracks(2)))
    live.take("nearmiss", near_miss())
    live.take("hazard", pb.Hazard())
    live.take("slot", None)
    return live


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_is_made_and_legal(name):
    (made,) = full().make(name, T0, {"camera": (area(),)})
    assert problems(DOCUMENTS[name], made) == []


def test_a_picture_gives_the_targets_that_its_tracks_give():
    picture = tracks(5, z=[0, 1, -2, 3, np.nan], vx=3.0, ax=0.5, yaw=[0, 1, -1, 3, np.nan])
    (direct,) = target_info(picture, [0] * 5, SENDER, CONFIG, T0, counter=41)
    live = Live(CONFIG)
    live.take("objects", published(picture))
    (received,) = live.make("targetInfo", T0, {})
    assert received == direct


def test_how_long_a_standing_track_stands_is_not_published():
    live = Live(CONFIG)
    live.take("objects", published(tracks(3, vy=[0.0, 0.49, 0.51])))
    (made,) = live.make("targetInfo", T0, {})
    (device,) = made["attribute"]["deviceIndividualInfo"]
    assert [one["restingState"] for one in device["targetIndividualInfo"]] == [3602, 3602, 0]


@given(st.lists(st.floats(width=32), min_size=16, max_size=16))
def test_covariances_come_back_whole(values):
    cov = np.reshape(values, (4, 4)).astype(np.float32)
    cov = np.triu(cov) + np.triu(cov, 1).T
    found = tracks_of(published(tracks(1, cov=cov))).objects["cov"][0]
    assert np.array_equal(found, cov.astype(np.float64), equal_nan=True)


def test_a_covariance_of_the_wrong_length_is_none():
    message = published(tracks(1))
    del message.objects[0].covariance[3:]
    live = Live(CONFIG)
    live.take("objects", message)
    (made,) = live.make("targetInfo", T0, {})
    (one,) = made["attribute"]["deviceIndividualInfo"][0]["targetIndividualInfo"]
    assert (one["positionConf"], one["speedConf"], one["headingConf"]) == (0, 0, 0)


def test_a_pole_that_is_gone_is_unavailable():
    live = full()
    live.take("status", pb.PoleStatus.FromString(will(SENDER, STAMP).payload))
    (made,) = live.make("aliveMonitoringInfo", T0, {})
    assert made["attribute"]["serviceAvailability"] == 2
    (cases,) = live.make("useCaseInfo", T0, {})
    assert cases["attribute"]["useCaseInfo"][0]["useCaseClassificationInfo"][0]["targetUtilizationType"] == 0


def test_of_a_pole_that_says_nothing_only_what_is_configured_is_told():
    made = {name: len(Live(config(roadside_unit={})).make(name, T0, {})) for name in DOCUMENTS}
    assert {name for name, count in made.items() if count} == {"serviceLocationInfo", "nearMissInfoList"}
