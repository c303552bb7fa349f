"""What each command does to the running pole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from controller import credential, log, reload
from controller.audit import Audit
from controller.clock import utc_ns
from controller.command_room import CommandRoom
from controller.commands import Desk
from controller.uplink_mode import UplinkMode
from interfaces.command import KEY_MIN
from interfaces.errors import ConfigError, PoleError
from interfaces.states import SERVING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from controller import commands
    from controller.app import App
    from controller.supervisor import Supervisor

ANSWER_S: Final = 5.0  # for a module
STEP_S: Final = 0.05


class CommandError(PoleError):
    """What was asked cannot be done; the text says why."""


class CommandActions:
    """Every method answers a request with what its response says, or raises CommandError."""

    def __init__(self, app: App) -> None:
        self._app = app

    def room(self, audit: Path) -> CommandRoom:
        """The channel as configured; ConfigError when its key cannot be used."""
        app, section = self._app, self._app.config.commands
        key = credential.secret("commands.key_file", section.key_file) if section.key_file else ""
        if key and len(key) < KEY_MIN:
            raise ConfigError(f"commands.key_file {section.key_file}: the key has fewer than {KEY_MIN} characters")
        return CommandRoom(
            app.sender,
            Desk(app.sender, frozenset(section.allow), key, app.started_ns / 1e9),
            key,
            self.table(),
            Audit(audit),
            utc_ns=utc_ns,
            report=lambda line: app.log.info("command", **line),
        )

    def table(self) -> Mapping[str, Callable[[Any], Awaitable[Mapping[str, Any]]]]:
        """By the name of the command."""
        return {
            "status": self.status,
            "identify": self.identify,
            "self_test": self.self_test,
            "reload": self.reload,
            "log_level": self.log_level,
            "uplink": self.uplink,
        }

    async def status(self, _: commands.Status) -> Mapping[str, Any]:
        """How pole, slots and uplink are: short enough for a narrow uplink."""
        app, one = self._app, self._app.health.newest
        if one is None:
            raise CommandError("the pole is just starting")
        return {
            "version": one.version,
            "availability": one.availability,
            "reasons": one.reasons,
            "tracks": one.tracks,
            "backlog": one.backlog,
            "uptime_s": round((utc_ns() - app.started_ns) / 1e9),
            "slots": {name: str(it.keeper.session.state) for name, it in app.supervisors.items()},
        }

    async def identify(self, asked: commands.Identify) -> Mapping[str, Any]:
        """The module in a slot shows itself (PMI IDENTIFY)."""
        one = self._serving(asked.slot)
        session = one.keeper.session
        before = session.counters["unsupported"], session.counters["unacknowledged"]
        if not one.identify(asked.seconds):
            raise CommandError(f"slot {asked.slot}: its wire is gone")
        async with asyncio.timeout(ANSWER_S):
            while session.awaits_ack:  # noqa: ASYNC110 -- a session has no event
                await asyncio.sleep(STEP_S)
        if not _serves(one) or session.counters["unacknowledged"] != before[1]:
            raise CommandError(f"slot {asked.slot}: the module does not answer")
        await asyncio.sleep(STEP_S)  # one that does not know the message says so right after its acknowledgement
        if session.counters["unsupported"] != before[0]:
            raise CommandError(f"slot {asked.slot}: the module does not support IDENTIFY")
        return {"slot": asked.slot, "seconds": asked.seconds}

    async def self_test(self, asked: commands.SelfTest) -> Mapping[str, Any]:
        """The modules' own verdicts, by slot."""
        slots = [asked.slot] if asked.slot else [name for name, one in self._app.supervisors.items() if _serves(one)]
        if not slots:
            raise CommandError("no module serves")
        told = await asyncio.gather(*(self._tested(slot, self._serving(slot)) for slot in slots))
        return dict(zip(slots, told, strict=True))

    async def reload(self, _: commands.Reload) -> Mapping[str, Any]:
        """pole.toml anew; what cannot change while running is named."""
        app = self._app
        if app.read_config is None:
            raise CommandError("this pole was not started from a pole.toml")
        new = await asyncio.to_thread(app.read_config)  # a large site map takes its time to check
        now, later = reload.differences(app.config, new)
        app.config = reload.merged(app.config, new)
        sections = {key.split(".")[0] for key in now}
        if app.commands is not None:
            app.commands.allow(frozenset(app.config.commands.allow))
        if "uplink" in sections:
            app.uplink_mode = UplinkMode.of(app.config.uplink)
            app.set_uplink()
        if sections & {"hazards", "near_misses"}:
            app.set_thresholds()
        return {"applied": now, "restart_needed_for": later}

    async def log_level(self, asked: commands.LogLevel) -> Mapping[str, Any]:
        """From the next line on."""
        log.set_level(asked.level)
        return {"level": asked.level}

    async def uplink(self, asked: commands.SetUplink) -> Mapping[str, Any]:
        """Takes effect at once."""
        mode = self._app.uplink_mode
        mode.mode = asked.mode
        if asked.bytes_per_s is not None:
            mode.bytes_per_s = asked.bytes_per_s
        return {"mode": mode.mode, "bytes_per_s": mode.bytes_per_s, "now": self._app.set_uplink() or "full uplink"}

    def _serving(self, slot: str) -> Supervisor:
        one = self._app.supervisors.get(slot)
        if one is None:
            raise CommandError(f"there is no slot {slot!r}; there are {', '.join(self._app.supervisors)}")
        if not _serves(one):
            raise CommandError(f"slot {slot} is {one.keeper.session.state}: no module serves it")
        return one

    async def _tested(self, slot: str, one: Supervisor) -> Mapping[str, Any]:
        keeper = one.keeper
        keeper.tested, before = None, keeper.session.counters["unsupported"]
        if not one.self_test():
            return {"passed": False, "detail": f"slot {slot}: its wire is gone"}
        for _ in range(round(ANSWER_S / STEP_S)):
            await asyncio.sleep(STEP_S)
            if keeper.tested is not None:
                return {"passed": keeper.tested.passed, "detail": keeper.tested.detail}
            if keeper.session.counters["unsupported"] != before:
                return {"passed": None, "detail": "the module does not support SELF_TEST"}
        return {"passed": None, "detail": f"no verdict within {ANSWER_S:g} s"}


def _serves(one: Supervisor) -> bool:
    return one.keeper.session.state in SERVING
