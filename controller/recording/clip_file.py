"""A clip as an MCAP file and back (mcap.dev/spec): every message with its protobuf schema, and all a replay needs.

Metadata `smartpole` says who recorded what and on what; attachments are the site map and the state of the beginning.
The order of messages is their `sequence`, whatever a tool that sorts by time does to the file.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError

from controller.recording import view
from controller.recording.about import digest, environment
from controller.recording.array_bytes import MAX_BYTES
from controller.recording.channel import Message, entries, messages
from controller.recording.entry import Looked
from interfaces.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from google.protobuf.message import Message as Proto
    from mcap.reader import McapReader
    from mcap.writer import Writer

    from controller.geometry import LocalFrame
    from controller.recording.entry import Entry
    from controller.recording.tape import Clip

MAGIC: Final = b"\x89MCAP0\r\n"
FORMAT: Final = "1"
METADATA: Final = "smartpole"
SITE: Final = "site.geojson"
STATE: Final = "state.zlib"
PROTOBUF: Final = "protobuf"
CHUNK_BYTES: Final = 1 << 17  # small: while one is put together no other thread runs


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who records: the pole, its software's version, root of topics, where ENU lies, `about.shown`, the site map."""

    pole: str
    version: str
    root: str
    frame: LocalFrame
    configuration: str
    site: str


@dataclass(frozen=True, slots=True)
class Recording:
    """What a file holds."""

    metadata: Mapping[str, str]
    configuration: str
    site: str
    state: bytes
    entries: tuple[Entry, ...]


def write(stream: IO[bytes], clip: Clip, provenance: Provenance, breathe: Callable[[], object] = lambda: None) -> None:
    """The clip as one file; `stream` must tell its position. `breathe` is called between messages: others' turn."""
    from mcap.writer import Writer  # 10 MB and 80 ms that only a pole with an event needs

    writer = Writer(stream, chunk_size=CHUNK_BYTES, enable_data_crcs=True)
    writer.start("", f"smartpole {provenance.version}")
    writer.add_metadata(METADATA, _metadata(clip, provenance))
    if provenance.site:
        writer.add_attachment(clip.begin_ns, clip.begin_ns, SITE, "application/geo+json", provenance.site.encode())
    writer.add_attachment(clip.begin_ns, clip.begin_ns, STATE, "application/zlib", zlib.compress(clip.state, 1))
    channels: dict[str, int] = {}
    schemas: dict[type[Proto], int] = {}
    for sequence, (message, logged_ns) in enumerate(_in_time(clip, provenance)):
        if message.topic not in channels:
            channels[message.topic] = _channel(writer, message, schemas)
        breathe()
        writer.add_message(channels[message.topic], logged_ns, message.data, message.published_ns, sequence)
    writer.finish()  # type: ignore[no-untyped-call]  # the library leaves it untyped


def read(stream: IO[bytes], name: str) -> Recording:
    """What `write` wrote; ConfigError says what is wrong with any other file."""
    from mcap.exceptions import McapError
    from mcap.reader import NonSeekingReader
    from zstandard import ZstdError

    damaged = (ValueError, TypeError, LookupError, struct.error, zlib.error, EOFError, RuntimeError, MemoryError)
    try:
        return _recording(lambda: NonSeekingReader(_rewound(stream), validate_crcs=True, record_size_limit=MAX_BYTES))
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None
    except (McapError, ZstdError, DecodeError, *damaged) as error:
        raise ConfigError(f"{name}: is no recording of a pole, or damaged: {type(error).__name__}: {error}") from None


def _rewound(stream: IO[bytes]) -> IO[bytes]:
    stream.seek(0)
    return stream


def _recording(reader: Callable[[], McapReader]) -> Recording:
    """`reader` gives a fresh one for each question: only one that reads from front to end checks every CRC."""
    metadata = next((one.metadata for one in reader().iter_metadata() if one.name == METADATA), None)
    attached = {one.name: one.data for one in reader().iter_attachments()}
    if metadata is None or STATE not in attached:
        raise ConfigError("is an MCAP file, but not a recording of a pole")
    if metadata["format"] != FORMAT:
        raise ConfigError(f"has format {metadata['format']}; this version reads format {FORMAT}")
    found = sorted(
        (message.sequence, channel.topic, message.data)
        for _, channel, message in reader().iter_messages(log_time_order=False)
        if not channel.topic.startswith(view.VIEWS)
    )
    unpacked = zlib.decompressobj().decompress(attached[STATE], MAX_BYTES)
    site = attached.get(SITE, b"").decode()
    told = tuple(entries((topic, data) for _, topic, data in found))
    return Recording(metadata, metadata["configuration"], site, unpacked, told)


def _in_time(clip: Clip, provenance: Provenance) -> Iterator[tuple[Message, int]]:
    """Messages with the time they are logged at, which never runs back: players sort by it."""
    now_ns = clip.begin_ns
    if provenance.site:
        yield Message(view.SITE, view.schema(), now_ns, now_ns, view.site(provenance.site)), now_ns
    for entry in clip.entries:
        for message in messages(entry, provenance.root, now_ns):
            now_ns = max(now_ns, message.logged_ns)
            yield message, now_ns
        if isinstance(entry, Looked):
            at_ns = entry.tracks.valid_at_ns
            yield Message(view.ROAD, view.schema(), at_ns, at_ns, view.road(entry.tracks, provenance.frame)), now_ns


def _channel(writer: Writer, message: Message, schemas: dict[type[Proto], int]) -> int:
    if message.schema is None:
        return writer.register_channel(message.topic, "", 0)
    if message.schema not in schemas:
        kind, files = message.schema.DESCRIPTOR, FileDescriptorSet()
        kind.file.CopyToProto(files.file.add())  # none of ours imports another
        schemas[message.schema] = writer.register_schema(kind.full_name, PROTOBUF, files.SerializeToString())
    return writer.register_channel(message.topic, PROTOBUF, schemas[message.schema])


def _metadata(clip: Clip, provenance: Provenance) -> dict[str, str]:
    return {
        "format": FORMAT,
        "pole": provenance.pole,
        "version": provenance.version,
        "configuration": provenance.configuration,
        "configuration_digest": digest(provenance.configuration),
        "site_digest": digest(provenance.site),
        "events": "\n".join(f"{event.kind} {event.id} {event.at_ns}" for event in clip.events),
        "begin_ns": str(clip.begin_ns),
        "end_ns": str(clip.end_ns),
        **environment(),
    }
