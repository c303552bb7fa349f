"""`pole replay FILE.mcap`: it needs nothing but the file, and says whether every publication came out the same."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parent / "recording"))

from rehearsal import rehearse

from controller.cli.main import main
from controller.recording.entry import Heard

CONFIG = str(Path(__file__).parents[2] / "deploy" / "pole.toml")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A good recording, and one of the same run that lacks one message of a module."""
    folder = tmp_path_factory.mktemp("recordings")
    whole = rehearse("crossing", 6.0, before_s=1, after_s=1, begin_s=12.0)
    (folder / "good.mcap").write_bytes(whole.file(0))
    heard = [index for index, entry in enumerate(whole.clips[0].entries) if isinstance(entry, Heard)]
    left = [entry for index, entry in enumerate(whole.clips[0].entries) if index != heard[len(heard) // 2]]
    whole.clips[0] = replace(whole.clips[0], entries=tuple(left))
    (folder / "lacking.mcap").write_bytes(whole.file(0))
    (folder / "torn.mcap").write_bytes((folder / "good.mcap").read_bytes()[:-1000])
    (folder / "log.jsonl").write_text("")
    return folder


@pytest.fixture
def pole(monkeypatch, capsys):
    """Runs the command: exit code, standard output, standard error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["pole", "replay", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return SimpleNamespace(exit_code=ended.value.code, stdout=told.out, stderr=told.err)

    return run


def test_a_good_recording_is_identical(pole, files):
    done = pole(files / "good.mcap", "--verify")
    assert done.exit_code == 0
    assert "good.mcap: identical: " in done.stdout
    assert int(done.stdout.split("identical: ")[1].split()[0]) > 30


def test_the_first_difference_is_shown_and_the_exit_code_is_1(pole, files):
    done = pole(files / "lacking.mcap", "--verify")
    assert done.exit_code == 1
    assert "lacking.mcap: picture " in done.stderr
    assert "identical" not in done.stdout + done.stderr


def test_it_prints_what_a_detection_log_prints(pole, files):
    summary = pole(files / "good.mcap")
    assert summary.exit_code == 0
    assert " tracks; " in summary.stdout
    lines = pole(files / "good.mcap", "--json")
    records = [json.loads(line) for line in lines.stdout.splitlines()]
    ticks = [one["valid_at_ns"] for one in records if one["kind"] == "objects"]
    assert len(ticks) > 20
    assert ticks == sorted(set(ticks))
    assert lines.stdout == pole(files / "good.mcap", "--json").stdout


def test_lines_and_verdict_at_once_do_not_mix(pole, files):
    done = pole(files / "good.mcap", "--json", "--verify")
    assert all(json.loads(line) for line in done.stdout.splitlines())
    assert "identical" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["good.mcap", "--config", CONFIG], 2, "--config and --objects-at are for detection logs"),
        (["good.mcap", "--objects-at", "5"], 2, "are for detection logs"),
        (["torn.mcap"], 4, "torn.mcap: is no recording of a pole, or damaged"),
        (["none.mcap"], 4, "none.mcap: cannot be read"),
        (["log.jsonl"], 2, "a detection log needs --config"),
        (["log.jsonl", "--config", CONFIG, "--verify"], 2, "--verify is for recordings"),
    ],
)
def test_what_cannot_be_is_said(pole, files, arguments, code, words):
    done = pole(files / arguments[0], *arguments[1:])
    assert done.exit_code == code
    assert words in " ".join(done.stderr.replace("│", " ").split())
