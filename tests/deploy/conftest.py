"""A broker for the tests of a file, and the pole.toml of a pole that knows it."""

from __future__ import annotations

import pytest

from tests.deploy.served import Served

CONFIG = """
[pole]
service_location_id = 8202302
roadside_unit_id = 136323842
state_dir = "state"
[origin]
latitude_deg = 36.6
longitude_deg = 140.6
[mqtt]
url = "mqtts://127.0.0.1:PORT"
ca_file = "tls/brokers-ca.pem"
cert_file = "tls/pole-8202302-136323842.pem"
key_file = "tls/pole-8202302-136323842.key"
certificate_warning_days = 3650
[slot.camera]
class = "camera"
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    one = Served(tmp_path_factory.mktemp("mosquitto"))
    with one.serving():
        yield one


@pytest.fixture
def config(served, tmp_path):
    (tmp_path / "tls").symlink_to(served.tls)
    (tmp_path / "pole.toml").write_text(CONFIG.replace("PORT", str(served.poles)))
    return tmp_path / "pole.toml"
