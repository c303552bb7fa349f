"""What a pole on a busy road says, through the real encoders: for tests of a narrow uplink."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np

from controller.fusion.track import Tracks, empty_tracks
from controller.geometry import LocalFrame
from controller.hazard.hazard import Hazard, Phase
from controller.hazard.near_miss import NearMiss, Participant
from controller.publication.hazard import hazard
from controller.publication.near_miss import near_miss
from controller.publication.objects import objects
from controller.publication.publication import Sender, Stamp
from controller.publication.status import pole_status
from controller.slot import PoleReport

T0 = 1_760_000_000_000_000_000
SENDER = Sender(8202302, 136323842, ("camera", "lidar", "radar"), LocalFrame(35.6, 139.7, 60.0), geoid_height_m=37.0)
VALIDITY_S = 5.0
SIDE = Participant(12333, 2, 0.0, 1.0, 5.0, 0.1, 4.0, 2.0, 6.0)


class BusyRoad:
    """Says at `now` (s) what is due: objects 10 Hz, status 1 Hz, a near miss now and then, overlapping hazards."""

    def __init__(self, seed=1, tracks=40, hazards_max=4, twins=False):
        self._sender = replace(SENDER, json_twins=twins)  # of pictures: they take time
        self._random, self._tracks, self._hazards_max = random.Random(seed), tracks, hazards_max
        self._sequence = 0
        self.active = {}  # action id: (begins, ends, updated)

    def stamp(self, now):
        self._sequence += 1
        return Stamp(1_760_000_000_000 + self._sequence, T0 + round(now * 1e9), 0.002)

    def objects(self, now):
        rows = empty_tracks(self._tracks)
        rows["id"] = np.arange(self._tracks) + 30000
        rows["x"], rows["y"] = np.arange(self._tracks) * 3.0 - 60, np.arange(self._tracks) % 5
        rows["object_class"] = np.where(np.arange(self._tracks) % 8 == 7, 6, 2)
        rows["vx"], rows["length"], rows["width"], rows["sources"], rows["existence"] = 8.1, 4.3, 1.8, 7, 0.99
        rows["measured_at_ns"] = T0 + round(now * 1e9)
        return tuple(objects(Tracks(T0 + round(now * 1e9), rows), self._sender, self.stamp(now)))

    def status(self, now):
        counters = {f"recorder_kind_{n}": 1000 + n for n in range(20)}
        report = PoleReport(
            True, 0, 1, (f"the system clock is {now:.1f} s ahead",), 0.002, 3, 40, 22.0, 0.01, 0.02, T0, "0", counters
        )
        return pole_status(report, SENDER, self.stamp(now))

    def near_miss(self, now):
        at = T0 + round(now * 1e9)
        one = NearMiss(
            8999999999, at - 2, at - 1, at, 2, "中", "crossing", 1.0, 2.0, 0.0, 1.4, 0.9, 3.5, 1.3, 0.8, 0.9, 5.0, 1.0,
            (SIDE, SIDE), 7, 6,
        )  # fmt: skip
        return near_miss(one, SENDER, self.stamp(now))

    def hazard(self, now, action_id, phase):
        at = T0 + round(now * 1e9)
        one = Hazard(
            action_id, "stationary_vehicle", phase, 94, 0, at, at, VALIDITY_S, 10.0, 20.0, 0.0, 1.0, 0.4, 0.93, 5,
            (31233,), 7, "east-2", (0x35,), 1, (("stationary_s", 5.2), ("lane_offset_m", 0.3)),
        )  # fmt: skip
        made = hazard(one, SENDER, self.stamp(now), at=(10.0, 20.0))
        return tuple(
            replace(said, key=f"{phase if said.payload else 'clear'} {action_id} {now:.2f} {said.content_type[12:]}")
            for said in made
        )

    def events(self, now):
        """Hazards and near misses of one tick of 0.1 s."""
        said = []
        for action_id, (ends, updated) in list(self.active.items()):
            if now >= ends:
                del self.active[action_id]
                said += self.hazard(now, action_id, Phase.CANCEL)
            elif now - updated >= 0.95:
                self.active[action_id] = ends, now
                said += self.hazard(now, action_id, Phase.UPDATE)
        if len(self.active) < self._hazards_max and self._random.random() < 0.02:
            action_id = self._random.randrange(10**9, 2**32)
            self.active[action_id] = now + self._random.uniform(1.0, 20.0), now
            said += self.hazard(now, action_id, Phase.NEW)
        if self._random.random() < 0.01:
            said += self.near_miss(now)
        return said
