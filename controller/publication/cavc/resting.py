"""How long each track has stood still (静止状態), remembered from picture to picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from controller.fusion.track import Tracks

MOVING: Final = 0
LONGEST_S: Final = 3600  # and every longer time
NEVER_MOVED: Final = 3601
UNKNOWN: Final = 3602
STANDING: Final = 0.5  # probability from which a track stands
NS_PER_S: Final = 1_000_000_000


class Resting:
    """Give it every picture; it forgets the tracks that are gone."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, bool]] = {}  # track: standing since (UTC ns, 0 moving), ever seen moving

    def see(self, tracks: Tracks) -> None:
        """Learn from the next picture."""
        old, now_ns = self._known, tracks.valid_at_ns
        self._known = {}
        pairs = zip(tracks.objects["id"].tolist(), tracks.objects["stationary"].tolist(), strict=True)
        for track_id, probability in pairs:
            since_ns, moved = old.get(track_id, (0, False))
            if probability >= STANDING:
                self._known[track_id] = (since_ns or now_ns, moved)
            elif probability < STANDING:  # not so when it is NaN
                self._known[track_id] = (0, True)

    def column(self, tracks: Tracks) -> list[int]:
        """restingState of each track of the picture seen last."""
        return [self._state(track_id, tracks.valid_at_ns) for track_id in tracks.objects["id"].tolist()]

    def _state(self, track_id: int, now_ns: int) -> int:
        if track_id not in self._known:
            return UNKNOWN
        since_ns, moved = self._known[track_id]
        if not since_ns:
            return MOVING
        return max(1, min((now_ns - since_ns) // NS_PER_S, LONGEST_S)) if moved else NEVER_MOVED
