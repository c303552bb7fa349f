"""What the pole says of itself and when: status each second, slots and profile on change, weather."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.clock import CLOCK, utc_ns
from controller.health import judge
from controller.publication import profile
from controller.publication.detection_area import ranges_of
from controller.publication.slots import slot_status
from controller.publication.status import pole_status
from controller.publication.weather import PERIOD_S as WEATHER_PERIOD_S
from controller.publication.weather import changed, weather
from controller.slot import PoleReport
from interfaces.proto.publication_pb2 import PoleProfile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.app import App
    from controller.hazard.surroundings import Weather
    from controller.outbox import Outbox
    from controller.publication.publication import Publication
    from controller.publisher import Publisher
    from controller.slot import SlotReport
    from interfaces.proto.pmi_pb2 import DetectionRange

VERSION: Final = "0.1.0"
STATUS_PERIOD_S: Final = 1.0
SLOT_PERIODS: Final = 5  # slots are said on change and every fifth status


class HealthVoice:
    """Reads the running pole and says how it is; `site_hash` names its site map."""

    def __init__(self, app: App, site_hash: str = "") -> None:
        self.newest: PoleReport | None = None
        self._app, self._site_hash = app, site_hash
        self._weather_said: tuple[Weather, int] = (), 0
        self._profile_said = PoleProfile()
        self._sent_before = 0
        self._fresh_slots = asyncio.Event()

    def changed(self) -> None:
        """Say status and slots at once."""
        self._fresh_slots.set()

    async def run(self, publisher: Publisher, outbox: Outbox) -> None:
        """Serve until cancelled."""
        count = 0
        while True:
            self._app.beat()
            self.newest = status = self.status(await outbox.backlog(), publisher)
            self._tell_other_systems(status)
            for one in pole_status(status, self._app.sender, self._app.stamp()):
                self._offer(publisher, one)
            heard = publisher.connected.is_set()  # what is dropped must not count as said
            if self._fresh_slots.is_set() or count % SLOT_PERIODS == 0:
                self._fresh_slots.clear()
                for one in (*self._slots(), *(self._new_profile() if heard else ())):
                    self._offer(publisher, one)
            for one in self._weather() if heard else ():
                self._offer(publisher, one)
            count += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STATUS_PERIOD_S):
                    await self._fresh_slots.wait()

    def greeting(self) -> Iterator[Publication]:
        """All of it, at each connection."""
        app = self._app
        yield from pole_status(self.status(0, app.publisher), app.sender, app.stamp())
        self._profile_said = PoleProfile()
        yield from self._new_profile()
        yield from self._slots()
        yield from app.profiles.greeting()
        self._weather_said = (), 0  # said while there was no connection, nobody heard it
        yield from self._weather()

    def status(self, backlog: int, publisher: Publisher | None) -> PoleReport:
        """The whole pole now."""
        app = self._app
        availability, utilisation, reasons = judge(self._reports())
        recorder = app.recorder
        reasons = (
            *reasons,
            *filter(None, [CLOCK.trouble, *app.plugs.troubles(), app.cavc.trouble]),
            *filter(None, [recorder.trouble if recorder else "", publisher.narrow.words if publisher else ""]),
            *(publisher.certificates.troubles() if publisher else ()),
        )
        lags = np.array(publisher.lags_s) if publisher is not None and publisher.lags_s else np.zeros(1)
        sent = publisher.sent if publisher is not None else 0
        rate, self._sent_before = sent - self._sent_before, sent
        return PoleReport(
            alive=True,
            availability=availability,
            utilisation=utilisation,
            reasons=reasons,
            clock_error_s=app.clock_error_s(),
            backlog=backlog,
            tracks=app.tracks,
            publications_per_s=rate / STATUS_PERIOD_S,
            lag_p50_s=float(np.percentile(lags, 50)),
            lag_p99_s=float(np.percentile(lags, 99)),
            started_ns=app.started_ns,
            version=VERSION,
            counters=({f"recorder_{name}": value for name, value in recorder.counters.items()} if recorder else {})
            | app.cavc.counters
            | app.radio.counters
            | (publisher.counters if publisher else {})
            | (app.commands.counters if app.commands else {}),
            certificates=publisher.certificates.held if publisher else {},
        )

    def slot(self, name: str) -> SlotReport:
        """One slot now."""
        one = self._app.supervisors[name]
        return one.keeper.report(asyncio.get_running_loop().time(), one.faults, self._app.plugs.load(name))

    def _reports(self) -> list[SlotReport]:
        return [self.slot(name) for name in self._app.supervisors]

    def _slots(self) -> Iterator[Publication]:
        for one in self._reports():
            yield from slot_status(one, self._app.sender, self._app.stamp())

    def _new_profile(self) -> Iterator[Publication]:
        """What pole and modules are, when that is no longer what was said."""
        app, reports = self._app, self._reports()
        available = judge(reports)[0] == 0
        ranges = self._ranges()
        now = profile.profile(app.config, app.sender, reports, ranges, available=available, site_hash=self._site_hash)
        if now.SerializeToString() != self._profile_said.SerializeToString():  # messages with NaN are never equal
            self._profile_said = now
            yield from profile.said(now, app.sender, app.stamp())

    def _weather(self) -> Iterator[Publication]:
        """What environment modules say, once a minute and when it changes."""
        now_ns = utc_ns()
        told, (before, said_ns) = self._app.pipeline.weather(now_ns), self._weather_said
        if now_ns - said_ns >= WEATHER_PERIOD_S * 1e9 or changed(before, told):
            self._weather_said = told, now_ns
            yield from weather(told, self._app.sender, self._app.stamp())

    def _tell_other_systems(self, status: PoleReport) -> None:
        if self._app.cavc.on:
            self._app.cavc.hear(status, self._reports(), self._ranges())
        self._app.profiles.hear(status, self._reports, utc_ns())

    def _ranges(self) -> dict[str, tuple[DetectionRange, ...]]:
        return {name: ranges_of(one.keeper.session.sheet) for name, one in self._app.supervisors.items()}

    def _offer(self, publisher: Publisher, one: Publication) -> None:
        publisher.offer(one)
        if self._app.recorder is not None:
            self._app.recorder.note(one, utc_ns())
