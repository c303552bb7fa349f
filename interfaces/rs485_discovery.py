"""Finding modules on an RS-485 line: BRANCH, PRESENT, MUTE, again and again in the line's idle time (PMI §6)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from interfaces.branch_search import BranchSearch, within
from interfaces.errors import LinkError
from interfaces.frame import Flag, Frame
from interfaces.message import Message, decode
from interfaces.proto import pmi_pb2 as pb
from interfaces.rs485_turn import Event, LineTurns, Turn, Wrong
from interfaces.spec import (
    ADDRESS_ALL,
    ADDRESS_NONE,
    REQUEST_RETRIES,
    RS485_DUPLICATE_PAUSE,
    RS485_SEARCH_PAUSE,
    RS485_SEARCH_PERIOD,
    MessageType,
)

if TYPE_CHECKING:
    from interfaces.address_table import AddressTable


@dataclass(slots=True)
class OnLine:
    """A module that has an address; `found` once it has said HELLO. Times in s."""

    uid: bytes
    boot_id: int
    since: float
    due: float
    heard_at: float
    found: bool = False
    misses: int = 0
    data_at: float = 0.0  # when data came last, and how often they come (s)
    data_period: float = 0.0
    queue: deque[Frame] = field(default_factory=deque)


class Discovery(LineTurns):
    """Modules by address. They keep the addresses that `addresses` gives them; `baud` says how long frames take."""

    def __init__(self, addresses: AddressTable, baud: int) -> None:
        super().__init__(baud)
        self._addresses = addresses
        self._modules: dict[int, OnLine] = {}
        self._search: BranchSearch | None = None
        self._search_at = 0.0
        self._shared: dict[bytes, float] = {}  # uids of two modules, not asked for again before (s)
        self._events: list[Event] = []
        self._say(MessageType.MUTE, pb.Mute(), ADDRESS_ALL)  # addresses of an earlier controller end here

    def _branch(self) -> None:
        if self._search is None:
            self._shared = {uid: until for uid, until in self._shared.items() if until > self._now}
            self._search = BranchSearch(self._shared)
        search = self._search
        asked = search.range
        assert asked is not None  # noqa: S101 -- a search that is over is dropped at once
        self._ask(MessageType.BRANCH, pb.Branch(lower=asked[0], upper=asked[1]), ADDRESS_ALL)

    def _end_branch(self, *, damaged: bool) -> None:
        search = self._search
        if search is None:
            return
        if damaged:
            search.collided()
        else:
            search.empty()
        if search.noisy:
            self._events.append(Wrong(ADDRESS_NONE, "noise"))
        for uid in search.shared:
            if uid not in self._shared:
                self._shared[uid] = self._now + RS485_DUPLICATE_PAUSE
                self._events.append(Wrong(ADDRESS_NONE, "duplicate_uid"))
        self._pause_search()

    def _pause_search(self) -> None:
        if self._search is None or self._search.range is None:
            self._search = None
            self._search_at = self._now + RS485_SEARCH_PERIOD
        else:
            self._search_at = self._now + (RS485_SEARCH_PAUSE if self._modules else 0.0)

    def _on_present(self, frame: Frame) -> None:
        message = decode(frame)
        asked = self._search.range if self._search is not None else None
        if not isinstance(message, Message) or not isinstance(message.body, pb.Present) or asked is None:
            self._end_branch(damaged=True)
            return
        body = message.body
        if not within(body.uid, *asked):
            self._events.append(Wrong(ADDRESS_NONE, "bad_present"))
            self._end_branch(damaged=False)
            return
        address = self._address_of(body.uid)
        known = self._modules.get(address)
        if known is not None and known.boot_id != body.boot_id:
            self._poll(address, whom=body)
        else:
            self._mute(body, address)

    def _address_of(self, uid: bytes) -> int:
        try:
            return self._addresses.address_of(uid)
        except LinkError:
            self._events.append(Wrong(ADDRESS_NONE, "no_address"))
            return ADDRESS_NONE

    def _mute(self, whom: pb.Present, address: int, *, tries: int = 0) -> None:
        body = pb.Mute(uid=whom.uid, boot_id=whom.boot_id, address=address)
        turn = self._ask(MessageType.MUTE, body, ADDRESS_ALL, Flag.ACK_REQ)
        turn.address, turn.whom, turn.tries = address, whom, tries

    def _on_muted(self, turn: Turn) -> None:
        if turn.whom is None or self._search is None:
            return
        self._search.found(turn.whom.uid)
        self._pause_search()
        if turn.address != ADDRESS_NONE and turn.address not in self._modules:
            now = self._now
            self._modules[turn.address] = OnLine(turn.whom.uid, turn.whom.boot_id, now, now, now)

    def _on_not_muted(self, turn: Turn) -> None:
        assert turn.whom is not None  # noqa: S101 -- every MUTE that waits for its ACK is for somebody
        if turn.tries < REQUEST_RETRIES:
            self._mute(turn.whom, turn.address, tries=turn.tries + 1)
        elif self._search is not None:
            self._search.found(turn.whom.uid, muted=False)
            self._pause_search()

    def _poll(self, address: int, *, whom: pb.Present | None = None) -> None:
        raise NotImplementedError
