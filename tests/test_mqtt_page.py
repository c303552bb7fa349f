"""docs/mqtt.md: its table is that of the code, its examples run as they stand there."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from controller.geometry import LocalFrame
from controller.publication.weather import weather
from interfaces import topic_table
from interfaces.hazard_reader import End
from interfaces.object_reader import STALE_S
from interfaces.pole_reader import SILENT_NARROW_S, SILENT_S
from interfaces.spatial_id import quadkey
from sim.scene import ORIGIN
from tests.examples.test_consumers import publishing, told_by, traffic
from tests.published import READING, SENDER, stamp

TOP = Path(__file__).parents[1]
PAGE = (TOP / "docs" / "mqtt.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
SHELL = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines() if not line.startswith("#")]
PYTHON = [text for kind, text in BLOCKS if kind == "python"]
POLE = replace(SENDER, frame=LocalFrame.of(ORIGIN))
PATIENCE_S = 20


def test_the_tables_are_those_of_the_code():
    marked = re.search(r"<!-- topics: .*? -->\n(.*?)<!-- /topics -->", PAGE, re.DOTALL)[1]
    assert marked == topic_table.text(), "run python -m interfaces.topic_table"


def test_the_figures_are_those_of_the_code():
    assert quadkey(36.6, 140.6, 18) in PAGE
    assert f"hazard/{quadkey(36.6, 140.6, 6)}/" in PAGE
    for text in (f"no status came for {SILENT_S:g} s", f"none came for {STALE_S:g} s", f"{SILENT_S:g} 秒届かなければ"):
        assert text in " ".join(PAGE.split())
    assert SILENT_NARROW_S > 10
    assert all(end.value.split()[0] in PAGE for end in End)


def batches(sequence):
    yield traffic(sequence, POLE)
    yield from told_by(POLE, sequence + 1)
    yield weather(((1, READING),), POLE, stamp(sequence + 4))


async def first_lines(count, *arguments):
    """What a program prints first; then it is ended."""
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(TOP)},
        limit=1 << 20,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            return [(await process.stdout.readline()).decode() for _ in range(count)]
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


SUBSCRIPTIONS = [line for line in SHELL if line.startswith("mosquitto_sub")]
WATCHES = [line for line in SHELL if line.startswith("pole ")]


def test_nothing_is_left_untested():
    others = [line for line in SHELL if line not in {*SUBSCRIPTIONS, *WATCHES}]
    assert (len(SUBSCRIPTIONS), len(WATCHES), len(PYTHON)) == (4, 2, 3)
    assert all(line.startswith(("python docs/examples/consumers/", "python -m http.server")) for line in others)
    for line in others:
        assert (TOP / next(word for word in line.split() if word.startswith("docs/"))).exists()


@pytest.mark.real_broker
async def test_every_subscription_receives(mosquitto):
    async with publishing(mosquitto.url, batches):
        for line in SUBSCRIPTIONS:
            (told,) = await first_lines(1, *shlex.split(line), "-p", str(mosquitto.port), "-C", "1")
            assert '"header":' in told, line
            if "%P" in line:
                assert "spatial_id:25/" in told
                assert "id:7-9-hazard-" in told


@pytest.mark.real_broker
async def test_every_watch_shows_it(mosquitto):
    async with publishing(mosquitto.url, batches):
        for line in WATCHES:
            command = [str(Path(sys.executable).with_name("pole")), *shlex.split(line)[1:], "--broker", mosquitto.url]
            told = "".join(await first_lines(2, *command, "--seconds", "4"))
            assert ('"topic": "smartpole/v1/' in told) if "--json" in line else ("7/9" in told), told


@pytest.mark.real_broker
@pytest.mark.parametrize(
    ("text", "prints"),
    [
        *zip(
            PYTHON,
            [r"^new wrong_way 25/", r"^new: wrong_way in 2\d\d m; 1 in all", r"^1 2 36\.\d+ 140\.\d+ 20\.0"],
            strict=True,
        )
    ],
    ids=["anywhere", "route", "without client"],
)
async def test_every_python_example_prints(mosquitto, tmp_path, text, prints):
    assert "1883" in text
    (tmp_path / "example.py").write_text(text.replace("1883", str(mosquitto.port)))
    async with publishing(mosquitto.url, batches):
        told = "".join(await first_lines(2, sys.executable, str(tmp_path / "example.py")))
    assert re.search(prints, told, re.MULTILINE), told
