"""On a channel that loses, doubles, delays and makes up nothing raises; once it is good the module serves again."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from interfaces.frame import Frame
from interfaces.spec import MessageType
from interfaces.states import State
from tests.exchange import Exchange, active

FRAMES = st.builds(
    Frame,
    type=st.one_of(st.sampled_from([int(t) for t in MessageType]), st.integers(0, 0xFFFF)),
    payload=st.binary(max_size=60),
    src=st.integers(0, 255),
    dst=st.integers(0, 255),
    session=st.sampled_from([0, 1, 2, 3]),
    seq=st.integers(0, 2**32 - 1),
)


class Unruly(RuleBasedStateMachine):
    """Any weather on the wire, any garbage, any reboot: when it is over the module serves again."""

    def __init__(self):
        super().__init__()
        self.loss = self.double = self.delay = 0.0
        self.pole = Exchange(wire=self.wire, seed=1)

    def wire(self, _frame, rng):
        copies = (rng.random() >= self.loss) + (rng.random() < self.double)
        return tuple(rng.random() * self.delay for _ in range(copies))

    @rule(
        loss=st.sampled_from([0.0, 0.2, 0.9]),
        double=st.sampled_from([0.0, 0.5]),
        delay=st.sampled_from([0.0, 0.02, 0.4]),
    )
    def weather(self, loss, double, delay):
        self.loss, self.double, self.delay = loss, double, delay

    @rule(seconds=st.sampled_from([0.05, 0.3, 2.0, 5.0]))
    def wait(self, seconds):
        self.pole.run(seconds)

    @rule(frame=FRAMES, side=st.sampled_from(["controller", "module"]))
    def garbage(self, frame, side):
        self.pole.throw(side, frame)

    @rule()
    def reboot(self):
        self.pole.reboot()

    @rule()
    def unplug(self):
        self.pole.events += self.pole.controller.link_lost(now=self.pole.now)

    @rule()
    def mute(self):
        self.pole.talks = not self.pole.talks

    @invariant()
    def output_is_bounded(self):
        assert len(self.pole.sent["controller"]) <= 60 + 60 * (self.pole.now + 1)

    def teardown(self):
        self.loss = self.double = self.delay = 0.0
        self.pole.talks = True
        self.pole.run(80.0)
        assert self.pole.controller.state is State.ACTIVE, (self.pole.controller.reason, self.pole.module.state)


Unruly.TestCase.settings = settings(
    max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestUnruly = Unruly.TestCase


@settings(max_examples=60, deadline=None)
@given(st.lists(FRAMES, max_size=20))
def test_random_frames_never_raise(frames):
    pole = active()
    for frame in frames:
        pole.throw("controller", frame)
        pole.throw("module", frame)
    pole.run(0.5)
