"""A CAN interface on the event loop: python-can opens it, an own reader drains it (PMI §6, CAN binding).

python-can's own asyncio notifier waits for ever after a bus error; here an error ends the port with its cause.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

import can

from interfaces.errors import LinkError
from interfaces.transfer import CanFrame
from interfaces.wire_cost import can_frame_s

if TYPE_CHECKING:
    from collections.abc import Callable

DRAIN: Final = 512  # frames a wake-up; then others have their turn
QUEUE_MAX: Final = 4096
RETRY_S: Final = 0.001
BITRATE: Final = 500_000
DATA_BITRATE: Final = 2_000_000
OWN_OPTIONS: Final = frozenset({"fd", "bitrate", "data_bitrate", "uid", "node"})
_LOAD_WINDOW_S: Final = 1.0
_CURES: Final = {
    19: "there is no such interface: is the adapter plugged in?",
    100: "the interface is down: ip link set NAME up type can bitrate 500000",
    97: "this system has no SocketCAN: load the kernel module can-raw",
    22: "the interface does not take such frames: for fd=1 it must carry CAN FD",
    1: "not permitted",
}


class CanPort:
    """`heard(frames)` gets data frames as they come, `ended(reason)` the end of the wire, once. Needs a running loop.

    `faults` counts `bus_off`, `error_passive`, `can_error` and `tx_overflow`.
    """

    def __init__(
        self, bus: can.BusABC, name: str, heard: Callable[[list[CanFrame]], None], ended: Callable[[str], None]
    ) -> None:
        self.name = name
        self.fd, self._bitrate, self._data_bitrate = rates(name)
        self.faults: Counter[str] = Counter()
        self._bus = bus
        self._heard, self._ended = heard, ended
        self._loop = asyncio.get_running_loop()
        self._queue: list[tuple[int, int, CanFrame]] = []
        self._sequence = 0
        self._retry: asyncio.TimerHandle | None = None
        self._open = True
        self._busy_s = self._load = 0.0
        self._load_since = self._loop.time()
        self._fileno = _fileno(bus)
        if self._fileno >= 0:
            self._loop.add_reader(self._fileno, self._drain)
        else:
            threading.Thread(target=self._listen, name=name, daemon=True).start()

    @property
    def load(self) -> float:
        """Share of the bus's time over the last second, from the frames seen and sent."""
        passed_s = self._loop.time() - self._load_since
        if passed_s >= _LOAD_WINDOW_S:
            self._load, self._busy_s, self._load_since = self._busy_s / passed_s, 0.0, self._loop.time()
        return self._load

    def send(self, frames: list[CanFrame]) -> None:
        """Queue frames, highest priority first; LinkError when the wire is gone or does not take them."""
        if not self._open:
            raise LinkError(f"{self.name}: closed")
        if len(self._queue) + len(frames) > QUEUE_MAX:
            self.faults["tx_overflow"] += 1
            raise LinkError(f"{self.name}: {len(self._queue)} frames wait; is there another node to acknowledge them?")
        for frame in frames:
            self._sequence += 1
            heapq.heappush(self._queue, (frame.id >> 26, self._sequence, frame))
        if self._retry is None:
            self._pump()

    def close(self) -> None:
        """Give the interface back; safe to call twice."""
        self._finish("closed")

    def _pump(self) -> None:
        self._retry = None
        while self._open and self._queue:
            frame = self._queue[0][2]
            try:
                self._bus.send(_message(frame, fd=self.fd), timeout=0)
            except can.CanOperationError as error:
                if _is_full(error):
                    self._retry = self._loop.call_later(RETRY_S, self._pump)
                else:
                    self._finish(_cause(error))
                return
            except (can.CanError, OSError, ValueError) as error:
                self._finish(_cause(error))
                return
            heapq.heappop(self._queue)
            self._count(len(frame.data))

    def _drain(self) -> None:
        frames: list[CanFrame] = []
        try:
            while len(frames) < DRAIN and (message := self._bus.recv(0)) is not None:
                if message.is_error_frame:
                    self._on_error_frame(message)
                elif message.is_extended_id and not message.is_remote_frame:
                    frames.append(CanFrame(message.arbitration_id, bytes(message.data)))
        except (can.CanError, OSError, ValueError) as error:
            self._take(frames)
            self._finish(_cause(error))
            return
        self._take(frames)

    def _take(self, frames: list[CanFrame]) -> None:
        for frame in frames:
            self._count(len(frame.data))
        if frames:
            self._heard(frames)

    def _on_error_frame(self, message: can.Message) -> None:
        if message.arbitration_id & 0x40:  # linux/can/error.h: CAN_ERR_BUSOFF
            self.faults["bus_off"] += 1
        elif message.arbitration_id & 0x04 and message.data[1:2] and message.data[1] & 0x30:
            self.faults["error_passive"] += 1
        else:
            self.faults["can_error"] += 1

    def _listen(self) -> None:
        """For backends that have no file to wait for."""
        while self._open:
            try:
                message = self._bus.recv(0.05)
            except (can.CanError, OSError, ValueError) as error:
                self._call(self._finish, _cause(error))
                return
            if message is not None and message.is_extended_id and not message.is_error_frame:
                self._call(self._take, [CanFrame(message.arbitration_id, bytes(message.data))])

    def _call(self, function: Callable[..., None], argument: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: so has this thread
            self._loop.call_soon_threadsafe(function, argument)

    def _count(self, length: int) -> None:
        self._busy_s += can_frame_s(length, self._bitrate, self._data_bitrate)

    def _finish(self, reason: str) -> None:
        if not self._open:
            return
        self._open = False
        if self._fileno >= 0:
            self._loop.remove_reader(self._fileno)
        if self._retry is not None:
            self._retry.cancel()
        with contextlib.suppress(can.CanError, OSError):
            self._bus.shutdown()
        self._ended(f"{self.name}: {reason}")


async def open_port(url: str, heard: Callable[[list[CanFrame]], None], ended: Callable[[str], None]) -> CanPort:
    """The interface that `can://INTERFACE/CHANNEL?fd=1…` or `can+sim:///path.sock` names. Raises LinkError."""
    interface, channel, options = parse_url(url)
    try:
        bus = await asyncio.to_thread(can.Bus, channel, interface, fd=rates(url)[0], **options)
    except (can.CanError, OSError, ValueError, TypeError, ImportError) as error:
        raise LinkError(f"{url}: {_cause(error)}") from error
    return CanPort(bus, url, heard, ended)


def parse_url(url: str) -> tuple[str, str, dict[str, Any]]:
    """python-can's interface, its channel, and the options that are its own. Raises LinkError."""
    parts = urlsplit(url)
    options: dict[str, Any] = {key: value for key, value in parse_qsl(parts.query) if key not in OWN_OPTIONS}
    if parts.scheme == "can+sim":
        return "polesim", parts.netloc + parts.path, options
    if parts.scheme != "can" or not parts.netloc or not parts.path.strip("/"):
        raise LinkError(f"{url}: a CAN interface is can://socketcan/can0?fd=1 or can+sim:///path.sock")
    return parts.netloc, parts.path.strip("/"), options


def rates(url: str) -> tuple[bool, int, int]:
    """(FD?, bit/s, data bit/s or 0) of a URL: `fd=1`, `bitrate=500000`, `data_bitrate=2000000`."""
    query = dict(parse_qsl(urlsplit(url).query))
    fd = query.get("fd", "0") not in {"0", "false", "no"}
    bitrate = _number(query.get("bitrate"), BITRATE)
    return fd, bitrate, _number(query.get("data_bitrate"), DATA_BITRATE) if fd else 0


def _number(text: str | None, usual: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and int(text) else usual


def _fileno(bus: can.BusABC) -> int:
    try:
        return bus.fileno()
    except (NotImplementedError, AttributeError):
        return -1


def _message(frame: CanFrame, *, fd: bool) -> can.Message:
    return can.Message(
        arbitration_id=frame.id, data=frame.data, is_extended_id=True, is_fd=fd, bitrate_switch=fd, check=False
    )


def _is_full(error: can.CanOperationError) -> bool:
    """Whether the interface only has no room now (ENOBUFS, EAGAIN, or python-can's own time-out)."""
    return error.error_code in {105, 11} or "buffer full" in str(error).lower() or "timeout" in str(error).lower()


def _cause(error: Exception) -> str:
    code = getattr(error, "error_code", None) or getattr(error, "errno", None) or 0
    return _CURES.get(code, str(error) or type(error).__name__)
