"""Whether each module still stands where it is said to: what it sees against what the others see of the same tracks.

A badly installed module is worse than a missing one. Four errors of every module are estimated together: shift east and
north, turn about its mount, and how much too new its stamps are; and, as no error, how far before the centre of things
it sees them, for a radar sees the near side. Tracks say nothing of their own here: only the differences between modules
that see the same one count, so a module that draws a track after itself gains nothing.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion.bank import SLOTS
from controller.fusion.displacement import ERRORS, Displacements
from controller.fusion.misfit import LOOKS, NOTHING, matched, misfit, nearest, recent
from controller.fusion.speed_unit import SpeedScale
from controller.fusion.standing import PACE_MPS, RANK, REACH_M, WELL, Finding, Standing, displaced
from interfaces.spec import VEHICLES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from controller.fusion.misfit import Sight
    from controller.fusion.sensor import Sensor
    from controller.fusion.track import Tracks

    Floats = NDArray[np.float64]
    Driven = Callable[[Floats], NDArray[np.bool_]]

PERIOD_NS: Final = 1_000_000_000  # from judgement to judgement
APART_NS: Final = 200_000_000  # between messages of a module that are compared: more would say hardly more
COUNTED: Final = 3  # every so many of them its objects are also counted: who else looks there is dear to reckon
MEMORY: Final = 0.8  # of the counts, kept from one judgement to the next
ENOUGH: Final = 4.0  # new ones in a judgement for that
GATE_M: Final = 4.0
WORSE_AFTER, BETTER_AFTER = 2, 5  # judgements in a row
SUSPECT_M, WRONG_M = 0.3, 0.7  # mean displacement of what it sees; or these many of its own sigmas
SUSPECT_SIGMAS, WRONG_SIGMAS = 0.5, 1.1
SURE: Final = 1.8  # standard deviations of the estimate
NO_SHARE, LOW_SHARE, FAIR_SHARE = 0.15, 0.4, 0.6  # of what a module sees where others look, that they see too
LEAST_SEEN: Final = 5.0
QUARREL: Final = 1.6  # times as much missed by others as of any other module
CORRECTABLE_M: Final = 3.0
CLOSE: Final = 0.6  # of its reach, within which a module sees nearly everything
FARTHER: Final = 1.5  # than a module can see: nobody else needs to look there to know that it is not so
VIEW_GROWN: Final = 1.3  # a declared field of view is meant on the safe side
STRAY_SHARE: Final = 0.5  # of what a module tells, that lies where it cannot look or where nobody drives
LEAST_TOLD: Final = 20.0
_VEHICLES: Final = [int(one) for one in VEHICLES]


class Registration:
    """Watches the modules of one pole; slots are numbers, in pole.toml's order. `correct`: small errors are undone."""

    def __init__(self, *, correct: bool = False) -> None:
        self._correct = correct
        self._displaced = Displacements()
        self._near, self._seen = np.zeros(SLOTS), np.zeros(SLOTS)
        self._strays, self._told = np.zeros(SLOTS), np.zeros(SLOTS)
        self._known = np.zeros((2, SLOTS))  # of seen and told: what the last judgement left
        self._streak = np.zeros((SLOTS, 2), np.int64)  # judgements in a row that were worse, better than its standing
        self._proven = np.zeros(SLOTS, np.int64)  # judgements it has passed
        self._sights: dict[int, list[Sight]] = {}
        self._speeds = {slot: SpeedScale() for slot in range(SLOTS)}
        self._astray: set[int] = set()
        self._judged_ns = 0
        self._compared_ns = np.zeros(SLOTS, np.int64)
        self._turn = np.zeros(SLOTS, np.int64)
        self.findings: dict[int, Finding] = {}

    def forget(self, slot: int) -> None:
        """Another module stands there now, or none. What was learned of the others beside it is learned anew."""
        self._displaced.forget()
        self._near[slot] = self._seen[slot] = self._strays[slot] = self._told[slot] = 0
        self._known[:, slot] = 0
        self._streak[slot] = self._proven[slot] = 0
        self._sights.pop(slot, None)
        self._astray.discard(slot)
        self._speeds[slot] = SpeedScale()
        self.findings.pop(slot, None)

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
        driven: Driven | None = None,
    ) -> bool:
        """Compare one message's placed rows with tracks that `others` support; whether that led to a judgement.

        `driven` tells of points (n, 2) which lie where vehicles drive, as far as that is known.
        """
        slot, objects = sensor.slot_index, tracks.objects
        others = {n: other for n, other in others.items() if n not in self._astray}
        dt = (stamp_ns - tracks.valid_at_ns) / 1e9
        if abs(dt) < 1.0 and len(rows) and others and abs(tracks.valid_at_ns - self._compared_ns[slot]) >= APART_NS:
            self._compared_ns[slot] = tracks.valid_at_ns
            bits = np.uint32(sum(1 << n for n in others if n != slot))
            shared = (objects["sources"] & bits) != 0
            known, own = objects[shared], objects[~shared & (objects["sources"] >> slot & 1 != 0)]
            place = _at(known, dt)
            self._turn[slot] = (self._turn[slot] + 1) % COUNTED
            if self._turn[slot] == 1:
                self._count(sensor, rows, known, place, [other for n, other in others.items() if n != slot])
                self._look_for_strays(sensor, rows, driven)
            if slot in self._astray:  # what it sees says nothing of how well the others stand
                known, place, own = known[:0], place[:0], own[:0]
            paired = self._compare(sensor, rows, known, place)
            self._speeds[slot].compare(*paired)
            self._compare(sensor, rows, own, _at(own, dt))  # one that is late may make tracks of its own beside these
        if abs(tracks.valid_at_ns - self._judged_ns) < PERIOD_NS:  # the pole's time: a module's may be anything
            return False
        self._judged_ns = tracks.valid_at_ns
        self._judge()
        return True

    def corrected(self, sensor: Sensor, rows: NDArray[np.void], stamp_ns: int) -> tuple[NDArray[np.void], int]:
        """Rows and stamp without the module's error, where it is to be taken out; speeds of another unit never stay."""
        found = self.findings.get(sensor.slot_index, WELL)
        strange = math.isfinite(found.speed_scale)
        if found.standing is not Standing.CORRECTED and not strange:
            return rows, stamp_ns
        rows = rows.copy()
        if strange:
            scale = found.speed_scale if self._correct else math.nan
            for name in ("vx", "vy", "range_rate"):
                rows[name] /= scale
        if found.standing is not Standing.CORRECTED:
            return rows, stamp_ns
        turn = -math.radians(found.yaw_deg)
        cos, sin = math.cos(turn), math.sin(turn)
        x, y = rows["x"] - found.east_m - sensor.x, rows["y"] - found.north_m - sensor.y
        rows["x"], rows["y"] = sensor.x + cos * x - sin * y, sensor.y + sin * x + cos * y
        rows["vx"], rows["vy"] = cos * rows["vx"] - sin * rows["vy"], sin * rows["vx"] + cos * rows["vy"]
        rows["yaw"] += turn
        return rows, stamp_ns - round(found.late_s * 1e9)

    # ---------------------------------------------------------------------------------------------------- comparing

    def _compare(
        self, sensor: Sensor, rows: NDArray[np.void], known: NDArray[np.void], place: Floats
    ) -> tuple[Floats, Floats]:
        """Keep how far off each row lies from the track it is; the velocities (n, 2) of rows and tracks.

        Only tracks that several modules meet will count.
        """
        seen, speed = np.stack((rows["x"], rows["y"]), 1), np.stack((known["vx"], known["vy"]), 1)
        away, chosen, mutual = matched(seen, place, speed)
        mine = np.flatnonzero(mutual & (away < GATE_M))
        them = chosen[mine]
        self._displaced.keep(sensor, rows[mine], known[them], place[them])
        return np.stack((rows["vx"], rows["vy"]), 1)[mine], speed[them]

    def _count(
        self, sensor: Sensor, rows: NDArray[np.void], known: NDArray[np.void], place: Floats, others: list[Sensor]
    ) -> None:
        """Count whom others see too, of those that they look at."""
        slot, seen = sensor.slot_index, np.stack((rows["x"], rows["y"]), 1)
        speed = np.stack((known["vx"], known["vy"]), 1)
        looked_at = _looked_at(rows, others) | (_away(sensor, rows) > FARTHER * sensor.reach_m)
        looked_at &= ~(rows["confidence"] < 0.3)
        self._seen[slot] += looked_at.sum()
        self._near[slot] += (nearest(seen[looked_at], place)[0] < GATE_M).sum()
        mount = np.array([sensor.x, sensor.y])
        sight = _facing(sensor, seen[looked_at] - mount), _facing(sensor, place - mount), _facing(sensor, speed)
        self._sights[slot] = recent([*self._sights.get(slot, []), sight])

    def _look_for_strays(self, sensor: Sensor, rows: NDArray[np.void], driven: Driven | None) -> None:
        """Count what lies where the module cannot look by its own data sheet, and vehicles off the road."""
        rows = rows[~(rows["confidence"] < 0.3)]
        x, y = (sensor.x + (rows["x"] - sensor.x) / VIEW_GROWN, sensor.y + (rows["y"] - sensor.y) / VIEW_GROWN)
        stray = ~sensor.covers(x, y)
        if driven is not None:
            stray |= np.isin(rows["object_class"], _VEHICLES) & ~driven(np.stack((rows["x"], rows["y"]), 1))
        self._strays[sensor.slot_index] += stray.sum()
        self._told[sensor.slot_index] += len(rows)

    # ------------------------------------------------------------------------------------------------------ judging

    def _judge(self) -> None:
        self._displaced.learn()
        active = np.flatnonzero((self._displaced.weight > 0.5) | (self._seen >= LEAST_SEEN))
        if len(active) > 1:
            spread = self._displaced.solve(active, self._proven)
            shares = {int(slot): self._share(int(slot)) for slot in active}
            for slot in active.tolist():
                self._decide(slot, spread[slot], shares)
        self._fade()

    def _fade(self) -> None:
        """Forget counts as new ones come: where there is little traffic they are kept for longer."""
        new = np.stack((self._seen, self._told)) - self._known
        seen, told = MEMORY ** np.minimum(new / ENOUGH, 1.0)
        self._near, self._seen = self._near * seen, self._seen * seen
        self._strays, self._told = self._strays * told, self._told * told
        self._known = np.stack((self._seen, self._told))

    def _share(self, slot: int) -> float:
        return float(self._near[slot] / self._seen[slot]) if self._seen[slot] >= LEAST_SEEN else math.nan

    def _decide(self, slot: int, spread_m: float, shares: Mapping[int, float]) -> None:
        beliefs, before = self._displaced, self.findings.get(slot, WELL)
        effect, sigma = beliefs.effect_m(slot), beliefs.sigma_m(slot)
        guess = self._misfit(slot, before, shares)
        scale, speeds = self._speeds[slot].found()
        sure = effect > SURE * spread_m and beliefs.founded(slot)
        astray = guess.startswith(LOOKS) or (guess == NOTHING and shares[slot] < NO_SHARE and not sure)
        if astray and slot not in self._astray:
            beliefs.forget()  # the others were compared with it as if it were in its senses
            others = np.arange(SLOTS) != slot
            self._near[others] = self._seen[others] = self._known[0, others] = 0
            self._sights = {one: sights for one, sights in self._sights.items() if one == slot}
        (self._astray.add if astray else self._astray.discard)(slot)
        wrong = astray or (sure and effect > max(WRONG_M, WRONG_SIGMAS * sigma))
        beside = wrong or (sure and effect > max(SUSPECT_M, SUSPECT_SIGMAS * sigma))
        standing = Standing.QUARANTINED if wrong else Standing.DEGRADED if beside or speeds else Standing.OK
        if self._correct and (beside or speeds) and not astray and effect <= CORRECTABLE_M:
            standing = Standing.CORRECTED
        if math.isnan(shares[slot]) and not beliefs.founded(slot):  # nothing says that it is right again
            standing = max(standing, before.standing, key=RANK.__getitem__)
        standing = self._settled(slot, before.standing, standing)
        self._proven[slot] += standing is Standing.OK
        east, north, turn, delay = beliefs.errors[slot, :ERRORS].tolist()
        yaw, late = math.degrees(turn / REACH_M), delay / PACE_MPS
        found = Finding(standing, "", east, north, yaw, late, effect, shares[slot], scale)
        if standing is Standing.OK:
            words = ""
        elif astray:
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

    def _misfit(self, slot: int, before: Finding, shares: Mapping[int, float]) -> str:
        """What it looks like, if hardly anything it sees is seen by others who agree; empty otherwise.

        Where no two agree, because all look mostly where this one looks, what it sees must lie where nothing can, or it
        must have a name and most of the quarrel.
        """
        if not shares[slot] < LOW_SHARE:
            return ""
        others = [share for other, share in shares.items() if other != slot]
        certain = self._strays_about(slot) or any(share >= FAIR_SHARE for share in others)
        certain |= slot in self._astray and all(map(math.isnan, others))  # they are counted anew since it went astray
        if not certain and not self._quarrels(slot, shares):
            return ""
        guess = before.words if before.words.startswith(LOOKS) else misfit(self._sights.get(slot, []), GATE_M)
        return guess if certain or guess.startswith(LOOKS) else ""

    def _strays_about(self, slot: int) -> bool:
        """Whether most of what this module tells cannot be there, whoever else looks."""
        told = float(self._told[slot])
        return told >= LEAST_TOLD and bool(self._strays[slot] > STRAY_SHARE * told)

    def _quarrels(self, slot: int, shares: Mapping[int, float]) -> bool:
        """Whether far more of what this module sees is missed by others than of what any other sees."""
        missed = self._seen - self._near
        return all(missed[slot] >= QUARREL * missed[other] for other in shares if other != slot)


def _at(tracks: NDArray[np.void], dt: float) -> Floats:
    place: Floats = np.stack((tracks["x"] + tracks["vx"] * dt, tracks["y"] + tracks["vy"] * dt), 1)
    return place


def _looked_at(rows: NDArray[np.void], others: list[Sensor]) -> NDArray[np.bool_]:
    """Which rows lie where somebody of `others` sees nearly everything."""
    looked_at = np.zeros(len(rows), bool)
    for other in others:
        reach_m = other.reach_m
        if math.isfinite(reach_m):  # who declares no field of view does not say where it looks
            near = np.flatnonzero(~looked_at & (_away(other, rows) < CLOSE * reach_m))
            if len(near):
                looked_at[near] = other.covers(rows["x"][near], rows["y"][near])
    return looked_at


def _away(sensor: Sensor, rows: NDArray[np.void]) -> Floats:
    away: Floats = np.hypot(rows["x"] - sensor.x, rows["y"] - sensor.y)
    return away


def _facing(sensor: Sensor, vectors: Floats) -> Floats:
    """Vectors (n, 2) as they lie before the module: along its line of sight and to its left."""
    cos, sin = math.cos(sensor.yaw), math.sin(sensor.yaw)
    turned: Floats = vectors @ np.array([[cos, -sin], [sin, cos]])
    return turned
