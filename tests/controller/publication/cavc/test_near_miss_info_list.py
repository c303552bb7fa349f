"""nearMissInfoList: ids that repeat with their encounter, places above the sea, everything else as texts."""

from __future__ import annotations

import json
import math

from hypothesis import given
from hypothesis import strategies as st
from living import CONFIG, config, near_miss

from controller.publication.cavc.document import DOCUMENTS
from controller.publication.cavc.near_miss_info_list import CATEGORIES, MEASURES, near_miss_info_list, record
from controller.publication.cavc.validation import problems
from interfaces.proto import publication_pb2 as pb

WILD = st.floats(allow_nan=True, allow_infinity=True)


def legal(*records):
    made = json.loads(json.dumps(near_miss_info_list(CONFIG, records), allow_nan=False))
    assert problems(DOCUMENTS["nearMissInfoList"], made) == []
    return made["attribute"]


@given(
    figures=st.fixed_dictionaries(dict.fromkeys(MEASURES, WILD)),
    altitude=WILD,
    conflict=st.sampled_from([*CATEGORIES, "", "new"]),
    severity=st.integers(0, 9),
)
def test_every_near_miss_becomes_a_legal_record(figures, altitude, conflict, severity):
    at = pb.Position(latitude_deg=36.6, longitude_deg=140.6, altitude_m=altitude)
    seen = near_miss(event_position=at, conflict=conflict, severity=severity, **figures)
    (one,) = legal(record(seen, CONFIG))
    told = {row["key"]: row["value"] for row in one["attributes"]}
    for name, value in figures.items():
        assert (name in told) is math.isfinite(value)


def test_a_repeat_has_the_same_id_and_another_pole_another():
    one, again = record(near_miss(), CONFIG), record(near_miss(severity=3), CONFIG)
    other = config()
    other = other.model_copy(update={"pole": other.pole.model_copy(update={"roadside_unit_id": 1})})
    assert one["id"] == again["id"] != record(near_miss(encounter_id=6), CONFIG)["id"]
    assert one["id"] != record(near_miss(), other)["id"]


def test_the_record_speaks_japanese_and_gives_the_height_above_the_sea():
    (one,) = legal(record(near_miss(), CONFIG))
    assert one["category"] == "出会い頭"
    assert one["timestamp"] == "2025-10-09T08:53:21.623Z"
    assert one["coordinates"] == [{"lat": 36.6001, "lon": 140.6002, "alt": 30.0}]
    assert "参考情報" in one["summary"]
    told = {row["key"]: row["value"] for row in one["attributes"]}
    assert (told["severity"], told["nedo_level"], told["ttc_s"], told["participant_2_class"]) == (
        "2",
        "中",
        "1.25",
        "2",
    )
    assert "pet_s" not in told
