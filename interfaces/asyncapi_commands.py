"""The command channel's part of the AsyncAPI document: what a pole hears and how it answers (docs/commands.md)."""

from __future__ import annotations

from typing import Any, Final

from interfaces.command import COMMANDS, REQUEST_MAX_B, SIGNATURE, WHO, WINDOW_S
from interfaces.topics import JSON

PATH: Final = "pole/{sl}/{rsu}"
QOS: Final = 1
TRANSACTION: Final = {"type": ["string", "integer"], "maxLength": 64, "description": "comes back as it is"}
HMAC: Final = {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "HMAC-SHA256 of topic and payload"}
SHARED: Final[dict[str, dict[str, Any]]] = {
    "time": {"type": "number", "x-unit": "s", "description": f"UTC; within {WINDOW_S:g} s of the pole's, when signed"},
    "nonce": {"type": "string", "maxLength": 64, "description": "8 characters or more when signed; counts once"},
    "transaction": TRANSACTION,
}
PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "slot": {"type": "string", "maxLength": 64, "description": "name of a slot in pole.toml"},
    "seconds": {"type": "integer", "minimum": 1, "maximum": 600, "default": 10, "x-unit": "s"},
    "level": {"enum": ["debug", "info", "warning", "error"]},
    "mode": {"enum": ["auto", "full", "narrow"]},
    "bytes_per_s": {"type": ["number", "null"], "minimum": 0, "maximum": 1e9, "x-unit": "B/s"},
}
REQUIRED: Final[dict[str, tuple[str, ...]]] = {"identify": ("slot",), "log_level": ("level",), "uplink": ("mode",)}


def channels(root: str) -> dict[str, Any]:
    """`request` and `response`."""
    return {name: _channel(root, name) for name in ("request", "response")}


def operations() -> dict[str, Any]:
    """What a pole does when it is asked; off unless [commands] of its pole.toml says otherwise."""
    return {
        "receive_request": {
            "action": "receive",
            "summary": "Off by default; each command is allowed by name, those that change something need a signature",
            "channel": {"$ref": "#/channels/request"},
            "messages": [{"$ref": f"#/channels/request/messages/{one.name}"} for one in COMMANDS],
            "bindings": {"mqtt": {"qos": QOS, "retain": False, "bindingVersion": "0.2.0"}},
            "reply": {
                "address": {
                    "location": "$message.header#/response_topic",
                    "description": "MQTT 5 response topic below `…/response/` of the same pole; else the channel's",
                },
                "channel": {"$ref": "#/channels/response"},
                "messages": [{"$ref": "#/channels/response/messages/answer"}],
            },
        }
    }


def messages() -> dict[str, Any]:
    """One request a command, and the answer."""
    return {f"request_{one.name}": _request(one.name, one.meaning, one.parameters) for one in COMMANDS} | {
        "answer": {
            "name": "answer",
            "contentType": JSON,
            "headers": _object({SIGNATURE: HMAC}),
            "payload": _object(
                {
                    "status": {"enum": ["ok", "error"]},
                    "data": {"type": "object", "description": "of ok"},
                    "error": {"type": "string", "description": "of error, for people"},
                    "transaction": TRANSACTION,
                },
                "status",
            ),
        }
    }


def _channel(root: str, name: str) -> dict[str, Any]:
    held = {one.name: f"request_{one.name}" for one in COMMANDS} if name == "request" else {"answer": "answer"}
    return {
        "address": f"{root}/{PATH}/{name}/{{command}}",
        "description": f"{name} in JSON; a request has at most {REQUEST_MAX_B} B",
        "parameters": {
            "sl": {"$ref": "#/components/parameters/sl"},
            "rsu": {"$ref": "#/components/parameters/rsu"},
            "command": {"enum": [one.name for one in COMMANDS], "description": "what is asked"},
        },
        "messages": {key: {"$ref": f"#/components/messages/{value}"} for key, value in held.items()},
    }


def _request(name: str, meaning: str, parameters: tuple[str, ...]) -> dict[str, Any]:
    fields = {one: PARAMETERS[one] for one in parameters} | SHARED
    payload = _object(fields, *REQUIRED.get(name, ())) | {"additionalProperties": False}
    who = {"type": "string", "description": "who asks, for the audit; nobody vouches for it"}
    response = {"type": "string", "description": "MQTT 5 response topic, no user property"}
    return {
        "name": name,
        "summary": meaning,
        "contentType": JSON,
        "headers": _object({SIGNATURE: HMAC, WHO: who, "response_topic": response}),
        "payload": payload,
    }


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "object", "properties": properties}
    return made | {"required": list(required)} if required else made
