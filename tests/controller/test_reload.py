"""What a new pole.toml changes at once and what needs a restart."""

from __future__ import annotations

from pathlib import Path

from controller.config_file import load
from controller.fusion.track import Tracks, empty_tracks
from controller.pipeline import Pipeline
from controller.reload import differences, merged
from controller.site import Site

SAMPLE = Path(__file__).parents[2] / "deploy" / "pole.toml"


def configs(tmp_path, *changes):
    text = SAMPLE.read_text().replace('site = "site.geojson"', 'site = ""')
    (tmp_path / "old.toml").write_text(text)
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    (tmp_path / "new.toml").write_text(text)
    return load(tmp_path / "old.toml"), load(tmp_path / "new.toml")


def test_thresholds_and_uplink_hold_at_once_the_rest_is_named(tmp_path):
    old, new = configs(
        tmp_path,
        ("wrong_way_mps = 2.0", "wrong_way_mps = 3.0"),
        ("bytes_per_s = 0 ", "bytes_per_s = 1200 "),
        ("keepalive_s = 10", "keepalive_s = 20"),
        ("[slot.radar]", "[slot.other]"),
    )
    now, later = differences(old, new)
    assert now == ["uplink.bytes_per_s", "hazards.wrong_way_mps"]
    assert later == ["mqtt.keepalive_s", "slot.radar", "slot.other"]
    both = merged(old, new)
    assert (both.hazards.wrong_way_mps, both.uplink.bytes_per_s, both.mqtt.keepalive_s) == (3.0, 1200, 10)
    assert both.slot is old.slot
    assert differences(old, old) == ([], [])


def test_class_of_a_slot_is_named_as_it_is_written(tmp_path):
    old, new = configs(tmp_path, ('class = "camera"', 'class = "radar"'))
    assert differences(old, new)[1] == ["slot.camera.class"]


def test_other_thresholds_cancel_what_is_active_and_judge_anew(tmp_path):
    old, new = configs(tmp_path, ("person_s = 0.5", "person_s = 2.0"))
    pipeline = Pipeline(old, Site())
    assert ("service_degraded", "new") in _judged(pipeline, *range(20))  # its required slot is empty
    pipeline.set_thresholds(merged(old, new))
    first = _judged(pipeline, 20)
    assert ("service_degraded", "cancel") in first
    assert ("service_degraded", "new") in _judged(pipeline, *range(21, 40))


def _judged(pipeline, *ticks):
    pictures = (Tracks(1_760_000_000_000_000_000 + tick * 10**8, empty_tracks(0)) for tick in ticks)
    return [(one.kind, str(one.phase)) for tracks in pictures for one in pipeline.judge(tracks).hazards]
