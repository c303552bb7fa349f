"""The suite passes our own simulated modules and kills every mutant by the requirement it breaks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from controller.cli.main import pole
from interfaces.conformance import engine
from interfaces.conformance.cases import CASES
from interfaces.conformance.engine import Result, Verdict
from interfaces.conformance.requirements import BY_ID, REQUIREMENTS
from interfaces.serial_link import open_serial
from sim.module import SimModule
from sim.mutant import MUTANTS, Mutant, MutantWire
from sim.scenario import scenario
from sim.wire import SerialWire

SCENE = scenario("calm")
POLE = str(Path(sys.executable).with_name("pole"))


@contextlib.asynccontextmanager
async def plugged(wire, module_class="lidar"):
    spec = next(one for one in SCENE.modules if one.module_class == module_class)
    task = asyncio.create_task(SimModule(spec, SCENE.world().truth).run(wire))
    await asyncio.sleep(0)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def judged(wire, selection):
    async with plugged(wire):
        link = await open_serial(str(wire.path))
        try:
            return [result async for result in engine.run(link, selection)]
        finally:
            await link.close()


def test_every_requirement_has_a_case_and_every_case_one():
    assert [one.id for one in REQUIREMENTS] == sorted(BY_ID)
    assert set(CASES) == set(BY_ID)
    assert len(CASES) == 20
    assert all(case.__doc__ for case in CASES.values())


@pytest.mark.parametrize("module_class", ["camera", "comms"])
async def test_our_own_modules_pass_from_the_command_line(tmp_path, module_class):
    wire, report = SerialWire(tmp_path / "dut"), tmp_path / "report.xml"
    async with plugged(wire, module_class):
        command = [POLE, "conform", "run", "--dut", f"serial://{wire.path}", "--json", "--junit", str(report)]
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        out, _ = await process.communicate()
    found = json.loads(out)
    assert {row["id"]: row["verdict"] for row in found["results"]} == dict.fromkeys(CASES, "PASS"), out.decode()
    assert process.returncode == found["exit"] == 0
    suite = ET.fromstring(report.read_text())
    assert len(suite.findall("testcase")) == 20
    assert not suite.findall(".//failure")


async def test_every_mutant_is_killed_by_the_requirement_it_breaks(tmp_path):
    async def kill(index: int, mutant: Mutant) -> tuple[str, Result]:
        (result,) = await judged(MutantWire(tmp_path / f"m{index}", mutant), [mutant.killed_by])
        return mutant.name, result

    assert len(MUTANTS) >= 10
    results = await asyncio.gather(*(kill(index, mutant) for index, mutant in enumerate(MUTANTS)))
    assert {name: (str(one.verdict), one.said) for name, one in results if one.verdict is not Verdict.FAIL} == {}
    assert all(one.expected and one.actual for _, one in results)


async def test_a_suite_on_a_slow_host_withholds_its_verdicts(tmp_path, monkeypatch):
    async def slow():
        return 0.2

    monkeypatch.setattr(engine, "_own_jitter_s", slow)
    (result,) = await judged(SerialWire(tmp_path / "dut"), ["PMI-SES-011"])
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "too slow" in result.said


def test_exit_codes():
    def code(*verdicts):
        return engine.exit_code([Result("PMI-SES-001", verdict, "") for verdict in verdicts])

    assert code(Verdict.PASS, Verdict.WARN) == 0
    assert code(Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL) == 1
    assert code(Verdict.PASS, Verdict.INCONCLUSIVE) == code() == 2
    assert code(Verdict.FAIL, Verdict.ERROR) == 3


def test_junit_names_what_failed():
    text = engine.as_junit("dut", [Result("PMI-SES-001", Verdict.FAIL, "expected HELLO, got silence")])
    assert ET.fromstring(text).find("testcase/failure").get("message") == "expected HELLO, got silence"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "--dut", "/nowhere"], 3, "no such port"),
        (["run", "--dut", "/nowhere", "--only", "PMI-XYZ"], 4, "matches no requirement"),
        (["explain", "PMI-SES-999"], 4, "no such requirement"),
        (["explain", "PMI-SES-011"], 0, "PONG"),
        (["list"], 0, "PMI-SER-006"),
    ],
)
def test_the_command(arguments, code, words):
    result = CliRunner().invoke(pole, ["conform", *arguments])
    assert result.exit_code == code
    assert words in result.output
