"""[cavc] of pole.toml: every mistake is named with its key, its line and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.config_file import check, load

SAMPLE = (Path(__file__).parents[4] / "deploy" / "pole.toml").read_text(encoding="utf-8")
ON = (
    ('url = ""                                # https://', 'url = "https://a.example"  # https://'),
    ('login_url = ""', 'login_url = "https://a.example/auth/login"'),
    *((f'{key} = ""', f'{key} = "{key}.txt"') for key in ("api_key_file", "account_id_file", "password_file")),
)


@pytest.fixture
def told(tmp_path):
    (tmp_path / "site.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    for key in ("api_key_file", "account_id_file", "password_file"):
        (tmp_path / f"{key}.txt").write_text("x")

    def problems(*changes):
        text = SAMPLE
        for old, new in changes:
            assert text.count(old) >= 1, old
            head, section, rest = text.rpartition("[cavc]" if old in text.rpartition("[cavc]")[2] else "[pole]")
            text = head + section + rest.replace(old, new, 1)
        (tmp_path / "pole.toml").write_text(text, encoding="utf-8")
        return [str(one) for one in check(tmp_path / "pole.toml")[1]]

    return problems


def test_the_sample_is_good_off_and_on(told):
    assert told() == []
    assert told(*ON) == []


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ("device_ids = { camera", "device_ids = { camra", "cavc.device_ids.camra", "did you mean camera?"),
        ("camera = 0xE00701", "camera = 0x1000000", "cavc.device_ids.camera", "less than 16777216"),
        ("camera = 0xE00701 }", "camera = 7, lidar = 7 }", "cavc.device_ids", "0x000007 to 2 slots"),
        ("heading_deg = 270.0", "heading_deg = 360.0", "cavc.approach.1.heading_deg", "less than 360"),
        ("heading_deg = 270.0", "heding_deg = 270.0", "cavc.approach.1.heding_deg", "did you mean heading_deg?"),
        ("{ id = 2, heading", "{ id = 1, heading", "cavc.approach", "id 1 is used 2 times"),
        ("approaches = [2]", "approaches = [3]", "cavc.use_case", "names approach 3"),
        ("supported_approach = 1", "supported_approach = 9", "cavc.use_case", "names approach 9"),
        ('slots = ["camera"]', 'slots = ["comms"]', "cavc.use_case", "no slot that detects 'comms'"),
        ("type = 0x35", "type = 256", "cavc.use_case.0.type", "less than or equal to 255"),
        ("target_device_id = 0xD00001", "target_device_id = 0xFFFFFF", "cavc.target_device_id", "16711664"),
        ("camera = 0xE00701", "camera = 0xD00010", "cavc.device_ids.camera", "which target_device_id"),
        ("camera = 0xE00701", "camera = 0xFF0000", "cavc.device_ids.camera", "kept for slots without one"),
        ('manager = "sample city"', 'manager = ""', "cavc.roadside_unit.manager", "needed for 路側機属性情報"),
        ("installation = 2026-03-20", 'installation = "20 March"', "cavc.roadside_unit.date_of_installation", "date"),
        ('material = "steel"', 'material = "wood"', "cavc.roadside_unit.material", "'concrete'"),
        ("product_number", "product_numer", "cavc.roadside_unit.product_numer", "did you mean product_number?"),
        ("alive_period_s = 1.0", "alive_period_s = 0.1", "cavc.upload.alive_period_s", "0.5"),
    ],
)
def test_a_mistake_is_named(told, old, new, key, words):
    found = [one for one in told((old, new)) if f": {key}: " in one]
    assert len(found) == 1
    assert words in found[0]
    line = int(found[0].split("pole.toml:")[1].split(":")[0])
    assert line > SAMPLE[: SAMPLE.index("[cavc]")].count("\n")


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ('"https://a.example"', '"http://a.example"', "url", "keys would cross the network in the clear"),
        ('"https://a.example"', '"ftp://a.example"', "url", "write https://"),
        ('"https://a.example"', '"https://"', "url", "write https://"),
        ('"https://a.example"', '"https://a.example:99999"', "url", "write https://"),
        ('"https://a.example"', '"https://[a.example"', "url", "write https://"),
        ('"https://a.example"', '"https://me:secret@a.example"', "url", "never here"),
        ('"https://a.example"', '"ftp://me:secret@a.example"', "url", "never here"),
        ('"https://a.example"', '"https://a.example?apiKey=1"', "url", "never here"),
        ('login_url = "https://a.example/auth/login"', 'login_url = ""', "login_url", "needed when url is given"),
        ('"password_file.txt"', '""', "password_file", "needed when url is given"),
        ('"password_file.txt"', '"pasword_file.txt"', "password_file", "no such file"),
        ('ca_file = ""', 'ca_file = "ca.pem"', "ca_file", "no such file"),
    ],
)
def test_a_mistake_of_the_upload_is_named(told, old, new, key, words):
    (found,) = told(*ON, (old, new))
    assert f"cavc.upload.{key}: " in found
    assert words in found
    assert "secret" not in found


def test_plain_http_must_be_asked_for(told):
    changes = (*ON, ('"https://a.example"', '"http://127.0.0.1:8000"'), ("plain_http = false", "plain_http = true"))
    assert told(*changes) == []


def test_files_count_from_the_folder_of_the_configuration(told, tmp_path):
    assert told(*ON) == []
    assert load(tmp_path / "pole.toml").cavc.upload.password_file == str(tmp_path / "password_file.txt")


def test_half_a_roadside_unit_is_a_mistake_and_none_is_not(told):
    start, end = SAMPLE.index("[cavc.roadside_unit]"), SAMPLE.index("[cavc.upload]")
    assert told((SAMPLE[start:end], "")) == []
    assert len(told((SAMPLE[start:end], '[cavc.roadside_unit]\nproduct_number = "a"\n'))) == 7


def test_more_slots_than_the_documents_hold_are_a_mistake_when_sending(told):
    slots = "\n".join(f'[slot.c{n}]\nclass = "camera"\nport = "serial:///dev/c{n}"' for n in range(16))
    assert told(("[slot.camera]", f"{slots}\n[slot.camera]")) == []
    (found,) = told(*ON, ("[slot.camera]", f"{slots}\n[slot.camera]"))
    assert "at most 15 devices of a class" in found
