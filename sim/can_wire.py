"""A simulated module's place on a CAN bus: it asks for its node-id, then speaks PMI through it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING, Final

from interfaces.can_node import CanNode
from interfaces.can_port import CanPort, open_port, rates
from interfaces.cyphal import (
    NodeHeartbeat,
    NodeInfo,
    allocation_bytes,
    heartbeat_bytes,
    info_bytes,
    parse_allocation,
    uid_hash,
)
from interfaces.errors import LinkError
from interfaces.frame import Frame
from interfaces.link import Inbox
from interfaces.spec import (
    ADDRESS_FIRST_MODULE,
    CAN_ALLOCATION_SUBJECT,
    CAN_ALLOCATION_SUBJECT_FD,
    CAN_GET_INFO_SERVICE,
    CAN_HEARTBEAT_SUBJECT,
    CAN_NODE_CONTROLLER,
    HEARTBEAT_PERIOD,
)
from interfaces.transfer import CanFrame, Kind, Transfer

if TYPE_CHECKING:
    from collections.abc import Mapping

ASK_PERIOD_S: Final = 0.2


class CanWire:
    """One module on the bus that `url` names; `node` None asks the controller for an id. Plug and unplug at will."""

    def __init__(self, url: str, uid: bytes, name: str = "jp.smartpole.simulated", node: int | None = None) -> None:
        self.link: CanModuleLink | None = None
        self._url, self._uid, self._name, self._fixed = url, uid, name, node

    def plug(self) -> CanModuleLink:
        """Join the bus; frames sent before there is a node-id wait. Needs a running loop."""
        if self.link is None:
            self.link = CanModuleLink(self._url, self._uid, self._name, self._fixed)
        return self.link

    async def unplug(self) -> None:
        """Leave the bus without a word."""
        link, self.link = self.link, None
        if link is not None:
            await link.close()


class CanModuleLink:
    """The module's end: a `Link` whose other end is the controller."""

    def __init__(self, url: str, uid: bytes, name: str, node: int | None) -> None:
        self._url, self._uid, self._info = url, uid, NodeInfo(uid, name)
        self._node = CanNode(node, fd=rates(url)[0])
        self._inbox = Inbox(Counter())
        self._port: CanPort | None = None
        self._loop = asyncio.get_running_loop()
        self._rng = random.Random(uid)
        self._waiting: list[Frame] = []
        self._task = self._loop.create_task(self._live())

    @property
    def name(self) -> str:
        """The bus and the node."""
        return f"{self._url}#{self._node.node}"

    @property
    def address(self) -> int:
        """The node-id."""
        return self._node.node or ADDRESS_FIRST_MODULE

    @property
    def faults(self) -> Mapping[str, int]:
        """What was wrong on the wire."""
        return self._node.wire_faults

    async def receive(self) -> list[Frame]:
        """Frames from the controller."""
        return await self._inbox.take()

    def send(self, frame: Frame) -> None:
        """Send, or keep it until there is a node-id."""
        if self._inbox.ended is not None:
            raise LinkError(self._inbox.ended)
        if self._node.node is None or self._port is None:
            self._waiting = [*self._waiting[-7:], frame]
            return
        self._port.send(self._node.to_can(frame))

    async def close(self) -> None:
        """Leave."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._port is not None:
            self._port.close()
        self._inbox.end("unplugged")

    async def _live(self) -> None:
        started = self._loop.time()
        try:
            self._port = await open_port(self._url, self._on_frames, self._inbox.end)
            while self._node.node is None:
                self._ask_for_node()
                await asyncio.sleep(ASK_PERIOD_S * self._rng.uniform(0.5, 1.5))
            while True:
                beat = heartbeat_bytes(NodeHeartbeat(round(self._loop.time() - started)))
                self._port.send(self._node.say(CAN_HEARTBEAT_SUBJECT, beat))
                await asyncio.sleep(HEARTBEAT_PERIOD)
        except LinkError as error:
            self._inbox.end(str(error))

    @property
    def _allocation(self) -> tuple[int, bytes]:
        fd = self._node.fd
        return (CAN_ALLOCATION_SUBJECT_FD, self._uid) if fd else (CAN_ALLOCATION_SUBJECT, uid_hash(self._uid))

    def _ask_for_node(self) -> None:
        subject, key = self._allocation
        if self._port is not None:
            self._port.send(self._node.say(subject, allocation_bytes(key)))

    def _on_frames(self, frames: list[CanFrame]) -> None:
        now = self._loop.time()
        for frame in frames:
            heard = self._node.from_can(frame.id, frame.data, now)
            if isinstance(heard, Frame):
                if heard.src == CAN_NODE_CONTROLLER:
                    self._inbox.put([heard])
            elif heard is not None:
                self._on_regulated(heard)

    def _on_regulated(self, transfer: Transfer) -> None:
        subject, key = self._allocation
        if transfer.kind is Kind.REQUEST and transfer.port == CAN_GET_INFO_SERVICE and self._port is not None:
            self._port.send(self._node.answer(transfer, info_bytes(self._info)))
        elif transfer.port == subject and transfer.source is not None and self._node.node is None:
            answer = parse_allocation(transfer.payload, fd=self._node.fd)
            if answer is not None and answer[0] == key and answer[1]:
                self._node.node = answer[1]
                waiting, self._waiting = self._waiting, []
                for frame in waiting:
                    self.send(frame)
