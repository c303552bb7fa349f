"""A pipeline that puts on tape what it is given and asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from controller.hazard.hazard import Phase
from controller.pipeline import Pipeline
from controller.recording.entry import Heard, Judged, Looked, Plugged, Reported
from controller.recording.tape import Event

if TYPE_CHECKING:
    from controller.config import Config
    from controller.fusion.track import Tracks
    from controller.pipeline import Picture
    from controller.recording.tape import Tape
    from controller.site import Site
    from modules.capability import Capability
    from modules.detection import Detections

# What changes a pipeline is on tape; what only asks, or does work ahead, need not be. A test keeps the list whole.
# With other thresholds the tape begins anew.
RECORDED: Final = frozenset({"plug", "unplug", "add", "report", "look", "judge"})
UNRECORDED: Final = frozenset({"set_thresholds", "agreement", "advance", "finding", "weather", "tick"})


class RecordedPipeline(Pipeline):
    """As its base; every entry stands where the call came, so that a replay makes the same calls in the same order."""

    def __init__(self, config: Config, site: Site, tape: Tape) -> None:
        super().__init__(config, site)
        self._tape = tape

    def state(self) -> dict[str, Any]:
        """Everything a pipeline of the same configuration and site needs to go on from here.

        Who is on trial changes nothing that is published.
        """
        return {name: value for name, value in vars(self).items() if name != "_tape"} | {"_trials": {}}

    def plug(self, slot: str, capability: Capability | None = None) -> None:
        """A module serves the slot from now on."""
        self._tape.add(Plugged(slot, serving=True, capability=capability))
        super().plug(slot, capability)

    def unplug(self, slot: str) -> None:
        """The slot is empty."""
        self._tape.add(Plugged(slot, serving=False))
        super().unplug(slot)

    def add(self, detections: Detections) -> bool:
        """Fuse one message; False when it was too late or its slot is empty."""
        self._tape.add(Heard(detections))
        return super().add(detections)

    def report(self, slot: str, reading: object, measured_at_ns: int) -> None:
        """What a module said that detects nothing."""
        self._tape.add(Reported(slot, reading, measured_at_ns))
        super().report(slot, reading, measured_at_ns)

    def look(self, valid_at_ns: int) -> Tracks:
        """The road at one instant."""
        tracks = super().look(valid_at_ns)
        self._tape.add(Looked(tracks))
        return tracks

    def judge(self, tracks: Tracks) -> Picture:
        """What is to be said about it; a new hazard or a near miss is an event of the tape."""
        picture = super().judge(tracks)
        now = tracks.valid_at_ns
        told = [f"{one.kind} {one.phase} {one.action_id}" for one in picture.hazards]
        told += [f"near_miss {one.conflict} {one.encounter_id}" for one in picture.near_misses]
        self._tape.add(Judged(now, tuple(told)))
        for seen in picture.hazards:
            if seen.phase is Phase.NEW:
                self._tape.happened(Event(seen.kind, seen.action_id, min(seen.detection_time_ns, now)), now)
        for met in picture.near_misses:
            self._tape.happened(Event("near_miss", met.encounter_id, met.peak_ns), now)
        return picture
