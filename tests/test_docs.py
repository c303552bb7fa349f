"""Links in the documents lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from interfaces import dictionary
from interfaces.records import FORMATS

TOP = Path(__file__).parents[1]
PAGES = [*TOP.glob("*.md"), *(TOP / "docs").rglob("*.md"), *(TOP / "tests" / "vectors").glob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(TOP).as_posix())
def test_links_resolve(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_every_row_of_bad_input_names_a_test_that_exists():
    page = (TOP / "docs" / "bad-input.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert len(rows) >= 20
    for row in rows:
        path, _, function = row.split("|")[-2].strip().strip("`").partition("::")
        assert f"def {function}(" in (TOP / path).read_text(encoding="utf-8") if function else (TOP / path).is_file()


def test_the_data_dictionary_is_what_the_code_says():
    text = (TOP / "docs" / "pmi" / "dictionary.md").read_text(encoding="utf-8")
    assert text == dictionary.document(), "run python -m interfaces.dictionary"


def test_every_field_of_a_record_has_its_unit():
    names = {name for record in FORMATS.values() for name in record.names}
    assert names - dictionary.UNITS.keys() == {"id", "object_class", "reserved"}
