"""The composition root: one task group that joins slots, pipeline and publisher."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from controller import systemd
from controller.address_book import AddressBook
from controller.binding import Place
from controller.cavc_uploader import CavcUploader
from controller.clock import CLOCK, utc_ns
from controller.command_actions import CommandActions
from controller.gate import Gate
from controller.health_voice import VERSION, HealthVoice
from controller.outbox import Outbox
from controller.pipeline import Pipeline
from controller.plugs import Plugs
from controller.profiles import Profiles
from controller.publication.publication import Stamp
from controller.publication.status import farewell, will
from controller.publication.voice import Voice, sender_of
from controller.publisher import Publisher
from controller.radio_room import RadioRoom
from controller.recorder import Recorder
from controller.served import Served
from controller.sheet_cache import DirectorySheetCache
from controller.slot_keeper import SlotKeeper
from controller.supervisor import Supervisor
from controller.trust import TrustStore
from controller.uplink_mode import UplinkMode, reported_bps
from interfaces.errors import ConfigError
from interfaces.states import SERVING, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from controller.config import Config
    from controller.publication.voice import Statement
    from controller.site import Site

EARLIEST, LATEST = 0.85, 1.5  # periods from one tick to the next: after the first message in between
SEATED: Final = frozenset({State.PRESENT, State.IDENTIFYING, *SERVING})
TWIN_WAITS_S: Final = 0.01  # for events to leave; a slow disk takes longer
FRAMES_A_TURN: Final = 4  # messages fused in one go; then links and timers have their turn


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
        self._voice = Voice(self.sender, self.stamp)
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
        self.health = HealthVoice(self, hashlib.sha256(site_text.encode()).hexdigest() if site_text else "")
        self.tracks = 0  # in the newest picture
        self.progressed = False  # since the watchdog was fed last
        self._arrived = asyncio.Event()
        self._newest_ns = 0
        self.publisher: Publisher | None = None

    async def run(self) -> None:
        """Serve until cancelled."""
        mqtt, pole = self.config.mqtt, self.config.pole
        async with Outbox(self._outbox_path, utc_ns) as outbox, self.cavc:
            self.publisher = publisher = Publisher(
                mqtt,
                f"pole-{pole.service_location_id}-{pole.roadside_unit_id}",
                outbox,
                utc_ns=utc_ns,
                greeting=self.health.greeting,
                will=lambda: will(self.sender, self.stamp()),
                farewell=lambda: farewell(self.sender, self.stamp(), "the pole was stopped"),
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
                    group.create_task(self.health.run(publisher, outbox), name="status")
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
            self._arrived.clear()
            try:
                await self._fuse(utc_ns())  # so that only the newest message is left to do once it is there
                await self._until_fresh(period_s)
                await self._say_road(publisher)
            except Exception as error:  # noqa: BLE001 -- one picture that cannot be drawn must not end the pole
                self.log.error("tick_failed", detail=f"{type(error).__name__}: {error}")
                if self.recorder is not None:
                    self.recorder.lost()

    async def _say_road(self, publisher: Publisher) -> None:
        now_ns = utc_ns()
        await self._fuse(now_ns)
        tracks = self.pipeline.look(now_ns)
        self.tracks = len(tracks.objects)
        newest = self.pipeline.newest_arrival_ns if self._arrived.is_set() else 0
        saying = self._voice.objects(tracks)
        said = [next(saying)]
        _offer(publisher, said, newest)
        judged = self.pipeline.judge(tracks)
        events = list(self._voice.events(judged))
        keeping = asyncio.gather(*(publisher.keep(one) for event in events for one in event.publications))
        try:
            if events:  # in their order, in one write to the disk; they leave before the twin of the objects is made
                await asyncio.wait([keeping], timeout=TWIN_WAITS_S)
            twins = list(saying)
            _offer(publisher, twins)
            if self.recorder is not None:
                self.recorder.picture(now_ns, self._voice, (*said, *events, *twins))
        finally:
            await keeping
        for derived in self.profiles.see(judged, events, heard=publisher.heard):
            publisher.offer(derived.publication, stream=derived.stream)
        await self.radio.say(tracks, judged.hazards)
        self.cavc.see(tracks)
        for one in (one for event in events for one in event.publications):
            await self.cavc.keep(one)
        self.progressed = True

    async def _fuse(self, now_ns: int) -> None:
        while self.pipeline.advance(now_ns, FRAMES_A_TURN):  # noqa: ASYNC110 -- work in portions, nothing is awaited
            await asyncio.sleep(0)

    async def _until_fresh(self, period_s: float) -> None:
        """In step with fusion, not on a free timer: a tick comes right after a message, or late when none comes."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout((LATEST - EARLIEST) * period_s):  # wait_for of 3.11 can swallow a cancellation
                await self._arrived.wait()

    def _moved(self) -> None:
        if self.pipeline.newest_arrival_ns > self._newest_ns:  # detections, not a heartbeat
            self._newest_ns = self.pipeline.newest_arrival_ns
            self._arrived.set()

    def beat(self) -> None:
        """Once a second: what is due beside the road."""
        self.set_uplink()
        while self.recorder is not None and self.recorder.told:
            self.log.info("recorder", detail=self.recorder.told.popleft())
        if self.progressed:
            self.progressed = False
            systemd.notify("WATCHDOG=1")

    def set_thresholds(self) -> None:
        """Judge by the present configuration."""
        if self.recorder is not None:
            self.recorder.set_thresholds(self.config, self.site)
        else:
            self.pipeline.set_thresholds(self.config)

    def set_uplink(self) -> str:
        """Decide how the pole publishes; words for a narrow uplink, else empty."""
        if self.publisher is None:
            return ""
        way = self.publisher.narrow
        readings = (one.keeper.reading for one in self.supervisors.values() if one.keeper.uid)
        before = way.words
        way.set_budget(self.uplink_mode.decide(reported_bps(readings), asyncio.get_running_loop().time()))
        if way.words != before:
            self.log.info("uplink", detail=way.words or "full uplink: everything is said")
            self.health.changed()  # the status says so at once
        return way.words

    def stamp(self) -> Stamp:
        """The next number, now."""
        self._sequence += 1
        return Stamp(self._sequence, utc_ns(), self.clock_error_s())

    def clock_error_s(self) -> float:
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
        self.health.changed()


def _report(log: Any, event: str, detail: str) -> None:
    log.info(event, detail=detail)


def _offer(publisher: Publisher, statements: Iterable[Statement], measured_at_ns: int = 0) -> None:
    for statement in statements:
        for one in statement.publications:
            publisher.offer(one, measured_at_ns)
