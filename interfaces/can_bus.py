"""The controller's side of a CAN bus: gives out node-ids, finds modules, carries their frames (PMI §6, CAN binding)."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Final

from interfaces.bus import BusLink
from interfaces.can_node import CanNode
from interfaces.can_port import CanPort, open_port
from interfaces.cyphal import (
    NodeHeartbeat,
    NodeInfo,
    allocation_bytes,
    heartbeat_bytes,
    info_bytes,
    parse_allocation,
    parse_info,
    sync_bytes,
)
from interfaces.errors import LinkError
from interfaces.frame import Frame
from interfaces.message import Message, decode
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import (
    ADDRESS_CONTROLLER,
    CAN_ALLOCATION_SUBJECT,
    CAN_ALLOCATION_SUBJECT_FD,
    CAN_GET_INFO_SERVICE,
    CAN_HEARTBEAT_SUBJECT,
    CAN_NODE_CONTROLLER,
    CAN_SILENCE,
    CAN_SYNC_SUBJECT,
    HEARTBEAT_PERIOD,
    MessageType,
)
from interfaces.transfer import CanFrame, Kind, Transfer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from interfaces.address_table import AddressTable

CONTROLLER_NAME: Final = "jp.smartpole.controller"
CONTROLLER_UID: Final = b"smartpole-contr\1"
SAME_UID_S: Final = 5.0  # two boots of one uid that alternate within this time are two modules


class CanBus:
    """A `Bus` on a CAN interface. `nodes` names what else than modules was heard, by node-id."""

    def __init__(self, url: str, addresses: AddressTable) -> None:
        self._url = url
        self._addresses = addresses
        self._links: dict[int, BusLink] = {}
        self._boots: dict[int, deque[tuple[float, int]]] = {}
        self._heard_at: dict[int, float] = {}
        self._found: Callable[[BusLink], None] = lambda _link: None
        self._faults: Counter[str] = Counter()
        self._end: str | None = None
        self._over = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._port: CanPort | None = None
        self._node: CanNode = CanNode(CAN_NODE_CONTROLLER, fd=False)
        self.nodes: dict[int, NodeInfo | None] = {}

    @property
    def name(self) -> str:
        """The URL it was opened from."""
        return self._url

    @property
    def faults(self) -> Mapping[str, int]:
        """Frames, transfers and the controller chip: what was wrong, by kind."""
        port = self._port.faults if self._port is not None else Counter[str]()
        return self._faults + self._node.wire_faults + port

    @property
    def load(self) -> float:
        """Share of the bus's time in use."""
        return self._port.load if self._port is not None else 0.0

    async def open(self) -> None:
        """Open the interface; raises LinkError."""
        self._port = await open_port(self._url, self._on_frames, self._on_end)
        self._node = CanNode(CAN_NODE_CONTROLLER, fd=self._port.fd)

    async def run(self, found: Callable[[BusLink], None]) -> None:
        """Serve until the interface is gone."""
        self._found = found
        started, previous_us = self._loop.time(), 0
        while self._end is None:
            now = self._loop.time()
            beat = heartbeat_bytes(NodeHeartbeat(round(now - started)))
            self._send(self._node.say(CAN_HEARTBEAT_SUBJECT, beat))
            self._send(self._node.say(CAN_SYNC_SUBJECT, sync_bytes(previous_us), priority=1))
            previous_us = round(now * 1e6)
            self._end_silent(now)
            try:
                async with asyncio.timeout(HEARTBEAT_PERIOD):
                    await self._over.wait()
            except TimeoutError:
                continue
        raise LinkError(self._end)

    async def close(self) -> None:
        """Give the interface back."""
        if self._port is not None:
            self._port.close()

    def _on_frames(self, frames: list[CanFrame]) -> None:
        now = self._loop.time()
        for frame in frames:
            heard = self._node.from_can(frame.id, frame.data, now)
            if isinstance(heard, Frame):
                self._on_frame(heard, now)
            elif heard is not None:
                self._on_regulated(heard, now)

    def _on_frame(self, frame: Frame, now: float) -> None:
        self._heard_at[frame.src] = now
        if frame.type == MessageType.HELLO:
            self._on_hello(frame, now)
        link = self._links.get(frame.src)
        if link is not None:
            link.put([frame])

    def _on_hello(self, frame: Frame, now: float) -> None:
        message = decode(frame)
        if not isinstance(message, Message) or not isinstance(message.body, pb.Hello):
            self._faults["bad_hello"] += 1
            return
        hello, address = message.body, frame.src
        known = self._links.get(address)
        if known is not None and known.ended is None and _who(known.hello) == _who(hello):
            return
        if self._is_second(address, hello, now):
            self._faults["duplicate_uid"] += 1
            if known is not None:
                known.end(f"two modules with the uid {hello.uid.hex()} are on the bus: remove one")
            return
        if known is not None:
            known.end("another module or another boot has its node-id now")
        link = BusLink(f"{self._url}#{address}", hello, address, partial(self._transmit, address))
        self._links[address] = link
        self._found(link)

    def _is_second(self, address: int, hello: pb.Hello, now: float) -> bool:
        boots = self._boots.setdefault(address, deque(maxlen=8))
        while boots and now - boots[0][0] > SAME_UID_S:
            boots.popleft()
        boots.append((now, hello.boot_id))
        runs = [boot for boot, _ in groupby(boot for _, boot in boots)]
        return len(runs) > len(set(runs))  # one boot came, another, and the first again

    def _on_regulated(self, transfer: Transfer, now: float) -> None:
        if transfer.source is not None:
            self._heard_at[transfer.source] = now
        if transfer.kind is Kind.MESSAGE and transfer.port in {CAN_ALLOCATION_SUBJECT, CAN_ALLOCATION_SUBJECT_FD}:
            self._on_allocation(transfer)
        elif transfer.kind is Kind.REQUEST and transfer.port == CAN_GET_INFO_SERVICE:
            self._send(self._node.answer(transfer, info_bytes(NodeInfo(CONTROLLER_UID, CONTROLLER_NAME))))
        elif transfer.kind is Kind.RESPONSE and transfer.port == CAN_GET_INFO_SERVICE and transfer.source is not None:
            self.nodes[transfer.source] = parse_info(transfer.payload)
        elif transfer.port == CAN_HEARTBEAT_SUBJECT and transfer.source not in {None, *self.nodes}:
            self._ask_name(transfer.source)

    def _ask_name(self, node: int | None) -> None:
        if node is not None:
            self.nodes[node] = None
            self._send(self._node.ask(CAN_GET_INFO_SERVICE, b"", node))

    def _on_allocation(self, transfer: Transfer) -> None:
        fd = transfer.port == CAN_ALLOCATION_SUBJECT_FD
        asked = parse_allocation(transfer.payload, fd=fd)
        if asked is None or transfer.source is not None:
            return  # malformed, or another allocator's answer
        key, wish = asked
        try:
            node = self._addresses.address_of(key, wish or 0)
        except LinkError:
            self._faults["no_free_node_id"] += 1
            return
        self._node.drop_node(node)  # it starts anew: its transfer-ids do, too
        self._send(self._node.say(transfer.port, allocation_bytes(key, node)))

    def _transmit(self, address: int, frame: Frame) -> None:
        if self._port is None:
            raise LinkError(f"{self._url}: closed")
        broadcast = frame.session == 0 or frame.type == MessageType.ASSIGN
        self._port.send(self._node.to_can(frame if broadcast else frame._replace(src=ADDRESS_CONTROLLER, dst=address)))

    def _send(self, frames: list[CanFrame]) -> None:
        if self._port is None:
            return
        try:
            self._port.send(frames)
        except LinkError as error:
            self._on_end(str(error))

    def _end_silent(self, now: float) -> None:
        for node, heard_at in list(self._heard_at.items()):
            if now - heard_at > CAN_SILENCE:
                self._forget(node)

    def _forget(self, node: int) -> None:
        self._heard_at.pop(node, None)
        self.nodes.pop(node, None)
        self._node.drop_node(node)
        link = self._links.pop(node, None)
        if link is not None:
            link.end(f"unplugged (no frame for {CAN_SILENCE:g} s)")

    def _on_end(self, reason: str) -> None:
        if self._end is None:
            self._end = reason
            for link in self._links.values():
                link.end("unplugged (the bus is gone)")
            self._over.set()


async def open_can(url: str, addresses: AddressTable) -> CanBus:
    """The bus of `can://socketcan/can0?fd=1` or `can+sim:///path.sock`. Raises LinkError with cause and cure."""
    bus = CanBus(url, addresses)
    await bus.open()
    return bus


def _who(hello: pb.Hello) -> tuple[bytes, int]:
    return hello.uid, hello.boot_id
