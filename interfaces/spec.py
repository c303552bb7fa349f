"""PMI 1.0 in numbers: every limit, timer and message type that code and documents cite, in one place.

Sources: the clauses of `docs/pmi/`. Times are seconds, sizes bytes unless the name says otherwise.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

SPEC_MAJOR: Final = 1
SPEC_MINOR: Final = 0
SPEC_VERSION: Final = SPEC_MAJOR << 8 | SPEC_MINOR
SPEC_NAME: Final = "PMI 1.0"


class MessageType(IntEnum):
    """Message types; 0x01-0x3F control, 0x40-0x7F data from modules, 0x80-0xBF data to modules, 0xC0-0xFF vendor.

    They stay below 256 so that a Cyphal subject id (4096 + type * 16 + channel) holds them.
    """

    HELLO = 0x01
    ASSIGN = 0x02
    GET_SHEET = 0x03
    SHEET_CHUNK = 0x04
    ACTIVATE = 0x05
    ACTIVATED = 0x06
    REJECT = 0x07
    HEARTBEAT = 0x08
    PING = 0x09
    PONG = 0x0A
    TIME_REQUEST = 0x0B
    TIME_REPLY = 0x0C
    SELF_TEST = 0x0D
    SELF_TEST_RESULT = 0x0E
    IDENTIFY = 0x0F
    GOODBYE = 0x10
    UNSUPPORTED = 0x11
    AUTH_START = 0x12
    AUTH_REPLY = 0x13
    AUTH_FINISH = 0x14
    AUTH_DONE = 0x15
    POLL = 0x16
    BRANCH = 0x17
    PRESENT = 0x18
    MUTE = 0x19
    BAUD = 0x1A
    DETECTIONS = 0x40
    ENVIRONMENT = 0x41
    COMMS_STATUS = 0x42
    POWER_STATUS = 0x43
    SIGNAL_STATE = 0x44
    RADIO_RECEIVED = 0x45
    RADIO_SEND = 0x80


FIRST_DATA_TYPE: Final = 0x40
FIRST_VENDOR_TYPE: Final = 0xC0

# Addresses (PMI §6)
ADDRESS_NONE: Final = 0
ADDRESS_CONTROLLER: Final = 1
ADDRESS_FIRST_MODULE: Final = 2
ADDRESS_LAST_MODULE: Final = 254
ADDRESS_ALL: Final = 255

# Serial framing (PMI §6)
FRAME_VERSION: Final = 1
HEADER_SIZE: Final = 16
TAG_SIZE: Final = 8
CRC_SIZE: Final = 4
MAX_PAYLOAD: Final = 4096
MAX_PAYLOAD_USB: Final = 8192
BAUD_RATES: Final = (115_200, 460_800, 921_600)
BAUD_PATIENCE: Final = 1.5  # without a good frame at an agreed rate both go back to the one they started with

# Identification (PMI §3)
UID_SIZE: Final = 16
HASH_SIZE: Final = 8
HELLO_DEADLINE: Final = 2.0
HELLO_PERIOD: Final = 1.0
HELLO_JITTER: Final = 0.2
SHEET_MAX: Final = 4096
SHEET_CHUNK: Final = 512

# Life of a module (PMI §4)
HEARTBEAT_PERIOD: Final = 1.0
HEARTBEAT_TIMEOUT: Final = 3.0
DATA_MISSED_PERIODS: Final = 2.5
PING_COUNT: Final = 3
PING_TIMEOUT: Final = 0.1

# Flow (PMI §5)
REPLY_TIMEOUT: Final = 0.1
REQUEST_RETRIES: Final = 3
BUDGET_DATA: Final = 0.60
BUDGET_CONTROL: Final = 0.10
TIME_SYNC_PERIOD: Final = 1.0
TIME_ERROR_GOAL: Final = 0.010


# CAN and CAN FD (PMI §6): Cyphal/CAN 1.0 with the regulated ports named here
CAN_NODE_CONTROLLER: Final = 1
CAN_NODE_FIRST: Final = 2
CAN_NODE_LAST: Final = 125
CAN_SUBJECT_BASE: Final = 4096  # + type * 16 + channel
CAN_TRANSFER_MAX: Final = 8192 + 16
CAN_TRANSFER_TIMEOUT: Final = 2.0
CAN_HEARTBEAT_SUBJECT: Final = 7509
CAN_SYNC_SUBJECT: Final = 7168
CAN_ALLOCATION_SUBJECT: Final = 8166  # node-id by a 48-bit hash of the uid: fits a classic frame
CAN_ALLOCATION_SUBJECT_FD: Final = 8165  # node-id by the whole uid
CAN_GET_INFO_SERVICE: Final = 430
CAN_SERVICE_SHEET: Final = 1
CAN_SERVICE_ACTIVATE: Final = 2
CAN_SERVICE_SELF_TEST: Final = 3
CAN_SERVICE_AUTH: Final = 4
CAN_SERVICE_DIAG: Final = 5
CAN_SILENCE: Final = 3.0  # without any frame of its node a module is gone

# RS-485 (PMI §6): one line, polled, nobody speaks unasked
RS485_ANSWER: Final = 0.020  # the first byte of an answer, and the longest pause inside one
RS485_LAG: Final = 0.020  # more for the answer to a POLL: a host and a USB adapter (16 ms) may hold bytes back
RS485_ANSWER_SIZE: Final = 2048  # of the frames before a POLL, and of those in its answer, but for one longer one
RS485_POLL_PERIOD: Final = 0.020  # of each module, as far as the line has time
RS485_DATA_WAIT: Final = 0.1  # at most, before a module that just sent data is asked again
RS485_POLL_BACK_OFF: Final = 0.32  # of a module that does not answer
RS485_SEARCH_PERIOD: Final = 0.5
RS485_SEARCH_PAUSE: Final = 0.02  # between two BRANCH, so that the modules found already are polled meanwhile
RS485_SILENCE: Final = 1.0  # without any answer a module is gone
RS485_HELLO_WAIT: Final = 5.0  # for the HELLO of a module that answers POLL
RS485_UNMUTE: Final = 3.0  # without POLL a module answers BRANCH again
RS485_SEARCH_WIDTH: Final = 256  # ranges left to ask for: more modules than have addresses, so it is noise
RS485_DUPLICATE_PAUSE: Final = 10.0  # until such a uid is asked for again

# Level L3 (PMI §5)
LEVEL_SECURED: Final = 3
KEY_SIZE: Final = 32  # X25519, Ed25519 and each directional key
NONCE_SIZE: Final = 16
SIGNATURE_SIZE: Final = 64


class ObjectClass(IntEnum):
    """Object classes: the CAVC sizeClassification codes, plus two of ours in its reserved range."""

    LARGE_VEHICLE = 0
    MEDIUM_VEHICLE = 1
    CAR = 2
    MOTORCYCLE = 3
    BICYCLE = 4
    LIGHT_VEHICLE = 5
    PEDESTRIAN = 6
    TRAM = 7
    ANIMAL = 8
    OBSTACLE = 9
    UNKNOWN = 15


VULNERABLE: Final = frozenset({ObjectClass.BICYCLE, ObjectClass.LIGHT_VEHICLE, ObjectClass.PEDESTRIAN})
VEHICLES: Final = frozenset(
    {
        ObjectClass.LARGE_VEHICLE,
        ObjectClass.MEDIUM_VEHICLE,
        ObjectClass.CAR,
        ObjectClass.MOTORCYCLE,
        ObjectClass.TRAM,
    }
)
