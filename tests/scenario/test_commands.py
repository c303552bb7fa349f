"""The commands as a person runs them: processes, a real mosquitto, signals, exit codes."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

POLE = str(Path(sys.executable).with_name("pole"))


def pole(*arguments, seconds=60):
    return subprocess.run([POLE, *map(str, arguments)], capture_output=True, text=True, timeout=seconds, check=False)


@contextlib.contextmanager
def started(*arguments):
    process = subprocess.Popen([POLE, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=20)


def test_the_demo_prints_publications_as_json_lines():
    done = pole("demo", "--seconds", 6, "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert {line["type"] for line in lines} >= {"status", "profile", "slot", "objects"}
    active = {
        line["payload"]["slot"] for line in lines if line["type"] == "slot" and line["payload"]["state"] == "ACTIVE"
    }
    assert active == {"camera", "lidar", "radar", "comms"}
    assert any(line["type"] == "objects" and len(line["payload"].get("objects", [])) >= 3 for line in lines)
    assert "Traceback" not in done.stderr


def test_the_demo_draws_when_asked_for_no_json():
    done = pole("demo", "--seconds", 5, "--scenario", "expressway")
    assert done.returncode == 0, done.stderr
    for word in ("Slots", "ACTIVE", "Hazards", "ヒヤリハット"):
        assert word in done.stdout


def test_scenes_are_listed_and_wrong_names_refused():
    assert "expressway" in pole("demo", "--list").stdout
    wrong = pole("demo", "--scenario", "intersecton", "--seconds", 5)
    assert wrong.returncode == 4
    assert "intersection" in wrong.stderr
    assert "Traceback" not in wrong.stderr


@pytest.mark.real_broker
def test_sim_run_status_and_watch_in_processes_of_their_own(mosquitto, tmp_path):
    folder = tmp_path / "sim"
    with started("sim", "--folder", folder, "--seconds", 60, "--json") as sim:
        told = json.loads(sim.stdout.readline())
        config = Path(told["config"])
        config.write_text(config.read_text() + f'\n[mqtt]\nurl = "{mosquitto.url}"\n')
        with started("run", "--config", config, "--json") as run:
            states = set()
            for _ in range(20):  # each waits a second for the retained slots
                status = pole("status", "--broker", mosquitto.url, "--json")
                slots = [json.loads(line) for line in status.stdout.splitlines()]
                states = {one["state"] for one in slots if "state" in one}
                if states == {"ACTIVE"} and status.returncode == 0:
                    break
            assert status.returncode == 0, status.stdout
            assert states == {"ACTIVE"}
            watched = pole("watch", "--broker", mosquitto.url, "--json", "--seconds", 2)
            assert '"type": "objects"' in watched.stdout
            run.send_signal(signal.SIGTERM)
            assert run.wait(10) == 0
        gone = pole("status", "--broker", mosquitto.url, "--json")
        assert gone.returncode == 1
        assert "the pole was stopped" in gone.stdout


@pytest.mark.real_broker
def test_modules_in_processes_of_their_own_share_a_bus(mosquitto, tmp_path):
    bus = f"can+sim://{tmp_path}/bus.sock?fd=1"
    texts = []
    with contextlib.ExitStack() as stack:
        for name in ("lidar", "radar"):
            folder = tmp_path / name
            sim = stack.enter_context(
                started("sim", "--module", name, "--on", bus, "--folder", folder, "--seconds", 60, "--json")
            )
            texts.append(Path(json.loads(sim.stdout.readline())["config"]).read_text())
        config = tmp_path / "lidar" / "pole.toml"
        config.write_text(
            texts[0] + texts[1][texts[1].index("[slot.radar]") :] + f'\n[mqtt]\nurl = "{mosquitto.url}"\n'
        )
        stack.enter_context(started("run", "--config", config, "--json"))
        states = {}
        for _ in range(20):
            status = pole("status", "--broker", mosquitto.url, "--json")
            slots = [json.loads(line) for line in status.stdout.splitlines()]
            states = {one["slot"]: (one["state"], one["address"]) for one in slots if "state" in one}
            if {state for state, _ in states.values()} == {"ACTIVE"}:
                break
        assert {state for state, _ in states.values()} == {"ACTIVE"}
        assert {address for _, address in states.values()} == {2, 3}
        shown = pole("status", "--broker", mosquitto.url).stdout
        assert "CAN FD 500000/2000000 #3: may use" in shown


def test_a_broker_that_is_not_there():
    for command in ("watch", "status"):
        done = pole(command, "--broker", "mqtt://127.0.0.1:1", *(("--seconds", 5) if command == "watch" else ()))
        assert done.returncode == 3
        assert "127.0.0.1:1" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "--config", "/nowhere/pole.toml"], 4, "cannot be read"),
        (["replay", "/nowhere/log", "--config", "/nowhere/pole.toml"], 4, "cannot be read"),
        (["sim", "--replay", "/nowhere.csv"], 4, "cannot be read"),
        (["sim", "--write-log", "x"], 2, "goes with --replay"),
        (["watch", "--area", "far away"], 2, "not a spatial id"),
        (["watch", "--area", "nowhere.geojson"], 2, "No such file"),
        (["watch", "--broker", "mqtt://192.0.2.1"], 4, "write mqtts://192.0.2.1, or --plaintext"),
        (["wach"], 2, "Did you mean 'watch'"),
        (["sim", "--module", "lydar"], 2, "did you mean lidar?"),
        (["sim", "--on", "roof=canfd"], 2, "known: camera"),
        (["sim", "--on", "canbus"], 4, "known: serial"),
    ],
)
def test_mistakes_are_one_readable_text(arguments, code, words):
    done = pole(*arguments)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
