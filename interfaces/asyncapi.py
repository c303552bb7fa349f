"""The AsyncAPI 3.0 document of all that leaves the pole, written from the topic table and the protobuf descriptors."""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, cast

from interfaces import asyncapi_commands
from interfaces.json_schema import comments, schema_of, schemas, sources
from interfaces.topics import HAZARD, JSON, PROTOBUF, ROOT, SPEC, STATUS, TOPICS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from google.protobuf.descriptor import Descriptor

    from interfaces.topics import Topic

PROTO_FORMAT: Final = "application/vnd.google.protobuf;version=3"
BINDING: Final = {"bindingVersion": "0.2.0"}
EMPTY: Final = {"type": "string", "maxLength": 0}
PARAMETERS: Final = {
    "sl": "service_location_id サービス地点ID, 32 bits, decimal",
    "rsu": "roadside_unit_id 路側機ID, 32 bits, decimal",
    "slot": "name of the slot in pole.toml",
    "action_id": "number of the hazard; its statements share it",
    "q6": "digits 1–6 of the quadkey of the event's tile",
    "q10": "digits 7–10 of that quadkey",
    "q14": "digits 11–14",
    "q18": "digits 15–18",
}
PATTERNS: Final = {  # of user properties
    "proto": r"^smartpole\.v1\.[A-Za-z]+$",
    "spec": rf"^{SPEC.partition('.')[0]}\.\d+$",
    "detected_at": r"^\d+$",
    "id": r"^\d+-\d+-[a-z]+-\d+-\d+$",
    "spatial_id": r"^25/-?\d+/\d+/\d+$",
}
DESCRIPTION: Final = """\
Reference information (参考情報) for vehicles and operators about one stretch of road, never a command.
Every message is protobuf on its own topic and the same in protobuf's JSON mapping under `/json`, where 64-bit integers
are strings and numbers that are unknown are "NaN". Delivery of QoS 1 is at least once: a repeat carries the same user
property `id`. 車両・運用者向けの参考情報であり、指示ではありません。"""


def text(root: str = ROOT) -> str:
    """The document for topics below `root`; of the usual root it is `docs/asyncapi.json`."""
    return json.dumps(document(proto_text(), root), ensure_ascii=False, indent=1) + "\n"


def proto_text() -> str:
    """The source of the messages: their comments are the only place that names what a unit's suffix does not."""
    return resources.files("interfaces.proto").joinpath("publication.proto").read_text(encoding="utf-8")


def document(proto: str, root: str = ROOT) -> dict[str, Any]:
    """The document for topics below `root`; `proto` is the text of publication.proto."""
    said = comments(proto)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "smartpole: what a roadside multi-function pole (多機能基盤) publishes",
            "version": SPEC,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": PROTOBUF,
        "servers": {
            "plain": _server("mqtt", 1883, "on a trusted network", root),
            "tls": _server("mqtts", 8883, "with TLS", root),
        },
        "channels": {name: _channel(row, name, root, twin=twin) for row, name, twin in _names()}
        | asyncapi_commands.channels(root),
        "operations": dict(_operations()) | asyncapi_commands.operations(),
        "components": {
            "parameters": {name: {"description": words} for name, words in PARAMETERS.items()},
            "messages": _messages(proto) | asyncapi_commands.messages(),
            "schemas": _headers() | schemas([_kind(row) for row in TOPICS], said),
        },
    }


def _server(protocol: str, port: int, words: str, root: str) -> dict[str, Any]:
    will = {
        "topic": f"{root}/{STATUS.levels}",
        "qos": STATUS.qos,
        "retain": STATUS.retain,
        "message": "PoleStatus with alive = false, service_availability = 2 (不可)",
    }
    return {
        "host": f"{{broker}}:{port}",
        "protocol": protocol,
        "protocolVersion": "5",
        "description": f"The broker that the pole's pole.toml names, {words}.",
        "variables": {"broker": {"default": "127.0.0.1", "description": "host of mqtt.url"}},
        "bindings": {"mqtt": {"clientId": "pole-{sl}-{rsu}", "keepAlive": 10, "lastWill": will, **BINDING}},
    }


def _names() -> Iterator[tuple[Topic, str, bool]]:
    for row in TOPICS:
        yield row, row.name, False
        yield row, f"{row.name}Json", True


def _channel(row: Topic, name: str, root: str, *, twin: bool) -> dict[str, Any]:
    messages = {name: _to(f"components/messages/{name}")}
    if row is HAZARD:
        messages["cleared"] = _to("components/messages/cleared")
    return {
        "address": f"{root}/{row.levels}" + ("/json" if twin else ""),
        "description": f"{row.message.__name__}, {row.rate}" + (", as JSON" if twin else ""),
        "parameters": {one: _to(f"components/parameters/{one}") for one in re.findall(r"\{(\w+)\}", row.levels)},
        "messages": messages,
    }


def _operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for row, name, twin in _names():
        said = f"{row.message.__name__}: {row.rate}" + (", as JSON" if twin else "")
        expiry_s = (twin and row.twin_expiry_s) or row.expiry_s
        yield f"send_{name}", _operation(row, name, name, said, expiry_s, retain=row.retain)
        if row is HAZARD:
            yield f"cancel_{name}", _operation(row, name, name, "Phase CANCEL is not retained", retain=False)
            words = "The empty message after a CANCEL clears what was retained"
            yield f"clear_{name}", _operation(row, name, "cleared", words, retain=True)


def _operation(
    row: Topic, channel: str, message: str, words: str, expiry_s: float | None = None, *, retain: bool
) -> dict[str, Any]:
    mqtt: dict[str, Any] = {"qos": row.qos, "retain": retain, **BINDING}
    if expiry_s is not None:
        mqtt["messageExpiryInterval"] = round(expiry_s)
    elif row is HAZARD and message != "cleared":
        mqtt["messageExpiryInterval"] = {"type": "integer", "minimum": 1, "description": "what is left of validity_s"}
    return {
        "action": "send",
        "summary": words,
        "channel": _to(f"channels/{channel}"),
        "messages": [_to(f"channels/{channel}/messages/{message}")],
        "bindings": {"mqtt": mqtt},
    }


def _messages(proto: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "cleared": {"name": "cleared", "summary": "Empty: what was retained on this topic is over", "payload": EMPTY}
    }
    for row, name, twin in _names():
        kind = _kind(row)
        payload = schema_of(kind) if twin else {"schemaFormat": PROTO_FORMAT, "schema": sources(proto, kind)}
        content_type = JSON if twin else row.content_type
        made[name] = {
            "name": kind.full_name,
            "contentType": content_type,
            "headers": _to(f"components/schemas/{row.name}.properties"),
            "payload": payload,
            "bindings": {"mqtt": {"contentType": content_type, **BINDING}},
        }
    return made


def _headers() -> dict[str, Any]:
    return {f"{row.name}.properties": _properties(_kind(row).full_name, row.properties) for row in TOPICS}


def _properties(kind: str, properties: Mapping[str, str]) -> dict[str, Any]:
    fields = {
        name: {"type": "string", "pattern": PATTERNS[name], "description": words} for name, words in properties.items()
    }
    fields["proto"]["const"] = kind
    return {
        "type": "object",
        "description": "MQTT 5 user properties",
        "required": list(properties),
        "properties": fields,
    }


def _kind(row: Topic) -> Descriptor:
    return cast("Descriptor", row.message.DESCRIPTOR)  # as typed, any of protobuf's implementations


def _to(path: str) -> dict[str, str]:
    return {"$ref": f"#/{path}"}


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201 -- the checked-in document is written from it
