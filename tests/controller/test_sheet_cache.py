"""Data sheets on disk."""

from __future__ import annotations

from controller import sheet_cache
from controller.sheet_cache import DirectorySheetCache
from interfaces.datasheet import sheet_hash

DATA = b"a data sheet"
KEY = sheet_hash(DATA)


def test_kept_across_instances(tmp_path):
    DirectorySheetCache(tmp_path / "sheets")[KEY] = DATA
    assert DirectorySheetCache(tmp_path / "sheets").get(KEY) == DATA
    assert [path.suffix for path in (tmp_path / "sheets").iterdir()] == [".sheet"], "no part of a write stays"


def test_missing_and_corrupt_entries_are_absent_and_can_be_written_again(tmp_path):
    cache = DirectorySheetCache(tmp_path)
    assert cache.get(KEY) is None
    for wrong in (b"", b"torn", bytes(10_000)):
        (tmp_path / f"{KEY.hex()}.sheet").write_bytes(wrong)
        assert cache.get(KEY) is None
    cache[KEY] = DATA
    assert cache.get(KEY) == DATA


def test_an_unusable_directory_stops_nothing(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    cache = DirectorySheetCache(tmp_path / "file")
    cache[KEY] = DATA
    assert cache.get(KEY) is None


def test_the_oldest_sheets_go(tmp_path, monkeypatch):
    monkeypatch.setattr(sheet_cache, "MAX_SHEETS", 3)
    cache = DirectorySheetCache(tmp_path)
    for i in range(6):
        data = bytes([i])
        cache[sheet_hash(data)] = data
    assert len(list(tmp_path.iterdir())) == 3
