"""What all classes that report instead of detect share."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modules.capability import Capability

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from interfaces.proto import pmi_pb2 as pb
    from interfaces.spec import MessageType


def reporting_default(module_class: int) -> Capability:
    """The capability of a module that sees no objects and reports once a second."""
    return Capability(
        module_class=module_class,
        rate_hz=1.0,
        max_objects=0,
        latency_s=1.0,
        field_of_view=(),
        accuracy=(),
        detection_probability=0.0,
        false_per_frame=0.0,
        object_classes=frozenset(),
    )


def reporting_capability(sheet: pb.DataSheet, message_type: MessageType, default: Capability) -> Capability:
    """Rate and latency as declared by the channel that carries the reports."""
    channel = _channel(sheet, message_type)
    if channel is None:
        return default
    return replace(
        default,
        rate_hz=channel.max_rate_mhz / 1000 or default.rate_hz,
        latency_s=channel.latency_p95_us / 1e6 or default.latency_s,
    )


def reporting_faults(sheet: pb.DataSheet, message_type: MessageType) -> tuple[str, ...]:
    """Says so when no channel carries the reports."""
    if _channel(sheet, message_type) is None:
        return (f"channels: none carries {message_type.name}",)
    return ()


def given(body: Message, name: str) -> Any:
    """An optional field, None when absent or not finite."""
    if not body.HasField(name):
        return None
    value = getattr(body, name)
    return value if math.isfinite(value) else None


def _channel(sheet: pb.DataSheet, message_type: MessageType) -> pb.Channel | None:
    return next((c for c in sheet.channels if c.message_type == message_type), None)
