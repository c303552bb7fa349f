"""`pole conform`: the suite a module vendor runs."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from interfaces.conformance.engine import Result


@click.group()
def command() -> None:
    """Check a module against PMI 1.0, serial binding.

    Exit codes: 0 pass, 1 fail, 2 inconclusive, 3 the suite itself failed or cannot open the port, 4 wrong call.

    Example: pole conform run --dut serial:///dev/ttyUSB0?baud=921600 --junit report.xml
    """


@command.command("list")
def list_requirements() -> None:
    """List the requirements that have a case. Example: pole conform list"""
    from interfaces.conformance.requirements import REQUIREMENTS

    for one in REQUIREMENTS:
        click.echo(f"{one.id}  {'MUST  ' if one.must else 'SHOULD'}  {one.en}")


@command.command()
@click.argument("name")
def explain(name: str) -> None:
    """Say what a requirement asks, in both languages. Example: pole conform explain PMI-SES-014"""
    from interfaces.conformance.cases import CASES
    from interfaces.conformance.requirements import BY_ID

    if name not in BY_ID:
        click.echo(f"{name}: no such requirement; pole conform list shows them", err=True)
        sys.exit(4)
    click.echo(f"{name}\n  {BY_ID[name].en}\n  {BY_ID[name].ja}\n  case: {CASES[name].__doc__}")


@command.command()
@click.option("--dut", required=True, help="serial:///dev/ttyUSB0?baud=115200")
@click.option("--only", multiple=True, help="a requirement's id or its beginning; may be repeated")
@click.option("--json", "as_json", is_flag=True, help="results as one JSON object")
@click.option("--junit", type=click.Path(path_type=Path), default=None, help="also write JUnit XML here")
def run(dut: str, only: tuple[str, ...], junit: Path | None, *, as_json: bool) -> None:
    """Run the cases against a module. Example: pole conform run --dut serial:///dev/ttyUSB0"""
    from interfaces.conformance import engine
    from interfaces.conformance.cases import CASES
    from interfaces.errors import LinkError

    selection = [name for name in CASES if not only or any(name.startswith(one) for one in only)]
    if not selection:
        click.echo(f"--only {' '.join(only)}: matches no requirement; pole conform list shows them", err=True)
        sys.exit(4)
    try:
        results = asyncio.run(_run(dut, selection, quiet=as_json))
    except LinkError as error:
        click.echo(str(error), err=True)
        sys.exit(3)
    if as_json:
        click.echo(json.dumps(engine.as_json(dut, results), ensure_ascii=False, indent=1))
    if junit is not None:
        junit.write_text(engine.as_junit(dut, results), encoding="utf-8")
    sys.exit(engine.exit_code(results))


async def _run(dut: str, selection: list[str], *, quiet: bool) -> list[Result]:
    from interfaces.conformance import engine
    from interfaces.serial_link import open_serial

    link = await open_serial(dut)
    results = []
    try:
        async for result in engine.run(link, selection):
            results.append(result)
            if not quiet:
                click.echo(f"{result.verdict:12} {result.id}  {result.said}")
    finally:
        await link.close()
    return results
