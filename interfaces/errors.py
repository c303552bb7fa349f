"""One tree of errors, grouped by who acts on them.

    PoleError
    ├── ConfigError           the operator mends pole.toml or the site map
    ├── LinkError             somebody mends a cable; we retry for ever
    ├── LocalProtocolError    we mend our own code
    ├── RemoteProtocolError   the module's vendor mends the module (carries the PMI clause)
    ├── AdmissionError        the operator swaps the module or changes the slot (carries the reason)
    └── DeliveryError         the broker did not take a publication; we retry

Bad bytes from outside never raise: parsers count them, drop them and report them as events.
"""

from __future__ import annotations


class PoleError(Exception):
    """Base of every error of this project; never raised itself."""


class ConfigError(PoleError):
    """Something a person wrote is wrong; the text says where, what, and what is allowed."""


class LinkError(PoleError):
    """The wire is gone or cannot be opened; trying again later is right."""


class LocalProtocolError(PoleError):
    """Our own side tried to do what the protocol forbids now: a bug of ours."""


class RemoteProtocolError(PoleError):
    """The other side broke PMI."""

    def __init__(self, clause: str, text: str) -> None:
        super().__init__(f"{clause}: {text}")
        self.clause = clause
        self.text = text


class AdmissionError(PoleError):
    """A module does not fit its slot; `reason` is one of `interfaces.proto.pmi_pb2.RejectReason`."""

    def __init__(self, reason: int, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text


class DeliveryError(PoleError):
    """A publication was not taken by the broker."""
