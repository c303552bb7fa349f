"""The controller's side of an RS-485 line, sans-IO: finds modules, polls them in turn, gives up the silent (PMI §6).

One exchange at a time: BRANCH, MUTE or POLL, and its answer. The owner feeds `hear` and `tick`, then sends what
`take_frames` returns. `now` is any steady clock in s. Nothing a module sends raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from interfaces.errors import LinkError
from interfaces.frame import Flag, Frame
from interfaces.message import Message, decode, is_data
from interfaces.proto import pmi_pb2 as pb
from interfaces.rs485_discovery import Discovery
from interfaces.rs485_turn import Event, Found, Gone, Heard, Wrong, wire_size
from interfaces.spec import (
    ADDRESS_ALL,
    ADDRESS_CONTROLLER,
    ADDRESS_NONE,
    RS485_ANSWER,
    RS485_ANSWER_SIZE,
    RS485_DATA_WAIT,
    RS485_HELLO_WAIT,
    RS485_POLL_BACK_OFF,
    RS485_POLL_PERIOD,
    RS485_SILENCE,
    MessageType,
)

if TYPE_CHECKING:
    from interfaces.rs485_turn import Turn

MAX_QUEUED: Final = 64
_DATA_SHARE: Final = 0.7  # of the time from data to data, in which asking for more is in vain
_BUSY_S: Final = RS485_POLL_PERIOD / 4  # a module that had nothing to say to a request yet is asked again


class Rs485Master(Discovery):
    """One line. Modules keep the addresses that `addresses` gives them; `baud` says how long frames take."""

    @property
    def addresses(self) -> frozenset[int]:
        """Modules that were found and answer."""
        return frozenset(address for address, module in self._modules.items() if module.found)

    @property
    def searching(self) -> bool:
        """Whether a BRANCH waits for answers, so that damage is how several modules sound."""
        return self._turn is not None and self._turn.type is MessageType.BRANCH

    def next_deadline(self) -> float:
        """When `tick` has something to do next (s)."""
        if self._turn is not None:
            return self._turn.until
        return min([self._search_at, *(module.due for module in self._modules.values())])

    def send(self, address: int, frame: Frame) -> None:
        """Queue a frame for a module; LinkError when it is gone or takes none. Broadcasts reach this module alone."""
        module = self._modules.get(address)
        if module is None:
            raise LinkError(f"no module has address {address} any more")
        if len(module.queue) >= MAX_QUEUED:
            raise LinkError(f"{len(module.queue)} frames wait, module {address} does not answer")
        module.queue.append(frame._replace(dst=address) if frame.dst == ADDRESS_ALL else frame)
        if not module.misses:
            module.due = min(module.due, self._now)

    def forget(self, address: int) -> None:
        """Let a module go; if it is still there it is found anew."""
        if self._modules.pop(address, None) is not None:
            self._say(MessageType.MUTE, pb.Mute(), address)
            if self._turn is not None and self._turn.address == address:
                self._turn = None

    def hear(self, frames: list[Frame], now: float, *, damaged: bool = False) -> list[Event]:
        """Bytes came: the good frames in them, and whether there was anything else than good frames."""
        self._now = now
        if self._turn is not None:
            self._turn.until = min(now + RS485_ANSWER, self._turn.limit)
            self._turn.damaged |= damaged
        for frame in frames:
            if frame.src != ADDRESS_CONTROLLER:  # some transceivers hear themselves
                self._on_frame(frame)
        return self._go_on()

    def tick(self, now: float) -> list[Event]:
        """Let time pass: an answer that did not come, the next module whose turn it is."""
        self._now = now
        if self._turn is not None and self._turn.until <= now:
            turn, self._turn = self._turn, None
            self._on_no_answer(turn)
        return self._go_on()

    # ---------------------------------------------------------------------------------------------------- answers

    def _on_frame(self, frame: Frame) -> None:
        turn = self._turn
        if turn is None or not self._is_answer(turn, frame):
            self._on_unasked(frame)
        elif turn.type is MessageType.BRANCH:
            self._turn = None
            self._on_present(frame)
        elif turn.type is MessageType.MUTE:
            self._turn = None
            self._on_muted(turn)
        else:
            self._take(turn.address, frame)
            if not frame.flags & Flag.MORE:
                self._turn = None
                self._on_polled(turn)

    def _is_answer(self, turn: Turn, frame: Frame) -> bool:
        if turn.type is MessageType.BRANCH:
            return frame.type == MessageType.PRESENT
        if turn.type is MessageType.MUTE:
            return frame.type == MessageType.MUTE and bool(frame.flags & Flag.ACK) and frame.seq == turn.seq
        return frame.src == turn.address

    def _on_unasked(self, frame: Frame) -> None:
        """What a module says late or unasked still counts when it is whole; that it did so is its fault."""
        module = self._modules.get(frame.src)
        if module is not None and module.found:
            self._events.append(Wrong(frame.src, "unasked"))
            self._take(frame.src, frame)
        else:
            self._events.append(Wrong(ADDRESS_NONE, "unasked"))

    def _take(self, address: int, frame: Frame) -> None:
        module = self._modules.get(address)
        if module is None or (frame.type == MessageType.POLL and frame.flags & Flag.ACK):
            return
        frame = frame._replace(flags=frame.flags & ~Flag.MORE)  # it belongs to the line, not to the message
        if module.found:
            if is_data(frame.type) and module.data_at != self._now:
                module.data_period += (min(self._now - module.data_at, 1.0) - module.data_period) / 4
                module.data_at = self._now
            self._events.append(Heard(address, (frame,)))
            return
        message = decode(frame)
        if not isinstance(message, Message) or not isinstance(message.body, pb.Hello):
            self._events.append(Wrong(ADDRESS_NONE, "before_hello"))
        elif message.body.uid != module.uid:
            self._events.append(Wrong(ADDRESS_NONE, "bad_hello"))
        else:
            module.found, module.boot_id = True, message.body.boot_id
            self._events.append(Found(address, message.body, frame))

    def _on_polled(self, turn: Turn) -> None:
        if turn.whom is not None:  # the one with this uid is still there: the other is a second one
            self._events.append(Wrong(ADDRESS_NONE, "duplicate_uid"))
            self._mute(turn.whom, ADDRESS_NONE)
        module = self._modules.get(turn.address)
        if module is None:
            return
        module.misses, module.heard_at = 0, self._now
        wait = _BUSY_S if turn.request else RS485_POLL_PERIOD
        if module.data_at == self._now and not turn.request:
            wait = max(wait, min(_DATA_SHARE * module.data_period, RS485_DATA_WAIT))
        module.due = self._now if module.queue else max(self._now, turn.started + wait)
        if not module.found and self._now - module.since > RS485_HELLO_WAIT:
            self._events.append(Wrong(ADDRESS_NONE, "no_hello"))
            self.forget(turn.address)

    def _on_no_answer(self, turn: Turn) -> None:
        if turn.damaged and turn.type is not MessageType.BRANCH:  # there it is how several answers sound
            self._events.append(Wrong(turn.address if turn.address in self.addresses else ADDRESS_NONE, "damaged"))
        if turn.type is MessageType.BRANCH:
            self._end_branch(damaged=turn.damaged)
        elif turn.type is MessageType.MUTE:
            self._on_not_muted(turn)
        elif turn.whom is not None and turn.damaged:
            self._on_polled(turn)
        elif turn.whom is not None:
            self._drop(turn.address, "rebooted")
            self._mute(turn.whom, turn.address)
        else:
            self._on_silent(turn.address)

    def _on_silent(self, address: int) -> None:
        module = self._modules.get(address)
        if module is None:
            return
        module.misses += 1
        module.due = self._now + min(RS485_POLL_PERIOD * 2**module.misses, RS485_POLL_BACK_OFF)
        if self._now - module.heard_at >= RS485_SILENCE:
            self._drop(address, f"silent for {RS485_SILENCE:g} s")

    def _drop(self, address: int, reason: str) -> None:
        if address in self.addresses:
            self._events.append(Gone(address, reason))
        self.forget(address)

    # -------------------------------------------------------------------------------------------------- questions

    def _go_on(self) -> list[Event]:
        if self._turn is None:
            due, address = min(
                ((one.due, address) for address, one in self._modules.items()), default=(self._now + 1, 0)
            )
            if self._search_at <= self._now or (self._search is not None and due > self._now):
                self._branch()
            elif due <= self._now:
                self._poll(address)
        events, self._events = self._events, []
        return events

    def _poll(self, address: int, *, whom: pb.Present | None = None) -> None:
        module = self._modules[address]
        request, size = bool(module.queue), 0
        while module.queue and size < RS485_ANSWER_SIZE:
            size += wire_size(module.queue[0])
            self._out.append(module.queue.popleft())
        turn = self._ask(MessageType.POLL, pb.Poll(), address)
        turn.request, turn.whom = request, whom
