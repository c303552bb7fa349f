"""What in [mqtt] contradicts itself, and what its files say before a broker is asked: for `pole check-config`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from controller import broker, broker_address, certificate, credential
from interfaces.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.broker import Broker
    from controller.certificate import Certificate
    from controller.config import Config, Mqtt


def faults(mqtt: Mqtt) -> Iterator[tuple[tuple[str, ...], str]]:
    """(key, text) of every contradiction in [mqtt]; no file is read."""
    try:
        broker_address.parse(mqtt.url, "is", plaintext=mqtt.plaintext)
    except ConfigError as error:
        yield ("url",), str(error)
    if mqtt.key_file and not mqtt.cert_file:
        yield ("key_file",), "is the key of no certificate: give cert_file too"
    if mqtt.password_file and not mqtt.username:
        yield ("password_file",), "is the password of nobody: give username too"


def findings(config: Config, now_ns: int) -> Iterator[tuple[bool, str]]:
    """(whether it keeps pole and broker apart, text) of everything the files of [mqtt] tell, paths being absolute.

    Whether the broker agrees is not asked. Credentials of a service are looked at only inside it.
    """
    asked = broker.of(config.mqtt)
    if not asked.address.tls:
        yield from _plain(asked)
        return
    for key in broker.FILES:
        if _elsewhere(getattr(asked, key)):
            yield False, f"mqtt.{key} is {getattr(asked, key)}: not looked at here, only the service can"
    if any(_elsewhere(getattr(asked, key)) for key in broker.FILES):
        return
    try:
        asked.tls()
        asked.password()
    except ConfigError as error:
        yield True, f"mqtt.{error}"
        return
    yield from _authority(asked, now_ns)
    yield from _own(asked, config, now_ns)


def _plain(asked: Broker) -> Iterator[tuple[bool, str]]:
    if not broker_address.is_loopback(asked.address.host):
        secret = f" and the password of {asked.username!r}" if asked.password_file else ""
        yield False, f"mqtt.url {asked.address}: everything{secret} crosses the network in the clear"
    unused = [key for key in ("ca_file", "cert_file", "key_file", "crl_file") if getattr(asked, key)]
    if unused:
        yield False, f"mqtt.url {asked.address} is plain: {', '.join(unused)} will not be used"


def _authority(asked: Broker, now_ns: int) -> Iterator[tuple[bool, str]]:
    if not asked.ca_file:
        return
    held = certificate.of_pem("ca_file", credential.content("ca_file", asked.ca_file))
    for one in held:
        for text in _time(one, now_ns):
            yield len(held) == 1, f"mqtt.ca_file: {one.common_name!r} {text}"


def _own(asked: Broker, config: Config, now_ns: int) -> Iterator[tuple[bool, str]]:
    if not asked.cert_file:
        return
    own, *_ = certificate.of_pem("cert_file", credential.content("cert_file", asked.cert_file))
    for text in _time(own, now_ns):
        yield True, f"mqtt.cert_file: {own.common_name!r} {text}"
    if 0 <= own.days_left(now_ns) < config.mqtt.certificate_warning_days:
        yield False, f"mqtt.cert_file: {certificate.ending(own, now_ns)}"
    if own.authority:
        yield False, f"mqtt.cert_file: {own.common_name!r} is the certificate of an authority, not of a pole"


def _time(one: Certificate, now_ns: int) -> Iterator[str]:
    if one.not_after_ns <= now_ns:
        yield f"expired on {_day(one.not_after_ns)}"
    if one.not_before_ns > now_ns:
        yield f"is valid only from {_day(one.not_before_ns)}; is this machine's clock right?"


def _elsewhere(place: str) -> bool:
    return bool(place) and credential.located(place) is None


def _day(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns // 10**9, UTC):%Y-%m-%d}"
