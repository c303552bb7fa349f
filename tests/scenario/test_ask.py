"""A running pole is asked over a real mosquitto: `pole ask`, the audit, a reload, a module that shows itself."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

POLE = str(Path(sys.executable).with_name("pole"))
KEY = "0123456789abcdef0123456789abcdef"


def pole(*arguments):
    return subprocess.run([POLE, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


@contextlib.contextmanager
def started(*arguments):
    process = subprocess.Popen([POLE, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=20)


@pytest.mark.real_broker
def test_a_pole_is_asked_and_answers(mosquitto, tmp_path):
    (tmp_path / "command-key").write_text(KEY + "\n")
    (tmp_path / "other-key").write_text(KEY[::-1] + "\n")
    os.chmod(tmp_path / "command-key", 0o600)
    with started("sim", "--module", "lidar", "--folder", tmp_path, "--seconds", 120, "--json") as sim:
        config = Path(json.loads(sim.stdout.readline())["config"])
        text = config.read_text() + (
            f'\n[mqtt]\nurl = "{mosquitto.url}"\n[commands]\non = true\nkey_file = "{tmp_path}/command-key"\n'
            'allow = ["status", "identify", "self_test", "reload", "uplink"]\n'
        )
        config.write_text(text)
        with started("run", "--config", config, "--json") as run:

            def ask(*arguments):
                done = pole("ask", "--config", config, "--who", "mari", *arguments)
                assert "Traceback" not in done.stderr, done.stderr
                return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

            for _ in range(20):
                code, told = ask("--seconds", 3, "status")
                if code == 0 and set(told["data"]["slots"].values()) == {"ACTIVE"}:
                    break
            assert code == 0, (told, run.poll())
            assert told["data"]["slots"] == {"lidar": "ACTIVE"}
            assert ask("identify", "lidar", 2)[1]["data"] == {"slot": "lidar", "seconds": 2}
            code, told = ask("identify", "radar")
            assert (code, told["status"]) == (1, "error")
            assert "there are lidar" in told["error"]
            assert ask("self-test")[1]["data"] == {"lidar": {"passed": True, "detail": "simulated"}}
            assert ask("log-level", "debug")[1]["error"].startswith("log_level is not allowed here")
            config.write_text(text.replace("[mqtt]", "[hazards]\nperson_s = 0.9\n[mqtt]\nkeepalive_s = 20", 1))
            assert ask("reload")[1]["data"] == {
                "applied": ["hazards.person_s"],
                "restart_needed_for": ["mqtt.keepalive_s"],
            }
            config.write_text(text.replace("[mqtt]", "[mqtt", 1))
            whom = ("--broker", mosquitto.url, "--pole", _number(text), "--command-key", tmp_path / "command-key")
            assert "is no TOML" in json.loads(pole("ask", *whom, "reload").stdout)["error"]
            config.write_text(text)
            assert ask("uplink", "narrow", 2400)[1]["data"]["now"] == "narrow uplink: 2,400 B/s, objects thinned"
            code, told = ask("status")
            assert "narrow uplink: 2,400 B/s, objects thinned" in told["data"]["reasons"]
            code, told = ask("--command-key", tmp_path / "other-key", "uplink", "full")
            assert code != 0
        lines = [json.loads(line) for line in (config.parent / "state" / "audit.jsonl").read_text().splitlines()]
    outcomes = [(line["command"], line["outcome"]) for line in lines]
    assert ("identify", "done") in outcomes
    assert ("identify", "failed") in outcomes
    assert outcomes[-1] == ("uplink", "refused")
    assert "signature" in lines[-1]["detail"]
    assert {line["who"] for line in lines} == {"mari", ""}


def _number(text):
    import tomllib

    values = tomllib.loads(text)["pole"]
    return f"{values['service_location_id']}/{values['roadside_unit_id']}"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["status"], 2, "which pole?"),
        (["statsu", "--pole", "1/2"], 2, "did you mean status?"),
        (["status", "now", "--pole", "1/2"], 2, "takes nothing"),
        (["status", "--pole", "one"], 2, "write service location"),
        (["status", "--pole", "1/2", "--broker", "mqtt://127.0.0.1:1"], 3, "broker"),
        (["status", "--pole", "1/2", "--command-key", "/nowhere"], 4, "/nowhere"),
    ],
)
def test_mistakes_are_one_readable_text(arguments, code, words):
    done = pole("ask", *arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
