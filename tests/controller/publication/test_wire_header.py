"""The header written in pieces is the header that the encoders make of the same."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from controller.geometry import LocalFrame
from controller.publication.envelope import header
from controller.publication.publication import Sender, Stamp
from controller.publication.wire_header import wire_header
from interfaces.proto import publication_pb2 as pb

FRAME = LocalFrame(35.0, 139.0)
NUMBER = st.one_of(st.integers(0, 300), st.integers(0, 2**32 - 1))
TIME_NS = st.one_of(st.integers(-5, 300), st.integers(-(2**63), 2**63 - 1))
SENDERS = st.builds(
    Sender, NUMBER, NUMBER, st.sampled_from([(), ("lidar",), ("camera", "radar", "京")]), st.just(FRAME)
)
ERROR_S = st.one_of(st.sampled_from([0.0, -1.0, 0.0005, 0.01, 1.0, math.inf, math.nan]), st.floats(0, 1e6))
STAMPS = st.builds(Stamp, st.integers(0, 2**64 - 1), TIME_NS, ERROR_S)


@given(SENDERS, STAMPS, TIME_NS, st.integers(0, 7), st.integers(0, 7))
def test_it_is_read_as_the_same_header(sender, stamp, detected_at_ns, sources, quality):
    about = sender, stamp, detected_at_ns, sources, quality
    assert pb.Header.FromString(wire_header(*about)).SerializeToString() == header(*about).SerializeToString()
