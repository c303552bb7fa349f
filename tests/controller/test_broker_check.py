"""`pole check-config` reads the files of [mqtt]: what keeps pole and broker apart is a mistake, the rest a warning."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from controller.cli.main import pole
from controller.config_file import load
from controller.credential import DIRECTORY
from tests.certificates import Office

TEXT = """
[pole]
service_location_id = 1
roadside_unit_id = 2
[origin]
latitude_deg = 36.0
longitude_deg = 140.0
[slot.a]
class = "radar"
[mqtt]
url = "mqtts://broker.example"
"""


@pytest.fixture
def checked(tmp_path):
    """Runs check-config over lines of [mqtt]; gives the exit code, the problems and the warnings."""

    def run(*lines, text=TEXT):
        (tmp_path / "pole.toml").write_text(text + "\n".join(lines) + "\n")
        done = CliRunner().invoke(pole, ["check-config", str(tmp_path / "pole.toml"), "--json"])
        told = json.loads(done.stdout)
        assert told["ok"] == (done.exit_code == 0)
        return done.exit_code, [one["text"] for one in told["problems"]], told["warnings"]

    return run


@pytest.fixture
def office(tmp_path):
    one = Office(tmp_path)
    one.ca = one.authority("ca")
    return one


def test_good_files_are_good(checked, office):
    office.issue("pole", office.ca)
    assert checked('ca_file = "ca.pem"', 'cert_file = "pole.pem"', 'key_file = "pole.key"') == (0, [], [])


@pytest.mark.parametrize(
    ("name", "about", "words"),
    [
        ("old", {"days": (-9, -1)}, "mqtt.cert_file: 'old' expired on 20"),
        ("young", {"days": (2, 9)}, "mqtt.cert_file: 'young' is valid only from 20"),
    ],
)
def test_a_certificate_out_of_time_is_a_mistake_of_the_check_and_no_reason_not_to_start(
    name, about, words, checked, office, tmp_path
):
    office.issue(name, office.ca, **about)
    code, problems, _ = checked('ca_file = "ca.pem"', f'cert_file = "{name}.pem"', f'key_file = "{name}.key"')
    assert code == 4
    assert len(problems) == 1
    assert problems[0].startswith(words)
    assert load(tmp_path / "pole.toml").mqtt.cert_file == str(tmp_path / f"{name}.pem")


def test_what_does_not_fit_or_is_no_certificate_is_a_mistake(checked, office, tmp_path):
    office.issue("pole", office.ca)
    office.issue("other", office.ca)
    (tmp_path / "empty.pem").write_text("nothing")
    for lines, words in (
        (('cert_file = "pole.pem"', 'key_file = "other.key"'), "the key is not that of the certificate"),
        (('cert_file = "empty.pem"',), "holds no certificate or no key in PEM form"),
        (('ca_file = "empty.pem"',), "holds no certificate in PEM form"),
        (('username = "me"', 'password_file = "empty.pem"', 'ca_file = "pole.key"'), "holds no certificate"),
    ):
        code, problems, _ = checked(*lines)
        assert code == 4
        assert len(problems) == 1
        assert words in problems[0]


def test_an_authority_that_expired_is_a_mistake(checked, office):
    office.authority("old-ca", days=(-9, -1))
    code, problems, _ = checked('ca_file = "old-ca.pem"')
    assert code == 4
    assert "mqtt.ca_file: 'old-ca' expired on 20" in problems[0]


def test_what_will_be_trouble_is_a_warning(checked, office, tmp_path):
    office.issue("pole", office.ca, days=(-1, 10.5))
    (tmp_path / "pole.key").chmod(0o644)
    code, problems, warnings = checked('cert_file = "pole.pem"', 'key_file = "pole.key"')
    assert (code, problems) == (0, [])
    assert "mqtt.cert_file: 'pole' ends in 10 days, on 20" in warnings[0]
    assert f"mqtt.key_file {tmp_path}/pole.key can be read by everybody on this machine: chmod o=" in warnings[1]
    code, problems, warnings = checked('cert_file = "ca.pem"', 'key_file = "ca.key"')
    assert (code, problems) == (0, [])
    assert warnings == ["mqtt.cert_file: 'ca' is the certificate of an authority, not of a pole"]


@pytest.mark.parametrize(
    ("section", "key", "others"),
    [
        ("commands", "key_file", 'on = true\nallow = ["status"]'),
        ("cavc.upload", "password_file", ""),
        ("cavc.upload", "api_key_file", ""),
        ("cavc.upload", "account_id_file", ""),
    ],
)
def test_a_secret_that_everybody_can_read_is_told_of_every_section(checked, tmp_path, section, key, others):
    (tmp_path / "word").write_text("sixteen characters")
    text = TEXT + f'[{section}]\n{key} = "word"\n{others}\n'
    for mode, told in ((0o644, True), (0o640, False)):
        (tmp_path / "word").chmod(mode)
        code, problems, warnings = checked(text=text)
        assert (code, problems) == (0, [])
        assert any(f"{section}.{key} {tmp_path}/word can be read by everybody" in one for one in warnings) is told


def test_plain_mqtt_says_what_goes_in_the_clear(checked, tmp_path):
    (tmp_path / "word").write_text("hush")
    (tmp_path / "word").chmod(0o600)
    plain = TEXT.replace("mqtts:", "mqtt:") + "plaintext = true\n"
    lines = ('username = "me"', 'password_file = "word"', 'ca_file = "word"')
    code, problems, warnings = checked(*lines, text=plain)
    assert (code, problems) == (0, [])
    assert "everything and the password of 'me' crosses the network in the clear" in warnings[0]
    assert "is plain: ca_file will not be used" in warnings[1]
    assert checked(text=TEXT.replace("mqtts://broker.example", "mqtt://127.0.0.1")) == (0, [], [])


def test_credentials_are_for_the_service_to_look_at(checked, office, tmp_path, monkeypatch):
    office.issue("pole", office.ca)
    lines = ('ca_file = "ca.pem"', 'cert_file = "pole.pem"', 'key_file = "credential:other.key"')
    monkeypatch.delenv(DIRECTORY, raising=False)
    code, problems, warnings = checked(*lines)
    assert (code, problems) == (0, [])
    assert "mqtt.key_file is credential:other.key: not looked at here" in warnings[0]
    office.issue("other", office.ca)
    monkeypatch.setenv(DIRECTORY, str(tmp_path))
    assert "the key is not that of the certificate" in checked(*lines)[1][0]


def test_in_words_warnings_stand_beside_what_is_good(office, tmp_path):
    office.issue("pole", office.ca, days=(-1, 10.5))
    (tmp_path / "pole.toml").write_text(TEXT + 'cert_file = "pole.pem"\nkey_file = "pole.key"\n')
    done = CliRunner().invoke(pole, ["check-config", str(tmp_path / "pole.toml")])
    assert done.exit_code == 0
    assert "pole.toml: good." in done.stdout
    assert "pole.toml: warning: mqtt.cert_file: 'pole' ends in 10 days" in done.stderr
    office.issue("pole", office.ca, days=(-9, -1))
    done = CliRunner().invoke(pole, ["check-config", str(tmp_path / "pole.toml")])
    assert done.exit_code == 4
    assert "good" not in done.stdout
    assert "pole.toml: mqtt.cert_file: 'pole' expired" in done.stderr
