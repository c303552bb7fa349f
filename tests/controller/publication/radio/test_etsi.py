"""CPM and DENM: golden bytes that asn1c agrees with, what they say, segments and sentinels."""

from __future__ import annotations

import builtins
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.config import Hazards
from controller.fusion.track import Tracks
from controller.hazard.hazard import Phase
from controller.hazard.rules import rules
from controller.publication.radio import uper
from controller.publication.radio.cpm import CLASSES, OBJECTS_MAX, cpm
from controller.publication.radio.denm import CAUSES, denm
from controller.publication.radio.etsi_quantities import QUANTITIES, real, wire
from controller.publication.radio.its_time import nearest_generation_ns, nearest_utc_ns, time_of_day, timestamp_its
from interfaces.errors import ConfigError
from interfaces.spec import ObjectClass
from tests.controller.publication.radio.claims import cam_of
from tests.controller.publication.radio.scene import HAZARD, SENSORS, STATION, T0, tracks

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "radio_etsi.json").read_text(encoding="utf-8"))
GOLDEN = {one["name"]: tuple(bytes.fromhex(text) for text in one["hex"]) for one in VECTORS["messages"]}


@pytest.fixture(scope="module")
def codec():
    return uper.load()


def opened(codec, data):
    """A CPM with its containers decoded, by container."""
    message = codec.decode("CollectivePerceptionMessage", data)
    names = {2: "OriginatingRsuContainer", 3: "SensorInformationContainer", 5: "PerceivedObjectContainer"}
    containers = {
        one["containerId"]: codec.decode(names[one["containerId"]], one["containerData"])
        for one in message["payload"]["cpmContainers"]
    }
    return message["header"], message["payload"]["managementContainer"], containers


@pytest.mark.parametrize(
    ("name", "count", "sensors"),
    [
        ("cpm empty", 0, ()),
        ("cpm 20 objects", 20, ()),
        ("cpm 3 objects and sensors", 3, SENSORS),
        ("cpm 60 objects in segments", 60, SENSORS),
    ],
)
def test_golden_cpm(codec, name, count, sensors):
    assert cpm(tracks(count), STATION, codec, sensors=sensors) == GOLDEN[name]


@pytest.mark.parametrize("phase", Phase)
def test_golden_denm(codec, phase):
    assert (denm(replace(HAZARD, phase=phase), STATION, codec),) == GOLDEN[f"denm {phase}"]


def test_golden_cam(codec):
    (data,) = GOLDEN["cam of a car"]
    assert cam_of(40.0, 10.0, codec) == data
    assert codec.encode("CAM", codec.decode("CAM", data)) == data


def test_a_cpm_says_who_when_where_and_what(codec):
    header, management, containers = opened(codec, GOLDEN["cpm 3 objects and sensors"][0])
    assert header == {"protocolVersion": 2, "messageId": 14, "stationId": 136323842}
    assert management["referenceTime"] == 633_025_430_678
    place = management["referencePosition"]
    assert (place["latitude"], place["longitude"]) == (366_000_000, 1_406_000_000)
    assert place["altitude"]["altitudeValue"] == 7000
    assert [(one["sensorId"], one["sensorType"]) for one in containers[3]] == [(0, 1), (2, 2)]
    kind, shape = containers[3][0]["perceptionRegionShape"]
    assert (kind, shape["polygon"][1]) == ("polygonal", {"xCoordinate": 8000, "yCoordinate": 3000})
    assert containers[5]["numberOfPerceivedObjects"] == 3
    second = containers[5]["perceivedObjects"][1]
    assert second["objectId"] == 101
    assert second["measurementDeltaTime"] == 0
    assert second["position"]["xCoordinate"] == {"value": 600, "confidence": 39}
    assert second["position"]["zCoordinate"] == {"value": 100, "confidence": 4096}, "the centre of the box"
    assert second["velocity"][1]["xVelocity"] == {"value": 700, "confidence": 98}
    assert second["acceleration"][1]["xAcceleration"]["value"] == -5
    assert second["angles"]["zAngle"]["value"] == 100
    assert second["zAngularVelocity"]["value"] == -3
    assert [second[f"objectDimension{axis}"]["value"] for axis in "XYZ"] == [45, 18, 15]
    assert second["objectAge"] == 1500
    assert second["objectPerceptionQuality"] == 14
    assert second["sensorIdList"] == [0, 2]
    assert second["classification"] == [{"objectClass": ("vehicleSubClass", 7), "confidence": 80}]


def test_segments_cover_all_objects_and_fit(codec):
    parts = cpm(tracks(60), STATION, codec, sensors=SENSORS, limit_b=700)
    assert max(map(len, parts)) <= 700
    heard = [opened(codec, one) for one in parts]
    ids = [one["objectId"] for _, _, containers in heard for one in containers[5]["perceivedObjects"]]
    assert sorted(ids) == list(range(100, 160))
    assert {one[5]["numberOfPerceivedObjects"] for _, _, one in heard} == {60}
    infos = [management["segmentationInfo"] for _, management, _ in heard]
    assert infos == [{"totalMsgNo": len(parts), "thisMsgNo": at + 1} for at in range(len(parts))]
    assert [3 in containers for _, _, containers in heard] == [True] + [False] * (len(parts) - 1)


def test_what_eight_segments_cannot_hold_is_the_least_urgent(codec):
    many = tracks(300)
    parts = cpm(many, STATION, codec, limit_b=300)
    assert len(parts) <= 8
    assert max(map(len, parts)) <= 300
    heard = [one for part in parts for one in opened(codec, part)[2][5]["perceivedObjects"]]
    assert opened(codec, parts[0])[2][5]["numberOfPerceivedObjects"] == OBJECTS_MAX
    assert 20 < len(heard) < 60
    assert {one["classification"][0]["objectClass"][0] for one in heard} == {"vruSubClass"}
    assert cpm(many, STATION, codec, limit_b=20) == ()


@pytest.mark.parametrize("kind", ObjectClass)
def test_every_class_has_its_code(codec, kind):
    one = tracks(1)
    one.objects["object_class"] = kind
    (data,) = cpm(one, STATION, codec)
    (heard,) = opened(codec, data)[2][5]["perceivedObjects"]
    assert heard["classification"][0]["objectClass"] == CLASSES[kind]


@given(st.integers(0, 2**32), st.sampled_from(sorted(set(tracks(1).objects.dtype.names) - {"id", "cov", "sources"})))
def test_any_finite_track_can_be_told(seed, column):
    rng = np.random.default_rng(seed)
    one = tracks(2)
    if one.objects.dtype[column].kind == "f":
        one.objects[column] = rng.choice([-1e300, -1e4, -1.0, -1e-9, 0.0, 1e-9, 1.0, 1e4, 1e300], 2)
        if column == "age_s":
            one.objects[column] = np.abs(np.clip(one.objects[column], 0, 1e9))
    codec = uper.load()
    (data,) = cpm(one, STATION, codec)
    assert len(opened(codec, data)[2][5]["perceivedObjects"]) == 2


@given(st.sampled_from(sorted(QUANTITIES)), st.floats())
def test_a_quantity_is_never_told_as_unavailable_unless_it_is(name, quantity):
    row = QUANTITIES[name]
    value = wire(name, quantity)
    assert math.isfinite(quantity) is (value != row.unknown) or row.unknown is None
    back = real(name, value)
    assert math.isnan(back) if value == row.unknown else row.low <= value <= row.high


def test_a_hazard_without_direction_or_of_another_cause_is_told_too(codec):
    seen = replace(HAZARD, heading=math.nan, speed=math.nan, cause=250, subcause=9)
    heard = codec.decode("DENM", denm(seen, STATION, codec))["denm"]
    assert heard["situation"]["eventType"]["ccAndScc"] == ("dangerousSituation99", 0)
    assert set(heard["location"]) == {"detectionZonesToEventPosition"}


def test_a_cancelled_hazard_is_terminated_and_says_nothing_else(codec):
    heard = codec.decode("DENM", GOLDEN["denm cancel"][0])["denm"]
    assert heard["management"]["termination"] == "isCancellation"
    assert set(heard) == {"management"}
    assert heard["management"]["actionId"] == {"originatingStationId": 136323842, "sequenceNumber": 5}


def test_every_rule_has_its_cause():
    causes = {rule.cause for rule in rules(Hazards())}
    assert causes - {0} <= set(CAUSES)  # 0 is of the pole itself, which no module saw and no vehicle is told


def test_patches_that_find_nothing_to_do_are_told():
    with pytest.raises(ValueError, match="0 times, expected once"):
        uper.patched("nothing of the kind")


def test_without_the_extra_its_name_is_told(monkeypatch):
    real_import = builtins.__import__

    def no_asn1tools(name, *rest):
        if name == "asn1tools":
            raise ImportError(name)
        return real_import(name, *rest)

    monkeypatch.setattr(builtins, "__import__", no_asn1tools)
    with pytest.raises(ConfigError, match=r"smartpole\[etsi\]"):
        uper.load.__wrapped__()


@pytest.mark.parametrize(("utc_ns", "its"), [(1_167_609_600_000_000_000, 94_694_401_000), (T0, 633_025_430_678)])
def test_its_time_counts_leap_seconds(utc_ns, its):
    assert timestamp_its(utc_ns) == its


@given(st.integers(0, 4_000_000_000_000), st.integers(-40_000_000, 40_000_000))
def test_a_time_of_day_is_found_again_across_midnight(now_ms, away_ms):
    told = time_of_day((now_ms + away_ms) * 1_000_000)
    del told["leap_second_corrected"]
    assert nearest_utc_ns(**told, now_ns=now_ms * 1_000_000) == (now_ms + away_ms) * 1_000_000


@pytest.mark.parametrize("told", [(24, 0, 0), (127, 255, 65535), (0, 60, 0), (0, 0, 61000)])
def test_no_time_of_day_is_none(told):
    assert nearest_utc_ns(*told, now_ns=T0) is None


@given(st.integers(1_500_000_000_000, 2_000_000_000_000), st.integers(-30_000, 30_000))
def test_a_generation_time_is_found_again(now_ms, away_ms):
    delta = timestamp_its((now_ms + away_ms) * 1_000_000) % 65536
    assert nearest_generation_ns(delta, now_ms * 1_000_000) == (now_ms + away_ms) * 1_000_000


def test_an_empty_picture_is_a_message_too(codec):
    (data,) = cpm(Tracks(T0, tracks(0).objects), STATION, codec)
    assert opened(codec, data)[2][5] == {"numberOfPerceivedObjects": 0, "perceivedObjects": []}
