"""A CAN bus on a laptop: a hub on a Unix socket with arbitration, bit rate and faults, and its python-can interface.

Lossless where the kernel's virtual buses of user space are not: one datagram is one frame, and a sender waits when the
bus is full, as it does in front of a real controller.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import random
import select
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import can

from interfaces.transfer import CanFrame
from interfaces.wire_cost import can_frame_s

if TYPE_CHECKING:
    from pathlib import Path

QUEUE_FRAMES: Final = 16  # what a controller chip and its driver hold
RECORD: Final = struct.Struct("<IB")
ERROR_FLAG: Final = 1
BUS_OFF: Final = CanFrame(0x40, bytes(8))
ERROR_PASSIVE: Final = CanFrame(0x04, b"\0\x30" + bytes(6))
SLACK_S: Final = 0.002  # how far the bus may run ahead of the clock: timers are no finer


class CanHub:
    """The wire. `bitrate` None is as fast as the machine; of each frame a share `error_rate` is hurt and sent again."""

    def __init__(
        self, path: Path, bitrate: int | None = None, data_bitrate: int = 0, *, error_rate: float = 0.0, seed: int = 1
    ) -> None:
        self.path = path
        self.frames = self.errors = 0
        self.busy_s = 0.0
        self._bitrate, self._data_bitrate = bitrate, data_bitrate
        self.error_rate = error_rate
        self._rng = random.Random(seed)
        self._loop = asyncio.get_running_loop()
        self._nodes: dict[socket.socket, deque[bytes]] = {}
        self._free_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.setblocking(False)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _bind(self._listener, path)
        except OSError:
            self._listener.close()
            raise
        self._listener.listen(128)
        self._loop.add_reader(self._listener, self._accept)

    def close(self) -> None:
        """Take the bus away; its nodes meet the end of the file."""
        if self._timer is not None:
            self._timer.cancel()
        for node in list(self._nodes):
            self._drop(node)
        self._loop.remove_reader(self._listener)
        self._listener.close()
        self.path.unlink(missing_ok=True)

    def show_error(self, frame: CanFrame) -> None:
        """Let every node's controller report `BUS_OFF` or `ERROR_PASSIVE`."""
        for node in list(self._nodes):
            self._write(node, RECORD.pack(frame.id, ERROR_FLAG) + frame.data)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            node, _ = self._listener.accept()
            node.setblocking(False)
            self._nodes[node] = deque()
            self._loop.add_reader(node, self._read, node)

    def _read(self, node: socket.socket) -> None:
        queue = self._nodes[node]
        while len(queue) < QUEUE_FRAMES:
            try:
                record = node.recv(128)
            except BlockingIOError:
                break
            except OSError:
                record = b""
            if not record:
                self._drop(node)
                break
            if len(record) > RECORD.size:
                queue.append(record)
        else:
            self._loop.remove_reader(node)
        if self._timer is None:
            self._pump()

    def _pump(self) -> None:
        self._timer = None
        now = self._loop.time()
        self._free_at = max(self._free_at, now - SLACK_S)
        while self._free_at <= now:
            winner = self._arbitrate()
            if winner is None:
                return
            self._carry(winner)
        self._timer = self._loop.call_at(self._free_at, self._pump)

    def _arbitrate(self) -> socket.socket | None:
        """The node whose first frame has the lowest identifier."""
        ready = [(queue[0][:4][::-1], index, node) for index, (node, queue) in enumerate(self._nodes.items()) if queue]
        return min(ready)[2] if ready else None

    def _carry(self, sender: socket.socket) -> None:
        queue = self._nodes[sender]
        record = queue[0]
        if self._bitrate:
            took_s = can_frame_s(len(record) - RECORD.size, self._bitrate, self._data_bitrate)
            self._free_at += took_s
            self.busy_s += took_s
        if self.error_rate and self._rng.random() < self.error_rate:
            self.errors += 1
            return
        queue.popleft()
        if len(queue) == QUEUE_FRAMES - 1:
            self._loop.add_reader(sender, self._read, sender)
        self.frames += 1
        for node in list(self._nodes):
            if node is not sender:
                self._write(node, record)

    def _write(self, node: socket.socket, record: bytes) -> None:
        try:
            node.send(record)
        except BlockingIOError:
            self.errors += 1  # a node that does not read loses frames, as a full mailbox does
        except OSError:
            self._drop(node)

    def _drop(self, node: socket.socket) -> None:
        if self._nodes.pop(node, None) is not None:
            self._loop.remove_reader(node)
            node.close()


def _bind(listener: socket.socket, path: Path) -> None:
    """Bind, over a socket that nobody serves any more but never over a living hub's. Raises OSError EADDRINUSE."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        if probe.connect_ex(str(path)) == 0:
            raise OSError(errno.EADDRINUSE, "another hub is there")
    path.unlink(missing_ok=True)
    listener.bind(str(path))


class HubBus(can.BusABC):
    """python-can's view of a hub: interface `polesim`, the channel is the socket's path."""

    def __init__(self, channel: str, *, fd: bool = False, **kwargs: Any) -> None:
        self._can_protocol = can.CanProtocol.CAN_FD if fd else can.CanProtocol.CAN_20
        self.channel_info = f"polesim {channel}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._socket.connect(channel)
        except OSError:
            self._socket.close()
            raise
        self._socket.setblocking(False)
        super().__init__(channel, **kwargs)

    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        """One frame onto the bus."""
        record = RECORD.pack(msg.arbitration_id, 0) + bytes(msg.data)
        try:
            self._socket.send(record)
        except BlockingIOError:
            if timeout == 0 or not select.select([], [self._socket], [], timeout)[1]:
                raise can.CanOperationError("Transmit buffer full", 105) from None
            self._socket.send(record)
        except OSError as error:
            raise can.CanOperationError(f"the hub is gone ({error.strerror})", error.errno) from error

    def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:
        if timeout != 0 and not select.select([self._socket], [], [], timeout)[0]:
            return None, False
        try:
            record = self._socket.recv(128)
        except BlockingIOError:
            return None, False
        except OSError as error:
            raise can.CanOperationError(f"the hub is gone ({error.strerror})", error.errno) from error
        if len(record) <= RECORD.size:
            raise can.CanOperationError("the hub is gone")
        identifier, flags = RECORD.unpack_from(record)
        data = record[RECORD.size :]
        is_error = bool(flags & ERROR_FLAG)
        message = can.Message(
            arbitration_id=identifier, data=data, is_extended_id=True, is_error_frame=is_error, check=False
        )
        return message, False

    def fileno(self) -> int:
        """To wait for frames."""
        return int(self._socket.fileno())

    def shutdown(self) -> None:
        """Leave the bus."""
        super().shutdown()
        self._socket.close()
