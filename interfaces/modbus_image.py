"""The module's side of the Modbus binding, sans-IO: frames of a module session ↔ a register image (PMI §6).

The model for vendors. `send` takes what the session wants to say, `read`, `write` and `sheet` what a controller asks;
`take_frames` gives what the session shall hear. `now` is any steady clock in s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from interfaces.frame import Frame
from interfaces.message import BadMessage, Message, decode, encode, is_data
from interfaces.proto import pmi_pb2 as pb
from interfaces.registers import (
    BASES,
    END_ID,
    LAYOUTS,
    MARKER,
    PAGE,
    PAGE_B,
    PLAN_CHANNELS,
    TIME_REQUEST_REGISTERS,
    UNPROVISIONED,
    WINDOW_B,
    Block,
    BlockId,
    Page,
    page_bytes,
)
from interfaces.spec import ADDRESS_ALL, ADDRESS_CONTROLLER, MessageType

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message as Body

SILENT: Final = -1
ILLEGAL_FUNCTION: Final = 1
ILLEGAL_ADDRESS: Final = 2
ILLEGAL_VALUE: Final = 3
MAX_PAGES: Final = 15
OUTBOX_DEPTH: Final = 8
_HEADER: Final = 2  # registers in front of a body


class ModbusImage:
    """One unit. `unit` is its address, 247 until one is written to it; `pages` how many of ten objects it can show."""

    def __init__(self, unit: int = UNPROVISIONED, *, pages: int = 7, base: int = BASES[0]) -> None:
        self.unit = unit
        self.blocks: dict[int, Block] = {}
        self._pages = min(pages, MAX_PAGES)
        self._base = base
        self._image = bytearray()
        self._values: dict[BlockId, dict[str, Any]] = {one: {} for one in LAYOUTS}
        self._heard: list[Frame] = []
        self._outbox: list[tuple[int, Body]] = []
        self._mail = 0
        self._session = 0
        self._clock = (0, 0.0)  # the module's t_us at a moment of ours
        self._hello: pb.Hello | None = None
        self._sheet: dict[int, bytes] = {}
        self._sheet_total = 0
        self._lay_out()

    def send(self, frame: Frame, now: float) -> None:
        """Take what the session says."""
        message = decode(frame)
        if isinstance(message, BadMessage):
            return
        show = self._SHOW.get(message.type)
        if show is not None:
            show(self, message.body, now)
        elif is_data(message.type):
            self._show_mail(BlockId.READING, message.type, message.body)
        elif message.type is not MessageType.PONG:  # an answered read says as much
            self._post(message.type, message.body)

    def take_frames(self) -> list[Frame]:
        """What the controller said since the last call."""
        frames, self._heard = self._heard, []
        return frames

    def read(self, address: int, count: int, now: float) -> bytes | int:
        """`count` registers as bytes, or an exception code."""
        start = (address - self._base) * 2
        if not 0 < count <= PAGE:
            return ILLEGAL_VALUE
        if start < 0 or start + count * 2 > len(self._image):
            return ILLEGAL_ADDRESS
        if self._is_at(BlockId.STATUS, address):
            self._set(BlockId.STATUS, t_us=self._t_us(now))
            self._hear(MessageType.PING, pb.Ping())
        elif self._is_at(BlockId.TIME, address):
            self._set(BlockId.TIME, module_tx_us=self._t_us(now))
        return bytes(self._image[start : start + count * 2])

    def write(self, address: int, data: bytes) -> int:
        """Registers written at once; 0, an exception code, or SILENT when nothing shall be answered."""
        for block, act in (
            (BlockId.ADDRESSING, self._on_addressing),
            (BlockId.PLAN, self._on_plan),
            (BlockId.TIME, self._on_time_request),
            (BlockId.INBOX, self._on_inbox),
            (BlockId.SHEET, self._on_sheet_offset),
            (BlockId.OUTBOX, self._on_mail_taken),
        ):
            if self._is_at(block, address):
                return act(data)
        return ILLEGAL_ADDRESS

    def sheet(self, offset: int, length: int) -> bytes | None:
        """Bytes of the data sheet for FC 0x14; None until the session has given them: ask again at once."""
        for at, data in self._sheet.items():
            if at <= offset < at + len(data):
                return data[offset - at : offset - at + length]
        if self._sheet_total and offset >= self._sheet_total:
            return b""
        self._hear(MessageType.GET_SHEET, pb.GetSheet(offset=offset, length=512))
        return None

    @property
    def identification(self) -> dict[int, bytes]:
        """The basic objects of FC 0x2B / 0x0E: vendor, product, revision."""
        hello = self._hello or pb.Hello()
        return {0: hello.vendor.encode(), 1: hello.product.encode(), 2: hello.fw_hash.hex().encode()}

    # ------------------------------------------------------------------------------------------- what the session says

    def _on_hello(self, hello: pb.Hello, _now: float) -> None:
        self._hello = hello
        self._session = 0
        classes = sum(1 << code for code in hello.classes)
        names = {one.name for one in hello.DESCRIPTOR.fields} & LAYOUTS[BlockId.IDENTITY].fields.keys() - {"classes"}
        self._set(BlockId.IDENTITY, classes=classes, **{name: getattr(hello, name) for name in names})
        self._set(BlockId.STATUS, session=0, boot_id=hello.boot_id, state=int(hello.state))

    def _on_heartbeat(self, beat: pb.Heartbeat, now: float) -> None:
        self._clock = (beat.t_us, now)
        worst = max(beat.faults, key=lambda one: one.severity, default=pb.Fault())
        self._set(
            BlockId.STATUS,
            state=int(beat.state),
            boot_id=beat.boot_id,
            uptime_s=beat.uptime_s,
            frames_sent=beat.frames_sent,
            frames_dropped=beat.frames_dropped,
            crc_errors=beat.crc_errors,
            temperature_cdeg=beat.temperature_cdeg if beat.HasField("temperature_cdeg") else -32768,
            supply_mv=beat.supply_mv if beat.HasField("supply_mv") else 0xFFFF,
            fault_code=worst.code,
            fault_severity=int(worst.severity),
        )

    def _on_time_reply(self, reply: pb.TimeReply, now: float) -> None:
        self._clock = (reply.module_tx_us, now)
        self._set(
            BlockId.TIME,
            reply_token=reply.token,
            module_rx_us=reply.module_rx_us,
            clock_err_us=reply.clock_err_us,
            clock_state=int(reply.clock_state),
        )

    def _on_detections(self, body: pb.DetectionFrame, _now: float) -> None:
        size = max(1, body.rec_size)
        fit = PAGE_B // size
        rows = [body.records[at : at + size] for at in range(0, len(body.records), size)][: self._pages * fit]
        pages = max(1, -(-len(rows) // fit))
        block = self.blocks[BlockId.DETECTIONS]
        for page in range(pages):
            part = rows[page * fit : (page + 1) * fit]
            shown = Page(body.t_us, body.seq, len(part), page, pages, body.total, body.clock_err_us, b"".join(part))
            at = (block.address - self._base + page * PAGE) * 2
            self._image[at : at + PAGE * 2] = page_bytes(shown)

    def _on_activated(self, body: pb.Activated, _now: float) -> None:
        self._set(BlockId.STATUS, plan_result=int(body.result))
        self._post(MessageType.ACTIVATED, body)

    def _on_sheet_chunk(self, chunk: pb.SheetChunk, _now: float) -> None:
        self._sheet[chunk.offset], self._sheet_total = chunk.data, chunk.total
        data = chunk.data[:WINDOW_B]
        self._set(BlockId.SHEET, offset=chunk.offset, total=chunk.total, length=len(data), data=data)

    def _post(self, kind: int, body: Body) -> None:
        self._outbox = [*self._outbox[-OUTBOX_DEPTH + 1 :], (kind, body)]
        if len(self._outbox) == 1:
            self._show_first()

    def _show_first(self) -> None:
        if self._outbox:
            self._show_mail(BlockId.OUTBOX, *self._outbox[0])
            self._set(BlockId.STATUS, mail=self._mail)

    def _show_mail(self, block: BlockId, kind: int, body: Body) -> None:
        payload = body.SerializeToString(deterministic=True)
        if len(payload) > WINDOW_B:
            return
        self._mail = self._mail % 0xFFFF + 1
        self._set(block, number=self._mail, type=int(kind), length=len(payload), payload=payload)

    _SHOW: ClassVar[dict[MessageType, Callable[[ModbusImage, Any, float], None]]] = {
        MessageType.HELLO: _on_hello,
        MessageType.HEARTBEAT: _on_heartbeat,
        MessageType.TIME_REPLY: _on_time_reply,
        MessageType.ACTIVATED: _on_activated,
        MessageType.DETECTIONS: _on_detections,
        MessageType.SHEET_CHUNK: _on_sheet_chunk,
    }

    # --------------------------------------------------------------------------------------- what the controller writes

    def _on_addressing(self, data: bytes) -> int:
        asked = LAYOUTS[BlockId.ADDRESSING].unpack(data)
        if asked is None or self._hello is None:
            return ILLEGAL_VALUE
        if asked["uid"] != self._hello.uid:
            return SILENT  # the guard: another module at this address is meant, and answers
        self.unit = asked["unit"]
        self._session = asked["session"]
        self._outbox.clear()
        self._set(BlockId.STATUS, session=self._session, plan_result=0)
        assign = pb.Assign(
            uid=asked["uid"], boot_id=asked["boot_id"], address=self.unit, session=self._session, spec=asked["spec"]
        )
        self._hear(MessageType.ASSIGN, assign)
        return 0

    def _on_plan(self, data: bytes) -> int:
        plan = LAYOUTS[BlockId.PLAN].unpack(data)
        if plan is None or plan["count"] > PLAN_CHANNELS:
            return ILLEGAL_VALUE
        self._set(BlockId.STATUS, plan_result=0)
        self._set(BlockId.PLAN, **plan)
        plans = [
            pb.Plan(
                channel=plan[f"channel_{index}"],
                rate_mhz=plan[f"rate_mhz_{index}"],
                max_objects=plan[f"max_objects_{index}"],
                record_format=plan[f"format_{index}"],
                ordering=pb.Ordering.ValueType(plan[f"ordering_{index}"]),
            )
            for index in range(plan["count"])
        ]
        self._hear(MessageType.ACTIVATE, pb.Activate(plans=plans, probation=bool(plan["probation"])))
        return 0

    def _on_time_request(self, data: bytes) -> int:
        if len(data) < TIME_REQUEST_REGISTERS * 2:
            return ILLEGAL_VALUE
        token, sent_us = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:12], "big")
        if sent_us >> 63:
            return ILLEGAL_VALUE
        self._set(BlockId.TIME, token=token, controller_tx_us=sent_us, reply_token=0)
        self._hear(MessageType.TIME_REQUEST, pb.TimeRequest(token=token, controller_tx_us=sent_us))
        return 0

    def _on_inbox(self, data: bytes) -> int:
        mail = LAYOUTS[BlockId.INBOX].unpack(data.ljust(LAYOUTS[BlockId.INBOX].registers * 2, b"\0"))
        if mail is None or mail["length"] > WINDOW_B:
            return ILLEGAL_VALUE
        broadcast = mail["type"] == MessageType.REJECT and not self._session
        self._heard.append(
            Frame(
                mail["type"],
                mail["payload"][: mail["length"]],
                ADDRESS_CONTROLLER,
                ADDRESS_ALL,
                0 if broadcast else self._session,
            )
        )
        return 0

    def _on_mail_taken(self, data: bytes) -> int:
        """The controller has read this message: the next one may show."""
        if len(data) < 2:
            return ILLEGAL_VALUE
        if self._outbox and int.from_bytes(data[:2], "big") == self._values[BlockId.OUTBOX].get("number"):
            self._outbox.pop(0)
            self._show_first()
        return 0

    def _on_sheet_offset(self, data: bytes) -> int:
        if len(data) < 2:
            return ILLEGAL_VALUE
        offset = int.from_bytes(data[:2], "big")
        self._set(BlockId.SHEET, offset=0, total=0, length=0)
        self._hear(MessageType.GET_SHEET, pb.GetSheet(offset=offset, length=WINDOW_B))
        return 0

    # ------------------------------------------------------------------------------------------------------- the image

    def _lay_out(self) -> None:
        parts = [MARKER]
        at = self._base + len(MARKER) // 2
        lengths = {one: layout.registers for one, layout in LAYOUTS.items()}
        lengths[BlockId.DETECTIONS] = PAGE * self._pages
        for one in sorted(lengths):
            self.blocks[one] = Block(at + _HEADER, lengths[one])
            parts += [int(one).to_bytes(2, "big"), lengths[one].to_bytes(2, "big"), bytes(lengths[one] * 2)]
            at += _HEADER + lengths[one]
        parts.append(END_ID.to_bytes(2, "big") + b"\0\0")
        self._image = bytearray(b"".join(parts))

    def _set(self, block: BlockId, **values: Any) -> None:
        known = self._values[block]
        known.update(values)
        at = (self.blocks[block].address - self._base) * 2
        body = LAYOUTS[block].pack(known)
        self._image[at : at + len(body)] = body

    def _is_at(self, block: BlockId, address: int) -> bool:
        place = self.blocks[block]
        return place.address <= address < place.address + place.length

    def _t_us(self, now: float) -> int:
        t_us, at = self._clock
        return t_us + round((now - at) * 1e6) if at else 0

    def _hear(self, kind: MessageType, body: Body) -> None:
        session = 0 if kind is MessageType.ASSIGN else self._session
        self._heard.append(encode(Message(kind, body, ADDRESS_CONTROLLER, ADDRESS_ALL, session)))
