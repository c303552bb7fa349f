"""Recordings as files: any MCAP tool reads them, they hold what a replay needs and no secret, and damage is told."""

from __future__ import annotations

import io
import json
import zlib
from collections import Counter

import numpy as np
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from mcap.records import Chunk
from mcap.stream_reader import StreamReader
from mcap.writer import Writer
from mcap_protobuf.decoder import DecoderFactory

from controller.config import Config
from controller.fusion.track import TRACK, Tracks
from controller.publication.publication import Stamp
from controller.recording.about import LEFT_OUT_SECTIONS, RECORDED_SECTIONS, config_of, shown
from controller.recording.channel import entries, messages
from controller.recording.clip_file import METADATA, read
from controller.recording.entry import Heard, Judged, Looked, Noted, Part, Plugged, Reported, Said
from interfaces.errors import ConfigError
from interfaces.proto import recording_pb2 as pb
from modules.detection import OBJECT, Axes, Detections
from modules.environment import EnvironmentReading
from modules.registry import default_capability

ROOT = "smartpole/v1"
WET = EnvironmentReading(7, 80.0, 30.5, None, 1.0, 99.0, 3.0, 0.1, None, 2)


def opened(data):
    return make_reader(io.BytesIO(data), validate_crcs=True, decoder_factories=[DecoderFactory()])


def decoded(data):
    return list(opened(data).iter_decoded_messages(log_time_order=False))


def test_the_library_of_the_format_reads_every_message_by_the_schemas_inside(rehearsal, recorded):
    kinds = {}
    for schema, channel, _, message in decoded(recorded):
        assert channel.message_encoding == schema.encoding == "protobuf"
        assert message.DESCRIPTOR.full_name == schema.name
        kinds.setdefault(schema.name, []).append(message)
    assert {"smartpole.recording.v1." + name for name in ("Detections", "Tracks", "Judgement", "Statement")} < set(
        kinds
    )
    assert {"smartpole.v1.PerceivedObjects", "smartpole.v1.Hazard"} < set(kinds)
    tracks = [message for message in kinds["smartpole.recording.v1.Tracks"] if message.id]
    assert len(tracks[-1].x) == len(tracks[-1].id) == len(tracks[-1].cov) // 16


def test_a_map_panel_has_something_to_show(rehearsal, recorded):
    shown = [
        (channel.topic, m.geojson) for schema, channel, _, m in decoded(recorded) if schema.name == "foxglove.GeoJSON"
    ]
    assert [text for topic, text in shown if topic == "/view/site"] == [rehearsal.site_text]
    origin = rehearsal.config.origin
    roads = [json.loads(text)["features"] for topic, text in shown if topic == "/view/road"]
    assert len(roads) == sum(isinstance(entry, Looked) for entry in rehearsal.clips[0].entries)
    for feature in max(roads, key=len):
        for east, north in feature["geometry"]["coordinates"]:
            assert abs(east - origin.longitude_deg) < 0.01
            assert abs(north - origin.latitude_deg) < 0.01
        assert feature["properties"]["name"].endswith(" km/h")


def test_schemas_are_whole_sets_of_descriptors(recorded):
    """A reader that knows nothing can build every type, each file after those it imports."""
    for schema in opened(recorded).get_summary().schemas.values():
        pool = DescriptorPool()
        for file in FileDescriptorSet.FromString(schema.data).file:
            assert all(pool.FindFileByName(name) for name in file.dependency)
            pool.Add(file)
        assert pool.FindMessageTypeByName(schema.name).full_name == schema.name


def test_a_tool_that_seeks_finds_chunks_counts_and_checksums(recorded):
    records = list(StreamReader(io.BytesIO(recorded), emit_chunks=True, validate_crcs=True).records)
    chunks = [one for one in records if isinstance(one, Chunk)]
    summary = opened(recorded).get_summary()
    assert len(summary.chunk_indexes) == summary.statistics.chunk_count == len(chunks) > 1
    assert all(one.uncompressed_crc for one in chunks)
    assert records[-1].summary_crc
    for index, chunk in zip(summary.chunk_indexes, chunks, strict=True):
        assert (index.message_start_time, index.message_end_time) == (chunk.message_start_time, chunk.message_end_time)
        assert index.message_index_offsets
    counts = Counter(channel.id for _, channel, _ in opened(recorded).iter_messages())
    assert counts == {one: count for one, count in summary.statistics.channel_message_counts.items() if count}
    assert (len(summary.attachment_indexes), len(summary.metadata_indexes)) == (2, 1)


def test_published_bytes_stand_in_the_file_as_they_were_published(rehearsal, recorded):
    published = {one.payload for one in rehearsal.publications}
    found = [m for _, channel, m in opened(recorded).iter_messages() if channel.topic.startswith(ROOT + "/hazard")]
    assert found
    assert all(message.data in published for message in found)
    topics = {channel.topic for _, channel, _ in opened(recorded).iter_messages()}
    assert not [topic for topic in topics if topic.endswith("/json")]


def test_time_never_runs_back_and_the_order_is_numbered(recorded):
    rows = [message for _, _, message, _ in decoded(recorded)]
    assert [one.sequence for one in rows] == list(range(len(rows)))
    assert (np.diff([one.log_time for one in rows]) >= 0).all()
    summary = opened(recorded).get_summary()
    assert summary.statistics.message_count == len(rows)
    assert summary.statistics.attachment_count == 2


def test_a_recording_tells_where_it_is_from(rehearsal, recorded):
    (told,) = [one.metadata for one in opened(recorded).iter_metadata() if one.name == METADATA]
    assert told["pole"] == "rehearsal"
    assert {"version", "numpy", "protobuf", "machine", "code", "configuration_digest"} < told.keys()
    assert told["events"].split()[0] in {"collision_risk", "person_on_road", "near_miss", "sudden_braking", "asked_for"}
    attached = {one.name: one for one in opened(recorded).iter_attachments()}
    assert attached["site.geojson"].data.decode() == rehearsal.site_text
    assert json.loads(attached["site.geojson"].data)["type"] == "FeatureCollection"


def test_no_secret_of_the_configuration_is_in_it(rehearsal):
    whole = rehearsal.config.model_dump(by_alias=True)
    whole["mqtt"] |= {"username": "SECRET-user", "password_file": "SECRET-file", "url": "mqtt://SECRET-host"}
    whole["trust"]["firmware_allowed"] = ["5ec5ec5ec5ec5ec5"]
    whole["pole"] |= {"state_dir": "/SECRET-state", "site": "SECRET-site"}
    for slot in whole["slot"].values():
        slot["port"] = "serial:///dev/SECRET-port"
    config = Config.model_validate(whole)
    assert "SECRET" not in shown(config)
    assert "5ec5ec" not in shown(config)
    back = config_of(shown(config))
    assert {n: s.mount for n, s in back.slot.items()} == {n: s.mount for n, s in config.slot.items()}
    assert [getattr(back, name) for name in ("origin", "publish", "fusion", "hazards", "near_misses")] == [
        getattr(config, name) for name in ("origin", "publish", "fusion", "hazards", "near_misses")
    ]


def test_every_section_of_the_configuration_is_either_recorded_or_kept_back():
    assert sorted((*RECORDED_SECTIONS, *LEFT_OUT_SECTIONS)) == sorted(Config.model_fields), (
        "say in controller/recording/about.py whether a replay needs the new section"
    )


def test_columns_are_those_of_the_rows():
    for message, dtype in ((pb.Detections, OBJECT), (pb.Tracks, TRACK)):
        columns = {field.name for field in message.DESCRIPTOR.fields if field.is_repeated}
        assert columns == set(dtype.names), "interfaces/proto/recording.proto has a column too few or too many"


def noise(dtype, count, seed):
    """Rows of every bit pattern, quiet NaNs with payloads too."""
    rows = np.frombuffer(np.random.default_rng(seed).bytes(dtype.itemsize * count), dtype).copy()
    for name in dtype.names:
        if dtype[name].base.kind == "f":
            rows[name].view("<u8")[np.isnan(rows[name])] |= 1 << 51
    return rows


@settings(deadline=None)
@given(st.integers(0, 5), st.integers(0, 2**32 - 1), st.sampled_from(Axes), st.integers(-(2**62), 2**62))
def test_module_messages_and_tracks_keep_every_bit(count, seed, axes, at_ns):
    heard = Detections("camera", at_ns, at_ns + 5, axes, noise(OBJECT, count, seed), count + 3, 0.1 + 0.2)
    seen = Tracks(at_ns, noise(TRACK, count, seed))
    back = list(entries((m.topic, m.data) for one in (Heard(heard), Looked(seen)) for m in messages(one, ROOT, 0)))
    assert back[0].detections.objects.tobytes() == heard.objects.tobytes()
    assert back[1].tracks.objects.tobytes() == seen.objects.tobytes()
    told = [
        (d.slot, d.measured_at_ns, d.arrived_at_ns, d.axes, d.total, d.clock_error_s)
        for d in (back[0].detections, heard)
    ]
    assert told[0] == told[1]
    assert back[1].tracks.valid_at_ns == at_ns


def test_every_other_entry_comes_back_too():
    topic = f"{ROOT}/pole/1/2/objects"
    clear = Part("h", "application/x-protobuf", 1, True, 3, b"")
    said = Part("h", "application/x-protobuf", 1, False, 2**64 - 1, b"\x08\x01")
    twin = Part(topic + "/json", "application/json", 0, False, 7, None)
    told = [
        Plugged("radar", True, default_capability("radar")),
        Plugged("radar", True),
        Plugged("radar", False),
        Reported("weather", WET, 5),
        Judged(7, ("wrong_way new 3",)),
        Said(Stamp(9, 10, 0.1 + 0.2), (Part(topic, "application/x-protobuf", 0, False, 1, b"\x0a\x00"), twin)),
        Said(Stamp(10, 11, 0.0), (said, clear)),
        Noted(0, f"{ROOT}/pole/1/2/status", b""),
    ]
    assert list(entries((m.topic, m.data) for one in told for m in messages(one, ROOT, 0))) == told


def test_a_report_of_a_strange_class_of_module_is_kept_for_people_only():
    (message,) = messages(Reported("weather", object, 5), ROOT, 0)
    assert pb.Report.FromString(message.data).reading == "<class 'object'>"
    assert list(entries([(message.topic, message.data)])) == [Reported("weather", None, 5)]


def rewritten(recorded, *, order=lambda rows: rows, attachment=lambda one: one.data, metadata=lambda told: told):
    """The same recording as another tool might write it."""
    stream = io.BytesIO()
    writer = Writer(stream)
    writer.start()
    source = opened(recorded)
    for one in source.iter_attachments():
        writer.add_attachment(one.create_time, one.log_time, one.name, one.media_type, attachment(one))
    for one in opened(recorded).iter_metadata():
        writer.add_metadata(one.name, metadata(dict(one.metadata)))
    schemas, channels = {}, {}
    for schema, channel, message in order(list(opened(recorded).iter_messages(log_time_order=False))):
        if schema.name not in schemas:
            schemas[schema.name] = writer.register_schema(schema.name, schema.encoding, schema.data)
        if channel.topic not in channels:
            channels[channel.topic] = writer.register_channel(channel.topic, "protobuf", schemas[schema.name])
        writer.add_message(
            channels[channel.topic], message.log_time, message.data, message.publish_time, message.sequence
        )
    writer.finish()
    return stream.getvalue()


def test_the_order_survives_a_tool_that_sorts(recorded):
    turned = read(io.BytesIO(rewritten(recorded, order=lambda rows: rows[::-1])), "x")
    assert repr(turned.entries[:50]) == repr(read(io.BytesIO(recorded), "x").entries[:50])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no recording of a pole, or damaged"),
        (b"\x89MCAP0\r\n", "no recording of a pole, or damaged"),
        (b"\x89MCAP0\r\n" * 2, "no recording of a pole, or damaged"),
        (b"PK\x03\x04 something else", "no recording of a pole, or damaged"),
    ],
)
def test_what_is_no_recording_is_refused_by_name(data, words):
    with pytest.raises(ConfigError, match=f"clip.mcap: is {words}"):
        read(io.BytesIO(data), "clip.mcap")


def test_an_mcap_file_of_somebody_else_is_told_apart(recorded):
    stream = io.BytesIO()
    writer = Writer(stream)
    writer.start("ros2")
    writer.finish()
    with pytest.raises(ConfigError, match="but not a recording of a pole"):
        read(io.BytesIO(stream.getvalue()), "x")
    with pytest.raises(ConfigError, match="has format 2; this version reads format 1"):
        read(io.BytesIO(rewritten(recorded, metadata=lambda told: told | {"format": "2"})), "x")


@settings(deadline=None)
@given(st.data())
def test_damage_is_told_and_never_crashes(recorded, data):
    place = data.draw(st.integers(0, len(recorded) - 1))
    damaged = data.draw(
        st.sampled_from([recorded[:place], recorded[:place] + bytes([recorded[place] ^ 1]) + recorded[place + 1 :]])
    )
    try:
        whole = read(io.BytesIO(damaged), "x")
    except ConfigError as error:
        assert str(error).startswith("x: ")  # noqa: PT017 -- most damage ends here, some does not matter
    else:
        assert len(whole.entries) == len(read(io.BytesIO(recorded), "x").entries)


def test_a_state_that_swells_is_cut(recorded, monkeypatch):
    monkeypatch.setattr("controller.recording.clip_file.MAX_BYTES", 2_000_000)
    bomb = rewritten(
        recorded, attachment=lambda one: zlib.compress(bytes(10_000_000)) if "state" in one.name else one.data
    )
    assert len(read(io.BytesIO(bomb), "x").state) == 2_000_000
