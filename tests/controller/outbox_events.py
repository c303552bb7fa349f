"""Events for the tests of the outbox."""

from __future__ import annotations

from dataclasses import replace

from controller.publication.publication import Publication

EVENT = Publication("t", b"p", "c", 1, False, 9.0, (("id", "1"),), "k", durable=True, expires_at_ns=100)
URGENT = replace(EVENT, urgent=True, retain=True)


def lasting(key, validity_s=60):
    """Of use for so long from UTC 0 on."""
    return replace(URGENT, key=key, expiry_s=float(validity_s), expires_at_ns=validity_s * 10**9)


async def keys(box, limit=100):
    return [one.publication.key for one in await box.pending(limit)]
