"""The suite's end of the wire: a controller that captures everything, on any byte stream."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from interfaces.errors import LinkError
from interfaces.frame import Frame, encode
from interfaces.message import Message, decode
from interfaces.message import encode as encode_message
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import ADDRESS_ALL, ADDRESS_CONTROLLER, ADDRESS_FIRST_MODULE, SPEC_VERSION, MessageType

if TYPE_CHECKING:
    from collections.abc import Callable

    from interfaces.fd_link import FdLink

SESSION: Final = 0x5A01
SEEK_S: Final = 6.0  # a module that lost its controller says HELLO again within 3 s; twice that is patience


@dataclass(frozen=True, slots=True)
class Heard:
    """A frame from the module, `at` loop seconds."""

    at: float
    frame: Frame

    @property
    def body(self) -> Any:
        """Its decoded payload, None when it cannot be read."""
        message = decode(self.frame)
        return message.body if isinstance(message, Message) else None


class Failed(Exception):  # noqa: N818 -- a verdict
    """The module did not do what the requirement says."""

    def __init__(self, expected: str, actual: str) -> None:
        super().__init__(f"expected {expected}, got {actual}")
        self.expected, self.actual = expected, actual


class Inconclusive(Exception):  # noqa: N818 -- a verdict
    """The case could not be carried out so far that it means something."""


class Probe:
    """Speaks to the module under test; `heard` holds all it ever said."""

    def __init__(self, link: FdLink) -> None:
        self.link = link
        self.heard: list[Heard] = []
        self.hello: pb.Hello | None = None
        self.session = SESSION
        self._seq = 0
        self._fresh = asyncio.Event()
        self._ended = ""

    @property
    def now(self) -> float:
        """Loop time in s."""
        return asyncio.get_running_loop().time()

    async def listen(self) -> None:
        """Capture until the wire ends."""
        while True:
            try:
                frames = await self.link.receive()
            except LinkError as error:
                self._ended = str(error)
                self._fresh.set()
                return
            self.heard += [Heard(self.now, frame) for frame in frames]
            self._fresh.set()

    def say(self, kind: int, body: Any, *, session: int | None = None, to_all: bool = False) -> bytes:
        """Send a message; returns the bytes that went out."""
        wire = self.wire(kind, body, session=session, to_all=to_all)
        self.link.send_bytes(wire)
        return wire

    def wire(self, kind: int, body: Any, *, session: int | None = None, to_all: bool = False) -> bytes:
        """The bytes of a message, not sent."""
        self._seq += 1
        dst = ADDRESS_ALL if to_all else ADDRESS_FIRST_MODULE
        at = self.session if session is None else session
        if kind not in set(MessageType):
            return encode(Frame(kind, body, ADDRESS_CONTROLLER, dst, at, self._seq))
        frame = encode_message(Message(MessageType(kind), body, ADDRESS_CONTROLLER, dst, at, self._seq))
        return encode(frame)

    async def hear(
        self, kind: MessageType, within_s: float, *, since: int | None = None, like: Callable[[Any], bool] | None = None
    ) -> Heard | None:
        """The first message of `kind` at or after index `since` (default: from now on), None when none comes."""
        index = len(self.heard) if since is None else since
        end = self.now + within_s
        while True:
            for one in self.heard[index:]:
                if one.frame.type == kind and (like is None or like(one.body)):
                    return one
            index = len(self.heard)
            if self._ended:
                raise Inconclusive(self._ended)
            self._fresh.clear()
            try:
                async with asyncio.timeout_at(end):
                    await self._fresh.wait()
            except TimeoutError:
                return None

    async def find(self) -> pb.Hello:
        """A HELLO of the module, unaddressed. Ends a session that may be under way."""
        mark = len(self.heard)
        self.say(MessageType.GOODBYE, pb.Goodbye(reason=pb.RESTART))
        found = await self.hear(MessageType.HELLO, SEEK_S, since=mark)
        if found is None or not isinstance(found.body, pb.Hello):
            raise Inconclusive(f"the module said no HELLO within {SEEK_S:g} s")
        self.hello = found.body
        return found.body

    async def address(self) -> pb.Hello:
        """Find the module and open a session."""
        hello = await self.find()
        self.session = self.session % 0xFFFF + 1
        spec = min(SPEC_VERSION, hello.spec_max)
        body = pb.Assign(
            uid=hello.uid, boot_id=hello.boot_id, address=ADDRESS_FIRST_MODULE, session=self.session, spec=spec
        )
        self.say(MessageType.ASSIGN, body, to_all=True)
        return hello
