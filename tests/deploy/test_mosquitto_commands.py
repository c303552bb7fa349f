"""The commands of a pole at a real broker with the files of deploy/mosquitto: who they are, whom they trust."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from controller.cli.main import pole as command
from controller.config_file import load
from controller.publication import acl

pytestmark = pytest.mark.real_broker


def pole(*arguments):
    command = [Path(sys.executable).with_name("pole"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_commands_read_with_a_certificate_and_say_why_not(served):
    url, files = f"mqtts://127.0.0.1:{served.consumers}", ["--ca", served.tls / "brokers-ca.pem"]
    own = ["--cert", served.tls / "consumer-ops.pem", "--key", served.tls / "consumer-ops.key"]
    good = pole("watch", "--broker", url, *files, *own, "--seconds", 1, "--json")
    assert (good.returncode, good.stderr) == (0, f"broker {url}: connected\n")
    for options, code, words in (
        (files, 3, "wants a certificate of ours"),
        (own, 3, "is signed by 'brokers of the road', whom we do not know"),
        (["--ca", "nowhere.pem"], 4, "ca_file: there is no such file: nowhere.pem"),
    ):
        bad = pole("status", "--broker", url, *options)
        assert bad.returncode == code
        assert words in bad.stderr
        assert "Traceback" not in bad.stderr


def test_a_command_takes_from_the_configuration_whom_to_trust_and_not_who_it_is(config, served):
    own = ["--cert", served.tls / "consumer-ops.pem", "--key", served.tls / "consumer-ops.key"]
    assert "wants a certificate of ours" in pole("status", "--config", config).stderr
    url = f"mqtts://127.0.0.1:{served.consumers}"
    assert "wants a certificate of ours" in pole("status", "--config", config, "--broker", url).stderr
    told = pole("status", "--config", config, "--broker", url, *own)
    assert "wants" not in told.stderr
    assert told.returncode in {0, 1}


def test_the_rights_of_one_pole_can_be_printed(config):
    told = CliRunner().invoke(command, ["export", "acl", "--config", str(config), "--user", "gate-7"])
    assert told.stdout == acl.of_pole(load(config), "gate-7")
    assert "user gate-7\ntopic write smartpole/v1/pole/8202302/136323842/#\n" in told.stdout
