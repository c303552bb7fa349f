"""One simulated module: a model sensor, an own clock and a PMI session, on a wire that can be pulled."""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
import random
from typing import TYPE_CHECKING, Final

import numpy as np

from interfaces.datasheet import to_bytes
from interfaces.errors import LinkError, LocalProtocolError
from interfaces.module_events import RadioAsked, SelfTestAsked
from interfaces.module_session import ModuleSession, ModuleState
from interfaces.proto import pmi_pb2 as pb
from interfaces.records import FORMATS
from interfaces.security import DeviceCredentials, public_bytes, sign_sheet
from interfaces.spec import SPEC_VERSION, VULNERABLE, MessageType
from modules.columns import to_records
from modules.detecting import cone
from modules.registry import REGISTRY
from sim.radio import CHANNEL, SimRadio
from sim.replay import RecordedSensor
from sim.report import REPORTS, Report
from sim.report import report as report_of
from sim.sensing import MODELS, Sensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from numpy.typing import NDArray

    from interfaces.link import Link
    from sim.harness import Wire
    from sim.miscalibration import Miscalibrated
    from sim.scene import ModuleSpec

MAX_OBJECTS: Final = 64
FW_HASH: Final = hashlib.sha256(b"simulated 0.1").digest()[:8]


class SimModule:
    """A module for a slot of a scene. `truth()` gives the road now; `serial` tells exemplars of a product apart.
    With a `key` it is an L3 module, its data sheet signed by `vendor_key` if there is one."""

    def __init__(  # noqa: PLR0913 -- each is a trait of the module
        self,
        spec: ModuleSpec,
        truth: Callable[[], NDArray[np.void]],
        *,
        serial: int = 1,
        drift_ppm: float = 20.0,
        sensor: Sensor | Miscalibrated | RecordedSensor | None = None,
        report: Callable[[], Report] | None = None,
        key: Ed25519PrivateKey | None = None,
        vendor_key: Ed25519PrivateKey | None = None,
        radio: SimRadio | None = None,
    ) -> None:
        self.spec, self.serial, self.radio = spec, serial, radio
        self.sent = 0
        self._vendor_key = vendor_key
        self._credentials = None if key is None else DeviceCredentials(key, os.urandom)
        self._level = 2 if key is None else 3
        self._truth = truth
        self._drift = 1 + drift_ppm * 1e-6
        name = f"{spec.slot}/{spec.module_class}/{serial}"
        digest = hashlib.sha256(name.encode()).digest()
        self._rng = random.Random(digest)
        self._clock_start_us = self._rng.randrange(10**9)
        self.uid = digest[:16]
        model = spec.model if spec.module_class in MODELS else None
        self._sensor = sensor
        self._report = report or (lambda: report_of(spec.module_class))
        if sensor is None and model is not None:
            self._sensor = Sensor(model, spec.mount, np.random.default_rng(list(digest[:8])))

    async def run(self, wire: Wire) -> None:
        """Plug in, serve until the wire is pulled or the task is cancelled, unplug."""
        link: Link = wire.plug()
        session = ModuleSession(self._hello(), to_bytes(self._sheet()), rng=self._rng, credentials=self._credentials)
        tasks = [asyncio.create_task(self._converse(session, link)), asyncio.create_task(self._measure(session, link))]
        if self.radio is not None:
            tasks.append(asyncio.create_task(self._listen(session, link, self.radio)))
        try:
            await asyncio.gather(*tasks)
        except LinkError:
            return
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await wire.unplug()

    def t_us(self, now: float) -> int:
        """The module's own clock at loop time `now`."""
        return self._clock_start_us + round(now * 1e6 * self._drift)

    async def _converse(self, session: ModuleSession, link: Link) -> None:
        loop = asyncio.get_running_loop()
        while True:
            session.tick(loop.time(), self.t_us(loop.time()))
            _send(session, link)
            try:
                async with asyncio.timeout_at(session.next_deadline()):
                    frames = await link.receive()
            except TimeoutError:
                continue
            for frame in frames:
                for event in session.receive(frame, loop.time(), self.t_us(loop.time())):
                    if isinstance(event, SelfTestAsked):
                        session.self_test_result(event.token, passed=True, detail="simulated")
                    elif isinstance(event, RadioAsked) and self.radio is not None:
                        self.radio.send(event.body)
                _send(session, link)

    async def _measure(self, session: ModuleSession, link: Link) -> None:
        loop = asyncio.get_running_loop()
        seq, due = 0, loop.time()
        while True:
            plan = session.plans.get(0)
            period_s = 1000 / plan.rate_mhz if plan and plan.rate_mhz else 0.05
            period_s = 0.02 if isinstance(self._sensor, RecordedSensor) else period_s  # it says when it has news
            due = max(due + period_s, loop.time())
            await asyncio.sleep(due - loop.time())
            if plan is None or session.state is not ModuleState.RUNNING:
                continue
            body = self._body(plan, seq + 1, loop.time())
            if body is None:
                continue
            seq += 1
            latency_s = self._latency_s()
            loop.call_later(latency_s, self._deliver, session, link, body)

    async def _listen(self, session: ModuleSession, link: Link, radio: SimRadio) -> None:
        """Report what the radio hears, in the plan's rate."""
        loop = asyncio.get_running_loop()
        seq = 0
        while True:
            plan = session.plans.get(CHANNEL)
            await asyncio.sleep(1000 / plan.rate_mhz if plan else 0.05)
            if plan is None or session.state is not ModuleState.RUNNING:
                continue
            seq += 1
            body = radio.received(self._truth(), self.t_us(loop.time()), seq, plan.max_objects)
            try:
                session.send_data(MessageType.RADIO_RECEIVED, body, loop.time())
                _send(session, link)
            except LocalProtocolError:
                continue  # stopped in between

    def _deliver(self, session: ModuleSession, link: Link, body: pb.DetectionFrame | Report) -> None:
        detected = isinstance(body, pb.DetectionFrame)
        kind = MessageType.DETECTIONS if detected else REPORTS[self.spec.module_class].message_type
        try:
            self.sent += session.send_data(kind, body, asyncio.get_running_loop().time())
            _send(session, link)
        except (LinkError, LocalProtocolError):
            return  # unplugged or stopped while the measurement was under way

    def _latency_s(self) -> float:
        if self._sensor is None:
            return 0.0
        model = self._sensor.model
        return max(0.0, self._rng.gauss(model.latency_s, model.jitter_s))

    def _body(self, plan: pb.Plan, seq: int, now: float) -> pb.DetectionFrame | Report | None:
        if self._sensor is None:
            body = self._report()
            body.t_us, body.seq, body.channel = self.t_us(now), seq, 0
            if isinstance(body, pb.CommsStatus) and self.radio is not None:
                body.radio_sent = self.radio.counters.total()
            return body
        rows = self._sensor.observe(self._truth())
        if rows is None:
            return None
        first = np.lexsort((np.hypot(rows["x"], rows["y"]), ~np.isin(rows["object_class"], [*map(int, VULNERABLE)])))
        return pb.DetectionFrame(
            t_us=self.t_us(now - self._sensor.age_s),
            seq=seq,
            rec_fmt=plan.record_format,
            rec_size=FORMATS[plan.record_format].itemsize,
            total=len(rows),
            clock_err_us=200,
            clock_state=pb.CLOCK_FREE,
            channel=0,
            records=to_records(plan.record_format, rows[first[: plan.max_objects]]),
        )

    def _hello(self) -> pb.Hello:
        return pb.Hello(
            uid=self.uid,
            boot_id=random.getrandbits(32),
            vendor="smartpole",
            product=f"simulated {self.spec.module_class}",
            serial_number=f"S{self.serial:05d}",
            device_id=0xE0_07_01,
            fw_hash=FW_HASH,
            spec_min=SPEC_VERSION,
            spec_max=SPEC_VERSION,
            level=self._level,
            classes=[pb.ModuleClass.ValueType(REGISTRY[self.spec.module_class].code)],
        )

    def _sheet(self) -> pb.DataSheet:
        sheet = pb.DataSheet(
            sheet_version=1,
            vendor="smartpole",
            product=f"simulated {self.spec.module_class}",
            device_id=0xE0_07_01,
            firmware="0.1",
            level=self._level,
            classes=[pb.ModuleClass.ValueType(REGISTRY[self.spec.module_class].code)],
            channels=[self._channel(), *([self.radio.channel()] if self.radio is not None else [])],
        )
        if self._credentials is not None:
            sheet.public_key, sheet.fw_hash = public_bytes(self._credentials.key), FW_HASH
        if self._vendor_key is not None:
            sign_sheet(sheet, self._vendor_key)
        return sheet

    def _channel(self) -> pb.Channel:
        if self._sensor is None:
            reporting = REPORTS[self.spec.module_class]
            rate = round(reporting.rate_hz * 1000)
            return pb.Channel(channel=0, message_type=reporting.message_type, max_rate_mhz=rate)
        model = self._sensor.model
        return pb.Channel(
            channel=0,
            message_type=MessageType.DETECTIONS,
            record_formats=[self._sensor.record_format],
            max_rate_mhz=round(model.rate_hz * 1000),
            max_objects=MAX_OBJECTS,
            latency_p95_us=round((model.latency_s + 2 * model.jitter_s) * 1e6),
            ranges=[
                pb.DetectionRange(
                    vertices=[pb.Vertex(x_m=x, y_m=y) for x, y in cone(model.range_m, model.width_deg)],
                    reliability=max(1, round(-10 * math.log10(1 - model.detection))),
                )
            ],
            accuracy=[
                pb.AccuracyPoint(
                    range_m=at,
                    sigma_position_m=math.hypot(
                        model.along[0] + model.along[1] * at, model.across[0] + model.across[1] * at
                    )
                    / math.sqrt(2),
                    sigma_velocity_mps=0.0 if math.isnan(model.sigma_velocity) else model.sigma_velocity,
                )
                for at in (5.0, model.range_m / 2, model.range_m)
            ],
            false_per_frame=model.false_per_frame,
            detectable_classes=0xFF,
            has_doppler=model.doppler,
        )


def _send(session: ModuleSession, link: Link) -> None:
    for frame in session.take_frames():
        link.send(frame)
