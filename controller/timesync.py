"""Module clock → UTC: two-way samples, least round trip, slow regression of the drift (PMI §5)."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

WINDOW_S: Final = 64.0
MAX_SAMPLES: Final = 64
MAX_DRIFT_PPM: Final = 200.0
MIN_SPAN_S: Final = 8.0
STEP_FLOOR_S: Final = 0.050
STEP_CONFIRM: Final = 3
ARRIVAL_ERROR_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class ClockStep:
    """The module's clock (or ours) jumped by `offset_s` against the other."""

    offset_s: float


@dataclass(frozen=True, slots=True)
class _Sample:
    """`t_us` on the module's clock, `offset_us` = UTC − module, `doubt_us` half the round trip plus the clock's own."""

    t_us: float
    offset_us: float
    doubt_us: float


@dataclass(frozen=True, slots=True)
class _Line:
    """offset(t) = offset_us + drift · (t − t_us)."""

    t_us: float
    offset_us: float
    drift: float

    def at(self, t_us: float) -> float:
        return self.offset_us + self.drift * (t_us - self.t_us)


class ClockMap:
    """One module's clock mapped on UTC. `declared_latency_s` serves until the first two-way sample.

    Mapped times of one module never run backwards by more than the doubt at that moment, except after a step.
    """

    def __init__(self, declared_latency_s: float = 0.0) -> None:
        self._latency_us = declared_latency_s * 1e6
        self._samples: deque[_Sample] = deque(maxlen=MAX_SAMPLES)
        self._line: _Line | None = None
        self._suspects: list[_Sample] = []
        self._arrival_offset_us = math.inf
        self._highest_utc_us = -math.inf
        self._highest_t_us = -math.inf
        self.steps = 0

    @property
    def synchronised(self) -> bool:
        """Whether a two-way sample has been taken."""
        return self._line is not None

    @property
    def offset_s(self) -> float:
        """UTC minus module clock at the newest sample; NaN before any."""
        if self._line is not None:
            return self._line.offset_us / 1e6
        return self._arrival_offset_us / 1e6 if math.isfinite(self._arrival_offset_us) else math.nan

    @property
    def drift_ppm(self) -> float:
        """How much faster UTC runs than the module's clock."""
        return self._line.drift * 1e6 if self._line else 0.0

    @property
    def error_s(self) -> float:
        """1-sigma doubt of mapped times: half the least round trip (uniform asymmetry) and the clock's own error."""
        if self._line is None:
            return ARRIVAL_ERROR_S
        return max(min(sample.doubt_us for sample in self._samples) / math.sqrt(3), 100.0) / 1e6

    def add(self, t0_us: int, t1_us: int, t2_us: int, t3_us: int, clock_err_us: int = 0) -> ClockStep | None:
        """Take a two-way sample (see `interfaces.events.TimeSample`); returns the step it proves, if any."""
        round_trip_us = (t3_us - t0_us) - (t2_us - t1_us)
        if round_trip_us < 0 or t3_us < t0_us or t2_us < t1_us:
            return None
        sample = _Sample(
            (t1_us + t2_us) / 2,
            ((t0_us - t1_us) + (t3_us - t2_us)) / 2,
            round_trip_us / 2 + clock_err_us,
        )
        if self._is_off(sample):
            return self._suspect(sample)
        self._suspects.clear()
        self._keep(sample)
        return None

    def to_utc_ns(self, t_us: int, arrived_at_ns: int | None = None) -> int:
        """UTC ns of a module time. Before the first sample `arrived_at_ns` serves, less the declared latency.

        Raises ValueError when there is neither a sample nor an arrival.
        """
        if self._line is not None:
            return self._monotonic(t_us, self._line.at(t_us))
        if arrived_at_ns is not None:
            candidate = arrived_at_ns / 1e3 - self._latency_us - t_us
            self._arrival_offset_us = min(self._arrival_offset_us, candidate)
        if not math.isfinite(self._arrival_offset_us):
            raise ValueError("no time sample yet and no arrival to go by")
        return round((t_us + self._arrival_offset_us) * 1e3)

    def _monotonic(self, t_us: int, offset_us: float) -> int:
        utc_us = t_us + offset_us
        if t_us >= self._highest_t_us:
            utc_us = max(utc_us, self._highest_utc_us - self.error_s * 1e6)
            self._highest_t_us, self._highest_utc_us = t_us, max(utc_us, self._highest_utc_us)
        whole = math.floor(utc_us - t_us)
        return (t_us + whole) * 1000 + round((utc_us - t_us - whole) * 1000)

    def _is_off(self, sample: _Sample) -> bool:
        if self._line is None:
            return False
        gap_us = abs(sample.t_us - self._line.t_us)
        wander_us = gap_us * MAX_DRIFT_PPM * 1e-6
        least_us = min(known.doubt_us for known in self._samples)
        allowed_us = max(STEP_FLOOR_S * 1e6, sample.doubt_us + least_us + wander_us)
        return abs(sample.offset_us - self._line.at(sample.t_us)) > allowed_us

    def _suspect(self, sample: _Sample) -> ClockStep | None:
        self._suspects.append(sample)
        if len(self._suspects) < STEP_CONFIRM:
            return None
        best = min(self._suspects, key=lambda s: s.doubt_us)
        before_us = self._line.at(best.t_us) if self._line else best.offset_us
        self._samples.clear()
        self._line = None
        self._highest_t_us = self._highest_utc_us = -math.inf
        self._keep(best)
        self._suspects.clear()
        self.steps += 1
        return ClockStep((best.offset_us - before_us) / 1e6)

    def _keep(self, sample: _Sample) -> None:
        self._samples.append(sample)
        while sample.t_us - self._samples[0].t_us > WINDOW_S * 1e6:
            self._samples.popleft()
        self._line = _fit(list(self._samples))


def _fit(samples: list[_Sample]) -> _Line:
    """Weighted least squares where a sample weighs 1/doubt⁴: long round trips, the unsure ones, hardly count."""
    least = max(1.0, min(sample.doubt_us for sample in samples))
    weights = [(least / max(1.0, sample.doubt_us)) ** 4 for sample in samples]
    total = sum(weights)
    # offsets are ~1e15 us: sums are taken relative to the newest sample so that no digit is lost
    base = samples[-1]
    t = [sample.t_us - base.t_us for sample in samples]
    o = [sample.offset_us - base.offset_us for sample in samples]
    t_mean = sum(w * x for w, x in zip(weights, t, strict=True)) / total
    o_mean = sum(w * x for w, x in zip(weights, o, strict=True)) / total
    drift = 0.0
    if max(t) - min(t) >= MIN_SPAN_S * 1e6:
        spread = sum(w * (x - t_mean) ** 2 for w, x in zip(weights, t, strict=True))
        # a prior of zero drift, as strong as one good sample far away, keeps a few noisy ones from tilting the line
        spread += (MIN_SPAN_S * 1e6) ** 2
        slope = sum(w * (x - t_mean) * (y - o_mean) for w, x, y in zip(weights, t, o, strict=True)) / spread
        drift = min(max(slope, -MAX_DRIFT_PPM * 1e-6), MAX_DRIFT_PPM * 1e-6)
    return _Line(base.t_us, base.offset_us + o_mean - drift * t_mean, drift)
