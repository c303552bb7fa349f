"""Quantities of ETSI's common data dictionary (TS 102 894-2 V2.4.1) that CPM, DENM and CAM use: units and sentinels.

The outermost values of a range are its "out of range" where the dictionary names them so.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from controller.publication.radio.bits import Field

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIDENCE: Final = 1.96  # a confidence of 95 % in standard deviations, when the error is normal

QUANTITIES: Final[Mapping[str, Field]] = MappingProxyType(
    {
        row.name: row
        for row in (
            Field("Latitude", 31, 1e-7, "°", -900_000_000, 900_000_000, 900_000_001),
            Field("Longitude", 32, 1e-7, "°", -1_800_000_000, 1_800_000_000, 1_800_000_001),
            Field("AltitudeValue", 20, 0.01, "m", -100_000, 800_000, 800_001),
            Field("SemiAxisLength", 12, 0.01, "m", 1, 4094, 4095),
            Field("Wgs84AngleValue", 12, 0.1, "° from north, clockwise", 0, 3599, 3601),
            Field("Wgs84AngleConfidence", 7, 0.1, "°", 1, 126, 127),
            Field("SpeedValue", 14, 0.01, "m/s", 0, 16_382, 16_383),
            Field("SpeedConfidence", 7, 0.01, "m/s", 1, 126, 127),
            Field("CartesianCoordinate", 16, 0.01, "m", -32_768, 32_767),
            Field("CartesianCoordinateLarge", 18, 0.01, "m", -131_072, 131_071),
            Field("CoordinateConfidence", 12, 0.01, "m", 1, 4095, 4096),
            Field("VelocityComponentValue", 15, 0.01, "m/s", -16_383, 16_382, 16_383),
            Field("AccelerationValue", 9, 0.1, "m/s²", -160, 160, 161),
            Field("AccelerationConfidence", 7, 0.1, "m/s²", 1, 101, 102),
            Field("CartesianAngleValue", 12, 0.1, "° from east, to north", 0, 3599, 3601),
            Field("AngleConfidence", 7, 0.1, "°", 1, 126, 127),
            Field("CartesianAngularVelocityComponentValue", 9, 1.0, "°/s, to the left", -255, 255, 256),
            Field("ObjectDimensionValue", 8, 0.1, "m", 1, 255, 256),
            Field("VehicleLengthValue", 10, 0.1, "m", 1, 1022, 1023),
            Field("VehicleWidth", 6, 0.1, "m", 1, 61, 62),
            Field("LongitudinalAcceleration", 9, 0.1, "m/s²", -160, 160, 161),
            Field("ConfidenceLevel", 7, 0.01, "", 1, 100, 101),
            Field("ObjectPerceptionQuality", 4, 1 / 15, "", 0, 15),
            Field("DeltaTimeSecond", 17, 1.0, "s", 0, 86_400),
        )
    }
)


def wire(name: str, quantity: float) -> int:
    """The quantity in the dictionary's units, inside its range; its "unavailable" for a number that is not finite."""
    return QUANTITIES[name].to_wire(quantity)


def real(name: str, value: int) -> float:
    """The quantity in SI units or degrees; NaN when it is unavailable."""
    return QUANTITIES[name].to_real(value)
