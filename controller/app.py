"""The composition root: one task group that joins slots, pipeline and publisher."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from controller import systemd
from controller.address_book import AddressBook
from controller.binding import Place
from controller.cavc_uploader import CavcUploader
from controller.clock import CLOCK, utc_ns
from controller.command_actions import CommandActions
from controller.gate import Gate
from controller.health import judge
from controller.outbox import Outbox
from controller.pipeline import Pipeline
from controller.plugs import Plugs
from controller.profiles import Profiles
from controller.publication.cavc.sensor_info import ranges_of
from controller.publication.profile import profile
from controller.publication.publication import Publication, Stamp
from controller.publication.slots import slot_status
from controller.publication.status import farewell, pole_status, will
from controller.publication.voice import Voice, sender_of
from controller.publication.weather import PERIOD_S as WEATHER_PERIOD_S
from controller.publication.weather import changed, weather
from controller.publisher import Publisher
from controller.radio_room import RadioRoom
from controller.recorder import Recorder
from controller.served import Served
from controller.sheet_cache import DirectorySheetCache
from controller.slot import PoleReport
from controller.slot_keeper import SlotKeeper
from controller.supervisor import Supervisor
from controller.trust import TrustStore
from controller.uplink_mode import UplinkMode, reported_bps
from interfaces.errors import ConfigError
from interfaces.states import SERVING, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from controller.config import Config
    from controller.hazard.surroundings import Weather
    from controller.site import Site
    from controller.slot import SlotReport

VERSION: Final = "0.1.0"
STATUS_PERIOD_S: Final = 1.0
EARLIEST, LATEST = 0.85, 1.5  # periods from one tick to the next: after the first message in between
SEATED: Final = frozenset({State.PRESENT, State.IDENTIFYING, *SERVING})
FRAMES_A_TURN: Final = 4  # messages fused in one go; then links and timers have their turn
SLOT_PERIODS: Final = 5  # slots are said on change and every fifth status


class App:
    """A whole pole. `run` ends only when cancelled. A site map is recorded as text: without it nothing is."""

    def __init__(
        self,
        config: Config,
        site: Site,
        state_dir: Path,
        log: Any,
        site_text: str = "",
        read_config: Callable[[], Config] | None = None,
    ) -> None:
        self.config, self.log = config, log
        self.site, self.read_config = site, read_config
        try:
            state_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"pole.state_dir: {state_dir} cannot be made: {error.strerror}") from None
        self.recorder: Recorder | None = None
        if config.recorder.on and (site_text or not (site.lanes or site.areas)):
            self.recorder = Recorder(config, site, site_text, state_dir / "recordings", VERSION)
        self.pipeline = self.recorder.pipeline if self.recorder is not None else Pipeline(config, site)
        trusted = TrustStore(state_dir / "trust")
        trusted.check()
        gate = Gate(trusted, config.trust)
        served, sheets = Served(state_dir / "served.json"), DirectorySheetCache(state_dir / "sheets")
        self.plugs = Plugs(
            {name: slot.port for name, slot in config.slot.items() if slot.port},
            AddressBook(state_dir / "addresses.json"),
            places=self._places,
            report=lambda event, text: log.info(event, detail=text),
        )
        self._served = served
        self.radio = RadioRoom(config, self.pipeline, report=lambda text: log.error("radio", detail=text))
        self.supervisors = {
            name: Supervisor(
                SlotKeeper(
                    name,
                    config.slot[name],
                    self.pipeline,
                    sheets=sheets,
                    served=served,
                    serving=self._serving,
                    cost=port.cost,
                    neighbours=partial(self._shares, name),
                    gate=gate,
                    hear=self.radio.hear,
                ),
                partial(self.plugs.arrive, name),
                utc_ns=utc_ns,
                report=partial(_report, log.bind(slot=name)),
                changed=self._slots_changed,
                moved=self._moved,
            )
            for name, port in self.plugs.ports.items()
        }
        self.radio.serve(self.supervisors, {name: port.cost for name, port in self.plugs.ports.items()})
        self._outbox_path = state_dir / "outbox.db"
        self.uplink_mode = UplinkMode.of(config.uplink)
        self.sender = sender_of(config)
        self.started_ns = utc_ns()
        self._sequence = self.started_ns // 1_000_000  # grows over restarts: keys of events stay unique
        self._voice = Voice(self.sender, self._stamp)
        self.cavc = CavcUploader(
            config,
            self.sender,
            state_dir / "cavc.db",
            utc_ns=utc_ns,
            report=lambda text: log.info("cavc", detail=text),
        )
        self.profiles = Profiles(
            config,
            self.sender,
            state_dir,
            version=VERSION,
            site_text=site_text,
            report=lambda text: log.info("profiles", detail=text),
        )
        self.commands = CommandActions(self).room(state_dir / "audit.jsonl") if config.commands.on else None
        self.said: PoleReport | None = None  # the newest status
        self._weather_said: tuple[Weather, int] = (), 0
        self._tracks = 0
        self._progressed = False  # since the watchdog was fed last
        self._sent_before = 0
        self._fresh_slots = asyncio.Event()
        self._arrived = asyncio.Event()
        self._newest_ns = 0
        self._publisher: Publisher | None = None

    async def run(self) -> None:
        """Serve until cancelled."""
        mqtt, pole = self.config.mqtt, self.config.pole
        async with Outbox(self._outbox_path, utc_ns) as outbox, self.cavc:
            self._publisher = publisher = Publisher(
                mqtt,
                f"pole-{pole.service_location_id}-{pole.roadside_unit_id}",
                outbox,
                utc_ns=utc_ns,
                greeting=self._greeting,
                will=lambda: will(self.sender, self._stamp()),
                farewell=lambda: farewell(self.sender, self._stamp(), "the pole was stopped"),
                report=lambda text: self.log.info("broker", detail=text),
            )
            publisher.commands = self.commands
            self.set_uplink()
            try:
                async with asyncio.TaskGroup() as group:
                    self.plugs.start(group)
                    for name, supervisor in self.supervisors.items():
                        group.create_task(supervisor.run(), name=f"slot {name}")
                    group.create_task(publisher.run(), name="publisher")
                    group.create_task(publisher.certificates.run(), name="certificates")
                    group.create_task(self.radio.open(), name="radio")
                    group.create_task(self.cavc.run(), name="cavc")
                    group.create_task(self._tick(publisher), name="tick")
                    group.create_task(self._say_status(publisher, outbox), name="status")
                    self.profiles.foxglove.open()
                    systemd.notify("READY=1")
            finally:
                self.profiles.foxglove.close()
                if self.recorder is not None:
                    self.recorder.close(utc_ns())

    async def _tick(self, publisher: Publisher) -> None:
        period_s = 1 / self.config.publish.objects_rate_hz
        while True:
            await asyncio.sleep(EARLIEST * period_s)
            await self._until_fresh(period_s)
            try:
                await self._say_road(publisher)
            except Exception as error:  # noqa: BLE001 -- one picture that cannot be drawn must not end the pole
                self.log.error("tick_failed", detail=f"{type(error).__name__}: {error}")
                if self.recorder is not None:
                    self.recorder.lost()

    async def _say_road(self, publisher: Publisher) -> None:
        now_ns = utc_ns()
        while self.pipeline.advance(now_ns, FRAMES_A_TURN):  # noqa: ASYNC110 -- work in portions, nothing is awaited
            await asyncio.sleep(0)
        tracks = self.pipeline.look(now_ns)
        self._tracks = len(tracks.objects)
        newest = self.pipeline.newest_arrival_ns if self._arrived.is_set() else 0
        picture = self._voice.objects(tracks)
        for index, one in enumerate(picture.publications):
            publisher.offer(one, newest if index == 0 else 0)
        await asyncio.sleep(0)  # the objects leave before they are judged
        judged = self.pipeline.judge(tracks)
        events = list(self._voice.events(judged))
        if self.recorder is not None:
            self.recorder.picture(now_ns, self._voice, (picture, *events))
        for one in (one for event in events for one in event.publications):
            await publisher.keep(one)
        for derived in self.profiles.see(judged, events):
            publisher.offer(derived.publication, stream=derived.stream)
        await self.radio.say(tracks, judged.hazards)
        self.cavc.see(tracks)
        for one in (one for event in events for one in event.publications):
            await self.cavc.keep(one)
        self._progressed = True

    async def _until_fresh(self, period_s: float) -> None:
        """In step with fusion, not on a free timer: a tick comes right after a message, or late when none comes."""
        self._arrived.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout((LATEST - EARLIEST) * period_s):  # wait_for of 3.11 can swallow a cancellation
                await self._arrived.wait()

    def _moved(self) -> None:
        if self.pipeline.newest_arrival_ns > self._newest_ns:  # detections, not a heartbeat
            self._newest_ns = self.pipeline.newest_arrival_ns
            self._arrived.set()

    async def _say_status(self, publisher: Publisher, outbox: Outbox) -> None:
        count = 0
        while True:
            self.set_uplink()
            self.said = status = self._status(await outbox.backlog(), publisher)
            self._tell_cavc(status)
            self.profiles.hear(status, self._slot_reports, utc_ns())
            for one in pole_status(status, self.sender, self._stamp()):
                self._offer(publisher, one)
            if self._fresh_slots.is_set() or count % SLOT_PERIODS == 0:
                self._fresh_slots.clear()
                for one in self._slots():
                    self._offer(publisher, one)
            for one in self._weather():
                self._offer(publisher, one)
            while self.recorder is not None and self.recorder.told:
                self.log.info("recorder", detail=self.recorder.told.popleft())
            if self._progressed:
                self._progressed = False
                systemd.notify("WATCHDOG=1")
            count += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STATUS_PERIOD_S):
                    await self._fresh_slots.wait()

    def set_thresholds(self) -> None:
        """Judge by the present configuration."""
        if self.recorder is not None:
            self.recorder.set_thresholds(self.config, self.site)
        else:
            self.pipeline.set_thresholds(self.config)

    def set_uplink(self) -> str:
        """Decide how the pole publishes; words for a narrow uplink, else empty."""
        if self._publisher is None:
            return ""
        way = self._publisher.narrow
        readings = (one.keeper.reading for one in self.supervisors.values() if one.keeper.uid)
        before = way.words
        way.set_budget(self.uplink_mode.decide(reported_bps(readings), asyncio.get_running_loop().time()))
        if way.words != before:
            self.log.info("uplink", detail=way.words or "full uplink: everything is said")
            self._fresh_slots.set()  # the status says so at once
        return way.words

    def _tell_cavc(self, status: PoleReport) -> None:
        if self.cavc.on:
            ranges = {name: ranges_of(one.keeper.session.sheet) for name, one in self.supervisors.items()}
            self.cavc.hear(status, self._slot_reports(), ranges)

    def _offer(self, publisher: Publisher, health: Publication) -> None:
        publisher.offer(health)
        if self.recorder is not None:
            self.recorder.note(health, utc_ns())

    def _status(self, backlog: int, publisher: Publisher | None) -> PoleReport:
        recorder = self.recorder
        reports = self._slot_reports()
        availability, utilisation, reasons = judge(reports)
        reasons = (
            *reasons,
            *filter(None, [CLOCK.trouble, *self.plugs.troubles(), self.cavc.trouble]),
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
            clock_error_s=self._clock_error_s(),
            backlog=backlog,
            tracks=self._tracks,
            publications_per_s=rate / STATUS_PERIOD_S,
            lag_p50_s=float(np.percentile(lags, 50)),
            lag_p99_s=float(np.percentile(lags, 99)),
            started_ns=self.started_ns,
            version=VERSION,
            counters=({f"recorder_{name}": value for name, value in recorder.counters.items()} if recorder else {})
            | self.cavc.counters
            | self.radio.counters
            | (publisher.counters if publisher else {})
            | (self.commands.counters if self.commands else {}),
            certificates=publisher.certificates.held if publisher else {},
        )

    def _slots(self) -> Iterator[Publication]:
        now = asyncio.get_running_loop().time()
        for name in self.supervisors:
            yield from slot_status(self._slot(name, now), self.sender, self._stamp())

    def _weather(self) -> Iterator[Publication]:
        """What environment modules say, once a minute and when it changes."""
        now_ns = utc_ns()
        told, (before, said_ns) = self.pipeline.weather(now_ns), self._weather_said
        if now_ns - said_ns >= WEATHER_PERIOD_S * 1e9 or changed(before, told):
            self._weather_said = told, now_ns
            yield from weather(told, self.sender, self._stamp())

    def _slot_reports(self) -> list[SlotReport]:
        now = asyncio.get_running_loop().time()
        return [self._slot(name, now) for name in self.supervisors]

    def _slot(self, name: str, now: float) -> SlotReport:
        one = self.supervisors[name]
        return one.keeper.report(now, one.faults, self.plugs.load(name))

    def _greeting(self) -> Iterator[Publication]:
        yield from pole_status(self._status(0, self._publisher), self.sender, self._stamp())
        yield from profile(self.config, self.sender, self._stamp())
        yield from self._slots()
        yield from self.profiles.greeting()
        self._weather_said = (), 0  # said while there was no connection, nobody heard it
        yield from self._weather()

    def _stamp(self) -> Stamp:
        self._sequence += 1
        return Stamp(self._sequence, utc_ns(), self._clock_error_s())

    def _clock_error_s(self) -> float:
        """The pole's own doubt and that of the worst clock among the serving modules."""
        return max([CLOCK.error_s, *(one.keeper.clock_error_s for one in self.supervisors.values())])

    def _serving(self, but: str) -> set[bytes]:
        uids = {one.keeper.uid for name, one in self.supervisors.items() if name != but}
        return uids - {b""}

    def _shares(self, name: str) -> list[float]:
        return [self.supervisors[one].keeper.granted for one in self.plugs.neighbours(name)]

    def _places(self, wire: str) -> list[Place]:
        """The slots of a shared wire and who sits in them."""
        found = []
        for name, port in self.plugs.ports.items():
            if port.wire == wire:
                session = self.supervisors[name].keeper.session
                hello = session.hello if session.state in SEATED else None
                found.append(
                    Place(
                        name,
                        str(self.config.slot[name].module_class),
                        port.uid,
                        port.address,
                        self._served.get(name) or b"",
                        hello.uid if hello is not None else b"",
                    )
                )
        return found

    def _slots_changed(self) -> None:
        self.plugs.look_again()
        self._fresh_slots.set()


def _report(log: Any, event: str, detail: str) -> None:
    log.info(event, detail=detail)
