"""Whether each module still stands where it is said to: what it sees against what the others see.

A badly installed module is worse than a missing one. Two questions are asked of all modules together, and both times
the fewest are blamed that explain the answer. Do two of them see the same road users where both look? Who does not is
grossly wrong, and how is guessed. And how far apart do they see them? Five errors of every module are estimated: shift
east and north, turn about its mount, how much too new its stamps are, and the scale of its distances; and, as no
error, how far before the centre of things it sees them, for a radar sees the near side. Tracks say nothing of their
own here: only the differences between modules that see the same one count, so a module that draws a track after itself
gains nothing. One thing a module knows by itself: the scale of its distances, if it has Doppler (`range_rate.py`).

Who moves in service is known at once: it does not see its own tracks as it did before (`jolt.py`). Of those that
contradict each other from then on it is the one to be doubted.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion.bank import SLOTS
from controller.fusion.blame import PROVEN, cost, less
from controller.fusion.displacement import Displacements
from controller.fusion.error_fit import TERMS
from controller.fusion.jolt import Jolts
from controller.fusion.misfit import FITS, LOOKS, NOTHING, explained, matched, misfit, recent
from controller.fusion.oddity import Oddities
from controller.fusion.quarrels import Quarrels, Told, looks
from controller.fusion.range_rate import RangeRates
from controller.fusion.righted import delay_s, range_scale, righted_places, righted_rows, turned
from controller.fusion.speed_unit import SpeedScale
from controller.fusion.standing import RANK, REACH_M, WELL, Finding, Standing, displaced
from controller.fusion.unknown import known_or

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from controller.fusion.misfit import Sight
    from controller.fusion.oddity import Ground
    from controller.fusion.sensor import Sensor
    from controller.fusion.track import Tracks

    Floats = NDArray[np.float64]

PERIOD_NS: Final = 1_000_000_000  # from judgement to judgement
APART_NS: Final = 200_000_000  # between messages of a module that are compared: more would say hardly more
COUNTED: Final = 3  # every so many of them its objects are also counted: who else looks there is dear to reckon
SETTLED_S: Final = 0.8  # age from which on a track's velocity says how far a delay shifts what is seen
GATE_M: Final = 4.0  # farther apart lies what is not the same road user
WORSE_AFTER, BETTER_AFTER = 2, 5  # judgements in a row
SUSPECT_M, WRONG_M = 0.3, 0.7  # mean displacement of what it sees; or these many of its own sigmas
SUSPECT_SIGMAS, WRONG_SIGMAS = 0.5, 1.1
SURE: Final = 1.8  # standard deviations of the estimate
LEAST_WEIGHT: Final = 0.5
LEAST_COMPARED: Final = 2.0  # road users where another looks, told by either: more than one at one instant
ENOUGH_ODD: Final = 1.0  # nats that speak against it by itself: one road user is enough then
SURE_GUILT: Final = 0.85  # probability that it is this module, not another, that is wrong
SURELY, LIKELIEST = 0.95, 0.65  # … or that it is somebody, and this one: to fuse both of two that differ is worse
LIKELY_GUILT: Final = 0.15  # … or may be this one
STILL_GUILT: Final = 0.5  # … of who was found to be, or it is not any more
LEAST_SURE: Final = 0.3  # confidence of what is counted
CORRECTABLE_M: Final = 3.0
NO_ERROR: Final = np.zeros(TERMS)


class Registration:
    """Watches the modules of one pole; slots are numbers, in pole.toml's order. `correct`: small errors are undone."""

    def __init__(self, *, correct: bool = False) -> None:
        self._correct = correct
        self._displaced = Displacements()
        self._quarrels = Quarrels()
        self._odd = Oddities()
        self._jolts = Jolts()
        self._range_rates = RangeRates()
        self._streak = np.zeros((SLOTS, 2), np.int64)  # judgements in a row that were worse, better than its standing
        self._proven = np.zeros(SLOTS, np.int64)  # judgements it has passed
        self._sights: dict[int, list[Sight]] = {}
        self._seeming: dict[int, Floats] = {}  # errors (TERMS,) without which its messages are looked at
        self._left_out_for: dict[int, Floats] = {}  # grams of the errors of who is left out, where it saw things then
        self._yaw = np.zeros(SLOTS)
        self._sensors: dict[int, Sensor] = {}  # that were heard, be they fused or not
        self._speeds = {slot: SpeedScale() for slot in range(SLOTS)}
        self._astray: frozenset[int] = frozenset()  # who sees things elsewhere than they are
        self._guilt = np.zeros(SLOTS)  # how likely each was wrong at the last judgement
        self._named: set[int] = set()  # of these, of whom it is known how
        self._fused: frozenset[int] = frozenset()
        self._judged_ns = 0
        self._compared_ns = np.zeros(SLOTS, np.int64)
        self._turn = np.zeros(SLOTS, np.int64)
        self.findings: dict[int, Finding] = {}

    def forget(self, slot: int) -> None:
        """Another module stands there now, or none. What was learned of the others beside it is learned anew."""
        self._displaced.forget()
        self._forget(slot)

    def trial(self, slot: int) -> Registration:
        """Another watch, for a module that is not fused yet: it knows who has proven itself, and nothing of `slot`."""
        apart = Registration()
        apart._proven[:] = self._proven
        apart._proven[slot] = 0
        return apart

    def hear(
        self,
        sensor: Sensor,
        rows: NDArray[np.void],
        stamp_ns: int,
        tracks: Tracks,
        others: Mapping[int, Sensor],
        ground: Ground | None = None,
        late_s: float = 0.0,
    ) -> bool:
        """Compare one message's placed rows with tracks that `others` support; whether that led to a judgement.

        `ground`: what the map says, as far as there is one; `late_s`: from the stamp to the arrival, 0 unknown.
        """
        slot, objects = sensor.slot_index, tracks.objects
        self._fused = frozenset(others)
        others = {n: other for n, other in others.items() if n != slot}
        dt = (stamp_ns - tracks.valid_at_ns) / 1e9
        sure = rows[~(rows["confidence"] < LEAST_SURE)]
        told = Told(stamp_ns, _places(sure), np.nan_to_num(sure["length"]))
        errors = self._seeming.get(slot, NO_ERROR)
        right = Told(stamp_ns - round(delay_s(errors) * 1e9), righted_places(errors, sensor, told.place), told.length)
        self._quarrels.keep(slot, right)
        self._sensors[slot] = sensor
        self._odd.stamped(sensor, late_s)
        if abs(dt) < 1.0 and len(rows) and abs(tracks.valid_at_ns - self._compared_ns[slot]) >= APART_NS:
            self._compared_ns[slot] = tracks.valid_at_ns
            self._range_rates.keep(sensor, sure, stamp_ns)
            if others and slot in self._fused:
                felt = self._jolts.felt(sensor, told.place, tracks, _at(objects, dt))
                if felt and self._all_well():
                    self._shaken(slot)
            self._turn[slot] = (self._turn[slot] + 1) % COUNTED
            shared = (objects["sources"] & np.uint32(sum(1 << n for n in others if n not in self._astray))) != 0
            settled = objects["age_s"] >= SETTLED_S
            known, own = objects[shared & settled], objects[~shared & settled & (objects["sources"] >> slot & 1 != 0)]
            place = _at(known, dt)
            if self._turn[slot] == 1:
                tracked = np.hypot(*_velocity(tracks, told).T)
                self._odd.placed(sensor, sure, known_or(np.hypot(*_velocities(sure).T), tracked), ground)
                rest = {n: other for n, other in self._sensors.items() if n != slot}
                self._quarrels.count(sensor, right, rest, partial(_velocity, tracks))
                if others:
                    self._look(sensor, told.place, known, place)
            if slot not in self._named:  # else what it sees says nothing of how well the others stand
                errors = self._seems(sensor, _places(rows), place, _velocities(known))
                self._speeds[slot].compare(*self._compare(sensor, rows, known, place, errors))
                # One that is late may make tracks of its own beside; those of who is fused alone are all there is.
                self._compare(sensor, rows, own, _at(own, dt), NO_ERROR)
        if abs(tracks.valid_at_ns - self._judged_ns) < PERIOD_NS:  # the pole's time: a module's may be anything
            return False
        self._judged_ns = tracks.valid_at_ns
        self._judge()
        return True

    def corrected(self, sensor: Sensor, rows: NDArray[np.void], stamp_ns: int) -> tuple[NDArray[np.void], int]:
        """Rows and stamp without the module's error, where it is to be taken out; speeds of another unit never stay."""
        found = self.findings.get(sensor.slot_index, WELL)
        strange = math.isfinite(found.speed_scale)
        if found.standing is Standing.CORRECTED:
            rows, stamp_ns = righted_rows(found.errors, sensor, rows), stamp_ns - round(found.late_s * 1e9)
        if strange:
            rows, scale = rows.copy(), found.speed_scale if self._correct else math.nan
            for name in ("vx", "vy", "range_rate"):
                rows[name] /= scale
        return rows, stamp_ns

    # ---------------------------------------------------------------------------------------------------- comparing

    def _forget(self, slot: int) -> None:
        """All but its displacement."""
        self._quarrels.forget(slot)
        self._odd.forget(slot)
        self._jolts.forget(slot)
        self._range_rates.forget(slot)
        self._streak[slot] = self._proven[slot] = self._guilt[slot] = 0
        self._sights.pop(slot, None)
        self._seeming.pop(slot, None)
        self._left_out_for.pop(slot, None)
        self._sensors.pop(slot, None)
        self._astray -= {slot}
        self._named.discard(slot)
        self._speeds[slot] = SpeedScale()
        self.findings.pop(slot, None)

    def _all_well(self) -> bool:
        """Whether nobody who is fused is suspected: who is wrong shakes the tracks of the others, too."""
        standings = {slot: self.findings.get(slot, WELL).standing for slot in self._fused}
        return all(
            standing is Standing.CORRECTED or (standing is Standing.OK and self._guilt[slot] < STILL_GUILT)
            for slot, standing in standings.items()
        )

    def _shaken(self, slot: int) -> None:
        """It may stand otherwise than before: what was known of it counts no more, and it has to prove itself anew."""
        self._displaced.moved(slot)
        self._forget(slot)
        self._proven[slot] = -PROVEN

    def _compare(
        self, sensor: Sensor, rows: NDArray[np.void], tracks: NDArray[np.void], place: Floats, errors: Floats
    ) -> tuple[Floats, Floats]:
        """Keep how far off each row lies from the track it is; the velocities (n, 2) of rows and tracks.

        Which that is, is asked without the `errors` (TERMS,) that the module seems to have beside these tracks: turned
        by 3° it sees a car 70 m away in the next lane, where there may be another. Only tracks that several modules
        meet will count.
        """
        speed = _velocities(tracks)
        away, chosen, mutual = _matched(errors, sensor, _places(rows), place, speed)
        mine = np.flatnonzero(mutual & (away < GATE_M))
        them = chosen[mine]
        self._displaced.keep(sensor, rows[mine], tracks[them], place[them])
        return _velocities(rows[mine]), speed[them]

    def _seems(self, sensor: Sensor, seen: Floats, place: Floats, speed: Floats) -> Floats:
        """The errors that a module seems to have, a single kind of them, or none: whichever puts most of what it sees
        (n, 2) on tracks (m, 2). It may have been put right, and what it met by chance tells of several at once.
        """

        def lies(errors: Floats) -> float:
            away, _, mutual = _matched(errors, sensor, seen, place, speed)
            return float(np.maximum(1 - away[mutual] / GATE_M, 0.0).sum())

        slot = sensor.slot_index
        single = self._displaced.single.get(slot, ())
        self._seeming[slot] = max((self._displaced.errors[slot].copy(), NO_ERROR, *single), key=lies)
        return self._seeming[slot]

    def _look(self, sensor: Sensor, seen: Floats, known: NDArray[np.void], place: Floats) -> None:
        """Keep what was seen (n, 2), and the tracks that should be, as they lie before the module."""
        mount, yaw, there = np.array([sensor.x, sensor.y]), sensor.yaw, looks(sensor, place)
        speed = _velocities(known[there])
        sight = turned(seen - mount, yaw), turned(place[there] - mount, yaw), turned(speed, yaw)
        slot = sensor.slot_index
        self._yaw[slot] = yaw
        self._sights[slot] = recent([*self._sights.get(slot, []), sight])

    # ------------------------------------------------------------------------------------------------------ judging

    def _judge(self) -> None:
        beliefs, counts = self._displaced, self._quarrels
        moved = beliefs.learn()
        if len(moved) == 1:  # else it is not known who
            self._proven[list(moved)] = np.minimum(self._proven[list(moved)], 0)
        heard = (beliefs.weight > LEAST_WEIGHT) | ((counts.seen + counts.seen.T).sum(1) > LEAST_COMPARED)
        heard[list(self.findings)] = True
        active = np.flatnonzero(heard)
        if len(active) > 1:
            slots, present = active.tolist(), frozenset(active.tolist())
            out = present - self._fused
            odd = self._odd.nats()
            odd -= odd[active].min()  # what all say, the map has wrong
            lost = counts.guilt(slots, self._proven, out, odd)
            sure = np.where(np.isin(np.arange(SLOTS), list(self._astray & out)), STILL_GUILT, SURE_GUILT)
            self._astray = frozenset(np.flatnonzero(lost >= sure).tolist())
            price = less(cost(self._proven, out | self._astray), odd)
            known = self._astray & present
            wrong, spread, anybody = beliefs.solve(active, price, known, self._range_rates.told)
            convicted = wrong > SURE_GUILT
            if anybody > SURELY:
                convicted[wrong.argmax()] |= wrong.max() > LIKELIEST
            self._guilt = np.maximum(lost, wrong)
            others, before = [slot for slot in slots if slot not in self._astray], frozenset(self._named)
            for slot in slots:
                share = counts.agreement(slot, [one for one in others if one != slot])
                founded = beliefs.founded(slot) or bool(odd[slot] > ENOUGH_ODD)  # else one body has oddities of its own
                found = float(wrong[slot]), float(spread[slot])
                self._decide(slot, share, *found, convicted=bool(convicted[slot]), founded=founded)
            if self._named - before:  # what was learned beside it of the others came from chance meetings
                beliefs.forget()
                self._seeming.clear()
        counts.fade()

    def _decide(
        self, slot: int, share: float, guilt: float, spread_m: float, *, convicted: bool, founded: bool
    ) -> None:
        beliefs, before = self._displaced, self.findings.get(slot, WELL)
        effect, sigma = beliefs.effect_m(slot), beliefs.sigma_m(slot)
        scale, speeds = self._speeds[slot].found()
        astray, guess = slot in self._astray, self._misfit(slot, before)
        (self._named.add if guess.startswith(LOOKS) else self._named.discard)(slot)
        apart = guilt > LIKELY_GUILT and effect > max(SUSPECT_M, SUSPECT_SIGMAS * sigma, SURE * spread_m)
        beside = astray or (apart and founded)
        limit, left_out_for = max(WRONG_M, WRONG_SIGMAS * sigma), self._left_out_for.get(slot)
        # Who is late sees in its place what stands; it is late all the same.
        held = left_out_for is not None and guilt > STILL_GUILT and beliefs.effect_m(slot, left_out_for) > limit
        wrong = astray or held or (beside and convicted and effect > limit)
        standing = Standing.QUARANTINED if wrong else Standing.DEGRADED if beside or speeds else Standing.OK
        if self._correct and (beside or speeds) and not guess and effect <= CORRECTABLE_M:
            standing = Standing.CORRECTED
        if math.isnan(share) and not founded:  # nothing says that it is right again
            standing = max(standing, before.standing, key=RANK.__getitem__)
        standing = self._settled(slot, before.standing, standing)
        if standing is not Standing.QUARANTINED:
            self._left_out_for.pop(slot, None)
        elif before.standing is not Standing.QUARANTINED:
            self._left_out_for[slot] = beliefs.gram(slot)
        self._proven[slot] += standing is Standing.OK
        own = beliefs.errors[slot]
        east, north, turn = own[:3].tolist()
        errors = east, north, math.degrees(turn / REACH_M), delay_s(own), range_scale(own)
        doubted = standing is Standing.DEGRADED or (standing is Standing.OK and apart)
        found = Finding(standing, "", *errors, effect, share, scale, effect if doubted else 0.0)
        if standing is Standing.OK:
            words = ""
        elif guess:
            words = guess
        elif beside or speeds:
            words = "; ".join(filter(None, [displaced(found, beliefs.gram(slot)) if beside else "", speeds]))
        else:  # it looks right again, but not for long enough
            words = before.words
        self.findings[slot] = replace(found, words=words)

    def _settled(self, slot: int, before: Standing, seen: Standing) -> Standing:
        """With hysteresis: worse after two judgements, better after five."""
        worse, better = RANK[seen] > RANK[before], RANK[seen] < RANK[before]
        self._streak[slot] = (self._streak[slot] + 1) * (worse, better)
        if self._streak[slot, 0] >= WORSE_AFTER or self._streak[slot, 1] >= BETTER_AFTER:
            self._streak[slot] = 0
            return seen
        return before

    def _misfit(self, slot: int, before: Finding) -> str:
        """What it looks like, if it sees things elsewhere than the others and no smaller errors explain that."""
        if slot not in self._astray:
            return ""
        if before.words.startswith(LOOKS):
            return before.words
        sights, errors = self._sights.get(slot, []), self._displaced.errors[slot]
        facing = turned(errors[:2], self._yaw[slot])
        share = explained(sights, GATE_M, facing, errors[2] / REACH_M, delay_s(errors), range_scale(errors))
        guess = misfit(sights, GATE_M, share) or NOTHING
        return "" if guess == NOTHING and share >= FITS else guess


def _places(rows: NDArray[np.void]) -> Floats:
    return np.stack((rows["x"], rows["y"]), 1)


def _velocities(rows: NDArray[np.void]) -> Floats:
    return np.stack((rows["vx"], rows["vy"]), 1)


def _at(tracks: NDArray[np.void], dt: float) -> Floats:
    return _places(tracks) + _velocities(tracks) * dt


def _matched(
    errors: Floats, sensor: Sensor, seen: Floats, place: Floats, speed: Floats
) -> tuple[Floats, NDArray[np.intp], NDArray[np.bool_]]:
    """As `matched`, without the errors (TERMS,) of the module."""
    return matched(righted_places(errors, sensor, seen), place - speed * delay_s(errors), speed)


def _velocity(tracks: Tracks, told: Told) -> Floats:
    """Of the nearest track, NaN where there is none: what a module says of speeds may be in another unit."""
    objects = tracks.objects
    speed = _velocities(objects)
    away, chosen, _ = matched(told.place, _at(objects, (told.stamp_ns - tracks.valid_at_ns) / 1e9), speed)
    velocity = np.full((len(told.place), 2), np.nan)
    velocity[away < GATE_M] = speed[chosen[away < GATE_M]]
    return velocity
