"""The tracker as the rest of the controller meets it: order, time, hot-plug, bad input, and quality on known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scene
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.fusion.bank import NEVER_NS, unlearned
from controller.fusion.tracker import Added, Tracker
from modules.detection import OBJECT, Axes, Detections, empty_objects
from sim.evaluation.metrics import clear, hota

NS = 1_000_000_000


def tracker(**more: object) -> Tracker:
    return Tracker(scene.sensors(), **({"history_s": 1.0, "coast_s": 1.5, "seed": 3} | more))


def seen(t: float, xy: list[tuple[float, float]], slot: str = "lidar", **columns: object) -> Detections:
    rows = empty_objects(len(xy))
    if xy:
        rows["x"], rows["y"] = np.array(xy).T
    rows["sigma_pos"], rows["confidence"], rows["object_class"] = 0.2, 0.8, scene.CAR
    for name, column in columns.items():
        rows[name] = column
    stamp = scene.START_NS + round(t * 1e9)
    return Detections(slot, stamp, stamp, Axes.ENU, rows, len(rows))


def follow(tracks: Tracker, seconds: float, speed: float = 10.0, start: float = 0.0, **columns: object) -> int:
    """Feed one car driving east; the instant of its last detection."""
    random = np.random.default_rng(9)
    for k in range(round(seconds * 10)):
        t = start + k / 10
        x, y = random.normal((speed * t, 3.0), 0.15)
        tracks.add(seen(t, [(x, y)], **columns))
    return scene.START_NS + round((start + seconds - 0.1) * 1e9)


ROAD = scene.intersection(3.0, seed=11)
SENT = scene.messages(ROAD, seed=11)
WINDOW = [d for d in SENT if 1.0 <= (d.measured_at_ns - scene.START_NS) / 1e9 < 1.8]


@settings(max_examples=8, deadline=None)
@given(st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_the_same_tracks_bit_for_bit(random) -> None:
    start = min(d.measured_at_ns for d in WINDOW)
    ordered, shuffled = tracker(), tracker()
    early = sorted((d for d in SENT if d.measured_at_ns < start), key=lambda d: d.measured_at_ns)
    order = list(WINDOW)
    random.shuffle(order)
    for one, messages in ((ordered, sorted(WINDOW, key=lambda d: d.measured_at_ns)), (shuffled, order)):
        for message in early + messages:
            assert one.add(message).accepted
    end = max(d.measured_at_ns for d in WINDOW) + 50_000_000
    assert len(ordered.at(end).objects) > 5
    assert ordered.at(end).objects.tobytes() == shuffled.at(end).objects.tobytes()


def test_two_runs_are_identical_and_reading_disturbs_nothing() -> None:
    first, second = tracker(), tracker()
    for message in SENT:
        first.add(message)
        second.add(message)
        second.at(message.arrived_at_ns)
    assert first.at(SENT[-1].arrived_at_ns).objects.tobytes() == second.at(SENT[-1].arrived_at_ns).objects.tobytes()


def test_late_is_replayed_and_too_late_is_counted() -> None:
    tracks = tracker()
    follow(tracks, 2.0)
    assert tracks.add(seen(1.55, [(15.5, 3.0)], "camera")) == Added(accepted=True, late=True, replayed=4)
    assert tracks.add(seen(0.5, [(5.0, 3.0)], "camera")) == Added(accepted=False, late=True, replayed=0)
    assert (tracks.counters.late, tracks.counters.too_late, tracks.counters.replayed) == (1, 1, 4)


def test_one_car_is_one_track_with_its_speed_class_and_box() -> None:
    tracks = tracker()
    end = follow(tracks, 2.0, length=4.6, width=1.9)
    (car,) = tracks.at(end).objects
    assert car["x"] == pytest.approx(19.0, abs=0.3)
    assert car["vx"] == pytest.approx(10.0, abs=0.6)
    assert car["vy"] == pytest.approx(0.0, abs=0.6)
    assert car["object_class"] == scene.CAR
    assert car["yaw"] == pytest.approx(0.0, abs=0.1)
    assert (car["length"], car["width"]) == pytest.approx((4.6, 1.9))
    assert car["sources"] == 1 << 1
    assert car["measured_at_ns"] == end
    assert np.isnan(car["z"])
    assert car["stationary"] < 0.01
    assert car["existence"] > 0.95


def test_extrapolation_moves_on_and_doubts_more() -> None:
    tracks = tracker()
    end = follow(tracks, 2.0)
    now, later = tracks.at(end).objects[0], tracks.at(end + NS // 2).objects[0]
    assert later["x"] - now["x"] == pytest.approx(5.0, abs=0.4)
    assert np.trace(later["cov"]) > np.trace(now["cov"])
    assert later["id"] == now["id"]


def test_a_person_is_confirmed_within_three_frames_and_clutter_is_not() -> None:
    tracks = tracker()
    for k in range(3):
        tracks.add(seen(k / 10, [(5.0 + 0.12 * k, 4.0), (-20.0 * k, 15.0 + 9 * k)], object_class=scene.PERSON))
    objects = tracks.at(scene.START_NS + 200_000_000).objects
    assert len(objects) == 1
    assert objects["x"][0] == pytest.approx(5.2, abs=0.3)


def test_an_unseen_track_ends_within_its_coasting_time() -> None:
    tracks = tracker()
    follow(tracks, 2.0)
    for k in range(20):
        tracks.add(seen(2.0 + k / 10, []))
    assert len(tracks.at(scene.START_NS + 4 * NS).objects) == 0


def test_an_id_survives_a_short_gap() -> None:
    tracks = tracker()
    before = tracks.at(follow(tracks, 2.0)).objects["id"].tolist()
    for k in range(8):
        tracks.add(seen(2.0 + k / 10, []))
    assert tracks.at(follow(tracks, 0.5, start=2.8)).objects["id"].tolist() == before


def test_a_module_outside_whose_view_a_track_lies_says_nothing_against_it() -> None:
    blind = scene.sensor(0, reach=1.0)
    tracks = Tracker({**scene.sensors(), "camera": blind}, history_s=1.0, coast_s=1.5, seed=3)
    end = follow(tracks, 2.0)
    before = tracks.at(end).objects["existence"][0]
    for k in range(10):
        tracks.add(seen(2.0 + k / 50, [], "camera"))
    assert tracks.at(end).objects["existence"][0] == before


def test_a_velocity_against_the_displacement_is_ignored() -> None:
    tracks = tracker()
    end = follow(tracks, 4.0, vx=-10.0, vy=0.0, sigma_vel=0.3)
    assert tracks.at(end).objects["vx"][0] == pytest.approx(10.0, abs=1.5)


def test_doppler_sharpens_the_velocity() -> None:
    plain, doppler = tracker(), tracker()
    ends = follow(plain, 0.6), follow(doppler, 0.6, range_rate=np.nan)
    sensor = scene.sensors()["lidar"]
    exact = tracker()
    random = np.random.default_rng(9)
    for k in range(6):
        x, y = random.normal((k, 3.0), 0.15)
        line = np.array((x - sensor.x, y - sensor.y))
        exact.add(seen(k / 10, [(x, y)], range_rate=10 * line[0] / np.hypot(*line), sigma_vel=0.1))
    a, b = plain.at(ends[0]).objects["cov"][0], exact.at(ends[1]).objects["cov"][0]
    assert np.linalg.det(b[2:, 2:]) < 0.5 * np.linalg.det(a[2:, 2:])


def test_tracks_of_a_tracking_module_are_not_counted_as_new_evidence() -> None:
    def doubt(delivers_tracks: bool) -> float:
        one = Tracker({"lidar": scene.sensor(0, delivers_tracks=delivers_tracks)}, history_s=1.0, coast_s=1.5, seed=1)
        return float(np.trace(one.at(follow(one, 3.0, speed=0.0)).objects["cov"][0, :2, :2]))

    assert doubt(True) > 2 * doubt(False)


def test_hot_plug() -> None:
    tracks = Tracker({}, history_s=1.0, coast_s=1.5, seed=1)
    assert tracks.at(scene.START_NS).objects.size == 0
    assert not tracks.add(seen(0.0, [(1.0, 1.0)])).accepted
    tracks.set_sensor("lidar", scene.sensors()["lidar"])
    end = follow(tracks, 1.0)
    tracks.set_sensor("lidar", None)
    assert not tracks.add(seen(1.0, [(10.0, 3.0)])).accepted
    assert len(tracks.at(end).objects) == 1
    assert tracks.counters.unknown_slot == 2


def test_a_clock_far_ahead_cannot_silence_the_others() -> None:
    tracks = tracker()
    follow(tracks, 1.0)
    ahead = seen(1.0, [(10.0, 3.0)], "camera")
    assert not tracks.add(replace(ahead, measured_at_ns=ahead.measured_at_ns + 3600 * NS)).accepted
    assert tracks.add(seen(1.0, [(10.0, 3.0)])).accepted


def test_the_poles_clock_may_go_back_or_leap() -> None:
    tracks = tracker()
    follow(tracks, 1.0)
    back = [tracks.add(seen(-3600.0 + k / 10, [(0.0, 0.0)])).accepted for k in range(12)]
    assert back == [False] * 9 + [True] * 3
    assert tracks.counters.restarts == 1
    assert tracks.add(seen(9e6, [(0.0, 0.0)])).accepted
    assert len(tracks.at(scene.START_NS + round(9e15)).objects) == 0


def test_a_thousand_detections_are_bounded_and_the_most_confident_kept() -> None:
    random, tracks = np.random.default_rng(3), tracker()
    for k in range(3):
        confidence = np.linspace(0, 1, 1000)
        tracks.add(seen(k / 10, random.uniform(-80, 80, (1000, 2)).tolist(), confidence=confidence))
    assert tracks.counters.rows_dropped == 1500
    assert len(tracks.at(scene.START_NS + NS // 5).objects) <= 600


def test_no_rows_and_bytes_of_any_kind_never_raise() -> None:
    random, tracks = np.random.default_rng(8), tracker()
    for k in range(60):
        rows = np.frombuffer(random.bytes(OBJECT.itemsize * 20), OBJECT).copy()
        rows["x"][:10], rows["y"][:10] = random.uniform(-50, 50, (2, 10))
        stamp = scene.START_NS + k * NS // 10
        tracks.add(Detections("camera", stamp, stamp, Axes.ENU, rows, 20, clock_error_s=float("nan")))
    tracks.add(seen(6.0, []))
    objects = tracks.at(scene.START_NS + 6 * NS).objects
    assert np.isfinite(objects["cov"]).all()


def test_ids_are_not_reused_and_depend_on_the_seed() -> None:
    def ids(seed: int) -> list[int]:
        random, one = np.random.default_rng(1), tracker(seed=seed)
        found: list[int] = []
        for burst in range(12):
            spots = random.uniform(-100, 100, (30, 2)).tolist()
            for k in range(4):
                one.add(seen(burst * 4 + k / 10, spots, ("camera", "lidar")[k % 2]))
            found += one.at(scene.START_NS + round((burst * 4 + 0.3) * 1e9)).objects["id"].tolist()
        return found

    first = ids(1)
    assert len(first) > 300
    assert len(set(first)) == len(first)
    assert first == ids(1)
    assert not set(first) & set(ids(2))


@pytest.mark.parametrize("seed", [21, 22])
def test_quality_at_an_intersection(seed: int) -> None:
    road = scene.intersection(20.0, seed=seed)
    frames, speeds = scene.run(tracker(), road, scene.messages(road, seed=seed))
    figures = clear(frames)
    assert hota(frames).hota > 0.87
    assert figures.rmse_m < 0.26
    assert figures.switches <= 8
    assert np.sqrt(np.mean(speeds)) < 0.8


def test_quality_on_an_expressway() -> None:
    road = scene.expressway(15.0, seed=23)
    frames, speeds = scene.run(tracker(), road, scene.messages(road, seed=23, reach=100))
    figures = clear(frames)
    assert hota(frames).hota > 0.85
    assert figures.rmse_m < 0.2
    assert figures.switches <= 1
    assert np.sqrt(np.mean(speeds)) < 0.6


def test_what_was_learned_of_a_module_goes_with_it() -> None:
    tracks = tracker()
    follow(tracks, 4.0)
    tracks.at(scene.START_NS + 4 * NS)
    sensor = scene.sensors()["lidar"]
    learned = tracks._banks[-1].learned
    assert learned[sensor.slot_index]["found"].any()
    for bank in (*tracks._banks, tracks._base):
        bank.learned["turn"] = 1.0
        bank.story["missed"] = 1.0
    tracks.forget(sensor.slot_index)
    for bank in (*tracks._banks, tracks._base):
        assert not bank.learned[sensor.slot_index]["found"].any()
        assert not bank.learned["turn"].any(), "of all: it was learned together with this one"
        assert bank.id_trust[sensor.slot_index] == 0.5
        assert bank.story["missed"].sum(1) == pytest.approx(bank.story["missed"].shape[1] - 1), "of this one alone"


def test_what_a_wrong_module_said_and_what_was_learned_beside_it_goes_with_it() -> None:
    tracks = tracker()
    follow(tracks, 4.0)
    slot = scene.sensors()["lidar"].slot_index
    before = tracks._base
    tracks.unlearn(slot)
    base = tracks._base
    assert not base.learned["found"].any()
    assert not base.story["missed"].any()
    seen = before.story["slot_ns"][:, slot] > before.story["slot_ns"].min()
    more = (base.motion.covariance - before.motion.covariance)[:, 0, 0]
    assert seen.any()
    assert (more[:, seen] > 4.0).all(), "who stands would else stay where it was seen wrongly"
    assert not more[:, ~seen].any()
    assert all(frame.sensor.slot_index != slot for frame in tracks._frames), "a late message would fuse them again"
    assert len(tracks.at(scene.START_NS + 4 * NS).objects), "the road users stay"


@pytest.mark.parametrize(("aside_m", "stay"), [(2.5, ["radar"]), (6.0, ["lidar", "radar"])])
def test_whom_a_wrong_module_saw_beside_where_another_did_is_not_kept_twice(aside_m, stay) -> None:
    """A second track of somebody would go on beside the first, kept alive by measurements that go now to one of them
    and now to the other."""
    tracks, person = tracker(), {"object_class": scene.PERSON}
    for t in np.arange(0.0, 3.0, 0.1):
        tracks.add(seen(t, [(40.0 + 1.3 * t, 3.0 + aside_m)], "lidar", **person))
        tracks.add(seen(t, [(40.0 + 1.3 * t, 3.0)], "radar", **person | {"sigma_pos": 0.3}))
    tracks.at(scene.START_NS + 3 * NS)
    slots = {sensor.slot_index: name for name, sensor in scene.sensors().items()}
    seen_by = tracks._banks[-1].story["slot_ns"] > NEVER_NS
    assert sorted(slots[int(row.argmax())] for row in seen_by) == ["lidar", "radar"]
    lidar = scene.sensors()["lidar"].slot_index
    seen_by = unlearned(tracks._banks[-1], lidar).story["slot_ns"] > NEVER_NS
    assert sorted(slots[int(row.argmax())] for row in seen_by) == stay


def made_two(lidar_s: float, radar_s: float) -> tuple[np.ndarray, np.ndarray, dict[str, int]]:
    """Somebody whom two modules see at two places from these seconds on: tracks before and after the LiDAR is left
    out, and the slots."""
    tracks, person = tracker(), {"object_class": scene.PERSON}
    for t in np.arange(0.0, 3.0, 0.1):
        if t >= lidar_s:
            tracks.add(seen(t, [(40.0 + 1.3 * t, 5.5)], "lidar", **person))
        if t >= radar_s:
            tracks.add(seen(t, [(40.0 + 1.3 * t, 3.0)], "radar", **person | {"sigma_pos": 0.3}))
    tracks.at(scene.START_NS + 3 * NS)
    slots = {name: sensor.slot_index for name, sensor in scene.sensors().items()}
    bank = tracks._banks[-1]
    assert len(bank.story) == 2
    return bank.story, unlearned(bank, slots["lidar"]).story, slots


@pytest.mark.parametrize(
    ("lidar_s", "radar_s", "known"), [(0.0, 1.5, "lidar"), (1.5, 0.0, "radar"), (2.8, 2.0, "radar")]
)
def test_whom_a_wrong_module_made_two_keeps_the_name_he_was_known_by(lidar_s, radar_s, known) -> None:
    """Who follows him by his id need not notice that a module is left out."""
    before, after, slots = made_two(lidar_s, radar_s)
    expected = before[before["slot_ns"][:, slots[known]] > NEVER_NS]
    assert after["id"].tolist() == expected["id"].tolist()
    assert after["first_ns"].tolist() == expected["first_ns"].tolist()
    assert after["confirmed"].all()
    assert (after["slot_ns"][:, slots["lidar"]] == NEVER_NS).all(), "he goes on where the others see him"


def test_a_single_detection_beside_whom_a_wrong_module_saw_is_not_him() -> None:
    before, after, slots = made_two(0.0, 2.85)
    seen_once = before[before["slot_ns"][:, slots["radar"]] > NEVER_NS]
    assert seen_once["hits"].tolist() == [1]
    assert after["id"].tolist() == seen_once["id"].tolist()
    assert not after["confirmed"].any()


places = st.lists(st.tuples(st.floats(30, 38), st.floats(0, 8)), max_size=4)


@settings(max_examples=25, deadline=None)
@given(wrong=places, right=places, first=st.sampled_from(["lidar", "radar"]))
def test_without_a_wrong_module_no_two_road_users_have_one_name_and_nobody_others_saw_is_lost(
    wrong, right, first
) -> None:
    tracks = tracker()
    for k in range(6):
        for name in ("lidar", "radar") if k or first == "radar" else (first,):
            tracks.add(seen(k / 10, wrong if name == "lidar" else right, name))
    tracks.at(scene.START_NS + NS)
    lidar = scene.sensors()["lidar"].slot_index
    bank = tracks._banks[-1]
    after = unlearned(bank, lidar).story
    others = bank.story[bank.story["slot_ns"][:, lidar] == NEVER_NS]
    assert len(set(after["id"].tolist())) == len(after)
    assert set(after["id"].tolist()) <= set(bank.story["id"].tolist())
    assert np.count_nonzero(after["slot_ns"][:, lidar] == NEVER_NS) == len(others)
