"""Topic aliases of one connection (MQTT 5 §3.3.2.3.4): two bytes for a topic that was said before."""

from __future__ import annotations


class TopicAliases:
    """At most `maximum` of them, what CONNACK allows; the one used longest ago makes room for the next."""

    def __init__(self, maximum: int = 0) -> None:
        self._maximum = maximum
        self._numbers: dict[str, int] = {}  # in the order of use

    def use(self, topic: str, *, again: bool) -> tuple[str, int]:
        """The topic to send and its alias, 0 for none; `again`: more will follow, so it is worth an alias."""
        known = self._numbers.pop(topic, 0)
        if known:
            self._numbers[topic] = known
            return "", known
        if not again or not self._maximum:
            return topic, 0
        full = len(self._numbers) == self._maximum
        number = self._numbers.pop(next(iter(self._numbers))) if full else len(self._numbers) + 1
        self._numbers[topic] = number
        return topic, number
