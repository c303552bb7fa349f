"""Both sides of PMI joined in memory and virtual time, over a channel that may lose, double, delay and reorder."""

from __future__ import annotations

import heapq
import random

from interfaces.datasheet import to_bytes
from interfaces.events import Identified, StateChanged
from interfaces.message import Message, encode
from interfaces.module_session import ModuleSession, ModuleState
from interfaces.proto import pmi_pb2 as pb
from interfaces.session import ControllerSession
from interfaces.spec import MessageType
from interfaces.states import State

PLAN = pb.Plan(channel=0, rate_mhz=10_000, max_objects=32, record_format=2)
WALL_NS = 1_764_000_000_000_000_000


def good_sheet(**changes):
    channel = pb.Channel(
        channel=0,
        message_type=MessageType.DETECTIONS,
        record_formats=[2],
        max_rate_mhz=20_000,
        max_objects=64,
        latency_p95_us=50_000,
        ranges=[
            pb.DetectionRange(
                vertices=[pb.Vertex(x_m=x, y_m=y) for x, y in ((0, 0), (100, 50), (100, -50))], reliability=10
            )
        ],
        accuracy=[
            pb.AccuracyPoint(range_m=r, sigma_position_m=0.1 + r / 100, sigma_velocity_mps=0.3) for r in (10, 100)
        ],
    )
    fields = {
        "sheet_version": 1,
        "vendor": "Example",
        "product": "R1",
        "level": 2,
        "classes": [pb.RADAR],
        "channels": [channel],
    }
    return pb.DataSheet(**{**fields, **changes})


def good_hello(**changes):
    fields = {
        "uid": b"u" * 16,
        "boot_id": 7,
        "vendor": "Example",
        "product": "R1",
        "spec_min": 0x100,
        "spec_max": 0x100,
        "level": 2,
        "classes": [pb.RADAR],
        "fw_hash": b"f" * 8,
    }
    return pb.Hello(**{**fields, **changes})


def frame_of(seq=0):
    return pb.DetectionFrame(t_us=1, seq=seq, rec_fmt=2, rec_size=24, total=2, records=bytes(48))


def big_sheet(size=2048):
    """A sheet of exactly `size` bytes."""
    sheet = good_sheet()
    for i in range(1, 6):
        ranges = [pb.DetectionRange(vertices=[pb.Vertex(x_m=k + 1, y_m=i) for k in range(14)]) for _ in range(2)]
        sheet.channels.append(
            pb.Channel(
                channel=i, message_type=0x40, record_formats=[2], max_rate_mhz=1000, max_objects=1, ranges=ranges
            )
        )
    for name in ("documentation", "firmware", "hardware_revision"):
        setattr(sheet, name, "d" * max(0, min(100, size - len(to_bytes(sheet)) - 2)))
    assert len(to_bytes(sheet)) == size, len(to_bytes(sheet))
    return sheet


class Exchange:
    """`wire(frame, random) -> delays` says after how many seconds a frame arrives, once for each copy."""

    def __init__(self, *, sheet=None, hello=None, cache=None, seed=0, decide=True, wire=lambda _frame, _rng: (0.0,)):
        self.rng = random.Random(seed)
        self.cache = {} if cache is None else cache
        self.sheet_bytes = to_bytes(good_sheet() if sheet is None else sheet)
        self.module = ModuleSession(good_hello() if hello is None else hello, self.sheet_bytes, rng=self.rng)
        self.controller = ControllerSession(session_id=1, sheet_lookup=self.cache.get)
        self.now = 0.0
        self.wire = wire
        self.decide = decide
        self.talks = True
        self.sends_data = True
        self.events = []
        self.module_events = []
        self.sent = {"controller": [], "module": []}
        self._flying = []
        self._count = 0
        self._data_at = 0.0

    @property
    def states(self):
        return [event.new for event in self.events if isinstance(event, StateChanged)]

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    def reboot(self, hello=None):
        self.module = ModuleSession(
            hello or good_hello(boot_id=self.rng.getrandbits(32)), self.sheet_bytes, rng=self.rng
        )

    def run(self, seconds):
        """Let virtual time pass, visiting every deadline and arrival."""
        end = self.now + seconds
        self._settle()
        while (nearest := self._next()) <= end:
            self.now = max(self.now, nearest)
            self._settle()
        self.now = end

    def run_until(self, state, limit):
        """Seconds until the controller holds `state`; AssertionError after `limit`."""
        start = self.now
        self._settle()
        while self.controller.state is not state:
            self.now = max(self.now, self._next())
            assert self.now - start <= limit, (self.controller.state, self.controller.reason)
            self._settle()
        return self.now - start

    def throw(self, side, frame):
        if side == "controller":
            self._heard(self.controller.receive(frame, self.now, self.wall_ns))
        else:
            self.module_events += self.module.receive(frame, self.now, self.t_us)

    @property
    def wall_ns(self):
        return WALL_NS + round(self.now * 1e9)

    @property
    def t_us(self):
        return round(self.now * 1e6) + 5_000_000

    def _next(self):
        deadlines = [self.controller.next_deadline(), self.module.next_deadline() if self.talks else None]
        if self._flying:
            deadlines.append(self._flying[0][0])
        if self._sending():
            deadlines.append(self._data_at)
        return max(self.now, min((d for d in deadlines if d is not None), default=float("inf"))) or self.now

    def _sending(self):
        return self.talks and self.sends_data and self.module.state is ModuleState.RUNNING and 0 in self.module.plans

    def _settle(self):
        for _ in range(100):
            self._heard(self.controller.tick(self.now, self.wall_ns))
            if self.talks:
                self.module_events += self.module.tick(self.now, self.t_us)
            if self._sending() and self._data_at <= self.now:
                self.module.send_data(MessageType.DETECTIONS, frame_of(), self.now)
                self._data_at = self.now + 0.1
            self._launch("module", self.controller.take_frames())
            frames = self.module.take_frames()
            if self.talks:
                self._launch("controller", frames)
            if not self._land():
                return
        raise AssertionError("the two sides talk for ever without time passing")

    def _launch(self, to, frames):
        self.sent["module" if to == "controller" else "controller"] += frames
        for frame in frames:
            for delay in self.wire(frame, self.rng):
                self._count += 1
                heapq.heappush(self._flying, (self.now + delay, self._count, to, frame))

    def _land(self):
        landed = False
        while self._flying and self._flying[0][0] <= self.now:
            _, _, to, frame = heapq.heappop(self._flying)
            if to == "controller" or self.talks:
                self.throw(to, frame)
            landed = True
        return landed

    def _heard(self, events):
        self.events += events
        for event in events:
            if isinstance(event, Identified) and self.decide:
                self.cache[event.hello.sheet_hash] = event.sheet_bytes
                if self.controller.state is State.IDENTIFYING:
                    self.events += self.controller.activate([PLAN], probation=False, now=self.now)


def active(**arguments):
    """Both sides after their first second of serving."""
    pole = Exchange(**arguments)
    pole.run_until(State.ACTIVE, 1.0)
    pole.run(1.05)
    return pole


def say(pole, message_type, body, *, seq=None, session=None):
    """What the module never meant to say, as its next frame."""
    seq = pole.controller._last_seq + 1 if seq is None else seq
    session = pole.controller.session_id if session is None else session
    pole.throw("controller", encode(Message(message_type, body, 2, 1, session, seq)))


def types(frames):
    return [MessageType(frame.type) for frame in frames]
