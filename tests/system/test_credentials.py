"""A key that root alone may read, handed to the confined service by systemd, opens the broker's door."""

from __future__ import annotations

import pytest
from usb_ports import by_id

from tests.certificates import Office

DROP_IN = "[Service]\nLoadCredential=mqtt-key:/etc/pole/mqtt/pole.key\n"
DOOR = """
listener 8883
cafile /etc/mosquitto/tls/road-ca.pem
certfile /etc/mosquitto/tls/broker.pem
keyfile /etc/mosquitto/tls/broker.key
require_certificate true
use_identity_as_username true
"""
MQTT = """
[mqtt]
url = "mqtts://localhost"
ca_file = "mqtt/road-ca.pem"
cert_file = "mqtt/pole.pem"
key_file = "{key}"
"""


@pytest.fixture
def papers(tmp_path):
    """Texts by file name: an authority, and a broker and a pole it vouches for."""
    office = Office(tmp_path / "office")
    ca = office.authority("road-ca")
    office.issue("broker", ca, names=("localhost",))
    office.issue("pole", ca)
    return {path.name: path.read_text() for path in office.folder.iterdir()}


async def test_the_service_proves_itself_with_a_key_it_could_not_read(machine, pole, papers):
    for name, text in papers.items():
        await machine.write(f"/etc/mosquitto/tls/{name}", text)
        await machine.write(f"/etc/pole/mqtt/{name}", text, mode="600" if name == "pole.key" else "644")
    await machine.write("/etc/mosquitto/conf.d/door.conf", DOOR)
    await machine.done("systemctl restart mosquitto")
    async with pole({"lidar": by_id("LIDAR-0001")}) as one:
        for key, drop_in, words in (
            ("mqtt/pole.key", "", "cannot be read: Permission denied"),
            ("credential:mqtt-key", "", "CREDENTIALS_DIRECTORY is not set"),
            ("credential:mqtt-key", DROP_IN, "mqtts://localhost: connected"),
        ):
            await machine.write("/tmp/mqtt.toml", MQTT.format(key=key))
            await machine.done(
                "sed -i '/^.mqtt.$/,$d' /etc/pole/pole.toml && cat /tmp/mqtt.toml >> /etc/pole/pole.toml"
            )
            await machine.write("/etc/systemd/system/pole.service.d/key.conf", drop_in)
            await machine.done("systemctl daemon-reload")
            await one.start()
            await machine.until(f"journalctl -u pole -o cat --no-pager | grep -q {words!r}")
            await machine.done("systemctl stop pole")
