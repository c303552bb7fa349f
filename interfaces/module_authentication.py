"""The module's side of level L3: proves its key, checks the controller's, tags its frames (PMI §5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from interfaces.errors import LocalProtocolError
from interfaces.frame import Flag
from interfaces.proto import pmi_pb2 as pb
from interfaces.security import ModuleHandshake, Parties, public_bytes
from interfaces.spec import MessageType

if TYPE_CHECKING:
    from google.protobuf.message import Message as Body

    from interfaces.frame import Frame
    from interfaces.message import Message
    from interfaces.security import DeviceCredentials, SecureChannel

_PINNED: Final = "this module obeys another controller: reset its pin to give it to a new pole"
_Answer = tuple[MessageType, "Body"]


class ModuleAuthentication:
    """Keys live for one session; without credentials the module has no level L3. `controller_key` is the only one that
    is obeyed, None before the first. Raises LocalProtocolError when the data sheet names another key than ours."""

    def __init__(self, credentials: DeviceCredentials | None, hello: pb.Hello, sheet_bytes: bytes) -> None:
        self.controller_key = credentials.controller_key if credentials is not None else None
        self.authenticated = False
        self._credentials, self._hello, self._sheet_bytes = credentials, hello, sheet_bytes
        self._handshake: ModuleHandshake | None = None
        if credentials is not None:
            self._own_key = public_bytes(credentials.key)
            if pb.DataSheet.FromString(sheet_bytes).public_key != self._own_key:
                raise LocalProtocolError("own data sheet: public_key is not that of the device key")

    def plan_fault(self) -> str:
        """Why no plan is taken now, "" when one may be."""
        if self._credentials is None or self.authenticated or not self._credentials.required:
            return ""
        return "this module obeys only a controller that authenticates"

    def renew(self) -> None:
        """A new session was assigned: the keys of the last one are gone."""
        self._handshake, self.authenticated = None, False

    def fault(self, frame: Frame) -> str:
        """Why a frame is not believed (a counter's name), "" when it is."""
        if self._credentials is None:
            return ""
        channel = self._channel
        if channel is None or frame.session != channel.session:
            return "bad_tag" if frame.tag else ""  # no key could have made it
        if self.authenticated:
            return channel.fault(frame)
        if not frame.tag:
            return ""  # sent before the controller had AUTH_REPLY
        return channel.fault(frame) or ("" if frame.type == MessageType.AUTH_FINISH else "unauthenticated")

    def seal(self, frame: Frame) -> Frame:
        """A numbered frame as it leaves: with a tag once the controller has authenticated."""
        return self._channel.seal(frame) if self.authenticated and self._channel is not None else frame

    def answer(self, message: Message, session: int, *, waiting: bool) -> _Answer | str:
        """What to send for AUTH_START or AUTH_FINISH, or the counter of what is wrong with it. `waiting`: the session
        is assigned and has no plan yet."""
        if self._credentials is None:
            return MessageType.UNSUPPORTED, pb.Unsupported(type=message.type, detail="no level L3")
        if isinstance(message.body, pb.AuthFinish):
            return self._on_finish(message.body, message.flags)
        if not isinstance(message.body, pb.AuthStart) or self.authenticated or not waiting:
            return "unexpected"
        return self._on_start(self._credentials, message.body, session)

    def _on_start(self, credentials: DeviceCredentials, start: pb.AuthStart, session: int) -> _Answer | str:
        if self._handshake is not None and self._handshake.start == start:
            return MessageType.AUTH_REPLY, self._handshake.reply
        if self.controller_key is not None and start.controller_key != self.controller_key:
            return MessageType.AUTH_DONE, pb.AuthDone(result=pb.REFUSED, detail=_PINNED)
        hello = self._hello
        parties = Parties(hello.uid, hello.boot_id, session, hello.fw_hash, self._sheet_bytes, self._own_key)
        handshake = ModuleHandshake.begin(parties, credentials.key, start, credentials.entropy)
        if isinstance(handshake, str):
            return "bad_authentication"
        self._handshake = handshake
        return MessageType.AUTH_REPLY, handshake.reply

    def _on_finish(self, finish: pb.AuthFinish, flags: Flag) -> _Answer | str:
        handshake = self._handshake
        if handshake is None or not flags & Flag.AUTH:
            return "bad_authentication"
        if not handshake.is_finish(finish):
            text = "AUTH_FINISH is not signed by controller_key"
            return MessageType.AUTH_DONE, pb.AuthDone(result=pb.REFUSED, detail=text)
        self.controller_key, self.authenticated = handshake.start.controller_key, True
        return MessageType.AUTH_DONE, pb.AuthDone(result=pb.ACCEPTED)

    @property
    def _channel(self) -> SecureChannel | None:
        return None if self._handshake is None else self._handshake.channel
