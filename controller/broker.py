"""The broker as one value: where it is, as whom to speak to it, and which files prove either side."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from controller import broker_address, credential
from interfaces.errors import ConfigError

if TYPE_CHECKING:
    from controller.broker_address import BrokerAddress
    from controller.config import Mqtt

FILES: Final = ("password_file", "ca_file", "cert_file", "key_file", "crl_file")  # keys of [mqtt]


@dataclass(frozen=True, slots=True)
class Broker:
    """Files are absolute paths or `credential:NAME` and read anew at each connection; "" stands for none."""

    address: BrokerAddress
    username: str = ""
    password_file: str = ""
    ca_file: str = ""  # PEM; "": the authorities of this machine
    cert_file: str = ""  # PEM, own certificate first, then what signed it
    key_file: str = ""  # PEM; "": in cert_file
    crl_file: str = ""  # PEM; "": revocation is not looked at

    def password(self) -> str | None:
        """What stands in `password_file`, None without one. Raises ConfigError."""
        return credential.secret("password_file", self.password_file) if self.password_file else None

    def tls(self) -> ssl.SSLContext | None:
        """TLS 1.2 or newer that demands a valid certificate with the broker's name; None for plain MQTT.

        Raises ConfigError that names the key of a file which cannot be used.
        """
        if not self.address.tls:
            return None
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # demands a certificate and the name
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.ca_file:
            _take(made, "ca_file", self.ca_file)
        else:
            made.load_default_certs()
        if self.crl_file:
            _take(made, "crl_file", self.crl_file)
            made.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
        self.show_own(made)
        return made

    def show_own(self, made: ssl.SSLContext) -> None:
        """Let `made` prove who we are, when there is a certificate of our own. Raises ConfigError."""
        if not self.cert_file:
            return
        certificate = credential.path_of("cert_file", self.cert_file)
        key = credential.path_of("key_file", self.key_file) if self.key_file else None
        try:
            made.load_cert_chain(certificate, key, password=_refuse)
        except (ssl.SSLError, OSError) as error:
            raise ConfigError(f"cert_file {certificate}, key_file {key or certificate}: {_words(error)}") from None


def of(mqtt: Mqtt) -> Broker:
    """The broker of [mqtt]; ConfigError when its address is not allowed."""
    address = broker_address.parse(mqtt.url, plaintext=mqtt.plaintext)
    return Broker(address, mqtt.username, **{key: getattr(mqtt, key) for key in FILES})


def _take(made: ssl.SSLContext, key: str, place: str) -> None:
    path = credential.path_of(key, place)
    try:
        made.load_verify_locations(path)
    except (ssl.SSLError, OSError) as error:
        raise ConfigError(f"{key} {path}: {_words(error)}") from None


def _refuse() -> str:
    raise ConfigError("key_file: the key is encrypted; keep it open with mode 0600, or as a credential")


_WORDS: Final = {
    "KEY_VALUES_MISMATCH": "the key is not that of the certificate",
    "NO_CERTIFICATE_OR_CRL_FOUND": "holds no certificate in PEM form",
    "NO_START_LINE": "holds no certificate or no key in PEM form",
}


def _words(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return _WORDS.get(error.reason or "NO_START_LINE", f"cannot be used ({error.reason})")
    return f"cannot be read: {error.strerror}"
