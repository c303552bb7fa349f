"""What is sent when: the newest of targets and states, changes at once, every near miss. In virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

import pytest
from cavc_server import NEAR_MISS_PATH, SECRETS, Server, cut, upload
from living import SENDER, T0, area, config, near_miss, report, tracks

from controller.cavc_client import Answer
from controller.cavc_uploader import CavcUploader
from controller.outbox import Outbox
from controller.publication.publication import Publication
from controller.slot import PoleReport

pytestmark = pytest.mark.looptime
IDS = {"camera": 0x010701, "radar": 0x020701, "comms": 0x030701, "power": 0x040701}


def pole(availability=0):
    return PoleReport(True, availability, 1 - min(availability, 1), (), 0.0, 0, 0, 0.0, 0.0, 0.0, T0, "1")


def slots(**states):
    return [report(name, states.get(name, "ACTIVE"), number) for name, number in IDS.items()]


def event(number=1, payload=None):
    message = near_miss(encounter_id=number) if payload is None else payload
    properties = (("proto", message.DESCRIPTOR.full_name),)
    return Publication("t", message.SerializeToString(), "application/x-protobuf", 1, False, None, properties, "k")


class Bench:
    """An uploader beside a server of ours; `lines` is what it told."""

    def __init__(self, folder, **more):
        self.server, self.lines, self.folder, self.more = Server(), [], folder, more
        self.one = None

    def utc_ns(self):
        return T0 + int(self.loop.time() * 1e9)  # also asked by the thread of the store

    @contextlib.asynccontextmanager
    async def running(self):
        self.loop = asyncio.get_running_loop()
        settings = config(upload=upload(self.folder, **self.more))
        self.one = CavcUploader(
            settings,
            SENDER,
            self.folder / "cavc.db",
            utc_ns=self.utc_ns,
            report=self.lines.append,
            http=self.server,
        )
        async with self.one:
            task = asyncio.create_task(self.one.run())
            try:
                yield self.one
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        assert self.server.faults == []
        assert not [line for line in self.lines for secret in SECRETS if secret in line]

    async def drive(self, seconds, count=3):
        """Pictures ten times a second and states once a second."""
        for tick in range(round(seconds * 10)):
            self.one.see(tracks(count, self.utc_ns()))
            if tick % 10 == 0:
                self.one.hear(pole(), slots(), {"camera": [area()]})
            await asyncio.sleep(0.1)


@pytest.fixture(autouse=True)
def _disk_in_no_time(monkeypatch):
    """The store works within the step that asks it: virtual time does not wait for a thread."""

    async def inline(_, call, *arguments):
        return call(*arguments)

    monkeypatch.setattr(Outbox, "_run", inline)


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


async def test_everything_is_sent_and_obeys_the_field_tables(bench):
    async with bench.running() as one:
        await bench.drive(10)
        await one.keep(event())
        await asyncio.sleep(2)
    counts = {name: len(bench.server.documents(name)) for name in
              ("roadsideUnitInfo", "serviceLocationInfo", "sensorInfo", "useCaseInfo", "nearMissInfoList")}  # fmt: skip
    assert set(counts.values()) == {1}
    assert 9 <= len(bench.server.documents("targetInfo")) <= 19
    assert 9 <= len(bench.server.documents("aliveMonitoringInfo")) <= 14
    assert one.trouble == ""


async def test_counters_grow_by_one_a_picture(bench):
    async with bench.running():
        await bench.drive(5)
    seen = [one for document in bench.server.documents("targetInfo")
            for one in document["attribute"]["deviceIndividualInfo"][0]["targetIndividualInfo"][:1]]  # fmt: skip
    counters = [one["targetIndividualIncrementCounter"] for one in seen]
    assert counters == list(range(counters[0], counters[0] + len(counters)))
    assert len({one["targetID"] for one in seen}) == 1


async def test_a_slow_server_gets_the_newest_picture_and_never_a_queue(bench):
    bench.server.delay_s = 3.0
    async with bench.running():
        await bench.drive(60)
    found = [one for one in bench.server.documents("targetInfo")
             if one["attribute"]["deviceIndividualInfo"][0]["targetNum"]]  # fmt: skip
    assert 4 <= len(found) <= 11
    assert len(bench.server.documents("aliveMonitoringInfo")) >= 5  # neither starves the other
    for document in found:
        (first, *_) = document["attribute"]["deviceIndividualInfo"][0]["targetIndividualInfo"]
        made, seen = (datetime.fromisoformat(text) for text in (document["attribute"]["updateTimeInfo"], first["time"]))
        assert 0 <= (made - seen).total_seconds() <= 0.101


async def test_hundreds_of_targets_go_in_batches_and_old_batches_are_emptied(bench):
    async with bench.running():
        await bench.drive(5, count=250)
        await bench.drive(5, count=1)
        seen = bench.server.documents("targetInfo")
    sizes = [(device["deviceID"] & 0xFF, device["targetNum"]) for document in seen
             for device in document["attribute"]["deviceIndividualInfo"]]  # fmt: skip
    assert sizes[:3] == [(1, 100), (2, 100), (3, 50)]
    assert [sizes.count((number, 0)) for number in range(2, 7)] == [1] * 5  # 4 to 6: of an earlier run, perhaps
    assert sizes[-2:] == [(1, 1), (1, 1)]


@pytest.mark.parametrize("seed", range(3))
async def test_what_the_system_holds_in_the_end_is_the_newest_picture(bench, seed):
    """Its newest state is one document a device; requests fail at any point of a picture; the daemon starts anew."""
    chance, held = random.Random(seed), {}

    def store(path, document):
        if path == "/targetInfo" and chance.random() < 0.3:
            return chance.choice([500, 429])
        for device in document["attribute"]["deviceIndividualInfo"] if path == "/targetInfo" else ():
            held[device["deviceID"]] = {one["targetID"] for one in device["targetIndividualInfo"]}
        return 201

    bench.server.next.extend([store] * 10_000)
    async with bench.running():
        for _ in range(5):
            await bench.drive(4, count=chance.choice([0, 1, 99, 100, 101, 250, 340]))
    async with bench.running():
        await bench.drive(120, count=(last := chance.choice([0, 3, 100, 120])))
        shown = [one for targets in held.values() for one in targets]
        assert len(shown) == len(set(shown)) == last


async def test_a_pole_that_stops_takes_leave(bench):
    async with bench.running():
        await bench.drive(3, count=120)
    gone = bench.server.documents("aliveMonitoringInfo")[-1]["attribute"]
    assert (gone["operationClassificationCode"], gone["serviceAvailability"]) == (0, 2)
    left = [one["attribute"]["deviceIndividualInfo"][0] for one in bench.server.documents("targetInfo")[-2:]]
    assert [(one["deviceID"] & 0xFF, one["targetNum"]) for one in left] == [(1, 0), (2, 0)]


async def test_taking_leave_of_a_mute_server_ends_soon(bench):
    async with bench.running():
        await bench.drive(3)
        bench.server.delay_s = 1000.0
        began = bench.loop.time()
    assert bench.loop.time() - began <= 2.1


async def test_a_change_of_a_sensor_is_said_at_once(tmp_path):
    bench = Bench(tmp_path, targets_period_s=60, alive_period_s=60)
    async with bench.running() as one:
        await bench.drive(5)
        one.hear(pole(1), slots(camera="DEGRADED"), {"camera": [area()]})
        await asyncio.sleep(0.1)
    before, after = bench.server.documents("sensorInfo")
    told = [one["attribute"]["sensorAttributeInfo"][0]["sensorDetectionRangeInfo"][0] for one in (before, after)]
    assert [one["detectionReliability"] for one in told] == [10, 0]
    levels = [
        [case["targetUtilizationType"] for group in one["attribute"]["useCaseInfo"]
         for case in group["useCaseClassificationInfo"]] for one in bench.server.documents("useCaseInfo")
    ]  # fmt: skip
    assert levels == [[1, 1], [0, 0]]
    alive = [one["attribute"]["serviceAvailability"] for one in bench.server.documents("aliveMonitoringInfo")]
    assert alive == [0, 1, 2]  # the last when it takes leave


async def test_what_does_not_change_is_repeated_every_hour(tmp_path):
    bench = Bench(tmp_path, targets_period_s=60, alive_period_s=60)
    async with bench.running() as one:
        one.hear(pole(), slots(), {})
        await asyncio.sleep(7300)
    assert len(bench.server.documents("serviceLocationInfo")) == 3
    assert len(bench.server.documents("sensorInfo")) == 3


async def test_a_failing_server_is_asked_ever_more_slowly_and_told_of_once(bench):
    bench.server.next.extend([500] * 8)
    async with bench.running() as one:
        await bench.drive(20)
        assert "answered 500" in one.trouble
        assert one.counters["cavc_failed"] >= 5
        asked = bench.server.asked_at[1:]
        await bench.drive(100)
        assert one.trouble == ""
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    for number, gap in enumerate(gaps[:5]):
        assert 0.25 * 2**number <= gap <= 0.5 * 2**number + 0.01
    assert len([line for line in bench.lines if "500" in line]) == 1
    assert bench.server.documents("targetInfo")


async def test_it_waits_as_long_as_the_server_asks(bench):
    bench.server.next.append(Answer(429, {"retry-after": "20"}))
    async with bench.running():
        await bench.drive(30)
    asked = bench.server.asked_at
    assert asked[2] - asked[1] >= 20.0


async def test_a_refused_document_does_not_hold_up_the_others(bench):
    def no_units(path, document):
        return 400 if path == "/roadsideUnitInfo" else 201

    bench.server.next.extend([no_units] * 1000)
    async with bench.running() as one:
        await bench.drive(20)
        assert "roadsideUnitInfo was refused" in one.trouble
    assert len(bench.server.documents("targetInfo")) >= 15
    assert bench.server.documents("serviceLocationInfo")
    assert len([line for line in bench.lines if "refused" in line]) == 1


async def test_time_goes_on_when_a_timer_fires_before_its_time(bench, monkeypatch):
    looks = []

    def nothing(now, _):
        looks.append(now)
        if len(looks) > 5000:
            raise asyncio.CancelledError
        return

    async with bench.running() as one:
        monkeypatch.setattr(one._agenda, "due", nothing)
        monkeypatch.setattr(one._agenda, "next_at", lambda: 0.0)
        await asyncio.sleep(1)
    assert 900 <= len(looks) <= 1100


async def test_nothing_is_said_before_the_pole_knows_itself(bench):
    async with bench.running():
        await asyncio.sleep(5)
    assert {path for _, path, _ in bench.server.taken} == {"/roadsideUnitInfo", "/serviceLocationInfo"}


def told_of(server):
    return [one["id"] for document in server.documents("nearMissInfoList") for one in document["attribute"]]


async def test_near_misses_outlive_a_dead_server(bench):
    down = True

    def near_misses_down(path, document):
        return 503 if path == NEAR_MISS_PATH and down else 201

    bench.server.next.extend([near_misses_down] * 100_000)
    async with bench.running() as one:
        for number in range(45):
            await one.keep(event(number))
        await asyncio.sleep(300)
        assert told_of(bench.server) == []
        down = False
        await asyncio.sleep(200)
    found = told_of(bench.server)
    assert len(found) == len(set(found)) == 45


async def test_near_misses_outlive_the_daemon(bench):
    bench.server.next.extend([cut] * 1000)
    async with bench.running() as one:
        for number in range(5):
            await one.keep(event(number))
        await asyncio.sleep(10)
    bench.server.next.clear()
    async with bench.running():
        await asyncio.sleep(10)
    assert len(set(told_of(bench.server))) == 5


async def test_a_near_miss_that_is_refused_is_kept_and_holds_up_no_other(bench):
    bad = []

    def refuse(path, document):
        ids = [one["id"] for one in document["attribute"]] if path == NEAR_MISS_PATH else []
        return 400 if bad and bad[0] in ids else 201

    bench.server.next.extend([refuse] * 100_000)
    async with bench.running() as one:
        first = event(0)
        bad.append(record_id(first))
        await asyncio.gather(one.keep(first), *(one.keep(event(number)) for number in range(1, 12)))
        await asyncio.sleep(60)
        assert len(set(told_of(bench.server))) == 11
        assert "was refused and is kept" in one.trouble
        assert one.client.counts["refused"] <= 5  # it steps aside, it is not asked about again and again
        bad.clear()
        await asyncio.sleep(3700)
        assert len(set(told_of(bench.server))) == 12


@pytest.mark.parametrize("status", [404, 405, 302])
async def test_a_wrong_address_blames_no_record(bench, status):
    bench.server.next.extend([lambda path, _: status if path == NEAR_MISS_PATH else 201] * 30)
    async with bench.running() as one:
        await asyncio.gather(*(one.keep(event(number)) for number in range(8)))
        await asyncio.sleep(20)
        asked = one.client.counts["refused"]
        assert one.counters["cavc_near_misses_waiting"] == 8
        assert f"answered {status}" in one.trouble
        bench.server.next.clear()
        await asyncio.sleep(100)
        assert one.counters["cavc_near_misses_waiting"] == 0
    assert asked <= 7
    assert len(told_of(bench.server)) == 8


async def test_what_cannot_be_kept_or_made_is_told_and_ends_nothing(bench, monkeypatch):
    async with bench.running() as one:
        broken = replace(event(), payload=b"\xff\xff")
        await one.keep(broken)
        assert "cannot be kept" in one.trouble
        for name in ("hear", "make"):
            with monkeypatch.context() as broken:
                broken.setattr(one._present, name, lambda *_: int("no number"))
                await bench.drive(3)
                assert "ValueError" in one.trouble
            await bench.drive(60)
            assert "ValueError" not in one.trouble
        await one.keep(event())
        assert one.trouble == ""


def record_id(publication):
    from living import CONFIG

    from controller.publication.cavc.near_miss_info_list import record
    from interfaces.proto import publication_pb2 as pb

    return record(pb.NearMiss.FromString(publication.payload), CONFIG)["id"]


async def test_other_publications_are_let_pass(bench):
    from interfaces.proto import publication_pb2 as pb

    async with bench.running() as one:
        await one.keep(event(payload=pb.Hazard(action_id=3)))
        await asyncio.sleep(3)
    assert told_of(bench.server) == []


async def test_without_an_address_nothing_is_sent_and_nothing_stored(tmp_path):
    one = CavcUploader(config(), SENDER, tmp_path / "cavc.db", utc_ns=lambda: T0, report=print)
    async with one:
        one.see(tracks(1))
        one.hear(pole(), slots(), {})
        await one.keep(event())
        await one.run()
    assert not one.on
    assert list(tmp_path.iterdir()) == []
