"""The tables in the documentation are those in the code, and its words name what the code has."""

from __future__ import annotations

import re
from pathlib import Path

from controller.config import Radio
from controller.publication.radio.dictionary import tables
from controller.radio import SENDINGS

TOP = Path(__file__).parents[4]
TEXT = (TOP / "docs" / "radio.md").read_text(encoding="utf-8")


def test_the_tables_are_what_the_code_says():
    assert TEXT.endswith(tables()), "run python -m controller.publication.radio.dictionary"


def test_every_reason_to_refuse_a_claim_is_told():
    source = (TOP / "controller" / "cooperative.py").read_text(encoding="utf-8")
    reasons = set(re.findall(r'"(far|stale|nowhere|motion|jump|repeated|too many|unreadable|format)"', source))
    told = set(re.findall(r"^\| ([a-z ]+) \| (?:the|it|told|without|more|farther|older|256)", TEXT, re.MULTILINE))
    assert reasons == told


def test_every_name_that_can_be_sent_has_a_row_and_a_place_in_the_configuration():
    for name in SENDINGS:
        assert f"| `{name}` |" in TEXT
        assert Radio(send=(name,)).send == (name,)
