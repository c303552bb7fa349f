"""The fields of a row as columns: what its two writers share."""

from __future__ import annotations

from functools import reduce
from operator import getitem
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    # By the names of the fields: n values; (n, width) of a repeated field; columns again of a message.
    Columns = Mapping[str, Any]
    Path = tuple[str, ...]  # of names, from the row down to a value

STRING, MESSAGE = 9, 11  # protobuf's numbers of types
NUMBERS: Final[Mapping[int, tuple[Any, int]]] = {  # of the others: form and wire type
    1: (np.float64, 1),
    2: (np.float32, 5),
    8: (np.bool_, 0),
    13: (np.uint32, 0),
}


def inner(field: FieldDescriptor) -> Descriptor:
    """Of a field that is a message: its kind."""
    return cast("Descriptor", field.message_type)  # None only for other types


def column(columns: Columns, path: Path) -> Any:
    """What stands there; KeyError without it."""
    return reduce(getitem, path, columns)
