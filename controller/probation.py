"""Scoring a swapped module before its data are fused, and the record of the swap (PMI §4)."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Final

MIN_RATE_SHARE: Final = 0.8
MAX_GAP_SHARE: Final = 0.05
MIN_AGREEMENT: Final = 0.5
MIN_COMPARED: Final = 20


@dataclass(frozen=True, slots=True)
class Requirement:
    """What the slot and the granted plan ask for."""

    duration_s: float
    rate_hz: float
    max_latency_s: float
    max_clock_error_s: float
    self_test: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """`passed`, or `reasons` a person can act on."""

    passed: bool
    reasons: tuple[str, ...]
    rate_hz: float
    latency_s: float
    gap_share: float
    clock_error_s: float
    agreement: float | None  # share of its detections near a track of the others; None: too few to compare
    beside_m: float | None = None  # mean displacement of what it sees; None: not to be compared


@dataclass(frozen=True, slots=True)
class SwapRecord:
    """Proof that a swap was checked on both sides; `digest` is SHA-256 over the canonical JSON of the rest."""

    slot: str
    uid: str
    previous_uid: str
    device_id: int
    firmware: str
    spec: int
    suite_digest: str
    rate_hz: float
    latency_s: float
    reliability: int
    position_bias_m: float | None
    module_verdict: bool | None
    controller_verdict: bool
    reasons: tuple[str, ...]
    decided_at_ns: int
    digest: str = ""

    def sealed(self) -> SwapRecord:
        """The same record with its digest."""
        return replace(self, digest=self._digest())

    @property
    def intact(self) -> bool:
        """Whether the digest matches the rest."""
        return self.digest == self._digest()

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces, unknown numbers null."""
        return _canonical(asdict(self))

    def _digest(self) -> str:
        fields = asdict(self)
        del fields["digest"]
        return hashlib.sha256(_canonical(fields).encode()).hexdigest()


class Probation:
    """Collects what a module on probation does; `started` and `now` are steady s."""

    def __init__(self, requirement: Requirement, started: float) -> None:
        self._requirement = requirement
        self._started = started
        self._latencies_s: list[float] = []
        self._gaps = 0
        self._clock_error_s = 0.0
        self._near = 0
        self._compared = 0
        self._self_test: bool | None = None
        self._beside_m: float | None = None
        self._astray = ""

    def add_data(self, latency_s: float, clock_error_s: float, *, near: int = 0, compared: int = 0) -> None:
        """One data message: of its detections `compared` could be set against the others' tracks, `near` fitted."""
        self._latencies_s.append(latency_s)
        self._clock_error_s = clock_error_s
        self._near += near
        self._compared += compared

    def add_gaps(self, count: int) -> None:
        """Messages that the sequence numbers say are missing."""
        self._gaps += count

    def set_standing(self, beside_m: float, words: str) -> None:
        """How it stands to the others: mean displacement of what it sees, and what is wrong, empty when all is well."""
        self._beside_m, self._astray = beside_m, words

    def set_self_test(self, *, passed: bool) -> None:
        """The module-side verdict."""
        self._self_test = passed

    @property
    def module_verdict(self) -> bool | None:
        """The module's own verdict, None while unknown."""
        return self._self_test

    def due(self, now: float) -> bool:
        """Whether the time of probation is over."""
        return now - self._started >= self._requirement.duration_s

    def verdict(self, now: float) -> Verdict:
        """The judgement over everything seen until `now`."""
        count = len(self._latencies_s)
        rate_hz = count / max(now - self._started, 1e-3)
        latency_s = median(self._latencies_s) if count else float("inf")
        gap_share = self._gaps / max(1, count + self._gaps)
        agreement = self._near / self._compared if self._compared >= MIN_COMPARED else None
        found = Verdict(
            passed=False,
            reasons=(),
            rate_hz=rate_hz,
            latency_s=latency_s,
            gap_share=gap_share,
            clock_error_s=self._clock_error_s,
            agreement=agreement,
            beside_m=self._beside_m,
        )
        reasons = tuple(self._reasons(found))
        return replace(found, passed=not reasons, reasons=reasons)

    def _reasons(self, found: Verdict) -> list[str]:
        need = self._requirement
        checks = (
            (found.rate_hz < MIN_RATE_SHARE * need.rate_hz, f"sends {found.rate_hz:.1f} of {need.rate_hz:g} Hz"),
            (
                found.latency_s > need.max_latency_s,
                f"latency {found.latency_s * 1e3:.0f} ms, allowed {need.max_latency_s * 1e3:.0f} ms",
            ),
            (found.gap_share > MAX_GAP_SHARE, f"{found.gap_share:.0%} of its messages are missing"),
            (
                found.clock_error_s > need.max_clock_error_s,
                f"clock error {found.clock_error_s * 1e3:.0f} ms, allowed {need.max_clock_error_s * 1e3:.0f} ms",
            ),
            (self._self_test is False, "its self-test failed"),
            (need.self_test and self._self_test is None, "it did not answer the self-test"),
            (
                found.agreement is not None and found.agreement < MIN_AGREEMENT,
                f"only {(found.agreement or 0):.0%} of its detections agree with the other modules: check its mounting",
            ),
            (bool(self._astray), self._astray),
        )
        return [text for wrong, text in checks if wrong]


def _canonical(fields: dict[str, object]) -> str:
    finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in fields.items()}
    return json.dumps(finite, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
