"""The life of a module in one table: `(state, cause) → state`; a missing key is the protocol error (PMI §4)."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(StrEnum):
    """What the controller holds of one module."""

    ABSENT = "ABSENT"
    PRESENT = "PRESENT"
    IDENTIFYING = "IDENTIFYING"
    REJECTED = "REJECTED"
    PROBATION = "PROBATION"
    ACTIVE = "ACTIVE"
    DEGRADED = "DEGRADED"
    LOST = "LOST"
    GONE = "GONE"


class Cause(StrEnum):
    """What can happen to a module: its messages in capitals, our decisions and timers in small letters."""

    HELLO = "HELLO"
    SHEET_CHUNK = "SHEET_CHUNK"
    ACTIVATED = "ACTIVATED"
    HEARTBEAT = "HEARTBEAT"
    PONG = "PONG"
    TIME_REPLY = "TIME_REPLY"
    SELF_TEST_RESULT = "SELF_TEST_RESULT"
    UNSUPPORTED = "UNSUPPORTED"
    GOODBYE = "GOODBYE"
    AUTH_REPLY = "AUTH_REPLY"
    AUTH_DONE = "AUTH_DONE"
    DATA = "data"
    ASSIGN = "assign"
    GRANT = "grant"
    GRANT_ON_PROBATION = "grant on probation"
    REJECT = "reject"
    PROMOTE = "promote"
    DEGRADE = "degrade"
    RESTORE = "restore"
    REBOOT = "boot_id changed"
    SILENCE = "silence"
    REVIVE = "valid frame again"
    UNPLUG = "unplug"
    CLOSE = "close"


SERVING: Final = (State.PROBATION, State.ACTIVE, State.DEGRADED)
_TALKING: Final = (State.PRESENT, State.IDENTIFYING, *SERVING)


def _to(state: State, cause: Cause, *sources: State) -> dict[tuple[State, Cause], State]:
    return {(source, cause): state for source in sources}


def _stay(cause: Cause, *states: State) -> dict[tuple[State, Cause], State]:
    return {(state, cause): state for state in states}


TRANSITIONS: Final[Mapping[tuple[State, Cause], State]] = MappingProxyType(
    {
        **_to(State.PRESENT, Cause.HELLO, *State),
        **_to(State.IDENTIFYING, Cause.ASSIGN, State.PRESENT),
        **_to(State.IDENTIFYING, Cause.REVIVE, State.LOST),
        **_stay(Cause.SHEET_CHUNK, State.IDENTIFYING),
        **_stay(Cause.AUTH_REPLY, State.IDENTIFYING),
        **_stay(Cause.AUTH_DONE, State.IDENTIFYING, *SERVING),
        **_stay(Cause.ACTIVATED, State.IDENTIFYING, *SERVING),
        **_to(State.ACTIVE, Cause.GRANT, State.IDENTIFYING),
        **_to(State.PROBATION, Cause.GRANT_ON_PROBATION, State.IDENTIFYING),
        **_to(State.ACTIVE, Cause.PROMOTE, State.PROBATION),
        **_to(State.DEGRADED, Cause.DEGRADE, State.ACTIVE, State.DEGRADED),
        **_to(State.ACTIVE, Cause.RESTORE, State.DEGRADED, State.ACTIVE),
        **_stay(Cause.DEGRADE, State.PROBATION),
        **_stay(Cause.RESTORE, State.PROBATION),
        **_stay(Cause.DATA, *SERVING),
        **_stay(Cause.HEARTBEAT, State.IDENTIFYING, *SERVING),
        **_stay(Cause.PONG, *SERVING),
        **_stay(Cause.TIME_REPLY, State.IDENTIFYING, *SERVING),
        **_stay(Cause.SELF_TEST_RESULT, *SERVING),
        **_stay(Cause.UNSUPPORTED, State.IDENTIFYING, *SERVING),
        **_to(State.REJECTED, Cause.REJECT, *_TALKING),
        **_to(State.PRESENT, Cause.REBOOT, *SERVING, State.IDENTIFYING),
        **_to(State.LOST, Cause.SILENCE, *_TALKING),
        **_to(State.LOST, Cause.UNPLUG, *_TALKING, State.LOST),
        **_to(State.ABSENT, Cause.UNPLUG, State.ABSENT, State.REJECTED),
        **_stay(Cause.UNPLUG, State.GONE),
        **_to(State.GONE, Cause.GOODBYE, State.IDENTIFYING, *SERVING, State.REJECTED, State.LOST),
        **_to(State.GONE, Cause.CLOSE, *State),
    }
)


def diagram() -> str:
    """The table as a Mermaid state diagram; causes that leave a state as it is are left out."""
    arrows: dict[tuple[State, State], list[Cause]] = {}
    for (source, cause), target in TRANSITIONS.items():
        if source is not target:
            arrows.setdefault((source, target), []).append(cause)
    lines = ["stateDiagram-v2", f"    [*] --> {State.ABSENT}"]
    order = list(State)
    for source, target in sorted(arrows, key=lambda pair: (order.index(pair[0]), order.index(pair[1]))):
        lines.append(f"    {source} --> {target}: {', '.join(arrows[source, target])}")
    return "\n".join(lines) + "\n"


def document() -> str:
    """The text of `docs/pmi/states.md`."""
    head = f"| cause | {' | '.join(State)} |\n|---{'|---' * len(State)}|\n"
    rows = "".join(
        f"| {cause} | {' | '.join(TRANSITIONS.get((state, cause), '') for state in State)} |\n" for cause in Cause
    )
    return (
        "# States of a module / モジュールの状態\n\n"
        "Generated from the table in `interfaces/states.py` (`python -m interfaces.states`); PMI §4.\n"
        "この図と表は `interfaces/states.py` の表から生成される。\n\n"
        f"```mermaid\n{diagram()}```\n\n"
        "An empty cell is a protocol error: the message is counted, reported and dropped; the state stays.\n"
        "空欄はプロトコル違反であり、計数・報告のうえ破棄し、状態は変わらない。\n\n" + head + rows
    )


if __name__ == "__main__":
    print(document(), end="")  # noqa: T201 -- the documentation build reads it from standard output
