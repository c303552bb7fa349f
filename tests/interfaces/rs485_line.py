"""An RS-485 line in virtual time: a master and modules of the pure core on a wire that loses, mixes and lies."""

from __future__ import annotations

from hypothesis import strategies as st

from interfaces.address_table import AddressTable
from interfaces.frame import Flag, Frame
from interfaces.message import Message, encode
from interfaces.proto import pmi_pb2 as pb
from interfaces.rs485 import Rs485Master
from interfaces.rs485_module import Rs485Module
from interfaces.rs485_turn import Found
from interfaces.spec import MessageType
from tests.exchange import frame_of

T = MessageType
BAUD = 921_600


def uid_of(number):
    return number.to_bytes(16, "little")


def hello(uid, boot_id=1):
    return encode(Message(T.HELLO, pb.Hello(uid=uid, boot_id=boot_id), 0, 1))


def data(seq, channel=0, size=0):
    body = frame_of(seq)
    body.channel = channel
    body.records = bytes(size or 48)
    return encode(Message(T.DETECTIONS, body, 0, 1, 5, seq))


def poll(address, seq=1):
    return Frame(T.POLL, b"", 1, address, 0, seq)


def mute(uid, address, boot_id=1, seq=1):
    body = pb.Mute(uid=uid, boot_id=boot_id, address=address)
    return encode(Message(T.MUTE, body, 1, 255, 0, seq, Flag.ACK_REQ))


def branch(lower, upper):
    return encode(Message(T.BRANCH, pb.Branch(lower=lower, upper=upper), 1, 255))


FRAMES = st.lists(
    st.one_of(
        st.builds(
            Frame,
            st.sampled_from([*T, 0x33]),
            st.binary(max_size=40),
            st.sampled_from([0, 1, 2, 9]),
            st.sampled_from([0, 1, 2, 9, 255]),
            flags=st.sampled_from(list(Flag)),
        ),
        st.sampled_from([poll(9), mute(uid_of(5), 9), branch(bytes(16), b"\xff" * 16), mute(b"", 0), hello(uid_of(5))]),
    ),
    max_size=80,
)


class Line:
    """A master and modules by uid; `lost(frame)` frames vanish, several answers at once are damage."""

    def __init__(self, uids=(), lost=lambda _frame: False, first=2, last=254):
        self.master = Rs485Master(AddressTable(first, last), BAUD)
        self.modules = [self.a_module(uid) for uid in uids]
        self.lost = lost
        self.now = 0.0
        self.events = []
        self.asked = []  # (when, type, dst) of every question
        self.noise = False
        self._hello_at = 0.0
        self.talks = True

    @staticmethod
    def a_module(uid, boot_id=1):
        module = Rs485Module()
        module.queue(hello(uid, boot_id))
        return module

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def found(self):
        return sorted(event.hello.uid for event in self.of(Found))

    def run(self, seconds):
        end = self.now + seconds
        while True:
            self._exchange()
            due = max(self.now, self.master.next_deadline())
            if due > end:
                self.now = end
                return
            self.now = due
            self.events += self.master.tick(self.now)

    def _exchange(self):
        for _ in range(1000):
            frames = self.master.take_frames()
            if not frames:
                return
            if self.now >= self._hello_at:
                self._hello_at = self.now + 1.0
                for module in self.modules:
                    module.queue(hello(module._uid, module._boot_id))
            self.asked += [(self.now, frame.type, frame.dst) for frame in frames]
            self.now += 0.0005
            answers = [answer for module in self.modules if (answer := self._answer(module, frames))]
            self.now += 0.0005
            self._hear(answers)
        raise AssertionError("the master never pauses")

    def _answer(self, module, frames):
        for frame in frames:
            if not self.lost(frame):
                module.receive(frame, self.now)
        return [one for one in module.answer() if not self.lost(one)] if self.talks else []

    def _hear(self, answers):
        if len(answers) > 1 or self.noise:
            self.events += self.master.hear([], self.now, damaged=True)
        elif answers:
            self.events += self.master.hear(answers[0], self.now)
