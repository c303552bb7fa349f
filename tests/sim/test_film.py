"""A film is the same every time, its modules speak at their rates and late, and its faults begin when they should."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from sim.film import START_NS, film
from sim.miscalibration import wrong
from sim.scenario import scenario
from sim.sensing import MODELS


def messages(scene, seconds):
    return [one for take in film(scene, seconds) for one in take.detections]


def test_the_same_film_every_time():
    one, two = (messages(scenario("crossing"), 5) for _ in range(2))
    assert [(m.slot, m.measured_at_ns, m.arrived_at_ns, m.objects.tobytes()) for m in one] == [
        (m.slot, m.measured_at_ns, m.arrived_at_ns, m.objects.tobytes()) for m in two
    ]
    assert messages(scenario("crossing", 2), 5)[0].objects.tobytes() != one[0].objects.tobytes()


def test_modules_speak_at_their_rates_and_as_late_as_they_declare():
    said = messages(scenario("crossing"), 10)
    assert Counter(one.slot for one in said) == {"camera": 100, "lidar": 100, "radar": 200}
    for slot, model in MODELS.items():
        late = [(one.arrived_at_ns - one.measured_at_ns) / 1e9 for one in said if one.slot == slot]
        if late:
            assert np.mean(late) == pytest.approx(model.latency_s, abs=0.005)
            assert np.std(late) == pytest.approx(model.jitter_s, rel=0.3)
    assert min(one.measured_at_ns for one in said) >= START_NS


def test_a_fault_of_a_module_begins_in_its_film_at_its_time():
    scene, fault = scenario("crossing"), wrong("mirrored@2", "lidar")
    faulty = replace(scene, modules=tuple(replace(s, wrong=fault) if s.slot == "lidar" else s for s in scene.modules))
    for good, bad in zip(messages(scene, 4), messages(faulty, 4), strict=True):
        same = good.objects.tobytes() == bad.objects.tobytes()
        assert same == (good.slot != "lidar" or good.measured_at_ns < START_NS + 2_000_000_000 or not len(good.objects))
