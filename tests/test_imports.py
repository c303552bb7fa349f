"""The layout's rules, read from the syntax of every file."""

from __future__ import annotations

import ast
import gc
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
ORDER = ("interfaces", "modules", "controller", "sim")
SHELLS = {
    "controller/acknowledging_client.py",
    "controller/app.py",
    "controller/broker_client.py",
    "controller/bus_keeper.py",
    "controller/cavc_client.py",
    "controller/cavc_near_misses.py",
    "controller/cavc_uploader.py",
    "controller/certificate_watch.py",
    "controller/command_actions.py",
    "controller/command_room.py",
    "controller/discovery.py",
    "controller/event_way.py",
    "controller/plugs.py",
    "controller/health_voice.py",
    "controller/narrow_way.py",
    "controller/outbox.py",
    "controller/publisher.py",
    "controller/radio_room.py",
    "controller/supervisor.py",
    "controller/tls_look.py",
    "controller/wires.py",
    "interfaces/bus.py",
    "interfaces/can_bus.py",
    "interfaces/can_port.py",
    "interfaces/consumer.py",
    "interfaces/fd_link.py",
    "interfaces/link.py",
    "interfaces/modbus_bus.py",
    "interfaces/rs485_bus.py",
    "interfaces/serial_link.py",
    "interfaces/stream.py",
    "interfaces/tcp_link.py",
}
FILES = [path for package in ORDER for path in (TOP / package).rglob("*.py") if not path.name.endswith("_pb2.py")]


def name_of(path):
    return path.relative_to(TOP).as_posix()


def parsed(path):
    """The tree of a file; a collection in the middle of parsing is what CPython 3.11 cannot stand."""
    gc.disable()
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    finally:
        gc.enable()


def imports(tree):
    """(top-level package, whether it waits inside a function or is for the type checker alone) of every import."""
    inner = {id(node) for outer in ast.walk(tree) if waits(outer) for node in ast.walk(outer)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split(".")[0], id(node) in inner
        elif isinstance(node, ast.ImportFrom):
            yield node.module.split(".")[0], id(node) in inner


def waits(node):
    """Whether what stands inside is not run when the module is imported."""
    for_types = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return for_types or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_package_imports_only_what_stands_to_its_left(path):
    name = name_of(path)
    package = name.split("/")[0]
    allowed = set(ORDER[: ORDER.index(package) + 1])
    for imported, inside in imports(parsed(path)):
        if imported in ORDER and imported not in allowed:
            assert name.startswith("controller/cli/"), f"{name} imports {imported}"
            assert inside, f"{name} imports {imported} at its top"


@pytest.mark.parametrize("path", [p for p in FILES if not name_of(p).startswith("sim/")], ids=name_of)
def test_only_shells_await(path):
    name = name_of(path)
    awaits = any(isinstance(node, ast.Await | ast.AsyncFunctionDef) for node in ast.walk(parsed(path)))
    shell = name in SHELLS or name.startswith(("controller/cli/", "interfaces/conformance/"))
    assert shell or not awaits, f"{name} awaits and is no shell"


@pytest.mark.parametrize("path", sorted((TOP / "tests/bench").glob("bench_*.py")), ids=lambda path: path.stem)
def test_what_make_bench_calls_is_the_benchmarks_own_and_needs_no_argument(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert "run" not in {alias.asname or alias.name for node in imports for alias in node.names}
    found = [node.args for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "run"]
    assert all(len(args.args) == len(args.defaults) for args in found)
