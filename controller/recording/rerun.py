"""A recording through the pipeline again, from the state it began in, and what comes out beside what was recorded."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

from controller import site_file
from controller.geometry import LocalFrame
from controller.pipeline import Picture, Pipeline
from controller.publication.publication import Stamp
from controller.publication.voice import Voice, sender_of
from controller.recording.about import anchors, config_of
from controller.recording.difference import of_statements, of_tracks
from controller.recording.entry import Entry, Heard, Judged, Looked, Plugged, Reported, Said, said
from controller.recording.state_reader import load
from controller.site import Site
from interfaces.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.fusion.track import Tracks
    from controller.publication.voice import Statement
    from controller.recording.clip_file import Recording


@dataclass(slots=True)
class Tally:
    """What a run gave so far; `difference` is the first, in words, empty while all is identical."""

    pictures: int = 0
    publications: int = 0
    difference: str = ""
    noted: int = 0  # recorded publications of health, which are no function of what modules said


class Rerun:
    """One run of a recording; `pictures` may be asked once, `tally` grows with it. ConfigError: it cannot run here."""

    def __init__(self, recording: Recording) -> None:
        self.tally = Tally()
        config = config_of(recording.configuration)
        site = Site()
        if recording.site:
            site = site_file.load(recording.site, LocalFrame.of(config.origin), "recorded site map")
        self.pipeline = Pipeline(config, site)
        self._stamp = Stamp(0, 0)
        self._voice = Voice(sender_of(config), lambda: self._stamp)
        self._entries = recording.entries
        self._root = config.publish.root
        self._tracks: Tracks | None = None
        self._picture: Iterator[Statement] = iter(())
        self._saying: Iterator[Statement] = iter(())
        self._restore(load(recording.state, anchors(config, site)))

    def pictures(self) -> Iterator[Picture]:
        """What the pole knew at every instant it was asked, as it comes out now."""
        for entry in self._entries:
            try:
                picture = self._take(entry)
            except Exception as error:
                raise ConfigError(f"the recording cannot run here: {type(error).__name__}: {error}") from error
            if picture is not None:
                self.tally.pictures += 1
                yield picture
        self._fall_silent()

    def _restore(self, state: object) -> None:
        match state:
            case {"pipeline": dict(pipeline), "homes": dict(homes)} if pipeline.keys() == vars(self.pipeline).keys():
                vars(self.pipeline).update(pipeline)
                self._voice.homes = homes
            case _:
                raise ConfigError("the recorded state is not that of a pipeline of this version")

    def _take(self, entry: Entry) -> Picture | None:
        match entry:
            case Plugged() if entry.serving:
                self.pipeline.plug(entry.slot, entry.capability)
            case Plugged():
                self.pipeline.unplug(entry.slot)
            case Heard():
                self.pipeline.add(entry.detections)
            case Reported():
                self.pipeline.report(entry.slot, entry.reading, entry.measured_at_ns)
            case Looked():
                self._look(entry.tracks)
            case Judged():
                return self._judge()
            case Said():
                self._compare(entry)
            case _:
                self.tally.noted += 1
        return None

    def _look(self, recorded: Tracks) -> None:
        self._fall_silent()
        tracks = self._tracks = self.pipeline.look(recorded.valid_at_ns)
        self._differs(of_tracks(recorded, tracks))
        self._picture = self._voice.objects(tracks)
        self._saying = islice(self._picture, 1)

    def _judge(self) -> Picture | None:
        if self._tracks is None:
            return None
        picture, self._tracks = self.pipeline.judge(self._tracks), None
        self._saying = chain(self._saying, self._voice.events(picture), self._picture)
        return picture

    def _compare(self, recorded: Said) -> None:
        self._stamp = recorded.stamp
        statement = next(self._saying, None)
        parts = said(statement).parts if statement is not None else ()
        self.tally.publications += len(recorded.parts)
        if parts != recorded.parts:
            self._differs(of_statements(recorded.parts, parts, self._root))

    def _fall_silent(self) -> None:
        """Whatever was to be said has been."""
        for more in self._saying:
            self._differs(f"{more.publications[0].topic}: said here, not there")

    def _differs(self, text: str) -> None:
        if text and not self.tally.difference:
            self.tally.difference = f"picture {self.tally.pictures + 1}: {text}"
