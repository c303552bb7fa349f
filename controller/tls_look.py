"""A handshake of our own, to say why the client's failed and which certificate a broker serves. No MQTT is spoken."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING, Final

from interfaces.errors import ConfigError

if TYPE_CHECKING:
    from controller.broker import Broker
    from controller.broker_address import BrokerAddress

HANDSHAKE_S: Final = 5.0
ALERT_S: Final = 1.0  # in TLS 1.3 a server judges our certificate after the handshake is over for us


async def objection(broker: Broker) -> OSError | None:
    """What TLS with this broker ends with; None when it goes well. Raises ConfigError for files of ours."""
    context = broker.tls()
    if context is None:
        return None
    try:
        async with asyncio.timeout(HANDSHAKE_S):
            reader, writer = await _opened(broker.address, context)
        try:
            async with asyncio.timeout(ALERT_S):
                await reader.read(1)
        finally:
            await _left(writer)
    except TimeoutError:
        return None  # silence after a handshake is what a patient broker does
    except OSError as error:
        return error
    return None


async def proved(broker: Broker) -> bytes:
    """The certificate (DER) that the broker proves to have now; empty when there is none to be had."""
    try:
        context = broker.tls()
        return await _shown(broker.address, context) if context is not None else b""
    except (ConfigError, OSError, TimeoutError):
        return b""


async def served(broker: Broker) -> bytes:
    """The certificate (DER) that the broker shows, whoever signed it; empty when there is none to be had.

    For words alone: nothing is said to a broker whose certificate was not verified.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with contextlib.suppress(ConfigError):
            broker.show_own(context)  # under TLS 1.2 some say nothing to who has none
        return await _shown(broker.address, context)
    except (OSError, TimeoutError):
        return b""


async def _shown(address: BrokerAddress, context: ssl.SSLContext) -> bytes:
    async with asyncio.timeout(HANDSHAKE_S):
        _, writer = await _opened(address, context)
    try:
        return writer.get_extra_info("ssl_object").getpeercert(binary_form=True) or b""
    finally:
        await _left(writer)


async def _left(writer: asyncio.StreamWriter) -> None:
    """Say goodbye and be gone: TLS takes its time for that, longer than a loop may go on."""
    writer.close()
    try:
        async with asyncio.timeout(ALERT_S):
            await writer.wait_closed()
    except TimeoutError:
        writer.transport.abort()
    except OSError:
        pass  # the connection broke, so it is gone


async def _opened(address: BrokerAddress, context: ssl.SSLContext) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(address.host, address.port, ssl=context, server_hostname=address.host)
