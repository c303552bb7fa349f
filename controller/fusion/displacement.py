"""How far beside the others each module sees things: shifts, turns, delays and scales of all modules, fitted together.

Only differences between modules on the same track count; what a track itself has wrong goes out with its mean.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.fusion.bank import SLOTS
from controller.fusion.change import changes
from controller.fusion.equations import Equations, Normal, normal
from controller.fusion.error_fit import ERRORS, RANGE_SCALE, TERMS, ErrorFit
from controller.fusion.sighting import gathered, samples

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.fusion.sensor import Sensor
    from controller.fusion.sighting import Seen

    Floats = NDArray[np.float64]

MEMORY, ENOUGH = 0.8, 24.0  # of what is known, kept from one judgement to the next; comparisons for that
LATELY: Final = 3  # judgements: what fits what they say is no outlier
MOVED: Final = (1, 2, 4, 8)  # judgements ago somebody may have
LIKELIER: Final = 2.0  # nats by which that has to be: modules seldom move
AS_LIKELY: Final = 3.0  # nats less than the one that seems to have changed most: it may be this one
OUTLIER_M: Final = 1.0
REPEATED: Final = 5.0  # judgements after which the same track says half as much: others have to say it, too
SEVERAL: Final = 2  # road users
MAX_TRACKS: Final = 2000  # remembered
UNTOLD: Final = np.zeros((2, SLOTS))


class Displacements:
    """What is known of each slot's errors (SLOTS, TERMS): m east, m north, m of turn at 30 m, m at 10 m/s,
    m too far at 30 m; near side.
    """

    def __init__(self) -> None:
        self.errors = np.zeros((SLOTS, TERMS))
        self.single: dict[int, Floats] = {}  # (KINDS, TERMS): its errors if only one kind of them is large
        self._known = Equations(MEMORY, ENOUGH, MOVED[-1])
        self._samples: list[NDArray[np.void]] = []
        self._heard: dict[int, int] = {}  # judgements in which each track has spoken
        self._road_users: list[set[int]] = [set() for _ in range(SLOTS)]

    def forget(self) -> None:
        """Learn all anew."""
        self.errors[:] = 0
        self.single.clear()
        self._known = Equations(MEMORY, ENOUGH, MOVED[-1])
        self._samples.clear()
        self._heard.clear()
        for seen in self._road_users:
            seen.clear()

    def moved(self, slot: int) -> None:
        """Its errors may be others from now on; what it told of the others still holds."""
        self._samples.clear()
        self._road_users[slot].clear()
        self._anew([slot], 0)

    def keep(self, sensor: Sensor, rows: NDArray[np.void], track: NDArray[np.void], place: Floats) -> None:
        """Rows (n,) that one module saw of tracks (n,), which were at `place` (n, 2) then."""
        self._samples.append(samples(sensor, rows, track, place))

    @property
    def weight(self) -> Floats:
        """(SLOTS,): how much each has been compared."""
        return self._known.weight

    def effect_m(self, slot: int, gram: Floats | None = None) -> float:
        """Mean displacement of what a module sees; or would see where that `gram` is from."""
        errors = self.errors[slot, :ERRORS]
        return math.sqrt(max(float(errors @ (self.gram(slot) if gram is None else gram) @ errors), 0.0))

    def founded(self, slot: int) -> bool:
        """Whether it has been compared on several tracks: a single one has oddities of its own."""
        return len(self._road_users[slot]) >= SEVERAL

    def sigma_m(self, slot: int) -> float:
        """Mean of what it declares to be unsure of."""
        return float(self._known.sigma[slot] / max(self.weight[slot], 1.0))

    def gram(self, slot: int) -> Floats:
        """(ERRORS, ERRORS): mean square displacement by unit errors, where it saw things."""
        gram: Floats = self._known.gram[slot] / max(self.weight[slot], 1.0)
        return gram

    def learn(self) -> frozenset[int]:
        """Add the differences between modules on the same track to what is known; who seems to have moved."""
        if not self._samples:
            return frozenset()
        seen, self._samples = gathered(np.concatenate(self._samples)), []
        if not len(seen.slot):
            return frozenset()
        told = self._compared(seen)
        self._known.add(seen, told)
        for one in told.slots.tolist():
            if len(self._road_users[one]) < SEVERAL:
                self._road_users[one].update(seen.ids[seen.track[seen.slot == one]].tolist())
        return self._renewed(told.slots)

    def _renewed(self, slots: NDArray[np.intp]) -> frozenset[int]:
        """Who seems to have moved, and when, if that explains what was seen since better: they are learned anew."""
        since = [self._known.since(slots, judgements) for judgements in MOVED]
        by_time = [changes(self._known.before(said, self.errors), said) for said in since]
        nats = np.logaddexp.reduce(by_time) - math.log(len(MOVED))
        if nats.max() <= LIKELIER:
            return frozenset()
        judgements = MOVED[int(np.argmax(np.max(by_time, 1)))]
        moved = slots[nats > nats.max() - AS_LIKELY].tolist()
        if len(moved) < np.count_nonzero(self.weight):
            self._anew(moved, judgements)
        else:  # nobody knows whose error what was seen before tells of
            self._known.restart(judgements)
        return frozenset(moved)

    def _anew(self, slots: list[int], judgements: int) -> None:
        """Learn the errors of these slots from so many of the last judgements on, and what each track says of them."""
        self._known.renew(slots, self.errors, judgements)
        self._heard.clear()

    def _compared(self, seen: Seen) -> Normal:
        """About each track's mean; less weight has what fits neither what is known nor what is seen lately."""
        slots, place = np.unique(seen.slot, return_inverse=True)
        placed = np.zeros((len(place), 2, len(slots), TERMS))
        placed[np.arange(len(place)), :, place] = seen.basis
        design, lately = placed.reshape(len(place), 2, -1), self._known.since(slots, LATELY)
        weight = seen.weight / (1 + self._spoken(seen.ids)[seen.track] / REPEATED)[:, None]
        for _ in range(2):
            centred, about = (_centred(values, seen.track, weight) for values in (design, seen.off))
            told = normal(slots, centred, about, weight)
            both = Normal(slots, lately.information + told.information, lately.pull + told.pull)
            errors = np.stack((self.errors[slots].reshape(-1), both.best()))
            rest = np.hypot(*(about - (centred @ errors.T).transpose(2, 0, 1)).transpose(2, 0, 1)).min(0)
            weight = weight * np.minimum(1.0, OUTLIER_M / np.maximum(rest, 1e-6))[:, None]
        return normal(slots, centred, about, weight)

    def solve(
        self, active: NDArray[np.intp], price: Floats, known: frozenset[int], scales: Floats = UNTOLD
    ) -> tuple[Floats, Floats, float]:
        """Fit the errors of the active modules; (SLOTS,) how likely each is wrong, standard deviation of its effect, m,
        and how likely anybody is who is not known to be.

        `price` (SLOTS,): nats against the belief that each is wrong; `known`: who is in any case; `scales`:
        information and pull (2, SLOTS) of what each knows of the scale of its own distances.
        """
        slots, (_, information, pull) = active.tolist(), self._known.of(active)
        of_scales = np.arange(len(slots)) * TERMS + RANGE_SCALE
        information[of_scales, of_scales] += scales[0, active]
        pull[of_scales] += scales[1, active]
        fit = ErrorFit(information, pull)
        fitted = fit.blamed(price[active], [n for n, slot in enumerate(slots) if slot in known])
        self.errors[:] = 0
        self.errors[active] = fitted.errors
        self.single = {slot: fit.single(fitted.errors, n) for n, slot in enumerate(slots)}
        guilt, spread = np.zeros(SLOTS), np.zeros(SLOTS)
        guilt[active] = fitted.guilt
        for slot, errors, covariance in zip(slots, fitted.errors[:, :ERRORS], fitted.covariance, strict=True):
            slope = self.gram(slot) @ errors / max(self.effect_m(slot), 1e-9)
            spread[slot] = math.sqrt(max(float(slope @ covariance @ slope), 0.0))
        return guilt, spread, fitted.anybody

    def _spoken(self, ids: NDArray[np.int64]) -> Floats:
        """How often each of these tracks has been compared before; they are once more."""
        if len(self._heard) > MAX_TRACKS:
            self._heard.clear()
        before = [self._heard.get(one, 0) for one in ids.tolist()]
        self._heard.update((one, times + 1) for one, times in zip(ids.tolist(), before, strict=True))
        return np.array(before, np.float64)


def _centred(values: Floats, track: NDArray[np.intp], weight: Floats) -> Floats:
    """`values` (n, 2, ...) without the mean of their track, weighted (n, 2): what the track itself has wrong goes with
    it.
    """
    weight = weight.reshape(len(values), 2, *(1,) * (values.ndim - 2))
    total, of = np.zeros((2, track.max() + 1, *values.shape[1:]))
    np.add.at(total, track, values * weight)
    np.add.at(of, track, np.broadcast_to(weight, values.shape))
    centred: Floats = values - (total / np.maximum(of, 1e-9))[track]
    return centred
