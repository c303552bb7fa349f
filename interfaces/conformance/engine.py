"""Run cases against a module on a wire and report: JSON is the source of truth, JUnit for build servers."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

from interfaces.conformance.cases import CASES
from interfaces.conformance.probe import Failed, Inconclusive, Probe
from interfaces.conformance.requirements import BY_ID
from interfaces.spec import REPLY_TIMEOUT, SPEC_NAME

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from interfaces.fd_link import FdLink

JITTER_LIMIT_S: Final = REPLY_TIMEOUT / 3
CASE_LIMIT_S: Final = 30.0


class Verdict(StrEnum):
    """What became of a case."""

    PASS = "PASS"  # noqa: S105 -- no secret
    FAIL = "FAIL"
    WARN = "WARN"
    INCONCLUSIVE = "INCONCLUSIVE"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class Result:
    """One case's verdict; `said` is the observation, or expected and actual."""

    id: str
    verdict: Verdict
    said: str
    expected: str = ""
    actual: str = ""
    seconds: float = 0.0


async def run(link: FdLink, selection: Sequence[str]) -> AsyncIterator[Result]:
    """Results one by one. The suite measures its own jitter first: on a host too slow to time, cases stay open."""
    jitter_s = await _own_jitter_s()
    probe = Probe(link)
    listener = asyncio.create_task(probe.listen())
    try:
        for name, case in CASES.items():
            if name not in selection:
                continue
            if jitter_s > JITTER_LIMIT_S:
                text = f"this host wakes {jitter_s * 1e3:.0f} ms late: too slow to judge a limit of 100 ms"
                yield Result(name, Verdict.INCONCLUSIVE, text)
                continue
            start = probe.now
            result = await _judge(name, case, probe)
            yield Result(**(asdict(result) | {"seconds": round(probe.now - start, 3)}))
    finally:
        listener.cancel()
        await asyncio.wait([listener])


async def _judge(name: str, case: Any, probe: Probe) -> Result:
    try:
        async with asyncio.timeout(CASE_LIMIT_S):
            return Result(name, Verdict.PASS, await case(probe))
    except Failed as failed:
        verdict = Verdict.FAIL if BY_ID[name].must else Verdict.WARN
        return Result(name, verdict, str(failed), failed.expected, failed.actual)
    except Inconclusive as reason:
        return Result(name, Verdict.INCONCLUSIVE, str(reason))
    except TimeoutError:
        return Result(name, Verdict.INCONCLUSIVE, f"not finished after {CASE_LIMIT_S:g} s")
    except Exception as error:  # noqa: BLE001 -- a fault of the suite is reported apart from the module's
        return Result(name, Verdict.ERROR, f"{type(error).__name__}: {error}")


async def _own_jitter_s() -> float:
    loop = asyncio.get_running_loop()
    late = []
    for _ in range(40):
        due = loop.time() + 0.005
        await asyncio.sleep(0.005)
        late.append(loop.time() - due)
    return sorted(late)[-2]


def exit_code(results: Sequence[Result]) -> int:
    """0 pass, 1 fail, 2 inconclusive, 3 the suite itself failed."""
    verdicts = {result.verdict for result in results}
    if Verdict.ERROR in verdicts:
        return 3
    if Verdict.FAIL in verdicts:
        return 1
    return 2 if Verdict.INCONCLUSIVE in verdicts or not results else 0


def as_json(dut: str, results: Sequence[Result]) -> dict[str, Any]:
    """results.json."""
    rows = [asdict(result) | {"en": BY_ID[result.id].en, "ja": BY_ID[result.id].ja} for result in results]
    return {"schema": 1, "spec": SPEC_NAME, "binding": "SER", "dut": dut, "exit": exit_code(results), "results": rows}


def as_junit(dut: str, results: Sequence[Result]) -> str:
    """JUnit XML."""
    suite = ET.Element("testsuite", name=f"{SPEC_NAME} {dut}", tests=str(len(results)))
    for result in results:
        case = ET.SubElement(suite, "testcase", classname="PMI.SER", name=result.id, time=str(result.seconds))
        tag = {Verdict.FAIL: "failure", Verdict.INCONCLUSIVE: "skipped", Verdict.ERROR: "error"}.get(result.verdict)
        if tag:
            ET.SubElement(case, tag, message=result.said)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)
