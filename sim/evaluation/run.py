"""A recording through the pole's own pipeline in virtual time, with the truth of every published instant beside it."""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.hazard.hazard import Phase
from controller.pipeline import Pipeline
from controller.replay import pictures
from sim.evaluation.frame import Frame, best_pairs, distances
from sim.evaluation.metrics import ZERO_M

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from controller.hazard.hazard import Hazard
    from controller.hazard.near_miss import NearMiss
    from controller.pipeline import Picture
    from sim.evaluation.recording import Recording

RATE_HZ: Final = 10.0
WARM_UP_S: Final = 2.0  # a pole in service knows its road; this one begins with an empty picture


@dataclass(frozen=True, slots=True, eq=False)
class Instant:
    """One published picture. `frame` holds who counts; `truth` and `tracks` everyone.

    `names`: which track (its id) stands for which road user (its id in the truth).
    """

    at_s: float
    frame: Frame
    truth: NDArray[np.void]
    tracks: NDArray[np.void]
    names: Mapping[int, int]
    age_s: NDArray[np.float64]  # of the newest measurement in each track
    cost_s: float  # what fusing and judging took since the picture before


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Everything that was said: `hazards` as their first words with the seconds they began and ended,
    `near_misses` with that of their publication."""

    recording: Recording
    instants: tuple[Instant, ...]
    hazards: tuple[tuple[float, float, Hazard], ...]
    near_misses: tuple[tuple[float, NearMiss], ...]

    @property
    def frames(self) -> list[Frame]:
        """Truth and tracks of every instant after the warm-up."""
        return [one.frame for one in self.instants if one.at_s >= WARM_UP_S]


def run(recording: Recording, step: Callable[[float], None] = lambda _: None) -> Run:
    """Play the messages, in order of arrival, and look at RATE_HZ. `step` hears the seconds gone by."""
    pipeline = Pipeline(recording.config, recording.site)
    for slot in sorted({one.slot for one in recording.reports}):
        pipeline.plug(slot)
    reports = deque(recording.reports)
    instants: list[Instant] = []
    begun: dict[int, tuple[float, Hazard]] = {}
    hazards: list[tuple[float, float, Hazard]] = []
    near_misses: list[tuple[float, NearMiss]] = []
    begin_s = time.thread_time()
    for picture in pictures(pipeline, recording.messages, RATE_HZ, recording.served):
        cost_s = time.thread_time() - begin_s
        at_s = recording.truth.seconds(picture.tracks.valid_at_ns)
        for one in picture.hazards:
            if one.phase is Phase.NEW:
                begun[one.action_id] = at_s, one
            elif one.phase is Phase.CANCEL and one.action_id in begun:
                start_s, first = begun.pop(one.action_id)
                hazards.append((start_s, at_s, first))
        near_misses += [(at_s, one) for one in picture.near_misses]
        if (instant := beside(recording, picture, cost_s)) is not None:
            instants.append(instant)
        step(at_s)
        while reports and reports[0].at_ns <= picture.tracks.valid_at_ns:
            told = reports.popleft()
            pipeline.report(told.slot, told.reading, told.at_ns)
        begin_s = time.thread_time()
    last_s = instants[-1].at_s if instants else 0.0
    hazards += [(start_s, max(start_s, last_s), first) for start_s, first in begun.values()]
    return Run(recording, tuple(instants), tuple(hazards), tuple(near_misses))


def beside(recording: Recording, picture: Picture, cost_s: float = math.nan) -> Instant | None:
    """A picture and the truth of its instant; None before and after what is known."""
    valid_at_ns, tracks = picture.tracks.valid_at_ns, picture.tracks.objects
    truth = recording.truth.at(valid_at_ns)
    if truth is None:
        return None
    everyone = _frame(truth, tracks)
    alike = best_pairs(1 - distances(everyone) / ZERO_M)
    counts = np.isin(truth["id"], list(recording.counted_at(valid_at_ns)))
    judged = recording.site.watched(everyone.track_xy)
    # A track of somebody who does not count is neither right nor wrong.
    judged[[j for i, j in alike if not counts[i]]] = False
    names = {everyone.tracks[j]: everyone.truth[i] for i, j in alike}
    age_s = (valid_at_ns - tracks["measured_at_ns"][judged]) / 1e9
    at_s = recording.truth.seconds(valid_at_ns)
    return Instant(at_s, _frame(truth[counts], tracks[judged]), truth, tracks, names, age_s, cost_s)


def _frame(truth: NDArray[np.void], tracks: NDArray[np.void]) -> Frame:
    places = [np.stack([rows["x"], rows["y"]], axis=1) for rows in (truth, tracks)]
    speeds = [np.stack([rows["vx"], rows["vy"]], axis=1) for rows in (truth, tracks)]
    return Frame(truth["id"].tolist(), places[0], tracks["id"].tolist(), places[1], *speeds)
