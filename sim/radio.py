"""The radio of a simulated comms module: keeps what it was given to send, hears vehicles that carry one too."""

from __future__ import annotations

import math
from collections import Counter, deque
from typing import TYPE_CHECKING, Final

import numpy as np

from controller.geometry import LocalFrame
from controller.publication.radio import rc013
from controller.publication.radio.common_area import CommonArea
from controller.publication.radio.its_time import time_of_day
from controller.publication.radio.vehicle import ATTRIBUTES, POSITION, STATE
from interfaces.proto import pmi_pb2 as pb
from interfaces.spec import VEHICLES, MessageType

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from controller.config import Origin

CHANNEL: Final = 1
RATE_HZ: Final = 10.0
PAYLOADS_MAX: Final = 8
REACH_M: Final = 250.0
GNSS_SIGMA_M: Final = 0.8
RSSI_DBM: Final = -70
_SPEAKING: Final = [int(one) for one in VEHICLES]
_POSITION_CODE: Final = 13  # within 2.5 m


class SimRadio:
    """One radio at the scene's origin; `equipped` of all vehicles speak RC-013. `sent` keeps the newest RADIO_SEND."""

    def __init__(self, origin: Origin, utc_ns: Callable[[], int], *, equipped: float = 0.3, seed: int = 1) -> None:
        self.sent: deque[pb.RadioSend] = deque(maxlen=1000)
        self.counters: Counter[int] = Counter()  # payloads sent, by format
        self._frame, self._altitude_m = LocalFrame.of(origin), origin.altitude_m
        self._utc_ns, self._equipped = utc_ns, equipped
        self._rng = np.random.default_rng(seed)

    def send(self, body: pb.RadioSend) -> None:
        """Take one payload."""
        self.sent.append(body)
        self.counters[body.format] += 1

    def channel(self) -> pb.Channel:
        """As the data sheet declares it."""
        return pb.Channel(
            channel=CHANNEL,
            message_type=MessageType.RADIO_RECEIVED,
            max_rate_mhz=round(RATE_HZ * 1000),
            max_objects=PAYLOADS_MAX,
            latency_p95_us=20_000,
        )

    def received(self, truth: NDArray[np.void], t_us: int, seq: int, most: int) -> pb.RadioReceived:
        """What the radio hears of the road now, the nearest `most` vehicles."""
        away = np.hypot(truth["x"], truth["y"])
        speaks = np.array([_draw(int(one)) < self._equipped for one in truth["id"]], bool)
        near = np.flatnonzero(speaks & np.isin(truth["object_class"], _SPEAKING) & (away <= REACH_M))
        order = near[np.argsort(away[near])][:most]
        payloads = [
            pb.RadioPayload(
                t_us=t_us,
                radio=pb.RADIO_700_MHZ,
                format=pb.RC013,
                rssi_dbm=RSSI_DBM,
                payload=self._message(truth[row], seq),
            )
            for row in order
        ]
        return pb.RadioReceived(t_us=t_us, seq=seq, channel=CHANNEL, payloads=payloads, total=len(near))

    def _message(self, user: np.void, counter: int) -> bytes:
        x, y = np.array([user["x"], user["y"]]) + self._rng.normal(0.0, GNSS_SIGMA_M, 2)
        latitude, longitude, _ = (float(one) for one in self._frame.to_wgs84(x, y, 0.0))
        heading_deg = (90.0 - math.degrees(user["yaw"])) % 360.0
        return rc013.encode(
            CommonArea(
                {**rc013.BASIC, "vehicle_id": int(user["id"]), "counter": counter % 256},
                time_of_day(self._utc_ns()),
                {
                    "latitude": POSITION["latitude"].to_wire(latitude),
                    "longitude": POSITION["longitude"].to_wire(longitude),
                    "elevation": POSITION["elevation"].to_wire(self._altitude_m),
                    "position_confidence": _POSITION_CODE,
                },
                {
                    "speed": STATE["speed"].to_wire(math.hypot(user["vx"], user["vy"])),
                    "heading": STATE["heading"].to_wire(heading_deg),
                    "speed_confidence": 5,
                },
                {
                    "size_class": int(user["object_class"]),
                    "width": ATTRIBUTES["width"].to_wire(float(user["width"])),
                    "length": ATTRIBUTES["length"].to_wire(float(user["length"])),
                },
            )
        )


def _draw(number: int) -> float:
    """The same 0 to 1 for a vehicle as long as it lives."""
    return number * 2_654_435_761 % 2**32 / 2**32
