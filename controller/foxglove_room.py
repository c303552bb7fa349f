"""The live picture for Foxglove: a server on a port of this machine, silent while nobody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from controller.hazard.hazard import Phase
from controller.profiles_check import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from controller.geometry import LocalFrame
    from controller.pipeline import Picture
    from controller.slot import PoleReport, SlotReport

BACKLOG: Final = 12  # messages that wait for a client: one of each channel and then some; the oldest go first


class FoxgloveRoom:
    """Off without `listen` ("host:port"): then it takes everything and shows nothing. `report` gets its troubles.

    The library serves clients on threads of its own; what a slow one has not taken is replaced by newer.
    """

    def __init__(self, listen: str, name: str, frame: LocalFrame, site_text: str, report: Callable[[str], None]):
        self.on = bool(listen)
        self._listen, self._name, self._frame, self._site_text, self._report = listen, name, frame, site_text, report
        self._server: Any = None
        self._context: Any = None
        self._channels: dict[str, Any] = {}

    @property
    def port(self) -> int:
        """Where it listens, 0 while it does not."""
        return self._server.port if self._server is not None else 0

    def open(self) -> None:
        """Listen; a place that cannot be had is reported and the pole goes on without."""
        if not self.on or self._server is not None:
            return
        host, port = place_of(self._listen)
        try:
            from foxglove import Channel, Context, start_server
            from foxglove.channels import GeoJsonChannel, LocationFixChannel, LogChannel, SceneUpdateChannel

            kinds: dict[str, Any] = {
                "scene": SceneUpdateChannel,
                "road": GeoJsonChannel,
                "site": GeoJsonChannel,
                "fix": LocationFixChannel,
                "log": LogChannel,
                "health": Channel,
            }
            self._context = context = Context()  # channels are gone with it
            self._channels = {name: kind(f"/pole/{name}", context=context) for name, kind in kinds.items()}
            self._server = start_server(
                name=self._name, host=host, port=port, context=context, message_backlog_size=BACKLOG
            )
        except (ImportError, OSError, RuntimeError) as error:
            self._report(f"cannot listen on {self._listen}: {error}")
            self._channels = {}

    def close(self) -> None:
        """Let every client go."""
        if self._server is not None:
            self._server.stop()
            self._server = None
            self._channels = {}

    def see(self, picture: Picture) -> None:
        """The newest picture and what was said of it."""
        if not self._channels:
            return
        from controller.publication.profiles import foxglove_scene as made

        at = picture.tracks.valid_at_ns
        if self._wanted("scene"):
            self._show("scene", made.scene(picture.tracks, picture.hazards), at)
        if self._wanted("road"):
            self._show("road", _geojson(self._road(picture)), at)
        if self._wanted("log"):
            for hazard in picture.hazards:
                if hazard.phase is Phase.NEW:
                    self._show("log", made.event(f"{hazard.kind} {hazard.probability:.0%}", "hazard", at), at)
            for met in picture.near_misses:
                self._show("log", made.event(f"{met.conflict}, severity {met.severity}", "near miss", at), at)

    def hear(self, status: PoleReport, slots: Sequence[SlotReport], now_ns: int) -> None:
        """The newest state of the pole; site and place are told again for those who came since."""
        if not self._channels:
            return
        from controller.publication.profiles import foxglove_scene as made

        if self._wanted("log"):
            self._show("log", made.told(status, now_ns), now_ns)
        if self._wanted("health"):
            self._show("health", _health(status, slots), now_ns)
        if self._wanted("fix"):
            self._show("fix", made.fix(self._frame, now_ns), now_ns)
        if self._wanted("site") and self._site_text:
            self._show("site", _geojson(self._site_text), now_ns)

    def _road(self, picture: Picture) -> str:
        from controller.recording.view import road, schema

        return str(schema().FromString(road(picture.tracks, self._frame)).geojson)  # type: ignore[attr-defined]

    def _wanted(self, name: str) -> bool:
        return bool(self._channels[name].has_sinks())

    def _show(self, name: str, message: Any, at_ns: int) -> None:
        self._channels[name].log(message, log_time=at_ns)


def _geojson(text: str) -> Any:
    from foxglove.messages import GeoJson

    return GeoJson(geojson=text)


def _health(status: PoleReport, slots: Sequence[SlotReport]) -> dict[str, Any]:
    return {
        "availability": status.availability,
        "reasons": list(status.reasons),
        "clock_error_s": status.clock_error_s if status.clock_error_s < 1e9 else None,
        "backlog": status.backlog,
        "tracks": status.tracks,
        "publications_per_s": status.publications_per_s,
        "lag_p50_s": status.lag_p50_s,
        "lag_p99_s": status.lag_p99_s,
        "slots": {
            one.slot: {
                "state": one.state,
                "reason": one.reason,
                "rate_hz": one.rate_hz,
                "latency_s": one.latency_s,
                "frames": one.frames,
                "gaps": one.gaps,
            }
            for one in slots
        },
    }
