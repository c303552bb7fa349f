"""Files of keys: beside pole.toml, absolute, or handed over by systemd."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller import credential
from controller.config_file import check, load
from interfaces.errors import ConfigError

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


def test_paths_count_from_the_folder_and_credentials_stay(tmp_path):
    assert credential.anchored("keys/a", tmp_path) == str(tmp_path / "keys" / "a")
    assert credential.anchored("/etc/a", tmp_path) == "/etc/a"
    assert credential.anchored("", tmp_path) == ""
    assert credential.anchored("credential:a", tmp_path) == "credential:a"


def test_a_credential_is_found_where_systemd_put_it(tmp_path, monkeypatch):
    monkeypatch.delenv(credential.DIRECTORY, raising=False)
    assert credential.located("credential:mqtt-key") is None
    with pytest.raises(ConfigError, match=r"key_file is credential:mqtt-key.*LoadCredential=mqtt-key:"):
        credential.path_of("key_file", "credential:mqtt-key")
    monkeypatch.setenv(credential.DIRECTORY, str(tmp_path))
    with pytest.raises(ConfigError, match=f"key_file: there is no such file: {tmp_path}/mqtt-key"):
        credential.path_of("key_file", "credential:mqtt-key")
    (tmp_path / "mqtt-key").write_text(" hush \n")
    assert credential.secret("password_file", "credential:mqtt-key") == "hush"


@pytest.mark.parametrize("place", ["credential:", "credential:../a", "credential:a/b", "credential:.."])
def test_a_credential_leads_nowhere_else(place, monkeypatch, tmp_path):
    monkeypatch.setenv(credential.DIRECTORY, str(tmp_path))
    with pytest.raises(ConfigError, match="write credential:NAME"):
        credential.located(place)


@pytest.mark.parametrize("data", [b"", b"\n", b"hush\nhush\n", b"\xffhush"])
def test_a_password_is_one_line_and_never_told(data, tmp_path):
    (tmp_path / "word").write_bytes(data)
    with pytest.raises(ConfigError) as refused:
        credential.secret("password_file", str(tmp_path / "word"))
    assert "password_file" in str(refused.value)
    assert "hush" not in str(refused.value)


def test_a_file_too_large_to_be_a_key_is_refused(tmp_path):
    (tmp_path / "key").write_bytes(bytes(credential.MAX_SIZE + 1))
    with pytest.raises(ConfigError, match="more than"):
        credential.content("key_file", str(tmp_path / "key"))


def test_the_working_directory_does_not_matter(tmp_path, monkeypatch):
    (tmp_path / "pole").mkdir()
    (tmp_path / "pole" / "word").write_text("hush\n")
    config = tmp_path / "pole" / "pole.toml"
    config.write_text(f'{TEXT}username = "me"\npassword_file = "word"\n')
    monkeypatch.chdir(tmp_path)
    assert credential.secret("password_file", load(config).mqtt.password_file) == "hush"
    monkeypatch.chdir(tmp_path / "pole")
    assert credential.secret("password_file", load(config.relative_to(tmp_path / "pole")).mqtt.password_file) == "hush"


def test_a_folder_that_may_not_be_looked_into_is_named(tmp_path, monkeypatch):
    look = Path.is_file

    def forbidden(self):
        if self.parent.name == "keys":
            raise PermissionError(13, "Permission denied")
        return look(self)

    config = tmp_path / "pole.toml"
    config.write_text(f'{TEXT}ca_file = "keys/ca.pem"\n')
    monkeypatch.setattr(Path, "is_file", forbidden)
    (problem,) = check(config)[1]
    assert f"mqtt.ca_file: is 'keys/ca.pem'; {tmp_path}/keys/ca.pem cannot be looked at: Permission denied" in str(
        problem
    )
    with pytest.raises(ConfigError, match=r"ca_file: .* cannot be looked at"):
        credential.content("ca_file", "/keys/ca.pem")


def test_a_missing_credential_is_a_mistake_only_inside_the_service(tmp_path, monkeypatch):
    config = tmp_path / "pole.toml"
    config.write_text(f'{TEXT}ca_file = "credential:ca"\n')
    monkeypatch.delenv(credential.DIRECTORY, raising=False)
    assert check(config)[1] == []
    monkeypatch.setenv(credential.DIRECTORY, str(tmp_path))
    (problem,) = check(config)[1]
    assert "mqtt.ca_file: is 'credential:ca'; there is no such file" in str(problem)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('cert_file = "none.pem"', "mqtt.cert_file: is 'none.pem'; there is no such file"),
        ('key_file = "pole.toml"', "mqtt.key_file: is the key of no certificate"),
        ('password_file = "pole.toml"', "mqtt.password_file: is the password of nobody"),
        ('ca_file = "credential:"', "mqtt.ca_file: is 'credential:': write credential:NAME"),
    ],
)
def test_contradictions_are_named_with_their_line(lines, words, tmp_path):
    config = tmp_path / "pole.toml"
    config.write_text(TEXT + lines + "\n")
    found = [str(one) for one in check(config)[1]]
    assert any(words in one and one.startswith(f"{config}:12: ") for one in found), found


def test_plain_mqtt_to_elsewhere_is_a_mistake_with_its_line(tmp_path):
    config = tmp_path / "pole.toml"
    config.write_text(TEXT.replace("mqtts", "mqtt"))
    (problem,) = check(config)[1]
    assert "pole.toml:11: mqtt.url: is 'mqtt://broker.example': broker.example is not this machine" in str(problem)
    config.write_text(TEXT.replace("mqtts", "mqtt") + "plaintext = true\n")
    assert check(config)[1] == []
