"""Whatever is told of a scene, in whatever order it comes and goes: NEW, UPDATEs, CANCEL, and one for one thing."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import START_NS, User, braking, crossroads, straight, ticks, weather

from controller.config import Hazards, NearMisses
from controller.fusion.track import Tracks
from controller.hazard.hazard import Phase
from controller.hazard.stage import HazardStage
from interfaces.spec import ObjectClass
from modules.signal import SignalGroupReading, SignalReading

USERS = [
    User(straight(-80, 0, 14)),
    User(straight(0, -75, 0, 14)),
    User(braking(-120, 15, 1, 7)),
    User(straight(20, 0, 0.2), ObjectClass.PEDESTRIAN),
    User(straight(60, 0, -9)),
    User(straight(40, 0.5), ObjectClass.OBSTACLE),
]
SINGLE = {"low_visibility", "heavy_precipitation", "slippery_road", "flooded_road", "strong_wind", "service_degraded"}
ticks_ = st.tuples(
    st.sampled_from([0b111111] * 4 + [0, 0b101010, 0b010111]),  # who is seen
    st.booleans(),  # whether ids are others from here on
    st.sampled_from([None, None, 0, 1, 2, 3, 7]),  # a report of the signal
    st.sampled_from([None, None, 5.0, 220.0, 9999.0, -4.0]),  # one of visibility
    st.sampled_from([(), (), ("camera",), ("camera", "radar")]),
    st.sampled_from(["", "", "", "yaw", "length", "z"]),  # a column that is missing
)


@given(st.lists(ticks_, min_size=20, max_size=50), st.sampled_from([0.1, 0.3, 1.0]))
@settings(max_examples=15, deadline=None)
def test_words_are_in_order_and_nothing_is_told_twice(script, step_s):
    stage = HazardStage(crossroads(signals=True), Hazards(), NearMisses())
    alive: dict[int, str] = {}
    ended: set[int] = set()
    shift = 0
    times = [i * step_s for i in range(len(script))]
    for (seen, others, colour, visibility, lacking, missing), tracks in zip(
        script, ticks(USERS, 0, times=times), strict=True
    ):
        now = tracks.valid_at_ns
        shift += 100 * others
        rows = tracks.objects[[bool(seen >> i & 1) for i in range(len(USERS))]].copy()
        rows["id"] += shift
        if missing:
            rows[missing] = np.nan
        if colour is not None:
            stage.tell(4, SignalReading(0, (SignalGroupReading(1, colour, None),)), now)
        if visibility is not None:
            stage.tell(5, weather(visibility_m=visibility), now)
        for one in stage.step(Tracks(now, rows), lacking)[0]:
            assert one.reference_time_ns == now
            assert START_NS <= one.detection_time_ns <= now
            assert 0 <= one.probability <= 1
            assert 0 <= one.information_quality <= 7
            assert one.utilisation in {0, 1}
            assert one.validity_s > 0
            assert np.isfinite([one.x, one.y]).all()
            if one.phase is Phase.NEW:
                assert one.action_id not in alive.keys() | ended
                alive[one.action_id] = one.kind
            else:
                assert alive[one.action_id] == one.kind
            if one.phase is Phase.CANCEL:
                ended.add(one.action_id)
                del alive[one.action_id]
        counts = Counter(alive.values())
        assert all(counts[kind] <= 1 for kind in SINGLE)
    for one in stage.step(Tracks(now - 60_000_000_000, tracks.objects[:0]))[0]:
        del alive[one.action_id]
    assert not alive


def test_a_new_track_id_goes_on_with_the_red_light_runner():
    stage = HazardStage(crossroads(signals=True), Hazards(), NearMisses())
    runner = User(straight(-80, 0, 14), ids=lambda t: 1 + int(t / 4.6))
    told = []
    for tracks in ticks([runner], 6):
        stage.tell(4, SignalReading(0, (SignalGroupReading(1, 1, None),)), tracks.valid_at_ns)
        told += [one for one in stage.step(tracks)[0] if one.kind == "red_light_running"]
    assert len({one.action_id for one in told}) == 1
