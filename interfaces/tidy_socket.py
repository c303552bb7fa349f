"""A TLS socket that leaves nothing open."""

from __future__ import annotations

import ssl
from typing import Any


class TidySocket(ssl.SSLSocket):
    """Closes itself when the handshake fails: paho leaves that to the collector."""

    def do_handshake(self, *arguments: Any, **named: Any) -> None:
        """As SSLSocket."""
        try:
            super().do_handshake(*arguments, **named)
        except BaseException:
            self.close()
            raise
