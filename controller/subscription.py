"""The consumer's side with the pole's own way to a broker: keys and passwords by file, refusals in words."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from controller.broker_client import BrokerClient
from interfaces.broker_connection import WITHIN_S
from interfaces.consumer import Consumer

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.broker import Broker


def consumer(broker: Broker, root: str, report: Callable[[str], None] = lambda _: None) -> Consumer:
    """A consumer of what poles publish on `broker`; entering it raises LinkError or, for its files, ConfigError."""
    connect = partial(BrokerClient, broker, timeout=WITHIN_S)
    return Consumer(str(broker.address), root=root, report=report, connect=connect)
