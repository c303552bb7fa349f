"""Every row of the topic table, as the daemon publishes it through a real broker: names, MQTT 5 properties, twins."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace

import aiomqtt
import jsonschema
import pytest
from google.protobuf.json_format import Parse

from controller import log
from controller.app import App
from controller.clock import utc_ns
from controller.config_file import load, load_site
from controller.hazard.hazard import Phase
from controller.pipeline import Picture
from interfaces import asyncapi
from interfaces.topics import HAZARD, JSON, NEAR_MISS, ROOT, TOPICS, row_of
from sim.scenario import scenario
from tests.published import HAZARD as SEEN
from tests.published import NEAR, READING

PATIENCE_S = 20
SCHEMAS = asyncapi.document(asyncapi.proto_text())["components"]


class Eventful:
    """In place of the judge: a hazard that begins, goes on and ends, and one near miss."""

    def __init__(self):
        self.looks = 0

    def __call__(self, tracks):
        self.looks += 1
        now = utc_ns()
        phase = {1: Phase.NEW, 2: Phase.UPDATE, 3: Phase.CANCEL}.get(self.looks)
        hazards = [replace(SEEN, phase=phase, detection_time_ns=now, reference_time_ns=now)] if phase else []
        near = [replace(NEAR, start_ns=now, peak_ns=now, end_ns=now)] if self.looks == 1 else []
        return Picture(tracks, hazards, near)


def settings(message):
    """(QoS, retain is not told to live subscribers, expiry, content type, user properties)."""
    properties = message.properties
    expiry_s = getattr(properties, "MessageExpiryInterval", None)
    return message.qos, expiry_s, properties.ContentType, dict(properties.UserProperty)


@pytest.fixture
def pole(tmp_path, mosquitto):
    scene = scenario("intersection")
    (tmp_path / "site.geojson").write_text(scene.site)
    text = scene.config_text({spec.slot: f"serial://{tmp_path}/{spec.slot}" for spec in scene.modules})
    (tmp_path / "pole.toml").write_text(f'{text}\n[mqtt]\nurl = "{mosquitto.url}"\n[recorder]\non = false\n')
    config = load(tmp_path / "pole.toml")
    app = App(config, load_site(config, tmp_path), tmp_path / "state", log.logger())
    app.pipeline.judge = Eventful()
    app.pipeline.weather = lambda _: ((1, READING),)
    return app


async def heard(mosquitto, app, enough):
    """What arrives until `enough` says so, in order, and what is retained afterwards."""
    live, kept = [], []
    running = None
    try:
        async with asyncio.timeout(PATIENCE_S), client(mosquitto) as broker:
            await broker.subscribe(f"{ROOT}/#", qos=1)
            running = asyncio.create_task(app.run())
            async for message in broker.messages:
                live.append(message)
                if enough(live):
                    break
        async with asyncio.timeout(PATIENCE_S), client(mosquitto) as broker:
            await broker.subscribe(f"{ROOT}/#", qos=1)
            async for message in broker.messages:
                if message.retain:
                    kept.append(str(message.topic))
                if str(message.topic).endswith("/objects/json"):
                    break
    finally:
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    return live, kept


def client(mosquitto):
    return aiomqtt.Client("127.0.0.1", mosquitto.port, protocol=aiomqtt.ProtocolVersion.V5)


def said(message):
    return row_of(str(message.topic), ROOT)


def all_rows_and_the_end(messages):
    rows = {(said(one)[0].name, said(one)[1]) for one in messages if one.payload}
    cleared = [one for one in messages if not one.payload]
    return len(rows) == 2 * len(TOPICS) and len(cleared) == 2


@pytest.mark.real_broker
async def test_every_row_is_published_with_its_settings_and_its_twin(mosquitto, pole):
    live, kept = await heard(mosquitto, pole, all_rows_and_the_end)
    sequences = []
    for row in TOPICS:
        binaries = [one for one in live if said(one) == (row, False) and one.payload]
        twins = {str(one.topic)[: -len("/json")]: one for one in live if said(one) == (row, True) and one.payload}
        assert binaries, f"{row.name} was never published"
        for message in binaries:
            qos, expiry_s, content_type, properties = settings(message)
            assert (qos, content_type) == (row.qos, row.content_type)
            assert properties.keys() == row.properties.keys()
            body = row.message.FromString(message.payload)
            check_header(body.header, properties, row, pole)
            sequences.append(body.header.sequence)
            if row is HAZARD:
                assert expiry_s == round(SEEN.validity_s)
            else:
                assert expiry_s == (None if row.expiry_s is None else round(row.expiry_s))
            assert re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", f"{ROOT}/{row.levels}"), str(message.topic))
        newest = twins[str(binaries[-1].topic)]
        check_twin(newest, row, live)
        assert settings(newest)[:3] == (row.qos, row.twin_expiry_s or settings(binaries[-1])[1], JSON)
        retained = any(str(message.topic) in kept for message in binaries)
        assert retained == (row.retain and row is not HAZARD), row.name
    assert len(set(sequences)) == len(sequences), "a number is given once"
    phases = [
        HAZARD.message.FromString(one.payload).phase for one in live if said(one) == (HAZARD, False) and one.payload
    ]
    assert phases == [1, 2, 3]


def check_header(header, properties, row, app):
    assert header.service_location_id == app.config.pole.service_location_id
    assert header.roadside_unit_id == app.config.pole.roadside_unit_id
    assert header.reference_only
    assert header.clock_quality != 0
    assert 0 < header.detection_time_ns <= header.publication_time_ns
    assert properties["proto"] == row.kind
    assert properties["spec"] == "1.0"
    assert properties["detected_at"] == str(header.detection_time_ns)
    assert properties["id"].endswith(f"-{row.name}-{header.detection_time_ns}-{header.sequence}")
    if row in {HAZARD, NEAR_MISS}:
        assert header.modules
        assert header.information_quality


def check_twin(twin, row, live):
    body = json.loads(twin.payload)
    name = row.message.DESCRIPTOR.name
    jsonschema.Draft7Validator({"$ref": f"#/components/schemas/{name}", "components": SCHEMAS}).validate(body)
    shared = settings(twin)[3]["id"]
    original = next(one for one in live if said(one) == (row, False) and settings(one)[3]["id"] == shared)
    assert Parse(twin.payload, row.message()) == row.message.FromString(original.payload) or b"NaN" in twin.payload


@pytest.mark.real_broker
async def test_a_pole_that_is_stopped_says_so_on_both_topics(mosquitto, pole):
    last = {}
    async with asyncio.timeout(PATIENCE_S), client(mosquitto) as broker:
        await broker.subscribe(f"{ROOT}/pole/+/+/status/#", qos=1)
        running = asyncio.create_task(pole.run())
        async for message in broker.messages:
            last[said(message)[1]] = message
            if len(last) == 2:
                running.cancel()
            if len(last) == 2 and not any(b'"alive":true' in one.payload.replace(b" ", b"") for one in last.values()):
                break
        await asyncio.gather(running, return_exceptions=True)
    body = TOPICS[0].message.FromString(last[False].payload)
    assert (body.alive, list(body.reasons)) == (False, ["the pole was stopped"])
    assert json.loads(last[True].payload)["reasons"] == ["the pole was stopped"]
