"""Why a broker and a pole do not come together, in words that say what to mend. Pure: one table for each source."""

from __future__ import annotations

import errno
from datetime import UTC, datetime
from socket import gaierror
from typing import TYPE_CHECKING, Final

from controller.certificate import NS_PER_DAY

if TYPE_CHECKING:
    from controller.broker import Broker
    from controller.certificate import Certificate

CLOSED: Final = "closed the connection before it answered"
_UNKNOWN_CA: Final = frozenset({2, 18, 19, 20, 21})  # X509_V_ERR_* of OpenSSL
_ENDED, _NOT_YET, _REVOKED = 10, 9, 23
_OTHER_NAME: Final = frozenset({62, 64})
_VERIFICATION: Final = {
    _REVOKED: "its certificate is revoked by crl_file",
    3: "crl_file holds no list of the authority that signed its certificate",
    12: "crl_file is too old; fetch the newest",
    24: "what signed its certificate is no authority (basicConstraints CA is not true)",
    26: "its certificate is not for servers (extendedKeyUsage lacks serverAuth)",
    66: "the key of its certificate is too weak for this machine",
    67: "the key of its authority is too weak for this machine",
    68: "its certificate is signed with a hash too weak for this machine",
}
_MUTUAL: Final = "give cert_file and key_file (--cert and --key)"
# What the other side says when it ends TLS (RFC 8446 §6.2), as OpenSSL names it
_ALERTS: Final = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": f"wants a certificate of ours: {_MUTUAL}",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": (
        f"refuses the handshake: it wants a certificate of ours ({_MUTUAL}), or shares no cipher"
    ),
    "TLSV1_ALERT_UNKNOWN_CA": "does not know the authority that signed our certificate{own}",
    "SSLV3_ALERT_BAD_CERTIFICATE": "cannot use our certificate{own}",
    "TLSV13_ALERT_BAD_CERTIFICATE": "cannot use our certificate{own}",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "does not take our kind of certificate{own}",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "says that our certificate is revoked{own}",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "says that our certificate has expired or is not yet valid{own}",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "does not take our certificate{own}",
    "TLSV1_ALERT_DECRYPT_ERROR": "cannot check our signature{own}",
    "TLSV1_ALERT_ACCESS_DENIED": "takes our certificate but refuses access{own}",
    "TLSV1_ALERT_PROTOCOL_VERSION": "speaks no version of TLS that we do: 1.2 or newer",
    "UNSUPPORTED_PROTOCOL": "speaks no version of TLS that we do: 1.2 or newer",
    "WRONG_SSL_VERSION": "speaks no version of TLS that we do: 1.2 or newer",
    "TLSV1_UNRECOGNIZED_NAME": "serves no host of this name",
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": "shares no cipher strong enough with us",
}
_NO_TLS: Final = (
    "speaks no TLS on this port, or ended it without a word: TLS is by custom on 8883, plain MQTT on 1883; "
    "look into the broker's log"
)
_IS_TLS: Final = "speaks TLS on this port: write mqtts://{place}"
_CONNACK: Final = {  # MQTT 5 §3.2.2.2
    0x84: "does not speak MQTT 5",
    0x85: "refuses the client id {client_id!r}",
    0x86: "refuses {who}: bad user name or password",
    0x87: "refuses {who}: not authorized, that is a bad user name or password, or no right to connect",
    0x88: "is not available now",
    0x89: "is busy",
    0x8A: "has banned this client",
    0x8C: "wants another way to authenticate",
    0x97: "has no room for this client (quota)",
    0x9C: "sends us to another server",
    0x9D: "has moved to another server",
    0x9F: "takes no more connections at this rate",
}
_NETWORK: Final = {
    errno.ECONNREFUSED: "nothing listens there",
    errno.EHOSTUNREACH: "the host cannot be reached",
    errno.ENETUNREACH: "the network cannot be reached",
    errno.ETIMEDOUT: "no answer",
}


def of_verification(code: int, message: str, host: str, served: Certificate | None, now_ns: int) -> str:
    """OpenSSL did not accept the broker's certificate; `served` is that certificate where it could be had."""
    if code in _OTHER_NAME:
        return _other_name(host, served)
    if code in _UNKNOWN_CA:
        signer = f" by {served.issuer!r}" if served else ""
        cure = "give that authority's certificate as ca_file (--ca)"
        return f"its certificate is signed{signer}, whom we do not know: {cure}"
    if code in {_ENDED, _NOT_YET}:
        return _out_of_time(code, served, now_ns)
    return _VERIFICATION.get(code, f"its certificate is refused: {message}")


def of_alert(reason: str | None, own: Certificate | None) -> str:
    """TLS ended; `reason` is OpenSSL's name for why, None when the other side only hung up."""
    words = _ALERTS.get(reason or "", "")
    if not words:
        known = "" if reason in {None, "WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING"} else f" ({reason})"
        return _NO_TLS + known
    return words.format(own=f": {shown(own)}" if own else "")


def of_connack(code: int, name: str, broker: Broker, client_id: str, own: Certificate | None) -> str:
    """The broker answered the connection with a reason code of failure."""
    who = f"user {broker.username!r}" if broker.username else "us without a user name"
    who = f"{own.common_name!r} (the name in our certificate)" if own and not broker.username else who
    words = _CONNACK.get(code, name).format(who=who, client_id=client_id)
    return f"{words} (0x{code:02X})"


def of_network(error: OSError) -> str:
    """There was no connection at all."""
    if isinstance(error, gaierror):
        return f"its name is not known ({error.strerror}): look at the address and at DNS"
    if isinstance(error, TimeoutError):
        return "no answer"
    return _NETWORK.get(error.errno or 0, "") or str(error) or type(error).__name__


def of_silence(broker: Broker, *, speaks_tls: bool) -> str:
    """The broker closed a plain connection; `speaks_tls` when it answers a TLS handshake there."""
    if speaks_tls:
        return _IS_TLS.format(place=str(broker.address).partition("://")[2])
    return f"{CLOSED}; is it an MQTT broker?"


def shown(one: Certificate) -> str:
    """A certificate in a line: whose, by whom, from when to when."""
    return f"{one.common_name!r} of {one.issuer!r}, valid {_day(one.not_before_ns)} to {_day(one.not_after_ns)}"


def _other_name(host: str, served: Certificate | None) -> str:
    if served is None:
        return f"its certificate is not for {host}"
    if not served.names:
        return (
            f"its certificate has no names (subjectAltName), only the common name {served.common_name!r}, "
            f"which does not count: have it issued anew for {host}"
        )
    return (
        f"its certificate is for {', '.join(served.names)}, not for {host}: write one of these names in the address, "
        f"or have the certificate issued anew for {host}"
    )


def _out_of_time(code: int, served: Certificate | None, now_ns: int) -> str:
    clock = f"; this machine's clock says {_clock(now_ns, served)}: is it right?"
    whose = "its certificate, or that of its authority,"
    if code == _ENDED:
        if served and served.not_after_ns <= now_ns:
            return f"its certificate expired on {_minute(served.not_after_ns)}{clock}"
        return f"{whose} has expired{clock}"
    if served and served.not_before_ns > now_ns:
        return f"its certificate is valid only from {_minute(served.not_before_ns)}{clock}"
    return f"{whose} is not yet valid{clock}"


def _clock(now_ns: int, served: Certificate | None) -> str:
    """As exact as it matters: the same words for a whole day are one line in the log."""
    near = served and min(abs(now_ns - one) for one in (served.not_before_ns, served.not_after_ns)) < NS_PER_DAY
    return _minute(now_ns) if near else _day(now_ns)


def _day(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns // 10**9, UTC):%Y-%m-%d}"


def _minute(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns // 10**9, UTC):%Y-%m-%d %H:%M} UTC"
