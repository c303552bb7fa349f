"""Profiles of a running pole: nothing when off, derived when on, taken back when gone, troubles survived."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from controller import profiles_check
from controller.announced import Announced
from controller.config_file import check
from controller.hazard.hazard import Phase
from controller.pipeline import Picture
from controller.profiles import Profiles
from controller.publication.voice import Statement, sender_of
from interfaces.errors import ConfigError
from tests.controller.publication.profiles.scenes import NEAR_MISS, STAMP, config, hazard_said, near_miss_said
from tests.controller.publication.radio.scene import HAZARD, T0, tracks

DISCOVERED = "homeassistant/device/smartpole_8202302_136323842"


def room(tmp_path, names, **sections):
    settings = config(publish={"profiles": names}, **sections)
    told = []
    made = Profiles(settings, sender_of(settings), tmp_path, version="1", report=told.append)
    return made, told


def picture(at_ns=T0, hazards=(), near_misses=(), count=2):
    return Picture(tracks(count, valid_at_ns=at_ns), list(hazards), list(near_misses))


def test_without_profiles_nothing_is_made(tmp_path):
    one, _ = room(tmp_path, ())
    assert one.see(picture(hazards=[HAZARD]), [Statement(STAMP, hazard_said(Phase.NEW))]) == []
    assert list(one.greeting()) == []
    assert not list(tmp_path.iterdir())


def test_pictures_are_told_at_their_own_rate(tmp_path):
    one, _ = room(tmp_path, ("its-client",), its_client={"cpm_rate_hz": 2})
    made = [one.see(picture(T0 + tick * 100_000_000), []) for tick in range(20)]
    assert [len(derived) for derived in made] == [1, 0, 0, 0, 0] * 4
    (first,) = made[0]
    assert first.publication.topic.startswith("smartpole/outQueue/v2x/cpm/pole-8202302-136323842/1/")
    assert (first.publication.qos, first.publication.retain, first.publication.durable) == (0, False, False)


def test_objects_whose_short_numbers_are_the_same_are_told_apart(tmp_path):
    one, _ = room(tmp_path, ("its-client",))
    seen = picture()
    seen.tracks.objects["id"] = np.array([5, 0x1_0005])
    (cpm,) = one.see(seen, [])
    ids = [it["object_id"] for it in json.loads(cpm.publication.payload)["message"]["perceived_object_container"]]
    assert len(set(ids)) == 2


def test_hazards_in_one_tile_wait_beside_each_other_and_keep_their_numbers(tmp_path):
    one, _ = room(tmp_path, ("its-client",))
    other = replace(HAZARD, action_id=HAZARD.action_id + 0x1_0000)
    first = [it for it in one.see(picture(hazards=[HAZARD, other]), []) if "/denm/" in it.publication.topic]
    assert len({it.publication.topic for it in first}) == 1
    assert len({it.stream for it in first}) == 2

    def numbers(derived):
        return [json.loads(it.publication.payload)["message"]["management"]["action_id"] for it in derived]

    again = one.see(picture(T0 + 1, hazards=[replace(other, phase=Phase.CANCEL)]), [])
    assert numbers(again) == numbers(first)[1:]
    assert again[0].publication.expiry_s == HAZARD.validity_s


def test_while_nobody_hears_nothing_is_made_and_numbers_still_follow(tmp_path, monkeypatch):
    one, _ = room(tmp_path, ("its-client", "geojson"))
    twin_of = replace(HAZARD, action_id=HAZARD.action_id + 0x1_0000)  # the same short number, unless both are known
    encoders = ("its_cpm", "its_denm", "twin")
    with monkeypatch.context() as patch:
        for name in encoders:
            patch.setattr(f"controller.profiles.{name}", lambda *_: pytest.fail("somebody encodes"))
        assert one.see(picture(hazards=[HAZARD]), [Statement(STAMP, hazard_said(Phase.NEW))], heard=False) == []
    made = one.see(picture(T0 + 1, hazards=[twin_of]), [])
    (denm,) = (it for it in made if "/denm/" in it.publication.topic)
    number = json.loads(denm.publication.payload)["message"]["management"]["action_id"]
    assert number["sequence_number"] != HAZARD.action_id % 0x1_0000
    assert one.see(picture(T0 + 2, hazards=[replace(HAZARD, phase=Phase.CANCEL)]), [], heard=False) == []
    assert HAZARD.action_id not in one._active


def test_events_have_geojson_beside_them(tmp_path):
    one, _ = room(tmp_path, ("geojson",))
    said = [Statement(STAMP, hazard_said(Phase.CANCEL)), Statement(STAMP, near_miss_said())]
    made = one.see(picture(hazards=[HAZARD], near_misses=[NEAR_MISS]), said)
    assert [it.publication.topic.split("/")[2] for it in made] == ["hazard", "hazard", "nearmiss"]
    assert all(it.publication.topic.endswith("/geojson") for it in made)
    assert len({it.stream for it in made}) == 3, "the clearing of a topic does not replace what was said on it"


def test_what_cannot_be_told_is_reported_once_and_survived(tmp_path, monkeypatch):
    one, told = room(tmp_path, ("its-client",))

    def broken(*_):
        raise ValueError("no")

    with monkeypatch.context() as patch:
        patch.setattr("controller.profiles.its_cpm", broken)
        assert one.see(picture(), []) == []
        assert one.see(picture(T0 + 10**9), []) == []
    assert told == ["nothing derived: ValueError: no"]
    assert len(one.see(picture(T0 + 2 * 10**9), [])) == 1
    assert told[1:] == ["well again"]


def test_a_slot_that_is_gone_is_taken_back(tmp_path):
    one, _ = room(tmp_path, ("home-assistant",))
    assert [bool(it.payload) for it in one.greeting()] == [True] * 3
    one, _ = room(tmp_path, ("home-assistant",), slot={"radar": {"class": "radar"}})
    said = {it.topic: it for it in one.greeting()}
    gone = said[f"{DISCOVERED}__897f__20_1/config"]
    assert (gone.payload, gone.retain) == (b"", True)
    assert [bool(it.payload) for it in said.values()] == [False, True, True]


def test_the_whole_profile_is_taken_back_when_it_is_switched_off(tmp_path):
    one, _ = room(tmp_path, ("home-assistant",))
    topics = [it.topic for it in one.greeting()]
    one, _ = room(tmp_path, ())
    for _ in range(2):
        assert [(it.topic, it.payload) for it in one.greeting()] == [(topic, b"") for topic in topics]
    one, _ = room(tmp_path, ("home-assistant",))
    assert all(it.payload for it in one.greeting())


@pytest.mark.parametrize("damage", [b"", b"{", b"7", b"\xff"])
def test_a_damaged_memory_counts_as_nothing_said(tmp_path, damage):
    path = tmp_path / "announced.json"
    path.write_bytes(damage)
    assert Announced(path).gone(["a"]) == []
    assert Announced(path).gone(["b"]) == ["a"]


def test_a_memory_that_cannot_be_written_is_let_go(tmp_path):
    memory = Announced(tmp_path / "missing" / "announced.json")
    assert memory.gone(["a"]) == []
    assert memory.gone([]) == ["a"]


POLE_TOML = """
[pole]
service_location_id = 1
roadside_unit_id = 2
[origin]
latitude_deg = 36.6
longitude_deg = 140.6
[publish]
PUBLISH
[foxglove]
listen = "LISTEN"
[slot.radar]
class = "radar"
"""


def problems(tmp_path, publish="", listen=""):
    path = tmp_path / "pole.toml"
    path.write_text(POLE_TOML.replace("PUBLISH", publish).replace("LISTEN", listen))
    return [str(one).removeprefix(f"{path}:") for one in check(path)[1]]


@pytest.mark.parametrize(
    ("publish", "line", "words"),
    [
        ('profiles = ["its-clients"]', "9: publish.profiles.0:", "did you mean 'its-client'?"),
        ('profiles = ["geojson", "geojson"]', "9: publish.profiles:", "names 'geojson' twice"),
        ('profiles = ["home-assistant"]\njson_twins = false', "9: publish.profiles:", "set publish.json_twins = true"),
        ('profile = ["geojson"]', "9: publish.profile:", "did you mean profiles?"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_cure(tmp_path, publish, line, words):
    (told,) = problems(tmp_path, publish)
    assert told.startswith(line)
    assert words in told


@pytest.mark.parametrize("listen", ["8765", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", ":1"])
def test_a_place_that_is_none_is_refused(tmp_path, listen):
    (told,) = problems(tmp_path, listen=listen)
    assert told == f"11: foxglove.listen: is {listen!r}; write host:port, as 127.0.0.1:8765"


def test_a_missing_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(profiles_check.importlib.util, "find_spec", lambda _: None)
    (told,) = problems(tmp_path, listen="127.0.0.1:8765")
    assert told == "11: foxglove.listen: needs the extra foxglove: pip install 'smartpole[foxglove]'"
    assert problems(tmp_path) == []


def test_places():
    assert profiles_check.place_of("[::1]:8765") == ("::1", 8765)
    with pytest.raises(ConfigError, match="host:port"):
        profiles_check.place_of("nowhere")
