"""Who is reported and who is not: ghosts, lone modules, misses, bodies in the way, the edge of the view."""

from __future__ import annotations

import numpy as np
import pytest
import scene

from controller.fusion import learned
from controller.fusion.tracker import Tracker
from modules.detection import Axes, Detections, empty_objects

LIDAR, RADAR = scene.sensor(0, sigma=0.2, pd=0.95), scene.sensor(1, sigma=0.4, pd=0.9, has_doppler=True)
BOTH = {"lidar": LIDAR, "radar": RADAR}


def seen(t: float, slot: str, xy: list[tuple[float, float]], **columns: object) -> Detections:
    rows = empty_objects(len(xy))
    if xy:
        rows["x"], rows["y"] = np.array(xy).T
    rows["sigma_pos"], rows["confidence"] = 0.3, 0.75
    for name, column in columns.items():
        rows[name] = column
    stamp = scene.START_NS + round(t * 1e9)
    return Detections(slot, stamp, stamp, Axes.ENU, rows, len(rows))


def tracker(sensors: dict) -> Tracker:
    return Tracker(sensors, history_s=1.0, coast_s=1.5, seed=3)


def near(one: Tracker, t: float, x: float, y: float, reach: float = 3.0) -> int:
    objects = one.at(scene.START_NS + round(t * 1e9)).objects
    return int((np.hypot(objects["x"] - x, objects["y"] - y) < reach).sum())


def reported_after(one: Tracker, slot: str, place, seconds: float = 4.0, **columns: object) -> float:
    """Seconds until what stands or goes at `place(t)` is reported; infinite when it never is."""
    for k in range(round(seconds * 10)):
        one.add(seen(k / 10, slot, [place(k / 10)], **columns))
        if near(one, k / 10, *place(k / 10)):
            return k / 10
    return np.inf


def test_a_ghost_that_one_of_two_modules_sees_is_never_reported() -> None:
    one, random = tracker(BOTH), np.random.default_rng(1)
    for k in range(60):
        t, car = k / 10, (10.0 * k / 10 - 30, 3.0)
        ghost = tuple(random.normal((20.0, 15.0), 0.1))
        one.add(seen(t, "lidar", [car]))
        one.add(seen(t + 0.02, "radar", [car, ghost]))
        assert near(one, t + 0.02, 20.0, 15.0) == 0
    assert near(one, 5.92, 29.2, 3.0) == 1


def test_what_both_see_is_reported_with_the_third_message() -> None:
    one = tracker(BOTH)
    for k in range(2):
        one.add(seen(k / 10, "lidar", [(10.0, 3.0)], vx=0.0, vy=0.0, sigma_vel=0.4))
        one.add(seen(k / 10 + 0.02, "radar", [(10.1, 3.0)]))
    assert near(one, 0.16, 10.0, 3.0) == 1


def test_a_lone_module_is_believed_once_it_sees_longer_than_its_false_objects_live() -> None:
    assert reported_after(tracker({"radar": RADAR}), "radar", lambda _: (10.0, 3.0), confidence=0.4) < 1.5
    flickering = tracker({"radar": RADAR})
    for k in range(300):
        flickering.add(seen(k / 10, "radar", [(10.0 * (k // 3 % 7), 20.0 * (k // 21 % 5))], confidence=0.4))
        assert len(flickering.at(scene.START_NS + k * 100_000_000).objects) == 0


def test_who_goes_somewhere_is_believed_sooner() -> None:
    stands = reported_after(tracker({"radar": RADAR}), "radar", lambda _: (10.0, 3.0), confidence=0.4)
    goes = reported_after(tracker({"radar": RADAR}), "radar", lambda t: (10.0 + 12 * t, 3.0), confidence=0.4)
    assert goes <= stands - 0.2


def test_false_objects_that_live_longer_are_doubted_longer() -> None:
    one = tracker({"radar": RADAR})
    for n in range(30):
        for k in range(8):  # each lives for 0.7 s
            one.add(seen(n * 2 + k / 10, "radar", [(5.0 * n - 70, 40.0)], confidence=0.4))
    fresh = reported_after(tracker({"radar": RADAR}), "radar", lambda _: (10.0, 3.0), confidence=0.4)
    for k in range(40):
        one.add(seen(80 + k / 10, "radar", [(10.0, 3.0)], confidence=0.4))
        if near(one, 80 + k / 10, 10.0, 3.0):
            break
    assert k / 10 > fresh + 0.5


def test_confidence_counts_as_far_as_it_has_proven_true() -> None:
    lore, slot, told = learned.nothing(2), np.array([0, 1]), np.array([0.85, 0.85])
    assert learned.credit(lore, slot, told)[0] > 1
    # Module 1 is sure of its false objects and unsure of the real ones.
    learned.count_confidence(lore[1], np.random.default_rng(1).normal(0.85, 0.05, 200), 1.0, real=False)
    learned.count_confidence(lore[1], np.random.default_rng(2).normal(0.45, 0.05, 200), 1.0, real=True)
    well, badly = learned.credit(lore, slot, told)
    assert well > 1
    assert badly < -0.9
    assert (learned.credit(lore, slot, np.array([np.nan, np.nan])) == 0).all()


def test_what_a_module_finds_is_learned_by_range_and_kind() -> None:
    row = learned.nothing(1)[0]
    kind, cell = np.zeros(400, np.intp), np.full(400, 6)
    learned.count_detections(row, kind, cell, np.random.default_rng(3).random(400) < 0.3, np.ones(400))
    cells = np.array([0, 0, 1]), np.array([6, 2, 6])
    assert learned.detection(row, 0.95, *cells) == pytest.approx([0.3, 0.95, 0.95], abs=0.06)


def follow_car(one: Tracker, *, lorry: bool) -> float:
    """Existence of a car 0.5 s after it was last seen, a lorry before it or not."""
    car, body = (20.0, 8.0), (12.0, -1.0)
    size = {"length": [4.5, 10.0], "width": [1.8, 2.5], "height": [1.5, 3.8], "yaw": [0.0, 0.0]}
    classes = [2, 0]
    for k in range(25):
        shown = [car, body] if k < 20 else [body]
        columns = {name: values[-len(shown) :] for name, values in size.items()} | {
            "object_class": classes[-len(shown) :]
        }
        if not lorry:
            shown, columns = shown[:-1], {name: values[:-1] for name, values in columns.items()}
        one.add(seen(k / 10, "lidar", shown, **columns))
    objects = one.at(scene.START_NS + 2_400_000_000).objects
    return float(objects["existence"][np.hypot(objects["x"] - car[0], objects["y"] - car[1]) < 2].sum())


def test_who_is_missed_behind_a_lorry_is_not_gone() -> None:
    assert follow_car(tracker({"lidar": LIDAR}), lorry=False) < 0.5
    assert follow_car(tracker({"lidar": LIDAR}), lorry=True) > 0.9


def told(late_s: dict[str, float], seeing, seconds: float = 6.0) -> list[bool]:
    """Whether one who goes by is told, every tenth of a second; `seeing(slot, t)` says which module sees it when."""
    one = tracker({slot: scene.sensor(i, sigma=0.3) for i, slot in enumerate(late_s)})
    sent = []
    for k in range(round(seconds * 10)):
        for i, (slot, late) in enumerate(late_s.items()):
            t = k / 10 + i * 0.02
            sent.append((t + late, seen(t, slot, [(8.0 * t - 20, 3.0)] if seeing(slot, t) else [])))
    sent.sort(key=lambda pair: pair[0])
    shown = []
    for k in range(round(seconds * 10)):
        while sent and sent[0][0] <= k / 10:
            one.add(sent.pop(0)[1])
        shown.append(bool(near(one, k / 10, 0.8 * k - 20, 3.0)))
    return shown


@pytest.mark.parametrize("others", [1, 2, 3])
def test_those_who_have_lost_somebody_do_not_outvote_the_one_who_sees_him(others: int) -> None:
    late_s = {"radar": 0.04} | {f"camera-{i}": 0.05 for i in range(others)}
    shown = told(late_s, lambda slot, t: slot == "radar" or t < 2)
    assert shown.index(True) < 8
    assert all(shown[10:])


def test_who_sees_somebody_but_says_so_late_sees_him_now() -> None:
    shown = told({"camera": 0.42, "radar": 0.04}, lambda slot, t: slot == "camera" or t < 2)
    assert all(shown[15:])


def test_a_module_that_fell_silent_does_not_see_anybody_any_more() -> None:
    one, shown = tracker({"radar": RADAR, "lidar": LIDAR}), []
    for k in range(40):
        there = [(10.0, 3.0)] if k < 20 else []
        one.add(seen(k / 10, "lidar", there))
        if there:
            one.add(seen(k / 10 + 0.02, "radar", there))
        shown.append(near(one, k / 10 + 0.02, 10.0, 3.0))
    assert shown[19] == 1
    assert sum(shown[20:]) <= 12


def test_who_left_every_view_is_not_carried_on_for_long() -> None:
    one = tracker({"lidar": scene.sensor(0, sigma=0.2, reach=40.0)})
    for k in range(60):
        x = 12.0 * k / 10 - 20
        one.add(seen(k / 10, "lidar", [(x, 3.0)] if x < 40 else []))
    assert near(one, 4.9, 12.0 * 4.9 - 20, 3.0) == 1
    assert len(one.at(scene.START_NS + 5_900_000_000).objects) == 0


def test_an_older_message_that_comes_late_gives_nobody_reported_another_id() -> None:
    one, ids = tracker(BOTH), set()
    sent = []
    for k in range(12):
        for slot, offset, late in (("lidar", 0.04, 0.03), ("radar", 0.0, 0.13)):
            t = k / 10 + offset
            sent.append((t + late, seen(t, slot, [(12.0 * t, 3.0)], vx=12.0, vy=0.0, sigma_vel=0.4)))
    for arrived, message in sorted(sent, key=lambda pair: pair[0]):
        one.add(message)
        ids |= set(one.at(scene.START_NS + round(arrived * 1e9)).objects["id"].tolist())
    assert len(ids) == 1
