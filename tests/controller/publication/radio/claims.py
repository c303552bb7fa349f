"""Messages of an equipped vehicle, for tests of what is believed of them."""

from __future__ import annotations

import math

from controller.publication.radio import rc013
from controller.publication.radio.common_area import CommonArea
from controller.publication.radio.its_time import time_of_day, timestamp_its
from controller.publication.radio.vehicle import ATTRIBUTES, POSITION, STATE
from tests.controller.publication.radio.scene import STATION, T0


def rc013_of(x, y, *, station=0x01020304, speed=10.0, heading=90.0, at_ns=T0, height=30.0, **changes):
    """RC-013 of a car at a point in the pole's metres."""
    latitude, longitude, _ = (float(one) for one in STATION.frame.to_wgs84(x, y, 0.0))
    frames = {
        "management": {**rc013.BASIC, "vehicle_id": station, "counter": 1},
        "time": time_of_day(at_ns),
        "position": {
            "latitude": POSITION["latitude"].to_wire(latitude),
            "longitude": POSITION["longitude"].to_wire(longitude),
            "elevation": POSITION["elevation"].to_wire(height),
            "position_confidence": 13,
            "elevation_confidence": 0,
        },
        "state": {
            "speed": STATE["speed"].to_wire(speed),
            "heading": STATE["heading"].to_wire(heading),
            "speed_confidence": 5,
            "heading_confidence": 0,
            "acceleration_confidence": 0,
        },
        "attributes": {
            "size_class": 2,
            "role_class": 0,
            "width": ATTRIBUTES["width"].to_wire(1.8),
            "length": ATTRIBUTES["length"].to_wire(4.5),
        },
    }
    for path, value in changes.items():
        frame, name = path.split("__")
        frames[frame][name] = value
    return rc013.encode(CommonArea(**frames))


def cam_of(x, y, codec, *, station=7, speed=10.0, heading=90.0, at_ns=T0, kind=5, length=4.5):
    """A CAM of a vehicle whose front's middle is at a point in the pole's metres."""
    latitude, longitude, altitude = (float(one) for one in STATION.frame.to_wgs84(x, y, 0.0))
    moving = {
        "heading": {"headingValue": round(heading * 10), "headingConfidence": 10},
        "speed": {"speedValue": round(speed * 100), "speedConfidence": 50},
        "driveDirection": "forward",
        "vehicleLength": {
            "vehicleLengthValue": 1023 if math.isnan(length) else round(length * 10),
            "vehicleLengthConfidenceIndication": "noTrailerPresent",
        },
        "vehicleWidth": 18,
        "longitudinalAcceleration": {"value": 161, "confidence": 102},
        "curvature": {"curvatureValue": 1023, "curvatureConfidence": "unavailable"},
        "curvatureCalculationMode": "unavailable",
        "yawRate": {"yawRateValue": 32767, "yawRateConfidence": "unavailable"},
    }
    basic = {
        "stationType": kind,
        "referencePosition": {
            "latitude": round(latitude * 1e7),
            "longitude": round(longitude * 1e7),
            "positionConfidenceEllipse": {
                "semiMajorAxisLength": 200,
                "semiMinorAxisLength": 100,
                "semiMajorAxisOrientation": 0,
            },
            "altitude": {"altitudeValue": round(altitude * 100), "altitudeConfidence": "unavailable"},
        },
    }
    parameters = {
        "basicContainer": basic,
        "highFrequencyContainer": ("basicVehicleContainerHighFrequency", moving),
    }
    body = {"generationDeltaTime": timestamp_its(at_ns) % 65536, "camParameters": parameters}
    header = {"protocolVersion": 2, "messageId": 2, "stationId": station}
    return codec.encode("CAM", {"header": header, "cam": body})
