"""Every rule fires in the time its row allows, exact and noisy; the page shows the table and the times as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from detection_times import LEAD_S, SCENES, delay

from controller.config import Hazards
from controller.hazard.rules import rules

TABLE = {rule.kind: rule for rule in rules(Hazards())}


def test_every_rule_has_a_scene():
    assert TABLE.keys() == SCENES.keys()
    assert {kind for kind, rule in TABLE.items() if not rule.goal_s} == LEAD_S.keys()


@pytest.mark.parametrize("kind", SCENES)
def test_it_is_told_in_time(kind):
    for seed in (None, 11, 12) if SCENES[kind][0] else (None,):
        found = delay(kind, seed)
        if kind in LEAD_S:
            assert found <= -LEAD_S[kind]
        else:
            assert 0 <= found <= TABLE[kind].goal_s + (0.3 if seed else 1e-6), seed


def test_the_page_shows_the_table_as_it_is():
    page = (Path(__file__).parents[3] / "docs" / "hazards.md").read_text()
    cells = [[cell.strip() for cell in re.findall(r"[^|]+", line)] for line in page.splitlines()]
    rows = {row[0]: row[1:] for row in cells if len(row) == 10}
    for rule in TABLE.values():
        assert rows[f"`{rule.kind}`"] == [
            rule.japanese,
            f"{rule.cause}/{rule.subcause}" if rule.cause else "–",
            " ".join(f"{case:02X}H" for case in rule.use_cases) or "–",
            f"{rule.on_s:g}",
            f"{rule.off_s:g}",
            f"{rule.validity_s:g}",
            f"{rule.goal_s:g}" if rule.goal_s else "before",
            f"{delay(rule.kind):.1f}",
            rule.find.__doc__,
        ]
