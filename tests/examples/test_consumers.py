"""The examples for consumers, run as a person runs them, beside a pole whose publications are ready made."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from controller.fusion.track import Tracks, empty_tracks
from controller.geometry import LocalFrame
from controller.publication.objects import objects
from controller.publication.profile import profile, said
from controller.publication.status import pole_status
from interfaces import asyncapi
from interfaces.spec import ObjectClass
from interfaces.topics import ROOT, matches
from sim.broker import Broker
from sim.scene import ORIGIN
from tests.interfaces.test_consumer import sending
from tests.published import CONFIG, NEAR, REPORT, SENDER, T0, danger, everything, near_miss, stamp, state

HERE = Path(__file__).parents[2] / "docs" / "examples" / "consumers"
MERGE = replace(SENDER, frame=LocalFrame.of(ORIGIN))
PERIOD_S = 0.1


def traffic(sequence, sender=SENDER, at=((-100.0, 3.5, 20.0), (-40.0, 3.5, 15.0))):
    """Cars that drive east: x, y, speed."""
    rows = empty_tracks(len(at))
    rows["id"], rows["object_class"], rows["z"] = range(1, len(at) + 1), 2, float("nan")
    rows["x"], rows["y"], rows["vx"] = zip(*at, strict=True)
    return tuple(objects(Tracks(T0, rows), sender, stamp(sequence)))


@contextlib.asynccontextmanager
async def publishing(url, batches):
    """Publish what `batches(sequence)` gives, ten times a second, until the end."""

    over = asyncio.Event()

    async def publish(send):
        sequence = 0
        while not over.is_set():  # aiomqtt can swallow a cancellation on Python 3.11
            sequence += 10
            for publications in batches(sequence):
                await send(publications)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PERIOD_S):
                    await over.wait()

    async with sending(url) as send, asyncio.TaskGroup() as group:
        group.create_task(publish(send))
        try:
            yield
        finally:
            over.set()


async def run(example, *arguments):
    """Exit code and all it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(HERE / example),
        *map(str, arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=os.environ | {"PYTHONUNBUFFERED": "1", "COLUMNS": "120", "PYTHONPATH": str(HERE.parents[2])},
    )
    try:
        async with asyncio.timeout(30):
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, out.decode()


async def test_a_vehicle_approaches_the_merge():
    def batches(sequence):
        yield traffic(sequence, MERGE)
        yield danger(sequence=sequence + 1, sender=MERGE, x=-60.0, y=7.0)
        yield state(sequence + 2)

    async with Broker() as broker, publishing(broker.url, batches):
        code, out = await run("merge_approach.py", "--broker", broker.url, "--speed", 120)
    assert code == 0, out
    assert "! wrong_way new: 22" in out, "metres from the start of the ramp"
    assert "degraded: required slot cam is LOST" in out
    line = next(line for line in out.splitlines() if line.startswith("merge in"))
    assert re.match(r"merge in  [0-3]\.\d s: car 2 in 6\.7 s, car 1 in 8\.0 s$", line), line
    assert out.splitlines()[-1] == "at the merge"


async def test_who_is_close_at_the_merge_is_told():
    slow = lambda sequence: [traffic(sequence, MERGE, [(35.0, 3.5, 10.0)])]  # noqa: E731 -- 25 m to go
    async with Broker() as broker, publishing(broker.url, slow):
        code, out = await run("merge_approach.py", "--broker", broker.url, "--speed", 120)
    assert code == 0, out
    assert "car 1 in 2.5 s <- CLOSE" in out


async def test_the_wall_display_shows_a_corridor():
    other = replace(SENDER, roadside_unit_id=10)

    def batches(sequence):
        for nth, sender in enumerate((SENDER, other)):
            yield traffic(sequence + 3 * nth, sender)
            yield said(profile(CONFIG, sender), sender, stamp(sequence + 3 * nth + 1))
            yield from told_by(sender, sequence + 3 * nth + 2)

    async with Broker() as broker, publishing(broker.url, batches):
        code, out = await run("wall_display.py", "--broker", broker.url, "--seconds", 4)
    assert code == 0, out
    assert out.count("見本") >= 2
    for word in ("degraded", "required slot cam is LOST", "wrong_way", "14/2", "7/10", "crossing", "severity 3 中"):
        assert word in out, out


def told_by(sender, sequence):
    yield pole_status(REPORT, sender, stamp(sequence))
    yield danger(sequence=sequence, sender=sender)
    yield near_miss(NEAR, sender, stamp(sequence))


@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        (("merge_approach.py",), 1, "refused"),
        (("wall_display.py", "--seconds", "1"), 0, "refused; trying again"),  # it is switched on before the broker is
    ],
)
async def test_a_broker_that_is_not_there_is_one_line(asked, code, words):
    ended, out = await run(*asked, "--broker", "mqtt://127.0.0.1:1")
    assert ended == code
    assert len(out.splitlines()) == 1
    assert "127.0.0.1:1" in out
    assert words in out


PAGE = (HERE / "browser.html").read_text(encoding="utf-8")


def test_the_page_asks_for_twins_of_the_table():
    patterns = re.findall(r"`\$\{root\}/(.+)`,", PAGE)
    assert len(patterns) == 5
    topics = [made.topic for publications in everything().values() for made in publications]
    for pattern in patterns:
        found = [one for one in topics if matches(pattern.replace("${tile}", "+/+/+/+"), one.removeprefix(f"{ROOT}/"))]
        assert found, pattern
        assert all(one.endswith("/json") for one in found)


def test_the_page_reads_fields_of_the_schema_only():
    schemas = asyncapi.document(asyncapi.proto_text())["components"]["schemas"]
    fields = {name for schema in schemas.values() for name in schema["properties"]}
    read = set(re.findall(r"\.([a-z]+(?:_[a-z0-9]+)+)\b", PAGE.partition("<script>\n")[2]))
    assert len(read) >= 10
    assert read <= fields
    codes = re.search(r"COLOURS = \{(.*?)\};", PAGE)[1]
    assert {int(code) for code in re.findall(r"(\d+):", codes)} <= set(ObjectClass)
