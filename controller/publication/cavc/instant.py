"""Times as the documents write them: every one in UTC ending in Z, but the `time` of a target in Japan's +09:00."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

NS_PER_MS: Final = 1_000_000
JST: Final = timezone(timedelta(hours=9))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def utc(at_ns: int) -> str:
    """UTC ns as 2026-01-23T01:23:45.678Z; milliseconds are cut, never rounded into the future."""
    return _moment(at_ns).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def jst(at_ns: int) -> str:
    """UTC ns as 2026-01-23T10:23:45.678+09:00."""
    return _moment(at_ns).astimezone(JST).isoformat(timespec="milliseconds")


def _moment(at_ns: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=at_ns // NS_PER_MS)
