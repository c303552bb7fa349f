"""What a module that is wrong costs: HOTA with it less HOTA without it, over the road users that the others can see.

Every measuring module of every scene is wrong in turn in every way that can befall it, from the beginning or from
--from-s on. One line for each run, as soon as it is known, then what all have in common. The figures are the same on
every machine.

Example: bench_wrong_module.py roads:3 roads:5 merge:2:lidar --judged 10 26 --every 4
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the daemon does

import argparse
import math
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from multiprocessing import Pool
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from controller.fusion.standing import Standing
from controller.pipeline import Picture, Pipeline
from controller.replay import pictures
from sim.evaluation.frame import Frame
from sim.evaluation.metrics import hota
from sim.evaluation.recording import of_scene
from sim.evaluation.run import RATE_HZ, beside
from sim.film import START_NS
from sim.miscalibration import WRONG, Miscalibration, miscalibrated
from sim.scenario import scenario
from sim.sensing import MODELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from controller.fusion.track import Tracks
    from modules.detection import Detections
    from sim.evaluation.recording import Recording

GOAL = -0.02  # HOTA
ERRORS = {
    "none": Miscalibration(),
    "yaw+1.5": Miscalibration(yaw_deg=1.5),
    "yaw-1.5": Miscalibration(yaw_deg=-1.5),
    "yaw+3": Miscalibration(yaw_deg=3.0),
    "yaw-3": Miscalibration(yaw_deg=-3.0),
    "yaw+6": Miscalibration(yaw_deg=6.0),
    "yaw-6": Miscalibration(yaw_deg=-6.0),
    "yaw+10": Miscalibration(yaw_deg=10.0),
    "yaw+30": Miscalibration(yaw_deg=30.0),
    "yaw+180": Miscalibration(yaw_deg=180.0),
    "shift": WRONG["shift"],
    "ahead+3": Miscalibration(forward_m=3.0),
    "ahead-3": Miscalibration(forward_m=-3.0),
    "left+3": Miscalibration(left_m=3.0),
    "left-3": Miscalibration(left_m=-3.0),
    "aslant+3": Miscalibration(forward_m=2.1, left_m=2.1),
    "aslant-3": Miscalibration(forward_m=-2.1, left_m=-2.1),
    "late0.25": WRONG["late"],
    "early0.25": WRONG["early"],
    "late0.5": Miscalibration(late_s=0.5),
    "early0.5": Miscalibration(late_s=-0.5),
    "late3": Miscalibration(late_s=3.0),
    "far": WRONG["far"],
    "mirrored": WRONG["mirrored"],
    "feet": WRONG["feet"],
    "centimetres": WRONG["centimetres"],
    "tilt+0.5": WRONG["tilt"],
    "tilt-0.5": Miscalibration(tilt_deg=-0.5),
}


class Case(NamedTuple):
    """A run: `slot`'s module is wrong; judged from `judged_s[0]` to `judged_s[1]`."""

    scene: str
    seed: int
    slot: str
    error: str
    from_s: float
    judged_s: tuple[float, float]
    correct: bool


class Outcome(NamedTuple):
    """`out_s`: after how long each was left out, of those that ever were."""

    case: Case
    without: float
    hota: float
    out_s: dict[str, float]

    @property
    def found(self) -> bool:
        return self.case.slot in self.out_s

    @property
    def costs(self) -> float:
        return self.hota - self.without

    def __str__(self) -> str:
        scene, seed, slot, error, *_ = self.case
        out = ", ".join(f"{one} {at_s:.1f} s" for one, at_s in self.out_s.items()) or "nobody"
        mark = "  <<" if self.costs < GOAL else ""
        return f"{scene:13} {seed:4} {slot:10} {error:12} {self.without:.3f} {self.costs:+.3f}  out: {out}{mark}"


class Onlooker(Pipeline):
    """Fuses, and says nothing about it."""

    def judge(self, tracks: Tracks) -> Picture:
        return Picture(tracks, [], [])


def outcome(case: Case) -> Outcome:
    """Both runs of a case."""
    right, counted = without_it(case._replace(error="none"))
    recording = replace(film(case.scene, case.seed, case.judged_s[1]), counted=counted)
    mistaken, out_s = watched(replace(recording, messages=tuple(spoilt(recording.messages, case))), case)
    return Outcome(case, right, mistaken, out_s)


@lru_cache(maxsize=4)
def without_it(case: Case) -> tuple[float, tuple[frozenset[int], ...]]:
    """HOTA of the others alone, and whom they can see."""
    recording = film(case.scene, case.seed, case.judged_s[1], (case.slot,))
    return watched(recording, case)[0], recording.counted


@lru_cache(maxsize=4)
def film(name: str, seed: int, seconds: float, without: tuple[str, ...] = ()) -> Recording:
    return of_scene(scenario(name, seed), seconds, without=without)


def spoilt(messages: Iterable[Detections], case: Case) -> Iterator[Detections]:
    """As `sim.miscalibration.Miscalibrated` would have told them."""
    wrong, from_ns = ERRORS[case.error], START_NS + round(case.from_s * 1e9)
    for one in messages:
        if one.slot == case.slot and one.measured_at_ns >= from_ns:
            stamp_ns = one.measured_at_ns + round(wrong.late_s * 1e9)
            yield replace(one, objects=miscalibrated(one.objects, wrong), measured_at_ns=stamp_ns)
        else:
            yield one


def watched(recording: Recording, case: Case) -> tuple[float, dict[str, float]]:
    """HOTA over the judged seconds, and who was left out when."""
    fusion = recording.config.fusion.model_copy(update={"correct_registration": case.correct})
    pipeline = Onlooker(recording.config.model_copy(update={"fusion": fusion}), recording.site)
    frames, out_s = list[Frame](), dict[str, float]()
    begin_s, end_s = case.judged_s
    for picture in pictures(pipeline, recording.messages, RATE_HZ, recording.served):
        instant = beside(recording, picture)
        if instant is not None and begin_s <= instant.at_s <= end_s:
            frames.append(instant.frame)
        for slot in recording.served:
            finding = pipeline.finding(slot)
            if instant is not None and finding is not None and finding.standing is Standing.QUARANTINED:
                out_s.setdefault(slot, instant.at_s - case.from_s)
    return hota(frames).hota, out_s


def cases(options: argparse.Namespace) -> Iterator[Case]:
    """Every scene, slot and error that is asked for, written scene:seed[:slot[:error]]."""
    for one in options.scenes:
        name, seed, slot, error = (*one.split(":"), *[""] * 3)[:4]
        for spec in scenario(name, int(seed or 1)).modules:
            if spec.module_class not in MODELS or slot not in ("", spec.slot):
                continue
            for what in [error] if error else options.errors:
                if ERRORS[what].befalls(spec.module_class):
                    yield Case(
                        name, int(seed or 1), spec.slot, what, options.from_s, tuple(options.judged), options.correct
                    )


def common(found: list[Outcome]) -> str:
    costs, waits = [one.costs for one in found], sorted(one.out_s[one.case.slot] for one in found if one.found)
    below = sum(cost < GOAL for cost in costs)
    others = sum(bool(one.out_s.keys() - {one.case.slot}) for one in found)
    half, most = np.percentile(waits, [50, 90]).tolist() if waits else (math.nan, math.nan)
    return (
        f"{below} of {len(found)} runs cost more than {-GOAL}, mean {np.mean(costs):+.3f}, "
        f"worst {min(costs):+.3f}\n{len(waits)} left out, half of them within {half:.1f} s, nine of ten within "
        f"{most:.1f} s; another one, too, in {others}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("scenes", nargs="+", metavar="scene:seed[:slot[:error]]")
    parser.add_argument("--errors", nargs="*", default=[one for one in ERRORS if one != "none"], choices=ERRORS)
    parser.add_argument("--from-s", type=float, default=0.0, help="when it begins to be wrong")
    parser.add_argument("--judged", type=float, nargs=2, default=(12.0, 40.0), help="from and until, s")
    parser.add_argument("--correct", action="store_true", help="with correct_registration = true")
    parser.add_argument("--every", type=int, default=1, help="only every so manieth of all runs")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    chosen, found = list(islice(cases(options), 0, None, options.every)), list[Outcome]()
    if not chosen:
        parser.error("there is no such run: no such slot, or an error that cannot befall it")
    with Pool(options.jobs) as pool:
        for one in pool.imap(outcome, chosen):
            found.append(one)
            print(f"{len(found):4}/{len(chosen)} {one}", flush=True)
    print(common(found))


if __name__ == "__main__":
    main()
