"""A narrow uplink: what leaves now, what later, what in short and what not at all, within bytes a second.

Pure: `now` is any steady clock in s, `now_ns` UTC. The owner sends what `next` returns, at once and in that order.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from controller.publication.narrow_form import gist, narrow, narrow_objects, row_of
from controller.publication.packet_size import link_b, packet_b
from controller.publication.priority import (
    BEGINS_OR_ENDS,
    CLEARED,
    GOES_ON,
    HAZARDS,
    NEAR_MISS,
    OBJECTS,
    PRIORITIES,
    Priority,
)
from controller.publication.topic_alias import TopicAliases
from interfaces import topics

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from controller.publication.publication import Publication
    from interfaces.topics import Topic


USED: Final = 0.9  # of the budget; the rest is for keepalive, repeats of TCP and what the link's own protocol adds
LEAD_S: Final = 0.05  # the next packet may leave so long before the link has taken the one before
LARGEST_S: Final = 0.8  # no packet but a hazard's takes the link longer: a hazard may have to wait for it
OBJECTS_S: Final = 0.5  # what a picture may take of each second
IN_SOCKET_S: Final = 1.0  # a link slower than told: no more than so much waits in the socket
UPDATE_OF_VALIDITY: Final = (0.4, 0.8)  # a hazard is said again after such a part of its validity
UPDATES_SHARE: Final = 0.6  # of the budget
FRESH_S: Final = 1.2  # an update that waited longer is not sent
EARLY_S: Final = 0.15  # ticks do not come to the millisecond
FORGET_S: Final = 600.0
IDLE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Sending:
    """One PUBLISH: a short form, the topic ("" where the alias says it), and its event of the outbox, if it is one."""

    publication: Publication
    topic: str
    alias: int
    expiry_s: float | None
    link_b: int
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """What could be sent, in its short form."""

    publication: Publication
    row: Topic
    expiry_s: float | None
    seq: int | None = None
    gist: tuple[object, ...] = ()
    left_out: int = 0


@dataclass(slots=True)
class _Offer:
    publication: Publication
    row: Topic
    at: float
    gist: tuple[object, ...]


@dataclass(slots=True)
class _Said:
    at: float
    gist: tuple[object, ...] = ()


class Uplink:
    """The budget of one connection after another, `bytes_per_s` of what passes at IP in our direction."""

    def __init__(self, bytes_per_s: float, *, tls: bool = False) -> None:
        self.bytes_per_s = bytes_per_s
        self.counters: Counter[str] = Counter()
        self._tls = tls
        self._free_at = 0.0  # when the link has taken all that was sent
        self._due: dict[str, float] = {}  # by priority
        self._aliases = TopicAliases()
        self._offers: dict[str, dict[str, _Offer]] = {one.name: {} for one in PRIORITIES}  # by row, then topic
        self._hazards: dict[str, list[tuple[int, Publication]]] = {}
        self._near_misses: list[tuple[int, Publication]] = []
        self._kept: dict[str, float] = {}
        self._said: dict[str, _Said] = {}
        self._flying: set[int] = set()
        self._active = 0  # hazards

    def connected(self, now: float, aliases_max: int) -> None:
        """A new connection: no alias is known, nothing is on its way."""
        self._aliases, self._free_at = TopicAliases(aliases_max), now
        self._flying.clear()
        self._said.clear()  # what was on its way may be lost: every hazard that holds is news again
        for offers in self._offers.values():
            offers.clear()

    def charge(self, packet: int, now: float, *, qos: int = 0) -> None:
        """Count a packet that somebody else sent."""
        self._take(link_b(packet, qos=qos, tls=self._tls), now)

    def busy_s(self, now: float) -> float:
        """For how long the link is taken; 0 or less when it is free."""
        return self._free_at - now - LEAD_S

    def fits(self, packet: int) -> bool:
        """Whether somebody else's packet, with QoS 1, takes the link no longer than one of ours may."""
        return link_b(packet, qos=1, tls=self._tls) <= self._rate * LARGEST_S

    def wants(self, one: Publication, now: float) -> bool:
        """Whether an event is worth the outbox: no twin, and no update of a hazard that was said a moment ago."""
        row = row_of(one)
        if row is None:
            self.counters["twins"] += 1
            return False
        if not one.urgent or not one.retain or not one.payload:
            return True
        kept = self._kept.get(one.topic)
        if kept is not None and now - kept < self._update_s(one, row) - EARLY_S:
            self.counters["updates"] += 1
            return False
        self._kept = {topic: at for topic, at in self._kept.items() if now - at < FORGET_S}
        self._kept[one.topic] = now
        self._active = 1 + sum(
            now - at < (one.expiry_s or 0.0) for topic, at in self._kept.items() if topic != one.topic
        )
        return True

    def offer(self, one: Publication, now: float) -> None:
        """What is not stored: the newest of a topic waits for its turn."""
        row = row_of(one)
        offers = self._offers.get(row.name) if row is not None else None
        if row is None or offers is None:
            self.counters["twins"] += 1
            return
        self.counters[f"{row.name}_thinned"] += one.topic in offers
        offers[one.topic] = _Offer(one, row, now, gist(one, row))

    def pending(self, events: Iterable[tuple[int, Publication]], now_ns: int) -> list[int]:
        """The outbox's next events, in its order, by their numbers; those that are of no use any more come back.

        Of a hazard only what was said last counts; a hazard that has expired is no news.
        """
        self._hazards, self._near_misses, gone = {}, [], []
        for seq, one in events:
            if row_of(one) is None or (one.urgent and one.left_s(now_ns) == 0):
                self.counters["expired" if one.urgent else "twins"] += 1
                gone.append(seq)
            elif one.urgent:
                self._hazards.setdefault(one.topic, []).append((seq, one))
            elif seq not in self._flying:
                self._near_misses.append((seq, one))
        for topic, statements in self._hazards.items():
            last = max((place for place, (_, one) in enumerate(statements) if one.payload), default=0)
            self._hazards[topic] = [(seq, one) for seq, one in statements[last:] if seq not in self._flying]
            self.counters["superseded"] += last
            gone += [seq for seq, _ in statements[:last]]
        return [seq for seq in gone if seq not in self._flying]

    def landed(self, seq: int) -> None:
        """The broker answered for an event, or nobody will."""
        self._flying.discard(seq)

    def next(self, now: float, now_ns: int, in_socket_b: int = 0) -> Sending | float:
        """What to send now, or for how many seconds there is nothing, unless something new comes."""
        busy_s = self.busy_s(now)
        if in_socket_b > self._rate * IN_SOCKET_S:
            busy_s = max(busy_s, LEAD_S)
        if busy_s > 0:
            return busy_s
        for priority in PRIORITIES:
            if self._due.get(priority.name, now) > now:
                continue
            for found in list(self._found(priority, now, now_ns)):
                if found.publication.urgent or self._cost(found.publication) <= self._rate * LARGEST_S:
                    return self._sent(found, priority, now)
                if found.seq is None:
                    del self._offers[found.row.name][found.publication.topic]
                    self.counters["too_large"] += 1
        return max(LEAD_S, min((due - now for due in self._due.values() if due > now), default=IDLE_S))

    def _update_s(self, one: Publication, row: Topic) -> float:
        """Between two updates of a hazard: more when there are many, so that each leaves while it is fresh."""
        needed_s = self._active * self._cost(narrow(one, row), "") / (self._rate * UPDATES_SHARE)
        least, most = (part * (one.expiry_s or 0.0) for part in UPDATE_OF_VALIDITY)
        return min(max(least, needed_s), most)

    @property
    def _rate(self) -> float:
        return self.bytes_per_s * USED

    def _found(self, priority: Priority, now: float, now_ns: int) -> Iterator[_Found]:
        """What a row could say, the most urgent first."""
        if priority in HAZARDS:
            yield from self._of_hazards(priority, now_ns)
        elif priority is NEAR_MISS:
            yield from (_event(seq, one, topics.NEAR_MISS, now_ns) for seq, one in self._near_misses)
        elif priority is OBJECTS:
            yield from self._of_objects(now)
        else:
            yield from self._of_offers(priority, now)

    def _of_hazards(self, priority: Priority, now_ns: int) -> Iterator[_Found]:
        heads = [statements[0] for statements in self._hazards.values() if statements]
        heads = [head for head in heads if head[1].left_s(now_ns) != 0]  # expired since: `pending` will say so
        mine = [head for head in heads if self._rank(head[1]) is priority]
        if priority is GOES_ON:
            mine = [head for head in mine if self._is_fresh(head[1], now_ns)]
        mine.sort(key=lambda head: self._said[head[1].topic].at if head[1].topic in self._said else head[0])
        yield from (_event(seq, one, topics.HAZARD, now_ns) for seq, one in mine)

    def _is_fresh(self, one: Publication, now_ns: int) -> bool:
        """Whether an update would arrive in time; the next one of its hazard takes the place of one that would not."""
        age_s = (one.expiry_s or 0.0) - (one.left_s(now_ns) or 0.0)
        if age_s > FRESH_S:
            self._kept.pop(one.topic, None)
        return age_s <= FRESH_S

    def _rank(self, one: Publication) -> Priority:
        if not one.payload:
            return CLEARED
        return GOES_ON if one.retain and one.topic in self._said else BEGINS_OR_ENDS

    def _of_objects(self, now: float) -> Iterator[_Found]:
        for topic, offer in self._offers[OBJECTS.name].items():
            one, said = offer.publication, self._said.get(topic)
            fresh = now - offer.at <= (one.expiry_s or OBJECTS.every_s)
            if not fresh or (said is not None and now - said.at < OBJECTS.every_s - EARLY_S):
                continue
            empty = self._cost(replace(one, payload=b"", content_type="", user_properties=()))
            short = narrow_objects(one, int(self._rate * OBJECTS_S) - empty)
            if short is None:
                self.counters["objects_no_room"] += 1
                continue
            yield _Found(short[0], offer.row, one.expiry_s, left_out=short[1])

    def _of_offers(self, priority: Priority, now: float) -> Iterator[_Found]:
        for topic, offer in self._offers[priority.name].items():
            said = self._said.get(topic)
            if said is None or offer.gist != said.gist or now - said.at >= priority.every_s - EARLY_S:
                one = narrow(offer.publication, offer.row)
                yield _Found(one, offer.row, one.expiry_s, gist=offer.gist)

    def _cost(self, one: Publication, topic: str | None = None, *, alias: bool = True) -> int:
        topic_b = len((one.topic if topic is None else topic).encode())
        packet = packet_b(one, topic_b, alias=alias, expires=True)
        return link_b(packet, qos=one.qos, tls=self._tls)

    def _sent(self, found: _Found, priority: Priority, now: float) -> Sending:
        one = found.publication
        topic, alias = self._aliases.use(
            one.topic, again=priority is OBJECTS or (one.retain and priority is not CLEARED)
        )
        cost = self._cost(one, topic, alias=alias > 0)
        self._take(cost, now)
        if priority.share < 1:
            self._due[priority.name] = now + cost / (self._rate * priority.share)
        self._said = {topic: said for topic, said in self._said.items() if now - said.at < FORGET_S}
        self._said[one.topic] = _Said(now, found.gist)
        self.counters["objects_left_out"] += found.left_out
        if found.seq is not None:
            self._flying.add(found.seq)
            self._hazards = {of: [it for it in rows if it[0] != found.seq] for of, rows in self._hazards.items()}
            self._near_misses = [it for it in self._near_misses if it[0] != found.seq]
        else:
            self._offers[found.row.name].pop(one.topic)
        return Sending(one, topic, alias, found.expiry_s, cost, found.seq)

    def _take(self, cost: int, now: float) -> None:
        self._free_at = max(self._free_at, now) + cost / self._rate
        self.counters["sent_b"] += cost


def _event(seq: int, one: Publication, row: Topic, now_ns: int) -> _Found:
    return _Found(narrow(one, row), row, one.left_s(now_ns), seq)
