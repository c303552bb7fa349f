"""The event recorder: the tape beside the pipeline, and a thread that writes its clips to the disk."""

from __future__ import annotations

import threading
from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import IO, TYPE_CHECKING, Final

from controller.recording import clip_file
from controller.recording.about import anchors, shown
from controller.recording.entry import Noted, said
from controller.recording.recorded_pipeline import RecordedPipeline
from controller.recording.shelf import Retention, Shelf, name_of
from controller.recording.state_writer import dump
from controller.recording.tape import Tape
from interfaces.errors import DeliveryError
from interfaces.topics import JSON

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from controller.config import Config
    from controller.publication.publication import Publication
    from controller.publication.voice import Statement, Voice
    from controller.recording.tape import Clip
    from controller.site import Site

NS_PER_S: Final = 1_000_000_000
MIB: Final = 1 << 20
TIDY_NS: Final = 3600 * NS_PER_S
MAX_WAITING: Final = 4  # clips that the disk has not taken yet
BREATH_S: Final = 0.001  # between two messages of a clip: else the event loop waits 5 ms for the interpreter


class Recorder:
    """Owns the recorded pipeline. Nothing here waits for the disk but `close`, and nothing raises: `trouble` tells.

    `site_text` is the site map as it was read. `told` is for the log, taken by the owner.
    """

    def __init__(self, config: Config, site: Site, site_text: str, folder: Path, version: str) -> None:
        section = config.recorder
        self.told: deque[str] = deque(maxlen=16)
        self.trouble = ""
        self._counters: Counter[str] = Counter()
        self._tape = Tape(
            round(section.before_s * NS_PER_S), round(section.after_s * NS_PER_S), round(section.memory_mb * MIB)
        )
        self.pipeline = RecordedPipeline(config, site, self._tape)
        self._anchors = anchors(config, site)
        self._provenance = clip_file.Provenance(
            config.pole.name, version, config.publish.root, self.pipeline.frame, shown(config), site_text
        )
        retention = Retention(
            round(section.max_mb * MIB), section.max_age_days * 86_400, round(section.min_free_mb * MIB)
        )
        self._shelf = Shelf(folder, retention)
        self._thread = ThreadPoolExecutor(1, "recorder")
        self._jobs: list[Future[None]] = []
        self._skipped = 0
        self._never = threading.Event()
        self._broken = False
        self._tidied_ns = 0
        self._opened = False

    @property
    def counters(self) -> dict[str, int]:
        """Since the start; `expired` counts recordings dropped by retention, `memory` is the tape in bytes now."""
        return {
            **{name: self._counters[name] for name in ("clips", "failed", "bytes")},
            "skipped": self._skipped,
            "expired": self._shelf.dropped,
            "overflows": self._tape.counters["overflows"],
            "memory": self._tape.size,
        }

    def set_thresholds(self, config: Config, site: Site) -> None:
        """The pole judges by another configuration from now on: what is held belongs to the one before."""
        self._tape.forget()
        self.pipeline.set_thresholds(config)
        self._anchors = anchors(config, site)
        self._provenance = replace(self._provenance, configuration=shown(config))

    def note(self, publication: Publication, now_ns: int) -> None:
        """Health of the pole or of a module is published."""
        if not self._broken and publication.content_type != JSON:
            self._tape.add(Noted(now_ns, publication.topic, publication.payload))

    def picture(self, now_ns: int, voice: Voice, statements: Iterable[Statement]) -> None:
        """A picture is done, and this was said of it."""
        if self._broken:
            return
        try:
            for statement in statements:
                self._tape.add(said(statement))
            clip = self._tape.tick(now_ns, partial(self._state, voice))
        except Exception as error:  # noqa: BLE001 -- whatever is wrong here must not silence the pole
            self._broken = True
            self._tape.forget()
            self.trouble = f"nothing is recorded: {type(error).__name__}: {error}"
            self.told.append(self.trouble)
            return
        if clip is not None:
            self._keep(clip)
        if now_ns - self._tidied_ns > TIDY_NS:
            self._tidied_ns = now_ns
            self._thread.submit(self._tidy, now_ns)

    def lost(self) -> None:
        """A picture could not be drawn to its end."""
        self._tape.lost()

    def close(self, now_ns: int) -> None:
        """Write what is open, as far as it got, and wait for the disk."""
        clip = self._tape.end(now_ns)
        if clip is not None:
            self._keep(clip)
        self._thread.shutdown()

    def _state(self, voice: Voice) -> bytes:
        return dump({"pipeline": self.pipeline.state(), "homes": voice.homes}, self._anchors)

    def _keep(self, clip: Clip) -> None:
        self._jobs = [job for job in self._jobs if not job.done()]
        if len(self._jobs) < MAX_WAITING:
            self._jobs.append(self._thread.submit(self._write, clip))
        else:
            self._skipped += 1
            self.told.append("the disk is too slow: a recording was dropped")

    def _write(self, clip: Clip) -> None:
        def fill(stream: IO[bytes]) -> None:
            clip_file.write(stream, clip, self._provenance, partial(self._never.wait, BREATH_S))

        try:
            self._open()
            name = name_of(clip.events[0])
            size = self._shelf.put(name, clip.size, clip.end_ns / NS_PER_S, fill)
            self._counters["clips"] += 1
            self._counters["bytes"] += size
            self.trouble = ""
            self.told.append(f"{name}: {len(clip.events)} events, {size} B")
        except (DeliveryError, OSError) as error:
            self._failed(str(error))
        except Exception as error:  # noqa: BLE001 -- a clip that cannot be written must not end the thread
            self._failed(f"{type(error).__name__}: {error}")

    def _tidy(self, now_ns: int) -> None:
        try:
            self._open()
            self._shelf.tidy(now_ns / NS_PER_S)
        except OSError as error:
            self._failed(f"recordings: {error}")

    def _open(self) -> None:
        if not self._opened:
            self._shelf.open()
            self._opened = True

    def _failed(self, text: str) -> None:
        self._counters["failed"] += 1
        self.trouble = text
        self.told.append(text)
