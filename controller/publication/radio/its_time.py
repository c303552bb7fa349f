"""Times as radio messages say them, from and to UTC nanoseconds."""

from __future__ import annotations

from typing import Final

NS_PER_MS: Final = 1_000_000
DAY_MS: Final = 86_400_000
JST_MS: Final = 9 * 3_600_000
ITS_EPOCH_MS: Final = 1_072_915_200_000  # 2004-01-01T00:00:00Z
LEAP_MS: Final = (1_136_073_600_000, 1_230_768_000_000, 1_341_100_800_000, 1_435_708_800_000, 1_483_228_800_000)


def timestamp_its(utc_ns: int) -> int:
    """ETSI TimestampIts: TAI ms since 2004-01-01 UTC, so every leap second since then counts (TS 102 894-2)."""
    unix_ms = utc_ns // NS_PER_MS
    return unix_ms - ITS_EPOCH_MS + 1000 * sum(unix_ms >= one for one in LEAP_MS)


def time_of_day(utc_ns: int) -> dict[str, int]:
    """RC-013 DF_時刻情報: Japanese time of day; the pole's clock has its leap seconds corrected."""
    minutes, millisecond = divmod((utc_ns // NS_PER_MS + JST_MS) % DAY_MS, 60_000)
    return {"leap_second_corrected": 1, "hour": minutes // 60, "minute": minutes % 60, "millisecond": millisecond}


def nearest_utc_ns(hour: int, minute: int, millisecond: int, now_ns: int) -> int | None:
    """The instant nearest to `now_ns` that a Japanese time of day can mean; None for one that is no time."""
    if not (0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= millisecond <= 60_999):
        return None
    told_ms = (hour * 60 + minute) * 60_000 + millisecond
    now_ms = now_ns // NS_PER_MS + JST_MS
    away_ms = (told_ms - now_ms + DAY_MS // 2) % DAY_MS - DAY_MS // 2
    return (now_ms + away_ms - JST_MS) * NS_PER_MS


def nearest_generation_ns(delta_ms: int, now_ns: int) -> int:
    """The instant nearest to `now_ns` whose TimestampIts modulo 2**16 is `delta_ms` (CAM generationDeltaTime)."""
    away_ms = (delta_ms - timestamp_its(now_ns) + 32_768) % 65_536 - 32_768
    return (now_ns // NS_PER_MS + away_ms) * NS_PER_MS
