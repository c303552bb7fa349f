"""Whoever owns a bus in tests: a session for each link that is found, every plan granted, data counted."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from interfaces.errors import LinkError
from interfaces.events import DataMessage, Identified, StateChanged
from interfaces.proto import pmi_pb2 as pb
from interfaces.session import ControllerSession
from interfaces.states import State


class Owner:
    """`found` is for `Bus.run`; sessions by uid, data messages counted by uid."""

    def __init__(self):
        self.links = []
        self.sessions = {}
        self.data = Counter()
        self.reasons = []
        self.active_at = {}
        self.sheets = {}
        self._tasks = []

    def found(self, link):
        self.links.append(link)
        self._tasks.append(asyncio.create_task(self._serve(link, link.hello.uid)))

    def found_alone(self, link, uid):
        """Serve a link that is no bus's; the uid of its module is known."""
        self.links.append(link)
        self._tasks.append(asyncio.create_task(self._serve(link, uid)))

    def state(self, uid):
        return self.sessions[uid].state if uid in self.sessions else State.ABSENT

    async def close(self):
        for task in self._tasks:
            task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _serve(self, link, uid):
        loop = asyncio.get_running_loop()
        session = ControllerSession(session_id=len(self.links), address=link.address, sheet_lookup=self.sheets.get)
        self.sessions[uid] = session
        try:
            while True:
                for frame in await _arrived(link, session.next_deadline()):
                    self._hear(session, uid, session.receive(frame, loop.time(), time.time_ns()))
                    _send(session, link)
                self._hear(session, uid, session.tick(loop.time(), time.time_ns()))
                _send(session, link)
        except LinkError as error:
            self.reasons.append(str(error))
            self._hear(session, uid, session.link_lost(now=loop.time(), reason=str(error)))

    def _hear(self, session, uid, events):
        now = asyncio.get_running_loop().time()
        for event in events:
            if isinstance(event, Identified):
                plans = [
                    pb.Plan(
                        channel=one.channel,
                        rate_mhz=one.max_rate_mhz,
                        max_objects=one.max_objects,
                        record_format=one.record_formats[0] if one.record_formats else 0,
                    )
                    for one in event.sheet.channels
                ]
                self._hear(session, uid, session.activate(plans, probation=False, now=now))
            elif isinstance(event, DataMessage):
                self.data[uid] += 1
            elif isinstance(event, StateChanged) and event.new is State.ACTIVE:
                self.active_at[uid] = now


async def _arrived(link, deadline):
    try:
        async with asyncio.timeout_at(deadline):
            return await link.receive()
    except TimeoutError:
        return []


def _send(session, link):
    for frame in session.take_frames():
        link.send(frame)
