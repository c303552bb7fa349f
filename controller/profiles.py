"""What a running pole says in the words of other systems: chosen by [publish] profiles, derived, never stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from controller.announced import Announced
from controller.foxglove_room import FoxgloveRoom
from controller.fusion.track import Tracks
from controller.geometry import LocalFrame
from controller.publication.profiles import home_assistant
from controller.publication.profiles.geojson_twin import twin
from controller.publication.profiles.its_client import NS_PER_MS, Source
from controller.publication.profiles.its_cpm import its_cpm
from controller.publication.profiles.its_denm import its_denm
from controller.publication.publication import Publication
from controller.publication.radio.short_id import ShortIds
from controller.publication.radio.station import Station
from interfaces.topics import JSON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from controller.config import Config
    from controller.pipeline import Picture
    from controller.publication.publication import Sender
    from controller.publication.voice import Statement
    from controller.slot import PoleReport, SlotReport

EARLY_NS: Final = 30 * NS_PER_MS  # pictures do not come to the millisecond
DETECTING: Final = frozenset({"sensor", "camera", "lidar", "radar", "comms"})


class Derived(NamedTuple):
    """A publication and the name of what a newer one replaces while it waits: several may share a topic."""

    publication: Publication
    stream: str


class Profiles:
    """Without profiles nothing is made. `report` gets troubles, a line when they change."""

    def __init__(
        self,
        config: Config,
        sender: Sender,
        state_dir: Path,
        *,
        version: str,
        site_text: str = "",
        report: Callable[[str], None],
    ) -> None:
        self._names = frozenset(config.publish.profiles)
        self._config, self._sender, self._version, self._report = config, sender, version, report
        frame = LocalFrame.of(config.origin)
        self.foxglove = FoxgloveRoom(
            config.foxglove.listen, config.pole.name, frame, site_text, lambda text: report(f"foxglove {text}")
        )
        self._announced = Announced(state_dir / "announced.json")
        self._station = Station.of(config)
        self._source = Source.of(config)
        self._sensors = tuple(
            (number, str(slot.module_class))
            for number, slot in enumerate(config.slot.values())
            if slot.module_class in DETECTING
        )
        self._tracks, self._events = ShortIds(16), ShortIds(16)
        self._active: set[int] = set()  # hazards that were said and not cancelled
        self._cpm_due_ns = 0
        self._trouble = ""

    def greeting(self) -> Iterator[Publication]:
        """What is retained for other systems, at each connection; what is no longer so is taken back."""
        wanted = "home-assistant" in self._names
        made = home_assistant.discovery(self._config, self._sender, self._version) if wanted else ()
        for topic in self._announced.gone([one.topic for one in made]):
            yield home_assistant.removal(topic)
        yield from made

    def see(self, picture: Picture, said: Iterable[Statement], *, heard: bool = True) -> list[Derived]:
        """What is due of one picture and of what was `said` of its events; trouble is told, never raised.

        Nothing is made while nobody would hear it, but numbers are given and taken back as ever.
        """
        if not (self._names or self.foxglove.on):
            return []
        try:
            numbers = self._numbered(picture)
            made = list(self._due(picture, said, numbers)) if heard else []
            self.foxglove.see(picture)
        except Exception as error:  # noqa: BLE001 -- what another system cannot be told must not end the pole
            self._tell(f"nothing derived: {type(error).__name__}: {error}")
            return []
        self._tell("")
        return made

    def hear(self, status: PoleReport, slots: Callable[[], Sequence[SlotReport]], now_ns: int) -> None:
        """The newest state of the pole."""
        if self.foxglove.on:
            self.foxglove.hear(status, slots(), now_ns)

    def _due(self, picture: Picture, said: Iterable[Statement], numbers: Mapping[int, int]) -> Iterator[Derived]:
        if "its-client" in self._names:
            yield from self._denms(picture, numbers)
            if self._is_cpm_due(picture.tracks.valid_at_ns):
                yield self._cpm(picture.tracks)
        if "geojson" in self._names:
            for one in (one for statement in said for one in statement.publications):
                made = twin(one, self._sender.root)
                if made is not None:
                    yield Derived(made, made.key)

    def _numbered(self, picture: Picture) -> Mapping[int, int]:
        """The short number that its-client's DENM gives each hazard that is or was just told of."""
        if not picture.hazards or "its-client" not in self._names:
            return {}
        self._active |= {one.action_id for one in picture.hazards}
        numbers = dict(zip(self._active, self._events.of(self._active), strict=True))
        self._active -= {one.action_id for one in picture.hazards if one.phase == "cancel"}
        return numbers

    def _denms(self, picture: Picture, numbers: Mapping[int, int]) -> Iterator[Derived]:
        for one in picture.hazards:
            payload = its_denm(one, self._station, self._source, numbers[one.action_id])
            expiry_s = max(one.validity_s, 1.0)
            yield self._derived("denm", payload, one.x, one.y, 1, expiry_s, f"denm-{one.action_id}")

    def _cpm(self, tracks: Tracks) -> Derived:
        rows = tracks.objects.copy()
        rows["id"] = self._tracks.of(rows["id"].tolist())
        payload = its_cpm(Tracks(tracks.valid_at_ns, rows), self._station, self._source, self._sensors)
        return self._derived("cpm", payload, 0.0, 0.0, 0, 1.0, "cpm")

    def _is_cpm_due(self, now_ns: int) -> bool:
        if now_ns < self._cpm_due_ns - EARLY_NS:
            return False
        self._cpm_due_ns = max(self._cpm_due_ns, now_ns - EARLY_NS) + round(1e9 / self._config.its_client.cpm_rate_hz)
        return True

    def _derived(
        self, message: str, payload: bytes, x: float, y: float, qos: int, expiry_s: float, stream: str
    ) -> Derived:
        latitude, longitude, _ = (float(one) for one in self._station.frame.to_wgs84(x, y, 0.0))
        topic = self._source.topic(message, latitude, longitude)
        made = Publication(
            topic, payload, JSON, qos, retain=False, expiry_s=expiry_s, user_properties=(), key=f"its-{stream}"
        )
        return Derived(made, f"its-{stream}")

    def _tell(self, trouble: str) -> None:
        if trouble != self._trouble:  # ten times a second would bury the log
            self._trouble = trouble
            self._report(trouble or "well again")
