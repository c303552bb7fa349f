"""The command channel on the wire: `…/request/{command}` is answered on `…/response/{command}` (docs/commands.md).

A signature covers the topic and the payload as sent: a request cannot be moved to another pole or another command.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from interfaces.topics import Sender

SIGNATURE: Final = "hmac"  # user property: HMAC-SHA256 in hex
WHO: Final = "who"  # user property: who asks, for the audit; nobody vouches for it
KEY_MIN: Final = 16  # characters
REQUEST_MAX_B: Final = 4096
WINDOW_S: Final = 60.0  # between the time in a request and the pole's
_DOMAIN: Final = b"smartpole command 1\0"


class Command(NamedTuple):
    """One row. What changes the pole or its modules needs a signature."""

    name: str
    meaning: str
    parameters: tuple[str, ...] = ()
    changes: bool = True


class Asked(NamedTuple):
    """Whom to ask, for `request_topic` and `response_topic`."""

    service_location_id: int
    roadside_unit_id: int
    root: str = "smartpole/v1"


COMMANDS: Final = (
    Command("status", "how pole, slots and uplink are", changes=False),
    Command("identify", "let the module in a slot show itself", ("slot", "seconds")),
    Command("self_test", "let modules test themselves", ("slot",)),
    Command("reload", "read pole.toml again"),
    Command("log_level", "say more or less in the log", ("level",)),
    Command("uplink", "choose full, narrow or automatic, and the bytes a second", ("mode", "bytes_per_s")),
)


def request_topic(sender: Sender, command: str) -> str:
    """Where a pole listens; "+" for every command."""
    return f"{_base(sender)}/request/{command}"


def response_topic(sender: Sender, command: str) -> str:
    """Where it answers unless the request names another place below the same level."""
    return f"{_base(sender)}/response/{command}"


def signature(key: str, topic: str, payload: bytes) -> str:
    """HMAC-SHA256 in hex over topic and payload; of a response the topic is the one it is sent to."""
    return hmac.new(key.encode(), _DOMAIN + topic.encode() + b"\0" + payload, hashlib.sha256).hexdigest()


def is_signed(key: str, topic: str, payload: bytes, given: str) -> bool:
    """Whether `given` is the signature, in the same time for every wrong one."""
    return hmac.compare_digest(signature(key, topic, payload).encode(), given.encode())


def _base(sender: Sender) -> str:
    return f"{sender.root}/pole/{sender.service_location_id}/{sender.roadside_unit_id}"
