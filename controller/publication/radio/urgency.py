"""Who comes first when not all fit: vulnerable road users, then the nearest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interfaces.spec import VULNERABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from controller.fusion.track import Tracks

_FIRST = [int(one) for one in VULNERABLE]


def by_urgency(tracks: Tracks) -> NDArray[np.intp]:
    """Rows of `tracks`, the most urgent first."""
    rows = tracks.objects
    return np.lexsort((np.hypot(rows["x"], rows["y"]), ~np.isin(rows["object_class"], _FIRST)))
