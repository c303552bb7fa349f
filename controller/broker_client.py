"""An MQTT 5 client that proves who it is, checks whom it speaks to, and says in words why it was turned away."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any, Final, Self

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from controller import broker_refusal, certificate, credential, tls_look
from controller.clock import utc_ns
from interfaces.errors import ConfigError
from interfaces.tidy_socket import TidySocket

if TYPE_CHECKING:
    from controller.broker import Broker
    from controller.certificate import Certificate

SEND_BUFFER_B: Final = 65_536  # the kernel doubles it; what waits there is ahead of the next hazard
SOCKET_OPTIONS: Final = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_B),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 3000),
)


class TurnedAwayError(aiomqtt.MqttError):
    """There is no connection; the text says why and what to mend."""


class BrokerClient(aiomqtt.Client):
    """aiomqtt.Client of one connection: reads keys and passwords when it is made (ConfigError), so make a new one each
    time. Entering raises TurnedAwayError.
    """

    def __init__(self, broker: Broker, **options: Any) -> None:
        tls = broker.tls()
        if tls is not None:
            tls.sslsocket_class = TidySocket
        super().__init__(
            broker.address.host,
            broker.address.port,
            username=broker.username or None,
            password=broker.password(),
            tls_context=tls,
            protocol=aiomqtt.ProtocolVersion.V5,
            socket_options=SOCKET_OPTIONS,
            **options,
        )
        self._broker = broker
        self._entering = False

    async def __aenter__(self) -> Self:
        self._entering = True
        try:
            return await super().__aenter__()
        except aiomqtt.MqttError as error:
            self._entering = False
            self._client.disconnect()  # aiomqtt leaves the socket of a silent broker open
            raise TurnedAwayError(await self._why(error)) from error
        finally:
            self._entering = False

    def server_certificate(self) -> bytes:
        """The certificate (DER) that the broker proved to have; empty without TLS or connection."""
        connection = self._client.socket()
        return (connection.getpeercert(binary_form=True) or b"") if isinstance(connection, ssl.SSLSocket) else b""

    def _on_disconnect(self, *arguments: Any, **named: Any) -> None:
        """aiomqtt waits on when a broker hangs up instead of answering. Called from the loop or from its executor."""
        self._loop.call_soon_threadsafe(self._give_up)
        super()._on_disconnect(*arguments, **named)

    def _on_socket_register_write(self, client: Any, userdata: Any, sock: Any) -> None:  # noqa: ARG002 -- aiomqtt's
        """As aiomqtt, which stumbles over a broker that has hung up by the time the event loop comes to it."""

        def wait_for_room() -> None:
            if sock.fileno() >= 0:
                self._loop.add_writer(sock.fileno(), write)

        def write() -> None:
            try:
                client.loop_write()
            except Exception as error:  # noqa: BLE001 -- whatever broke, the connection has
                if not self._disconnected.done():
                    self._disconnected.set_exception(error)

        self._loop.call_soon_threadsafe(wait_for_room)

    def _give_up(self) -> None:
        if self._entering and not self._connected.done():
            self._connected.set_exception(aiomqtt.MqttError(broker_refusal.CLOSED))

    async def _why(self, error: aiomqtt.MqttError) -> str:
        if isinstance(error, aiomqtt.MqttCodeError):
            code = error.rc.value if isinstance(error.rc, ReasonCode) else error.rc or 0
            return broker_refusal.of_connack(code, str(error), self._broker, self.identifier, own(self._broker))
        cause = error.__context__  # aiomqtt hides it, but leaves it there
        if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError | ConnectionResetError):
            return broker_refusal.of_network(cause)
        if not self._broker.address.tls:
            speaks_tls = bool(await tls_look.served(self._broker))
            return broker_refusal.of_silence(self._broker, speaks_tls=speaks_tls)
        if not isinstance(cause, ssl.SSLCertVerificationError):
            cause = await tls_look.objection(self._broker) or cause
        return await self._why_not_tls(cause, error)

    async def _why_not_tls(self, cause: BaseException | None, error: aiomqtt.MqttError) -> str:
        if isinstance(cause, ssl.SSLCertVerificationError):
            shown = certificate.of_der(await tls_look.served(self._broker))
            host = self._broker.address.host
            return broker_refusal.of_verification(cause.verify_code, cause.verify_message, host, shown, utc_ns())
        if isinstance(cause, OSError):
            return broker_refusal.of_alert(getattr(cause, "reason", None), own(self._broker))
        return str(error)


def own(broker: Broker) -> Certificate | None:
    """The certificate that we show; None when there is none, or none to be read."""
    try:
        return certificate.of_pem("cert_file", credential.content("cert_file", broker.cert_file))[0]
    except ConfigError:
        return None
