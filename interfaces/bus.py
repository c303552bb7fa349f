"""A wire with several modules on it: each module that is found becomes a link of its own (PMI §6)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol

from interfaces.errors import LinkError
from interfaces.link import Inbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from interfaces.frame import Frame
    from interfaces.proto import pmi_pb2 as pb


class Bus(Protocol):
    """One open wire with any number of modules.

    A bus never raises on bad bytes: it counts them in `faults`. LinkError ends it, and with it all its links.
    """

    @property
    def name(self) -> str:
        """The URL it was opened from."""
        ...

    @property
    def faults(self) -> Mapping[str, int]:
        """What was wrong on the wire and could not be laid to one module, by kind."""
        ...

    @property
    def load(self) -> float:
        """Share of the wire in use over the last second or so, 0..1."""
        ...

    async def run(self, found: Callable[[BusLink], None]) -> None:
        """Find modules and carry frames until cancelled or, with LinkError, until the wire is gone.

        `found` gets the link of each module that says it is there; its HELLO is the first frame of that link.
        A module that leaves and comes back is found again; its earlier link has ended by then.
        """
        ...

    async def close(self) -> None:
        """Give the wire back; every link ends. Safe to call twice."""
        ...


class BusLink:
    """One module on a bus, as a `Link`. `hello` says who; `transmit` puts a frame on the wire or raises LinkError.

    Only the bus calls `put` and `end`.
    """

    def __init__(self, name: str, hello: pb.Hello, address: int, transmit: Callable[[Frame], None]) -> None:
        self.hello = hello
        self._name = name
        self._address = address
        self._transmit = transmit
        self._faults: Counter[str] = Counter()
        self._inbox = Inbox(self._faults)

    @property
    def name(self) -> str:
        """URL of the bus and the module's address on it."""
        return self._name

    @property
    def address(self) -> int:
        """The module's address on the bus."""
        return self._address

    @property
    def faults(self) -> Counter[str]:
        """What was wrong with this module's bytes; its bus counts here."""
        return self._faults

    @property
    def ended(self) -> str | None:
        """Why the module is gone, or None."""
        return self._inbox.ended

    def put(self, frames: Iterable[Frame]) -> None:
        """Frames from the module."""
        self._inbox.put(list(frames))

    def end(self, reason: str) -> None:
        """The module or its wire is gone."""
        self._inbox.end(f"{self._name}: {reason}")

    async def receive(self) -> list[Frame]:
        """Frames from the module; LinkError when it is gone."""
        return await self._inbox.take()

    def send(self, frame: Frame) -> None:
        """Queue a frame to the module; LinkError when it is gone."""
        if self._inbox.ended is not None:
            raise LinkError(self._inbox.ended)
        self._transmit(frame)

    async def close(self) -> None:
        """Let go of the module; the bus stays."""
        self._inbox.end(f"{self._name}: closed")
