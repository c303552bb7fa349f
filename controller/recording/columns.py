"""Structured rows as protobuf columns and back, bit for bit; fields of the message are named as the row's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def fill(message: Any, rows: NDArray[np.void]) -> None:
    """Every column of `rows` into the repeated field of its name."""
    for name in rows.dtype.names or ():
        getattr(message, name).extend(rows[name].ravel().tolist())


def rows_of(message: Any, dtype: np.dtype[np.void]) -> NDArray[np.void]:
    """The rows that `fill` took; ValueError when a column has another length."""
    rows = np.zeros(len(message.id), dtype)
    for name in dtype.names or ():
        kind = dtype[name].base
        rows[name] = np.array(getattr(message, name), kind).reshape(rows[name].shape)
    return rows
