"""Sensors err as their table says: hidden bodies, noise, bias, ghosts, runs of misses, weather, near faces, merging."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from controller.config import Mount
from interfaces.spec import ObjectClass
from sim.occlusion import behind_walls
from sim.road import TRUTH
from sim.sensing import MODELS, Sensor
from sim.weather import CLEAR, NIGHT, NIGHT_FOG, Weather

CAR, BUS, PERSON = ObjectClass.CAR, ObjectClass.LARGE_VEHICLE, ObjectClass.PEDESTRIAN
BODIES = {CAR: (4.4, 1.75, 1.5), BUS: (10.5, 2.45, 3.1), PERSON: (0.5, 0.5, 1.68)}
EXACT = {"bias_m": (0.0, 0.0), "bias_deg": 0.0, "bias_s": 0.0}


def road(*users):
    truth = np.zeros(len(users), TRUTH)
    for index, (kind, x, y, yaw) in enumerate(users):
        length, width, height = BODIES[kind]
        truth[index] = (index + 1, int(kind), x, y, 0, 0, 0, 0, yaw, 0, length, width, height)
    return truth


def sensor(name, seed=1, *, mount=None, weather=CLEAR, walls=(), **changes):
    model = replace(MODELS[name], false_per_frame=0.0, rain_ghosts=0.0, **changes)
    return Sensor(model, mount or Mount(height_m=5.0), np.random.default_rng(seed), weather=weather, walls=walls)


def share_seen(one, truth, times=300):
    return sum(len(one.observe(truth)) for _ in range(times)) / times / len(truth)


def places(one, truth, times=400):
    rows = np.concatenate([one.observe(truth) for _ in range(times)])
    return np.stack([rows["x"], rows["y"]], 1)


@pytest.mark.parametrize("name", MODELS)
def test_the_same_seed_sees_the_same(name):
    truth = road((CAR, 20, 2, 0), (PERSON, 15, -3, 0))
    one, two = (Sensor(MODELS[name], Mount(), np.random.default_rng(7)) for _ in range(2))
    for _ in range(20):
        assert one.observe(truth).tobytes() == two.observe(truth).tobytes()


@pytest.mark.parametrize("name", MODELS)
def test_exemplars_differ_by_the_class_bias(name):
    model = MODELS[name]
    truth = road((CAR, 20.0, 0, 0))
    means = np.array(
        [places(sensor(name, seed, along=(0.01, 0), across=(0.01, 0)), truth, 30).mean(0) for seed in range(60)]
    )
    along, across = means.std(0)
    turned = 20 * np.radians(model.bias_deg)
    assert along == pytest.approx(model.bias_m[0], rel=0.35)
    assert across == pytest.approx(np.hypot(model.bias_m[1], turned), rel=0.35)
    assert np.abs(means[:, 0] - 20).max() < 2.2 * model.bias_m[0] + 0.05


def test_a_clock_bias_places_what_moves_behind_itself():
    truth = road((CAR, 30, 0, 0))
    truth["vx"] = 20.0
    model = {"along": (0.01, 0.0), "across": (0.01, 0.0), "bias_m": (0.0, 0.0), "bias_deg": 0.0}
    means = [places(sensor("camera", seed, bias_s=0.02, **model), truth, 20).mean(0)[0] for seed in range(60)]
    assert np.std(means) == pytest.approx(20 * 0.02, rel=0.35)


@pytest.mark.parametrize(("yaw", "shift"), [(0.0, 0.8 * (5.25 - 2.2)), (np.pi / 2, 0.0)])
def test_a_radar_places_a_bus_too_near_by_what_it_is_longer_than_a_car(yaw, shift):
    found = places(sensor("radar", mount=Mount(), **EXACT), road((BUS, 60, 0, yaw)))
    assert found.mean(0)[0] == pytest.approx(60 - shift, abs=0.1)


def test_a_radar_does_not_tell_close_bodies_of_one_speed_apart():
    truth = road((CAR, 60, 1.0, 0), (CAR, 60, -1.0, 0))
    radar = sensor("radar", mount=Mount())
    assert max(len(radar.observe(truth)) for _ in range(50)) == 1
    truth["vx"] = 0.0, 8.0
    assert max(len(radar.observe(truth)) for _ in range(50)) == 2
    assert max(len(sensor("lidar").observe(truth)) for _ in range(50)) == 2


def test_a_bus_hides_a_person_and_a_low_car_does_not_hide_one_from_a_mast():
    assert share_seen(sensor("lidar"), road((PERSON, 30, 0, 0), (BUS, 24, 0, np.pi / 2))) < 0.6
    assert share_seen(sensor("lidar"), road((PERSON, 30, 0, 0), (CAR, 24, 0, np.pi / 2))) > 0.85


def test_who_is_half_hidden_is_seen_half_as_often():
    free, half, none = (
        share_seen(sensor("lidar", burst_s=0.0), road((BUS, 40, 0, np.pi / 2), (BUS, 30, y, np.pi / 2)), 800)
        for y in (30.0, 4.8, 0.0)
    )
    assert 0.48 <= none <= 0.52  # only the nearer one
    assert none + 0.1 < half < free - 0.1


def test_walls_hide_what_is_behind_them_and_nothing_else():
    wall = ((10.0, -5.0), (10.0, 5.0))
    hidden = behind_walls(np.array([20.0, 5.0, 20.0]), np.array([0.0, 0.0, 20.0]), (0.0, 0.0), [wall])
    assert hidden.tolist() == [True, False, False]
    assert share_seen(sensor("lidar", walls=[wall]), road((CAR, 20, 0, 0))) == 0


@pytest.mark.parametrize("name", MODELS)
def test_false_objects_come_as_often_as_declared_and_live_on_under_one_id(name):
    model = MODELS[name]
    one = Sensor(model, Mount(), np.random.default_rng(5))
    frames = [one.observe(road()) for _ in range(4000)]
    assert np.mean([len(rows) for rows in frames]) == pytest.approx(model.false_per_frame, rel=0.2)
    lives = np.unique(np.concatenate([rows["id"] for rows in frames]), return_counts=True)[1]
    assert lives.mean() == pytest.approx(max(1.0, model.ghost_s * model.rate_hz), rel=0.2)


def test_a_camera_dreams_far_away_and_a_radar_near():
    def median_reach(name):
        one = Sensor(MODELS[name], Mount(), np.random.default_rng(5))
        rows = np.concatenate([one.observe(road()) for _ in range(1500)])
        return np.median(np.hypot(rows["x"], rows["y"])) / MODELS[name].range_m

    assert median_reach("camera") > 0.5**0.5 > median_reach("radar")


@pytest.mark.parametrize("burst_s", [0.0, 0.3])
def test_misses_come_in_runs_but_not_more_often(burst_s):
    one, truth = sensor("camera", detection=0.7, burst_s=burst_s), road((CAR, 5, 0, 0))
    seen = [len(one.observe(truth)) for _ in range(4000)]
    runs = [len(list(group)) for missed, group in itertools.groupby(seen) if not missed]
    keep = np.exp(-1 / (10 * burst_s)) if burst_s else 0.0
    assert np.mean(seen) == pytest.approx(0.7, abs=0.04)
    assert np.mean(runs) == pytest.approx(1 / ((1 - keep) * np.mean(seen)), rel=0.2)


@pytest.mark.parametrize(
    ("name", "weather", "reach", "sees"),
    [
        ("camera", CLEAR, 60, True),
        ("camera", Weather(visibility_m=80.0), 60, False),
        ("lidar", Weather(visibility_m=80.0), 60, False),
        ("radar", Weather(visibility_m=80.0), 60, True),
    ],
)
def test_fog_shortens_the_sight_of_cameras_and_lidars_only(name, weather, reach, sees):
    assert (share_seen(sensor(name, weather=weather), road((CAR, reach, 0, 0))) > 0.5) == sees


def test_at_night_a_camera_loses_people_first():
    truth = road((PERSON, 45, 0, 0))
    by_day, by_night = (share_seen(sensor("camera", weather=w), truth) for w in (CLEAR, NIGHT))
    assert by_day > 0.5 > by_night
    assert share_seen(sensor("camera", weather=NIGHT), road((CAR, 45, 0, 0))) > 0.7
    assert share_seen(sensor("lidar", weather=NIGHT), truth) == share_seen(sensor("lidar"), truth)


def test_rain_costs_detections_and_brings_false_ones():
    wet = Weather(visibility_m=2000.0, precipitation_mmph=40.0)
    truth = road((CAR, 40, 0, 0))
    dry, rainy = (share_seen(sensor("lidar", weather=w), truth) for w in (CLEAR, wet))
    assert rainy < dry - 0.1
    one = Sensor(MODELS["lidar"], Mount(), np.random.default_rng(1), weather=wet)
    assert np.mean([len(one.observe(road())) for _ in range(500)]) > 0.4


def test_in_dense_fog_the_false_objects_are_not_beyond_sight():
    one = Sensor(MODELS["camera"], Mount(), np.random.default_rng(1), weather=NIGHT_FOG)
    rows = np.concatenate([one.observe(road()) for _ in range(500)])
    assert np.hypot(rows["x"], rows["y"]).max() < NIGHT_FOG.visibility_m * MODELS["camera"].fog + 5


def test_a_class_that_is_wrong_is_the_next_one_or_unknown():
    one = sensor("sensor", class_error=0.5)
    rows = np.concatenate([one.observe(road((BUS, 20, 0, 0))) for _ in range(200)])
    kinds = {int(one) for one in rows["object_class"]}
    assert kinds == {int(BUS), int(ObjectClass.MEDIUM_VEHICLE), int(ObjectClass.UNKNOWN)}


def test_a_sensor_sees_what_is_in_its_field_and_nothing_outside():
    one = sensor("camera", mount=Mount(yaw_deg=90.0), **EXACT)
    found = places(one, road((CAR, 0, 30, 0), (CAR, 0, -30, 0), (CAR, 0, 300, 0)), 300)
    np.testing.assert_allclose(found.mean(0), (30, 0), atol=0.15)


@pytest.mark.parametrize("name", MODELS)
def test_noise_is_what_the_sensor_declares(name):
    model = MODELS[name]
    reach = model.range_m / 2
    found = places(sensor(name, 3, mount=Mount(), burst_s=0.0), road((CAR, reach, 0, 0)), 2000)
    along, across = (one[0] + one[1] * reach for one in (model.along, model.across))
    np.testing.assert_allclose(found.std(0), (along, across), rtol=0.08)
    assert len(found) / 2000 == pytest.approx(model.detection, abs=0.12)


@pytest.mark.parametrize("name", MODELS)
def test_who_is_far_is_missed_more_often_and_a_person_sooner_than_a_car(name):
    def share(kind, part):
        return share_seen(sensor(name, burst_s=0.0), road((kind, MODELS[name].range_m * part, 0, 0)), 600)

    near, middle, far = (share(CAR, part) for part in (0.2, 0.8, 0.97))
    assert near == pytest.approx(MODELS[name].detection, abs=0.03)
    assert near > middle + 0.02
    assert middle > far + 0.05
    assert share(PERSON, 0.8) < middle - 0.2
    assert share(CAR, 1.03) == 0


@pytest.mark.parametrize("name", MODELS)
def test_velocities_are_measured_by_those_who_can_and_range_rates_by_doppler(name):
    truth = road((CAR, 20, 8, 0.3))
    truth["vx"], truth["vy"] = 9.0, 3.0
    rows = np.concatenate([sensor(name, seed).observe(truth) for seed in range(400)])
    model, bearing = MODELS[name], np.arctan2(8, 20)
    if np.isnan(model.sigma_velocity):
        assert np.isnan(rows["vx"]).all()
    else:
        assert rows["vx"].mean() == pytest.approx(9.0, abs=0.15)
        assert rows["vx"].std() == pytest.approx(model.sigma_velocity, rel=0.15)
    assert np.isfinite(rows["range_rate"]).all() == model.doppler
    if model.doppler:
        assert rows["range_rate"].mean() == pytest.approx(9 * np.cos(bearing) + 3 * np.sin(bearing), abs=0.05)
