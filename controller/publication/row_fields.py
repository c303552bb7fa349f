"""The fields of a row as columns: what its two writers share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from controller.publication.varint import varint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    # By the path of the field, as "position.x_m": n values, texts in UTF-8, or (n, width) of a repeated field.
    Columns = Mapping[str, Any]

STRING, MESSAGE = 9, 11  # protobuf's numbers of types
VARINT, FIXED64, SIZED, FIXED32 = 0, 1, 2, 5  # and of forms on the wire; SIZED: what says how long it is
NUMBERS: Final[Mapping[int, tuple[Any, int]]] = {  # of the others: form and wire type
    1: (np.float64, FIXED64),
    2: (np.float32, FIXED32),
    8: (np.bool_, VARINT),
    13: (np.uint32, VARINT),
}


def inner(field: FieldDescriptor) -> Descriptor:
    """Of a field that is a message: its kind."""
    return cast("Descriptor", field.message_type)  # None only for other types


def tag(field: FieldDescriptor, wire_type: int) -> bytes:
    """What stands before a value on the wire."""
    return varint(field.number << 3 | wire_type)
