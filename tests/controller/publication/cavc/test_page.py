"""docs/cavc.md says what the code does."""

from __future__ import annotations

from pathlib import Path

from controller.publication.cavc.document import DOCUMENTS
from controller.publication.cavc.page import MARK, tables
from controller.publication.cavc.settings import Cavc, Upload

TEXT = (Path(__file__).parents[4] / "docs" / "cavc.md").read_text(encoding="utf-8")


def test_the_field_tables_are_those_of_the_code():
    assert TEXT[TEXT.index(MARK) :] == tables(), "run python -m controller.publication.cavc.page"


def test_every_key_of_the_configuration_is_told():
    sample = (Path(__file__).parents[4] / "deploy" / "pole.toml").read_text(encoding="utf-8")
    assert not [key for key in Cavc.model_fields if f"`{key}`" not in TEXT and f"[cavc.{key}]" not in TEXT]
    assert not [key for key in Upload.model_fields if f"{key} = " not in sample]


def test_every_document_has_a_row_in_what_is_sent_when():
    head = TEXT[: TEXT.index(MARK)]
    assert not [name for name in DOCUMENTS if name not in head]
