"""What people and status messages say of an X.509 certificate (RFC 5280)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from interfaces.errors import ConfigError

if TYPE_CHECKING:
    from cryptography import x509

NS_PER_DAY: Final = 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class Certificate:
    """Whom it is for, who signed it, and when it counts (UTC ns)."""

    common_name: str
    issuer: str
    names: tuple[str, ...]  # DNS names and IP addresses of the subjectAltName
    not_before_ns: int
    not_after_ns: int
    authority: bool  # may sign others

    def days_left(self, now_ns: int) -> int:
        """Whole days until it ends, rounded down: 0 on the last day, negative once it is over."""
        return (self.not_after_ns - now_ns) // NS_PER_DAY


def ending(one: Certificate, now_ns: int) -> str:
    """When it ends, for people, with whose it is."""
    days, day = one.days_left(now_ns), f"{datetime.fromtimestamp(one.not_after_ns // 10**9, UTC):%Y-%m-%d}"
    if one.not_after_ns <= now_ns:
        return f"{one.common_name!r} expired on {day}"
    return f"{one.common_name!r} ends in {days} day{'' if days == 1 else 's'}, on {day}"


def of_der(der: bytes) -> Certificate | None:
    """The certificate in DER form; None when it is none, or stranger than this reads (OpenSSL takes more)."""
    from cryptography.x509 import load_der_x509_certificate

    try:
        return _told(load_der_x509_certificate(der))
    except _strange():
        return None


def of_pem(key: str, pem: bytes) -> tuple[Certificate, ...]:
    """Every certificate of a PEM file, the own one first; ConfigError names `key`."""
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return tuple(_told(one) for one in load_pem_x509_certificates(pem))  # at least one
    except _strange() as error:
        raise ConfigError(f"{key}: holds no certificate in PEM form: {error}") from None


def _told(one: x509.Certificate) -> Certificate:
    from cryptography.x509 import BasicConstraints, DNSName, IPAddress, SubjectAlternativeName
    from cryptography.x509.extensions import ExtensionNotFound

    try:
        other = one.extensions.get_extension_for_class(SubjectAlternativeName).value
        names = (*other.get_values_for_type(DNSName), *map(str, other.get_values_for_type(IPAddress)))
    except ExtensionNotFound:
        names = ()
    try:
        authority = bool(one.extensions.get_extension_for_class(BasicConstraints).value.ca)
    except ExtensionNotFound:
        authority = False
    return Certificate(
        _common_name(one.subject),
        _common_name(one.issuer),
        names,
        _ns(one.not_valid_before_utc),
        _ns(one.not_valid_after_utc),
        authority,
    )


def _strange() -> tuple[type[Exception], ...]:
    """What cryptography raises for what it does not read."""
    from cryptography import x509

    return ValueError, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType


def _common_name(name: x509.Name) -> str:
    from cryptography.x509.oid import NameOID

    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()


def _ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 10**9
