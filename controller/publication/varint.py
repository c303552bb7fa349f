"""Whole numbers in as many bytes as they need, seven bits each, the lowest first: protobuf, and MQTT 5 §1.5.5."""

from __future__ import annotations


def varint(number: int) -> bytes:
    """A number from 0 up."""
    more, low = number >> 7, number & 0x7F
    return bytes([low | 0x80]) + varint(more) if more else bytes([low])
