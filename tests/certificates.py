"""Authorities and certificates made on the spot, good and bad ones."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its key, on disk: `cert` and `key` are paths."""

    one: x509.Certificate
    private: ec.EllipticCurvePrivateKey
    cert: str
    key: str


class Office:
    """Issues into a folder. `days` counts from now: (valid from, valid to)."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def issue(self, name, by=None, *, names=(), days=(-1, 365), authority=False, common_name=None):
        private = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name or name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(by.one.subject if by else subject)
            .public_key(private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW + dt.timedelta(days=days[0]))
            .not_valid_after(NOW + dt.timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(one) for one in names]), False)
        return self._written(name, builder.sign(by.private if by else private, hashes.SHA256()), private)

    def authority(self, name, **about):
        return self.issue(name, authority=True, **about)

    def revocations(self, by, *revoked):
        builder = x509.CertificateRevocationListBuilder().issuer_name(by.one.subject)
        builder = builder.last_update(NOW - dt.timedelta(days=1)).next_update(NOW + dt.timedelta(days=9))
        for one in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(one.one.serial_number).revocation_date(NOW)
            builder = builder.add_revoked_certificate(entry.build())
        path = self.folder / "revoked.pem"
        path.write_bytes(builder.sign(by.private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return str(path)

    def _written(self, name, one, private):
        cert, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        cert.write_bytes(one.public_bytes(serialization.Encoding.PEM))
        form = serialization.PrivateFormat.PKCS8
        key.touch(mode=0o600)
        key.write_bytes(private.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        return Issued(one, private, str(cert), str(key))


def _general(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
