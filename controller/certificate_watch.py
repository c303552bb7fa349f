"""How long the certificates last that the way to the broker rests on: looked at daily, said in status and log."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from controller import certificate, tls_look
from controller.broker_client import own

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.broker import Broker
    from controller.certificate import Certificate

LOOK_S: Final = 86_400.0


class CertificateWatch:
    """`held` names the newest known certificate of "pole" and "broker"; `report` gets a line a day for each that ends
    within `warning_days`. Without TLS there is nothing to watch.
    """

    def __init__(
        self, broker: Broker, warning_days: int, *, utc_ns: Callable[[], int], report: Callable[[str], None]
    ) -> None:
        self.held: dict[str, Certificate] = {}
        self._broker, self._warning_days = broker, warning_days
        self._utc_ns, self._report = utc_ns, report
        self._told: set[str] = set()

    def seen(self, server_der: bytes) -> None:
        """A connection stands; the broker has proved to have this certificate (DER; empty without TLS)."""
        if server_der:
            self._take(server_der)
            self._tell()

    def troubles(self) -> tuple[str, ...]:
        """What a person should know: certificates that end soon or have ended."""
        now_ns = self._utc_ns()
        return tuple(
            f"the {holder}'s certificate {certificate.ending(one, now_ns)}"
            for holder, one in self.held.items()
            if one.days_left(now_ns) < self._warning_days
        )

    async def run(self) -> None:
        """Look at our own now, at both once a day, also while a connection stands; ends only when cancelled."""
        server_der = b""
        while self._broker.address.tls:
            self._take(server_der)
            self._told.clear()
            self._tell()
            await asyncio.sleep(LOOK_S)
            server_der = await tls_look.proved(self._broker)

    def _take(self, server_der: bytes) -> None:
        found = {"pole": own(self._broker), "broker": certificate.of_der(server_der)}
        self.held |= {holder: one for holder, one in found.items() if one is not None}

    def _tell(self) -> None:
        for one in self.troubles():
            if one not in self._told:
                self._told.add(one)
                self._report(one)
