"""The controller's side of one Modbus unit, sans-IO: which query is due, and what its answer means as frames (PMI §6).

The owner asks `next_query`, performs it and feeds `answered`; `send` takes frames of the controller's session. `now` is
any steady clock in s. Nothing a unit answers raises.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final

from interfaces import modbus_bodies
from interfaces.frame import Flag, Frame
from interfaces.message import BadMessage, Message, decode, encode
from interfaces.modbus_chain import Chain
from interfaces.modbus_query import Do, Query
from interfaces.proto import pmi_pb2 as pb
from interfaces.records import FORMATS
from interfaces.registers import LAYOUTS, PAGE, READ_MAX, WINDOW_B, BlockId, Page, parse_page
from interfaces.spec import ADDRESS_CONTROLLER, HELLO_PERIOD, MessageType

if TYPE_CHECKING:
    from google.protobuf.message import Message as Body

    from interfaces.registers import Block

STATUS_PERIOD_S: Final = 0.5
READING_PERIOD_S: Final = 1.0
SILENT_AFTER: Final = 3
SILENT_S: Final = 0.5
BACK_OFF_S: Final = (0.1, 2.0)


class ModbusUnit:
    """One unit address. `gone` says why it is given up; `found` when its chain of blocks was read."""

    def __init__(self, unit: int) -> None:
        self.unit = unit
        self.hello: pb.Hello | None = None
        self.faults: Counter[str] = Counter()
        self.gone = ""
        self._chain = Chain()
        self._urgent: deque[Query] = deque()
        self._due: dict[str, float] = {}
        self._frames: list[Frame] = []
        self._seq = 0
        self._session = 0
        self._period_s = 0.0
        self._format = 2
        self._named = False
        self._fast = True  # the sheet by file record, until the unit refuses it
        self._pages: list[Page] = []
        self._last_seq = -1
        self._t_us = 0
        self._mail_read = 0
        self._reading_read = 0
        self._silent = 0
        self._heard_at: float | None = None
        self._rest_until = 0.0
        self._asked_time: tuple[int, int] | None = None

    @property
    def found(self) -> bool:
        """Whether the unit is a PMI module."""
        return self._chain.complete

    @property
    def blocks(self) -> dict[int, Block]:
        """Where its register blocks lie, as far as the chain was read."""
        return self._chain.blocks

    def due(self, now: float) -> float:
        """When the next query may go (s)."""
        if self._urgent or not self.found:
            return max(now, self._rest_until)
        return max(self._rest_until, min(self._due.values(), default=now + STATUS_PERIOD_S))

    def next_query(self, now: float) -> Query | None:
        """The query to perform at `now`, if one is due."""
        if now < self._rest_until or self.gone:
            return None
        if not self.found:
            query = self._chain.next_query()
            self.gone = self._chain.gone
            return query
        if self._urgent:
            return self._urgent.popleft()
        ready = [(due, what) for what, due in self._due.items() if due <= now]
        return self._periodic(min(ready)[1], now) if ready else None

    def send(self, frame: Frame) -> None:
        """Take what the controller's session says."""
        message = decode(frame)
        if isinstance(message, BadMessage):
            return
        body = message.body
        if isinstance(body, pb.Assign):
            self._assign(body)
        elif isinstance(body, pb.GetSheet):
            self._ask_sheet(body.offset, body.length)
        elif isinstance(body, pb.Activate):
            self._activate(body)
        elif isinstance(body, pb.TimeRequest):
            self._ask_time(body)
        elif isinstance(body, pb.Ping):
            self._urgent.append(self._read(BlockId.STATUS, f"ping {body.token}"))
        else:
            self._mail(message)

    def take_frames(self) -> list[Frame]:
        """Frames for the controller's session."""
        frames, self._frames = self._frames, []
        return frames

    def answered(self, query: Query, data: bytes | None, now: float, *, refused: bool = False) -> None:
        """What came back: bytes read (empty for a write); None when nothing did, or with `refused` an exception."""
        if data is None and not refused:
            self._on_silence(query, now)
            return
        self._silent, self._heard_at = 0, now
        if not self.found:
            self._chain.answered(query, data)
            self.gone = self._chain.gone
            self._due = {"identity": now, "status": now + STATUS_PERIOD_S}
            return
        what, _, argument = query.what.partition(" ")
        if data is None:
            self._on_refused(what, query, argument)
            return
        handle = getattr(self, f"_on_{what}", None)
        if handle is not None:
            handle(data, argument, now)

    # --------------------------------------------------------------------------------------------------------- asking

    def _periodic(self, what: str, now: float) -> Query | None:
        periods = {"status": STATUS_PERIOD_S, "identity": HELLO_PERIOD, "reading": READING_PERIOD_S}
        if what == "detections":
            self._due[what] = now + self._period_s / 5  # until there is news
            return self._read_page(0)
        self._due[what] = now + periods[what]
        if what == "identity" and self._session:
            del self._due[what]
            return None
        return self._read(BlockId[what.upper()], what)

    def _read(self, block: BlockId, what: str) -> Query:
        place = self.blocks.get(block)
        count = min(LAYOUTS[block].registers, READ_MAX)
        return Query(Do.READ, place.address if place is not None else 0, count, what=what)

    def _read_page(self, page: int) -> Query:
        return Query(Do.READ, self.blocks[BlockId.DETECTIONS].address + page * PAGE, PAGE, what=f"detections {page}")

    def _write(self, block: BlockId, data: bytes, what: str) -> None:
        place = self.blocks.get(block)
        if place is not None:
            self._urgent.append(Query(Do.WRITE, place.address, data=data, what=what))

    def _assign(self, body: pb.Assign) -> None:
        what = f"assigned {body.session}:{body.address}"
        if body.session == self._session or any(query.what == what for query in self._urgent):
            return  # the session only asks again
        self._session = 0
        self._urgent.clear()
        self._due = {"status": self._due.get("status", 0.0)}
        values = {"uid": body.uid, "boot_id": body.boot_id, "unit": body.address, "session": body.session}
        data = LAYOUTS[BlockId.ADDRESSING].pack({**values, "spec": body.spec})
        self._write(BlockId.ADDRESSING, data, what)

    def _activate(self, body: pb.Activate) -> None:
        self._format = next((plan.record_format for plan in body.plans if plan.record_format in FORMATS), 2)
        rate_mhz = max((plan.rate_mhz for plan in body.plans), default=0)
        self._period_s = 1000 / rate_mhz if rate_mhz else 0.0
        self._write(BlockId.PLAN, LAYOUTS[BlockId.PLAN].pack(modbus_bodies.plan(body, self._session)), "planned")

    def _ask_time(self, body: pb.TimeRequest) -> None:
        data = body.token.to_bytes(4, "big") + body.controller_tx_us.to_bytes(8, "big")
        self._asked_time = (body.token, body.controller_tx_us)
        self._write(BlockId.TIME, data, "time_asked")

    def _mail(self, message: Message) -> None:
        payload = message.body.SerializeToString(deterministic=True)
        if len(payload) > WINDOW_B:
            return
        values = {"number": 0, "type": int(message.type), "length": len(payload), "payload": payload}
        asked = f"mailed {int(message.type)} {message.session} {message.seq}"
        what = asked if message.flags & Flag.ACK_REQ else "mailed"
        self._write(BlockId.INBOX, LAYOUTS[BlockId.INBOX].pack(values), what)

    def _ask_sheet(self, offset: int, length: int) -> None:
        place = self.blocks.get(BlockId.SHEET)
        if self._fast:
            queries = [Query(Do.FILE, offset, min(length, WINDOW_B), what=f"file {offset}")]
        elif place is not None:
            registers = LAYOUTS[BlockId.SHEET].registers
            queries = [
                Query(Do.WRITE, place.address, data=offset.to_bytes(2, "big"), what="sheet_asked"),
                Query(Do.READ, place.address, registers, what=f"sheet {offset}"),
            ]
        else:
            return
        self._urgent.extend(query for query in queries if query not in self._urgent)

    # -------------------------------------------------------------------------------------------------------- answers

    def _on_identity(self, data: bytes, _argument: str, _now: float) -> None:
        values = LAYOUTS[BlockId.IDENTITY].unpack(data)
        if values is None:
            self.faults["short_block"] += 1
            return
        self.hello = modbus_bodies.hello(values)
        if self._named:
            self._say(MessageType.HELLO, self.hello, session=0)
        else:
            self._urgent.append(Query(Do.NAME, 0, what="name"))

    def _on_name(self, data: bytes, _argument: str, _now: float) -> None:
        hello = self.hello or pb.Hello()
        told = [part.decode("utf-8", "replace") for part in data.split(b"\0")][:2]
        if told != [hello.vendor, hello.product]:
            self.gone = (
                f"its device identification says {' '.join(told)!r}, its identity {hello.vendor} {hello.product}"
            )
            return
        self._named = True
        self._say(MessageType.HELLO, hello, session=0)

    def _on_status(self, data: bytes, _argument: str, now: float) -> None:
        values = LAYOUTS[BlockId.STATUS].unpack(data)
        if values is None:
            self.faults["short_block"] += 1
            return
        self._t_us = values["t_us"]
        if self.hello is not None and values["boot_id"] != self.hello.boot_id:
            self._forget(now)
            return
        if not self._session:
            self._due.setdefault("identity", now + HELLO_PERIOD)
            return
        if values["session"] != self._session:
            self._forget(now)
            return
        self._say(MessageType.HEARTBEAT, modbus_bodies.heartbeat(values))
        if values["mail"] and values["mail"] != self._mail_read:
            self._urgent.append(self._read(BlockId.OUTBOX, "outbox"))

    def _on_ping(self, data: bytes, argument: str, now: float) -> None:
        self._on_status(data, "", now)
        if self._session:
            self._say(MessageType.PONG, pb.Pong(token=int(argument)))

    def _on_assigned(self, _data: bytes, argument: str, now: float) -> None:
        session, _, unit = argument.partition(":")
        self._session, self.unit = int(session), int(unit)
        self._mail_read = self._reading_read = 0
        self._due = {"status": now + STATUS_PERIOD_S}

    def _on_mailed(self, _data: bytes, argument: str, _now: float) -> None:
        """The unit took the letter: that is its acknowledgement, Modbus has no other."""
        if argument:
            kind, session, seq = (int(part) for part in argument.split())
            self._frames.append(Frame(kind, b"", self.unit, ADDRESS_CONTROLLER, session, seq, flags=Flag.ACK))

    def _on_planned(self, _data: bytes, _argument: str, now: float) -> None:
        self._urgent.append(self._read(BlockId.OUTBOX, "outbox"))
        self._due["reading"] = now + READING_PERIOD_S
        self._last_seq = -1
        if self._period_s and BlockId.DETECTIONS in self.blocks:
            self._due["detections"] = now

    def _on_outbox(self, data: bytes, _argument: str, _now: float) -> None:
        mail = LAYOUTS[BlockId.OUTBOX].unpack(data)
        if mail is None or not mail["number"] or mail["number"] == self._mail_read:
            return
        self._mail_read = mail["number"]
        self._write(BlockId.OUTBOX, mail["number"].to_bytes(2, "big"), "mail_taken")
        self._pass_on(mail)

    def _on_reading(self, data: bytes, _argument: str, _now: float) -> None:
        mail = LAYOUTS[BlockId.READING].unpack(data)
        if mail is not None and mail["number"] and mail["number"] != self._reading_read:
            self._reading_read = mail["number"]
            self._pass_on(mail)

    def _on_time_asked(self, _data: bytes, _argument: str, _now: float) -> None:
        self._urgent.append(self._read(BlockId.TIME, "time"))

    def _on_time(self, data: bytes, _argument: str, _now: float) -> None:
        values, asked = LAYOUTS[BlockId.TIME].unpack(data), self._asked_time
        if values is None or asked is None or values["reply_token"] != asked[0]:
            return
        self._asked_time = None
        self._say(MessageType.TIME_REPLY, modbus_bodies.time_reply(values, asked))

    def _on_file(self, data: bytes, argument: str, _now: float) -> None:
        self._say_chunk(int(argument), data)

    def _on_sheet(self, data: bytes, argument: str, _now: float) -> None:
        values = LAYOUTS[BlockId.SHEET].unpack(data)
        if values is not None and values["offset"] == int(argument) and values["length"]:
            self._say_chunk(values["offset"], values["data"][: values["length"]])

    def _on_detections(self, data: bytes, argument: str, now: float) -> None:
        page = parse_page(data, FORMATS[self._format].itemsize)
        if page is None or page.page != int(argument):
            self.faults["bad_page"] += 1
            return
        if page.page == 0:
            if page.seq == self._last_seq or not self._session:
                return
            self._pages = []
            self._due["detections"] = now + 0.9 * self._period_s
        elif page.seq != self._pages[0].seq:
            self.faults["torn"] += 1  # a new frame came between two pages: the next poll has it whole
            self._due["detections"] = now
            return
        self._pages.append(page)
        if len(self._pages) < page.pages:
            self._urgent.appendleft(self._read_page(len(self._pages)))
        elif not (page.seq == 0 and not page.t_us):  # nothing was ever measured
            self._last_seq = page.seq
            self._say(MessageType.DETECTIONS, modbus_bodies.detections(self._pages, self._format, self._t_us))

    def _on_refused(self, what: str, query: Query, argument: str) -> None:
        self.faults["refused"] += 1
        if what == "name":
            self._named = True  # a module without FC 0x2B is believed
            self._due["identity"] = 0.0
        elif what == "file":
            self._fast = False
            self._ask_sheet(query.address, query.count)
        elif what == "assigned":
            self.gone = f"it refuses to be addressed ({argument}): two modules at one address?"

    def _on_silence(self, query: Query, now: float) -> None:
        self._silent += 1
        self.faults["silent"] += 1
        since = self._heard_at if self._heard_at is not None else now - SILENT_S
        if not self.found:
            self.gone = "nobody answers there"
        elif self._silent >= SILENT_AFTER and now - since >= SILENT_S:
            self.gone = f"unplugged (no answer to {self._silent} queries)"
        if query.do is not Do.READ or query.what.split(" ")[0] in {"time", "outbox"}:
            self._urgent.appendleft(query)
        self._rest_until = now + min(BACK_OFF_S[1], BACK_OFF_S[0] * 2 ** max(0, self._silent - SILENT_AFTER))

    # --------------------------------------------------------------------------------------------------------- saying

    def _say_chunk(self, offset: int, data: bytes) -> None:
        total = self.hello.sheet_size if self.hello is not None else 0
        self._say(MessageType.SHEET_CHUNK, pb.SheetChunk(offset=offset, total=total, data=data[: total - offset]))

    def _pass_on(self, mail: dict[str, Any]) -> None:
        payload = mail["payload"][: mail["length"]]
        self._seq += 1
        self._frames.append(Frame(mail["type"], payload, self.unit, ADDRESS_CONTROLLER, self._session, self._seq))

    def _say(self, kind: MessageType, body: Body, *, session: int | None = None) -> None:
        self._seq += 1
        session = self._session if session is None else session
        self._frames.append(encode(Message(kind, body, self.unit, ADDRESS_CONTROLLER, session, self._seq)))

    def _forget(self, now: float) -> None:
        """The module has another boot or no session any more: begin again with its HELLO."""
        self._session = 0
        self._urgent.clear()
        self._due = {"identity": now, "status": now + STATUS_PERIOD_S}
