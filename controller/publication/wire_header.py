"""The header of a publication in protobuf's own form: what stays is written once, four numbers go behind it.

A message for it would cost as much as half of all objects. Fields may stand in any order; parsers take that.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from controller.publication.envelope import clock_quality, header
from controller.publication.publication import Stamp
from controller.publication.row_fields import FIXED32, VARINT, tag
from controller.publication.varint import varint
from interfaces.proto import publication_pb2 as pb

if TYPE_CHECKING:
    from controller.publication.publication import Sender

KEPT: Final = 64  # a pole's headers differ by the slots they rest on
_INT64: Final = (1 << 64) - 1
_FLOAT: Final = struct.Struct("<f")
_FIELDS: Final = pb.Header.DESCRIPTOR.fields_by_name
_SEQUENCE, _DETECTED, _PUBLISHED = (
    tag(_FIELDS[name], VARINT) for name in ("sequence", "detection_time_ns", "publication_time_ns")
)
_CLOCK_ERROR: Final = tag(_FIELDS["clock_error_s"], FIXED32)


def wire_header(sender: Sender, stamp: Stamp, detected_at_ns: int, sources: int = 0, quality: int = 0) -> bytes:
    """What `header` makes of the same, as bytes."""
    pieces = (
        _standing(sender, clock_quality(stamp.clock_error_s), sources, quality),
        _SEQUENCE,
        varint(stamp.sequence),
        _DETECTED,
        varint(detected_at_ns & _INT64),
        _PUBLISHED,
        varint(stamp.published_at_ns & _INT64),
        _CLOCK_ERROR,
        _FLOAT.pack(stamp.clock_error_s),
    )
    return b"".join(pieces)


@lru_cache(KEPT)
def _standing(sender: Sender, clock: pb.ClockQuality.ValueType, sources: int, quality: int) -> bytes:
    told = header(sender, Stamp(0, 0), 0, sources, quality)
    told.clock_quality = clock
    return told.SerializeToString()
