"""The whole pole when its comms module reports a link of 9,600 bit/s: it goes narrow by itself and says so."""

from __future__ import annotations

import pytest

from interfaces.proto import pmi_pb2 as pb
from sim import report
from tests.scenario.test_pole import staged


@pytest.mark.real_broker
async def test_a_reported_capacity_makes_the_pole_thin_what_it_says(mosquitto, tmp_path, monkeypatch):
    told = {"uplink_bps": 9600}
    monkeypatch.setattr(report, "uplink", lambda: pb.CommsStatus(up=True, technology="LEO", **told))
    async with staged(tmp_path, mosquitto.url) as stage:
        words = "narrow uplink: 960 B/s, objects thinned"
        said = lambda text: any(  # noqa: E731
            one.kind == "status" and any(text in reason for reason in one.message.reasons) for one in stage.seen
        )
        await stage.until(lambda: said(words))
        see, heard = stage.app.profiles.see, []
        spied = lambda *words, **how: (heard.append(how["heard"]), see(*words, **how))[1]  # noqa: E731
        monkeypatch.setattr(stage.app.profiles, "see", spied)
        del stage.seen[:]
        pictures = lambda: [one.message for one in stage.seen if one.kind == "objects"]  # noqa: E731
        await stage.until(lambda: len(pictures()) >= 5)
        assert all(one.header.narrow and one.total >= len(one.objects) for one in pictures())
        assert any(one.objects for one in pictures())
        assert set(heard) == {False}
        counters = stage.app.publisher.narrow.counters
        assert counters["uplink_objects_thinned"] > len(pictures())
        told["uplink_bps"] = 20_000_000
        stage.app.uplink_mode.mode = "full"  # by command: no wait for a calm link
        stage.app.set_uplink()
        del stage.seen[:]
        await stage.until(lambda: any(not one.header.narrow for one in pictures()))
        await stage.until(lambda: any(one.kind == "profile" for one in stage.seen))
        assert not stage.app.publisher.narrow.words
        assert heard[-1]
