"""One slot's judgement: what its module's session says becomes admission, clock, detections, probation and a report.

Pure but for the two stores it is given; the supervisor moves its frames.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING, Final

from controller.admission import Grant, decide
from controller.budget import Budget, load
from controller.gate import Gate
from controller.probation import Probation, Requirement, SwapRecord, Verdict
from controller.slot import ModuleIdentity, SlotReport
from controller.timesync import ClockMap
from interfaces.errors import AdmissionError
from interfaces.events import (
    Authenticated,
    AuthenticationFailed,
    DataMessage,
    Event,
    HeartbeatSeen,
    Identified,
    SelfTestDone,
    StateChanged,
    TimeSample,
)
from interfaces.proto import pmi_pb2 as pb
from interfaces.session import ControllerSession
from interfaces.spec import SPEC_NAME, SPEC_VERSION, TIME_ERROR_GOAL, MessageType
from interfaces.states import SERVING, State
from modules.comms import RadioReading
from modules.detection import Detections
from modules.registry import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from controller.config import Slot
    from controller.pipeline import Pipeline
    from controller.served import Served
    from controller.vouching import Voucher
    from interfaces.datasheet import SheetCache
    from interfaces.wire_cost import WireCost
    from modules.capability import Capability

Hear = Callable[[str, RadioReading, int, int, float], None]  # slot, reading, heard at and now (UTC ns), doubt s
RETRY_AFTER_S: Final = 5
WINDOW_S: Final = 3.0
NS_PER_S: Final = 1_000_000_000


class SlotKeeper:
    """Keeps one slot for ever, whatever is plugged into it. `serving()` gives the uids that serve other slots,
    `neighbours()` the shares of the same wire's time that its other slots were granted, 0 for those who wait;
    without a `gate` nobody is trusted, and an L3 slot refuses every module; `hear` gets what a radio received."""

    def __init__(  # noqa: PLR0913 -- each is one thing that a slot depends on
        self,
        name: str,
        slot: Slot,
        pipeline: Pipeline,
        *,
        sheets: SheetCache,
        served: Served,
        serving: Callable[[str], set[bytes]],
        cost: WireCost | None = None,
        neighbours: Callable[[], Sequence[float]] = tuple,
        gate: Gate | None = None,
        hear: Hear | None = None,
    ) -> None:
        self.name, self.slot = name, slot
        self.session = ControllerSession(session_id=random.randrange(0xFFFF), sheet_lookup=sheets.get)  # noqa: S311 -- no secret: it only keeps old sessions apart
        self.reading: object = None  # the newest message of a module that detects nothing
        self.tested: SelfTestDone | None = None  # the newest verdict of a module on itself
        self._pipeline, self._sheets, self._served, self._serving = pipeline, sheets, served, serving
        self._kind = REGISTRY[slot.module_class]
        self._capability = self._kind.default
        self._cost, self._neighbours, self._hear = cost, neighbours, hear
        self._clock = ClockMap()
        self._probation: Probation | None = None
        self._probation_ends = 0.0
        self._swap_record = ""
        self._state, self._reason, self._since_ns = State.ABSENT, "nothing is plugged in", 0
        self.told: deque[str] = deque(maxlen=16)  # for the log, taken by the owner
        self._gate = gate or Gate()
        self._proving: tuple[Identified, Voucher] | None = None
        self._health: dict[str, int] = {}  # what the module counts itself
        self._arrivals: deque[tuple[float, float, int]] = deque(maxlen=1000)  # now, latency s, objects
        self._late = 0
        self._truncated = 0

    @property
    def uid(self) -> bytes:
        """The module that serves now; empty when none does."""
        hello = self.session.hello
        return hello.uid if hello is not None and self._state in SERVING else b""

    def next_deadline(self) -> float | None:
        """When `judge` must be called at the latest (steady s)."""
        due = self.session.next_deadline()
        if self._probation is None:
            return due
        return self._probation_ends if due is None else min(due, self._probation_ends)

    def handle(self, events: list[Event], now: float, wall_ns: int) -> None:
        """Act on what the session said."""
        for event in events:
            match event:
                case Identified() | Authenticated() | AuthenticationFailed():
                    self.handle(self._admit(event, now), now, wall_ns)
                case StateChanged():
                    self._on_state(event, now, wall_ns)
                case TimeSample():
                    self._on_time(event)
                case HeartbeatSeen():
                    self._health = {"module_dropped": event.body.frames_dropped, "module_crc": event.body.crc_errors}
                case DataMessage():
                    self._on_data(event, now, wall_ns)
                case SelfTestDone():
                    self._on_self_test(event)

    def judge(self, now: float, wall_ns: int) -> None:
        """End a probation whose time is over."""
        if self._probation is None or not self._probation.due(now):
            return
        probation, self._probation = self._probation, None
        verdict = probation.verdict(now)
        record = self._record(probation, verdict, wall_ns)
        self._swap_record = record.sealed().to_json()
        if verdict.passed:
            events = self.session.promote(now=now)
        else:
            events = self.session.reject(pb.PROBATION_FAILED, "probation: " + "; ".join(verdict.reasons), 60, now=now)
        self.handle(events, now, wall_ns)

    @property
    def capability(self) -> Capability:
        """What the serving module can do, else its class's default."""
        return self._capability

    @property
    def clock_error_s(self) -> float:
        """1-sigma doubt of a serving module's times; 0 when none serves or it has no clock to map."""
        return self._clock.error_s if self.uid and self._clock.synchronised else 0.0

    @property
    def granted(self) -> float:
        """Share of its wire's time that the serving module's plans may use; 0 when none serves."""
        if self._cost is None or not self.uid or self.session.sheet is None:
            return 0.0
        types = {channel.channel: channel.message_type for channel in self.session.sheet.channels}
        return load(self.session.plans, types, self._cost)

    def report(self, now: float, faults: Mapping[str, int], wire_load: float = 0.0) -> SlotReport:
        """What is known now; `faults` are the link's counters, `wire_load` the share of the wire's time in use."""
        recent = [one for one in self._arrivals if now - one[0] <= WINDOW_S]
        counters = self.session.counters
        budget = self._budget()
        return SlotReport(
            slot=self.name,
            role=self.slot.role or str(self.slot.module_class),
            module_class=str(self.slot.module_class),
            required=self.slot.required,
            port=self.slot.port,
            state=str(self._state),
            reason=self._reason,
            since_ns=self._since_ns,
            identity=self._identity(),
            session=self.session.session_id,
            address=self.session.address if self.uid else 0,
            rate_hz=len(recent) / WINDOW_S,
            objects=sum(one[2] for one in recent) / len(recent) if recent else 0.0,
            latency_s=median(one[1] for one in recent) if recent else 0.0,
            clock_offset_s=self._clock.offset_s if self._clock.synchronised else 0.0,
            clock_error_s=self._clock.error_s,
            frames=counters["frames"],
            wire_faults=sum(faults.values()),
            gaps=counters["gaps"],
            late=self._late,
            truncated=self._truncated,
            swap_record=self._swap_record,
            registration=self._pipeline.finding(self.name),
            wire=budget.cost.text if budget is not None else "",
            granted=self.granted,
            allowed=budget.allowed if budget is not None else 0.0,
            load=wire_load,
            counters={**counters, **self._health, **{f"wire_{kind}": count for kind, count in faults.items()}},
        )

    def _budget(self) -> Budget | None:
        if self._cost is None:
            return None
        shares = self._neighbours()
        return Budget(self._cost, tuple(share for share in shares if share), sum(not share for share in shares))

    def _admit(self, event: Identified | Authenticated | AuthenticationFailed, now: float) -> list[Event]:
        try:
            if isinstance(event, Identified):
                return self._on_identified(event, now)
            proving, self._proving = self._proving, None
            if proving is None or isinstance(event, AuthenticationFailed):
                text = event.text if isinstance(event, AuthenticationFailed) else "nobody asked"
                raise AdmissionError(pb.NOT_TRUSTED, f"the module could not prove who it is: {text}")
            self._gate.passed(*proving, self.told.append)
            return self._activate(proving[0], self._decide(proving[0]), now)
        except AdmissionError as error:
            return self.session.reject(error.reason, error.text, RETRY_AFTER_S, now=now)

    def _on_identified(self, event: Identified, now: float) -> list[Event]:
        self._sheets[event.hello.sheet_hash] = event.sheet_bytes
        if event.hello.spec_max > SPEC_VERSION:
            spoken = f"{event.hello.spec_max >> 8}.{event.hello.spec_max & 0xFF}"
            self.told.append(f"speaks PMI {spoken}, newer than {SPEC_NAME}: what is new in it is left out")
        grant = self._decide(event)
        found = self._gate.voucher(self.slot, event, self.told.append)
        if found is None:
            return self._activate(event, grant, now)
        voucher, credentials = found
        self._proving = event, voucher
        return self.session.authenticate(credentials, now=now)

    def _decide(self, event: Identified) -> Grant:
        return decide(
            self.slot,
            event.hello,
            event.sheet,
            active_uids=self._serving(self.name),
            previous_uid=self._served.get(self.name),
            budget=self._budget(),
        )

    def _activate(self, event: Identified, grant: Grant, now: float) -> list[Event]:
        self._capability = self._kind.capability(event.sheet)
        self._clock = ClockMap(self._capability.latency_s)
        return self.session.activate(grant.plans, probation=grant.probation, now=now)

    def _on_state(self, event: StateChanged, now: float, wall_ns: int) -> None:
        self._state, self._reason, self._since_ns = event.new, event.reason, wall_ns
        if event.new is State.PROBATION:
            self._start_probation(now)
        elif event.new in SERVING:
            self._pipeline.plug(self.name, self._capability)
            if self.session.hello is not None:
                self._served.set(self.name, self.session.hello.uid)
        elif event.old in SERVING:
            self._probation = None
            self._arrivals.clear()
            self._pipeline.unplug(self.name)

    def _start_probation(self, now: float) -> None:
        rate_hz = max((plan.rate_mhz / 1000 for plan in self.session.plans), default=0.0)
        need = Requirement(self.slot.probation_s, rate_hz, self.slot.max_latency_ms / 1000, TIME_ERROR_GOAL)
        self._probation = Probation(need, now)
        self._probation_ends = now + self.slot.probation_s
        self.session.self_test(now=now)

    def _on_self_test(self, event: SelfTestDone) -> None:
        self.tested = event
        if self._probation is not None:
            self._probation.set_self_test(passed=event.passed)

    def _on_time(self, event: TimeSample) -> None:
        step = self._clock.add(event.t0_us, event.t1_us, event.t2_us, event.t3_us, event.clock_err_us)
        if step is not None:
            self.session.counters["clock_steps"] += 1
            self.told.append(f"its clock and the pole's moved against each other by {step.offset_s:+.3f} s")

    def _on_data(self, event: DataMessage, now: float, wall_ns: int) -> None:
        if event.type is not MessageType.DETECTIONS or not isinstance(event.body, pb.DetectionFrame):
            reading = self._kind.read(event.body, self._capability)
            if isinstance(reading, RadioReading):
                self._on_radio(reading, wall_ns)
            else:
                self.reading = reading
                if self._probation is None:
                    measured_at_ns = self._clock.to_utc_ns(reading.t_us, wall_ns)
                    self._pipeline.report(self.name, reading, min(measured_at_ns, wall_ns))
            self._arrivals.append((now, 0.0, 0))
            return
        axes, rows = self._kind.read(event.body, self._capability)
        measured_at_ns = self._clock.to_utc_ns(event.body.t_us, wall_ns)
        error_s = max(self._clock.error_s, event.body.clock_err_us * 1e-6)
        detections = Detections(self.name, measured_at_ns, wall_ns, axes, rows, event.body.total, error_s)
        latency_s = (wall_ns - measured_at_ns) / NS_PER_S
        self._arrivals.append((now, latency_s, len(rows)))
        self._truncated += event.body.total > len(rows)
        if self._probation is not None:
            near, compared = self._pipeline.agreement(detections, self._capability)
            self._probation.add_data(latency_s, error_s, near=near, compared=compared)
            if (found := self._pipeline.finding(self.name)) is not None:
                self._probation.set_standing(found.effect_m, found.words)
        elif not self._pipeline.add(detections):
            self._late += 1

    def _on_radio(self, reading: RadioReading, wall_ns: int) -> None:
        if self._hear is not None and self._probation is None:
            heard_at_ns = min(self._clock.to_utc_ns(reading.t_us, wall_ns), wall_ns)
            self._hear(self.name, reading, heard_at_ns, wall_ns, self._clock.error_s)

    def _identity(self) -> ModuleIdentity | None:
        hello, sheet = self.session.hello, self.session.sheet
        if hello is None:
            return None
        return ModuleIdentity(
            uid=hello.uid,
            boot_id=hello.boot_id,
            vendor=hello.vendor,
            product=hello.product,
            serial_number=hello.serial_number,
            device_id=hello.device_id,
            firmware=sheet.firmware if sheet is not None else "",
            fw_hash=hello.fw_hash,
            sheet_hash=hello.sheet_hash,
            spec=hello.spec_max,
            level=hello.level,
        )

    def _record(self, probation: Probation, verdict: Verdict, wall_ns: int) -> SwapRecord:
        identity = self._identity()
        previous = self._served.get(self.name)
        return SwapRecord(
            slot=self.name,
            uid=identity.uid.hex() if identity else "",
            previous_uid=previous.hex() if previous else "",
            device_id=identity.device_id if identity else 0,
            firmware=identity.firmware if identity else "",
            spec=identity.spec if identity else 0,
            suite_digest="",
            rate_hz=verdict.rate_hz,
            latency_s=verdict.latency_s,
            reliability=0,
            position_bias_m=verdict.beside_m,
            module_verdict=probation.module_verdict,
            controller_verdict=verdict.passed,
            reasons=verdict.reasons,
            decided_at_ns=wall_ns,
        )
