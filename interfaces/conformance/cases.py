"""One case a requirement: an async function that returns what was seen, or raises Failed or Inconclusive."""

from __future__ import annotations

import asyncio
import itertools
import random
from typing import TYPE_CHECKING, Final

from interfaces.conformance.probe import Failed, Inconclusive, Probe
from interfaces.datasheet import parse, sheet_hash
from interfaces.hello import hello_fault
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import (
    HASH_SIZE,
    HEARTBEAT_PERIOD,
    HELLO_DEADLINE,
    HELLO_JITTER,
    HELLO_PERIOD,
    REPLY_TIMEOUT,
    SHEET_CHUNK,
    UID_SIZE,
    MessageType,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

UNKNOWN_TYPE: Final = 0x3B
WATCH_S: Final = 2.5
MARGIN_S: Final = 0.05  # of the host and its serial driver, beside the module's limits


async def frames_are_valid(probe: Probe) -> str:
    """Everything heard while the module is found and running."""
    await _run(probe)
    await asyncio.sleep(1.0)
    faults = {name: count for name, count in probe.link.faults.items() if name != "overrun"}
    if sum(faults.values()):
        raise Failed("no bad frame", f"{faults}")
    return f"{len(probe.heard)} frames, none bad"


async def bad_crc_is_ignored(probe: Probe) -> str:
    """A PING with one bit of its CRC flipped."""
    await probe.address()
    wire = bytearray(probe.wire(MessageType.PING, pb.Ping(token=11)))
    wire[-3] ^= 1
    if wire[-3] == 0:
        wire[-3] = 3
    mark = len(probe.heard)
    probe.link.send_bytes(bytes(wire))
    if await probe.hear(MessageType.PONG, 3 * REPLY_TIMEOUT, since=mark):
        raise Failed("silence", "PONG to a frame with a wrong CRC-32")
    return await _ping(probe, 12)


async def noise_is_survived(probe: Probe) -> str:
    """4 kB of random bytes."""
    await probe.address()
    probe.link.send_bytes(random.Random(4).randbytes(4096) + b"\0")  # noqa: S311 -- the same noise for everybody
    await asyncio.sleep(0.5)
    return await _ping(probe, 21)


async def truncation_is_survived(probe: Probe) -> str:
    """Half a frame, then whole ones."""
    await probe.address()
    wire = probe.wire(MessageType.PING, pb.Ping(token=31))
    probe.link.send_bytes(wire[: len(wire) // 2])
    return await _ping(probe, 32)


async def dribble_is_read(probe: Probe) -> str:
    """A PING at one byte every 2 ms."""
    await probe.address()
    mark = len(probe.heard)
    for byte in probe.wire(MessageType.PING, pb.Ping(token=41)):
        probe.link.send_bytes(bytes([byte]))
        await asyncio.sleep(0.002)
    return await _pong(probe, 41, mark)


async def a_long_run_is_survived(probe: Probe) -> str:
    """64 kB without a delimiter."""
    await probe.address()
    for _ in range(64):
        probe.link.send_bytes(b"\x55" * 1024)
        await asyncio.sleep(0.01)
    probe.link.send_bytes(b"\0")
    await asyncio.sleep(0.2)
    return await _ping(probe, 51)


async def hello_comes(probe: Probe) -> str:
    """HELLO after the port was opened."""
    start = probe.now
    found = await probe.hear(MessageType.HELLO, HELLO_DEADLINE + MARGIN_S, since=0)
    if found is None:
        raise Failed(f"HELLO within {HELLO_DEADLINE:g} s", "silence")
    return f"HELLO after {max(0.0, found.at - start):.2f} s"


async def hello_repeats(probe: Probe) -> str:
    """Intervals of unanswered HELLOs."""
    await probe.find()
    mark = len(probe.heard)
    await asyncio.sleep(4.5)
    times = [one.at for one in probe.heard[mark:] if one.frame.type == MessageType.HELLO]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    low, high = HELLO_PERIOD * (1 - HELLO_JITTER) - MARGIN_S, HELLO_PERIOD * (1 + HELLO_JITTER) + MARGIN_S
    if len(gaps) < 2 or not all(low <= gap <= high for gap in gaps):
        raise Failed(f"HELLO every {low:.2f} to {high:.2f} s", f"{len(times)} HELLOs, gaps {_seconds(gaps)}")
    return f"gaps {_seconds(gaps)}"


async def hello_is_complete(probe: Probe) -> str:
    """The fields of HELLO."""
    hello = await probe.find()
    refusal, text = hello_fault(hello)
    if refusal:
        raise Failed(f"uid of {UID_SIZE} B, hash of {HASH_SIZE} B and the rest in range", text)
    return f"uid {hello.uid.hex()}, level {hello.level}"


async def addressed_is_silent(probe: Probe) -> str:
    """Nothing unasked after ASSIGN."""
    await probe.address()
    await asyncio.sleep(0.2)
    mark = len(probe.heard)
    await asyncio.sleep(WATCH_S)
    said = [one for one in probe.heard[mark:] if one.frame.type != MessageType.HEARTBEAT]
    if said:
        raise Failed("silence", f"{len(said)} frames, the first of type {said[0].frame.type:#x}")
    return f"silent for {WATCH_S:g} s"


async def sheet_is_served(probe: Probe) -> str:
    """Two chunks, at 0 and in the middle."""
    hello = await probe.address()
    for offset in (0, hello.sheet_size // 2):
        await _chunk(probe, offset, 64)
    return "chunks at the offsets asked for"


async def sheet_matches_hello(probe: Probe) -> str:
    """Size and hash of the whole sheet."""
    hello = await probe.address()
    data = await _sheet(probe)
    if len(data) != hello.sheet_size or sheet_hash(data) != hello.sheet_hash:
        raise Failed(
            f"{hello.sheet_size} B with hash {hello.sheet_hash.hex()}", f"{len(data)} B with {sheet_hash(data).hex()}"
        )
    return f"{len(data)} B, hash {hello.sheet_hash.hex()}"


async def sheet_is_valid(probe: Probe) -> str:
    """The bounds of the data sheet."""
    await probe.address()
    _, problems = parse(await _sheet(probe))
    if problems:
        raise Failed("a data sheet inside its bounds", "; ".join(problems[:3]))
    return "inside all bounds"


async def activation_is_echoed(probe: Probe) -> str:
    """ACTIVATED with our plans."""
    plans = await _run(probe)
    return f"{len(plans)} plans accepted"


async def data_stay_inside_the_plan(probe: Probe) -> str:
    """Channel, rate, objects and format of everything sent in some seconds."""
    plans = {plan.channel: plan for plan in await _run(probe)}
    mark, start = len(probe.heard), probe.now
    await _keep_alive(probe, 3.0)
    counts: dict[int, int] = {}
    for one in probe.heard[mark:]:
        if one.frame.type < 0x40 or one.body is None:
            continue
        channel = getattr(one.body, "channel", 0)
        counts[channel] = counts.get(channel, 0) + 1
        _inside(plans.get(channel), one.body)
    if not counts:
        raise Failed("data on the granted channels", "none in 3 s")
    for channel, count in counts.items():
        allowed = plans[channel].rate_mhz / 1000 * (probe.now - start) * 1.15 + 2
        if count > allowed:
            raise Failed(f"at most {allowed:.0f} messages on channel {channel}", f"{count}")
    return f"{sum(counts.values())} messages inside their plans"


async def heartbeats_come(probe: Probe) -> str:
    """The rhythm of a running module."""
    await _run(probe)
    mark = len(probe.heard)
    await _keep_alive(probe, 4.5)
    times = [one.at for one in probe.heard[mark:] if one.frame.type == MessageType.HEARTBEAT]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    if len(gaps) < 2 or not all(abs(gap - HEARTBEAT_PERIOD) <= 0.2 + MARGIN_S for gap in gaps):
        raise Failed("a heartbeat every 1.0 ± 0.2 s", f"{len(times)} heartbeats, gaps {_seconds(gaps)}")
    return f"gaps {_seconds(gaps)}"


async def ping_is_answered(probe: Probe) -> str:
    """PONG with the token."""
    await probe.address()
    return await _ping(probe, 0xC0FFEE)


async def time_is_told(probe: Probe) -> str:
    """The two-way exchange."""
    await probe.address()
    mark = len(probe.heard)
    probe.say(MessageType.TIME_REQUEST, pb.TimeRequest(token=7, controller_tx_us=123_456_789))
    found = await probe.hear(MessageType.TIME_REPLY, REPLY_TIMEOUT + MARGIN_S, since=mark)
    if found is None:
        raise Failed("TIME_REPLY within 100 ms", "silence")
    body = found.body
    if body is None or (body.token, body.controller_tx_us) != (7, 123_456_789) or body.module_rx_us > body.module_tx_us:
        raise Failed("token 7, our send time, receive before send", str(body).replace("\n", " "))
    return f"reply took the module {body.module_tx_us - body.module_rx_us} µs"


async def unknown_is_refused(probe: Probe) -> str:
    """The canary: a type nobody knows."""
    await probe.address()
    mark = len(probe.heard)
    probe.say(UNKNOWN_TYPE, b"\x01\x02")
    found = await probe.hear(MessageType.UNSUPPORTED, REPLY_TIMEOUT + MARGIN_S, since=mark)
    if found is None or found.body is None or found.body.type != UNKNOWN_TYPE:
        raise Failed(f"UNSUPPORTED for type {UNKNOWN_TYPE:#x}", "silence" if found is None else str(found.body))
    return "refused by name"


async def other_sessions_are_ignored(probe: Probe) -> str:
    """A PING of a session that is not ours."""
    await probe.address()
    await _ping(probe, 61)
    mark = len(probe.heard)
    probe.say(MessageType.PING, pb.Ping(token=62), session=probe.session ^ 0x0F0F)
    if await probe.hear(MessageType.PONG, 3 * REPLY_TIMEOUT, since=mark):
        raise Failed("silence", "PONG to a frame of another session")
    return await _ping(probe, 63)


CASES: Final[dict[str, Callable[[Probe], Awaitable[str]]]] = {
    "PMI-SES-001": hello_comes,
    "PMI-SES-013": unknown_is_refused,
    "PMI-SER-001": frames_are_valid,
    "PMI-SER-002": bad_crc_is_ignored,
    "PMI-SER-003": noise_is_survived,
    "PMI-SER-004": truncation_is_survived,
    "PMI-SER-005": dribble_is_read,
    "PMI-SER-006": a_long_run_is_survived,
    "PMI-SES-002": hello_repeats,
    "PMI-SES-003": hello_is_complete,
    "PMI-SES-004": addressed_is_silent,
    "PMI-SES-005": sheet_is_served,
    "PMI-SES-006": sheet_matches_hello,
    "PMI-SES-007": sheet_is_valid,
    "PMI-SES-008": activation_is_echoed,
    "PMI-SES-009": data_stay_inside_the_plan,
    "PMI-SES-010": heartbeats_come,
    "PMI-SES-011": ping_is_answered,
    "PMI-SES-012": time_is_told,
    "PMI-SES-014": other_sessions_are_ignored,
}


async def _ping(probe: Probe, token: int) -> str:
    mark = len(probe.heard)
    probe.say(MessageType.PING, pb.Ping(token=token))
    return await _pong(probe, token, mark)


async def _pong(probe: Probe, token: int, mark: int) -> str:
    start = probe.now
    found = await probe.hear(MessageType.PONG, REPLY_TIMEOUT + MARGIN_S, since=mark)
    if found is None:
        raise Failed("PONG within 100 ms", "silence")
    if found.body is None or found.body.token != token:
        raise Failed(f"PONG with token {token}", f"{found.body}")
    return f"PONG after {max(0.0, found.at - start) * 1e3:.1f} ms"


async def _chunk(probe: Probe, offset: int, length: int) -> pb.SheetChunk:
    mark = len(probe.heard)
    probe.say(MessageType.GET_SHEET, pb.GetSheet(offset=offset, length=length))
    found = await probe.hear(MessageType.SHEET_CHUNK, 2 * REPLY_TIMEOUT, since=mark)
    if found is None:
        raise Failed("SHEET_CHUNK within 100 ms", "silence")
    body = found.body
    total = probe.hello.sheet_size if probe.hello else 0
    if not isinstance(body, pb.SheetChunk) or body.offset != offset or body.total != total or not body.data:
        raise Failed(f"offset {offset} of {total}", str(body).replace("\n", " ")[:120])
    return body


async def _sheet(probe: Probe) -> bytes:
    data = b""
    size = probe.hello.sheet_size if probe.hello else 0
    while len(data) < size:
        data += (await _chunk(probe, len(data), SHEET_CHUNK)).data
    return data


async def _run(probe: Probe) -> list[pb.Plan]:
    await probe.address()
    sheet, problems = parse(await _sheet(probe))
    if problems:
        raise Inconclusive("the data sheet is not valid: " + problems[0])
    plans = [
        pb.Plan(
            channel=one.channel,
            rate_mhz=min(one.max_rate_mhz, 10_000),
            max_objects=min(one.max_objects, 8),
            record_format=one.record_formats[0] if one.record_formats else 0,
        )
        for one in sheet.channels
    ]
    mark = len(probe.heard)
    probe.say(MessageType.ACTIVATE, pb.Activate(plans=plans))
    found = await probe.hear(MessageType.ACTIVATED, 2 * REPLY_TIMEOUT, since=mark)
    if found is None:
        raise Failed("ACTIVATED within 100 ms", "silence")
    body = found.body
    if body is None or body.result != pb.ACCEPTED or sorted(map(str, body.plans)) != sorted(map(str, plans)):
        raise Failed("ACCEPTED with the granted plans", str(body).replace("\n", " ")[:160])
    return plans


async def _keep_alive(probe: Probe, seconds: float) -> None:
    end = probe.now + seconds
    while probe.now < end:
        probe.say(MessageType.TIME_REQUEST, pb.TimeRequest(token=1, controller_tx_us=1))
        await asyncio.sleep(min(1.0, max(0.0, end - probe.now)))


def _inside(plan: pb.Plan | None, body: object) -> None:
    if plan is None:
        raise Failed("data on granted channels only", "data on another channel")
    if isinstance(body, pb.DetectionFrame):
        count = len(body.records) // max(1, body.rec_size)
        if body.rec_fmt != plan.record_format or count > plan.max_objects:
            raise Failed(
                f"at most {plan.max_objects} records of format {plan.record_format}",
                f"{count} of format {body.rec_fmt}",
            )


def _seconds(gaps: list[float]) -> str:
    return "[" + ", ".join(f"{gap:.2f}" for gap in gaps) + "] s"
