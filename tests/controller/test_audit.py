"""The audit: appended, bounded, and a full disk is told."""

from __future__ import annotations

import json

from controller.audit import OLDER, Audit


def test_lines_are_appended_over_restarts(tmp_path):
    for n in range(2):
        assert Audit(tmp_path / "audit.jsonl").write("accepted", {"n": n, "who": "真理"}) == ""
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert lines == [{"n": n, "who": "真理", "outcome": "accepted"} for n in range(2)]


def test_old_lines_make_room_for_new_ones(tmp_path):
    audit = Audit(tmp_path / "audit.jsonl", max_b=200)
    for n in range(60):
        audit.write("refused", {"n": n})
    files = sorted(tmp_path.iterdir())
    assert len(files) == 1 + OLDER
    assert all(one.stat().st_size <= 200 for one in files)
    kept = [json.loads(line)["n"] for one in files for line in one.read_text().splitlines()]
    assert sorted(kept) == list(range(60 - len(kept), 60))
    assert audit.counters == {"refused": 60}


def test_a_disk_that_refuses_is_told_and_counted(tmp_path):
    audit = Audit(tmp_path / "no" / "audit.jsonl")
    assert "No such file" in audit.write("accepted", {})
    assert audit.counters["unwritten"] == 1
