"""The command line: help without heavy imports, near names, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from controller.cli.main import COMMANDS, pole

SAMPLE = str(Path(__file__).parents[2] / "deploy" / "pole.toml")


def test_help_names_every_command_and_imports_no_machinery():
    code = (
        "import sys; from controller.cli.main import pole; pole(['--help'], standalone_mode=False);"
        "heavy = {'numpy', 'pydantic', 'aiomqtt', 'rich', 'serial', 'google.protobuf'} & sys.modules.keys();"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in COMMANDS:
        assert name in done.stdout


@pytest.mark.parametrize(("said", "used"), [(None, 1), ("3", 3)])
def test_small_matrices_are_reckoned_on_one_thread_unless_somebody_says_otherwise(said, used):
    environment = {key: value for key, value in os.environ.items() if key != "OPENBLAS_NUM_THREADS"}
    environment |= {"OPENBLAS_NUM_THREADS": said} if said else {}
    code = "import os, controller.cli.main; print(os.environ['OPENBLAS_NUM_THREADS'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert int(done.stdout) == used


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_an_example(name):
    result = CliRunner().invoke(pole, [name, "--help"])
    assert result.exit_code == 0
    assert "Example: pole" in result.output


def test_a_near_name_is_offered():
    result = CliRunner().invoke(pole, ["replya"])
    assert result.exit_code == 2
    assert "Did you mean 'replay'?" in result.output


def test_check_config(tmp_path):
    good = CliRunner().invoke(pole, ["check-config", SAMPLE])
    assert good.exit_code == 0
    assert "4 slots" in good.output
    bad = tmp_path / "pole.toml"
    bad.write_text("[pole]\nnam = 1\n")
    result = CliRunner().invoke(pole, ["check-config", str(bad), "--json"])
    assert result.exit_code == 4
    assert {"line", "key", "text", "file"} <= json.loads(result.output)["problems"][0].keys()
