"""Rules of weather and road surface. Each module judges for itself; the middle judgement counts, of two the graver.

A judgement is 0 no, 1 within the hysteresis, 2 yes, None unknown: 1 keeps a hazard alive and begins none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from controller.hazard.scene import Scene, Sighting

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.config import Hazards
    from modules.environment import EnvironmentReading

    Judge = Callable[[EnvironmentReading], int | None]

SURE, DOUBTFUL = 0.9, 0.5  # of judgements 2 and 1 …
CONTRADICTED: Final = 0.7  # … times this when a module says no
BEGIN: Final = 0.6
EASE: Final = 0.2  # the share of a threshold by which a figure has to get better before the hazard ends
SNOWS_BELOW_C: Final = 1.0
SNOW_PER_RAIN: Final = 0.15  # snow of 3 mm/h of water is as grave as rain of 20 mm/h
FREEZES_C, THAWS_C = 0.0, 1.0
MOIST, WET, SNOW, ICE, BLACK_ICE = 1, 2, 3, 4, 5  # EnvironmentReading.road_surface
ADHESION: Final = {SNOW: 4, ICE: 5, BLACK_ICE: 6}
FOG, SNOWFALL_HIDES, RAIN_HIDES = 1, 3, 4
HEAVY_RAIN, HEAVY_SNOWFALL = 1, 2
STANDING_WATER: Final = 1.5  # times the heavy rain: then water stands on a road that is not dry


def low_visibility(scene: Scene, config: Hazards) -> list[Sighting]:
    """Visibility below visibility_m; fog (18/1), snowfall (18/3) or rain (18/4)."""
    return _told(scene, lambda one: _below(one.visibility_m, config.visibility_m), "visibility_m", _hides)


def heavy_precipitation(scene: Scene, config: Hazards) -> list[Sighting]:
    """Rain of precipitation_mmph (19/1), or snow of 0.15 times as much water (19/2)."""
    return _told(
        scene,
        lambda one: _over(one.precipitation_mmph, config.precipitation_mmph * (SNOW_PER_RAIN if _snows(one) else 1.0)),
        "precipitation_mmph",
        lambda one: HEAVY_SNOWFALL if _snows(one) else HEAVY_RAIN,
    )


def slippery_road(scene: Scene, _config: Hazards) -> list[Sighting]:
    """Snow (6/4), ice (6/5) or black ice (6/6) on the road; a moist road at 0 °C or less counts as black ice."""
    return _told(
        scene, _slippery, "road_temperature_c", lambda one: ADHESION.get(one.road_surface or 0, ADHESION[BLACK_ICE])
    )


def aquaplaning(scene: Scene, config: Hazards) -> list[Sighting]:
    """Rain of 1.5 times precipitation_mmph on a road that is not known to be dry."""
    return _told(scene, lambda one: _standing_water(one, config.precipitation_mmph), "precipitation_mmph")


def flooded_road(scene: Scene, config: Hazards) -> list[Sighting]:
    """Water on the road of flood_m or more."""
    return _told(scene, lambda one: _over(one.water_level_m, config.flood_m), "water_level_m")


def strong_wind(scene: Scene, config: Hazards) -> list[Sighting]:
    """Wind of wind_mps or more."""
    return _told(scene, lambda one: _over(one.wind_speed_mps, config.wind_mps), "wind_speed_mps")


def _told(
    scene: Scene, judge: Judge, figure: str, subcause: Callable[[EnvironmentReading], int] | None = None
) -> list[Sighting]:
    judged = [(grade, slot, one) for slot, one in scene.weather if (grade := judge(one)) is not None]
    if not judged:
        return []
    judged.sort(key=lambda one: -one[0])
    grade = judged[(len(judged) - 1) // 2][0]
    if not grade:
        return []
    holding = [(slot, one) for graded, slot, one in judged if graded]
    sure = (SURE if grade > 1 else DOUBTFUL) * (1.0 if len(holding) == len(judged) else CONTRADICTED)
    gravest = judged[0][2]
    value = getattr(gravest, figure)
    return [
        Sighting(
            (0,),
            (),
            *scene.layout.road,
            sure,
            subcause(gravest) if subcause else None,
            detail=() if value is None else ((figure, float(value)),),
            sources=sum(slot for slot, _ in holding),
        )
    ]


def _below(value: float | None, limit: float) -> int | None:
    if value is None:
        return None
    return 2 if value < limit else int(value < limit * (1 + EASE))


def _over(value: float | None, limit: float) -> int | None:
    if value is None:
        return None
    return 2 if value >= limit else int(value >= limit * (1 - EASE))


def _snows(one: EnvironmentReading) -> bool:
    return one.air_temperature_c is not None and one.air_temperature_c < SNOWS_BELOW_C


def _hides(one: EnvironmentReading) -> int:
    if one.precipitation_mmph is None or one.precipitation_mmph < 1.0:
        return FOG
    return SNOWFALL_HIDES if _snows(one) else RAIN_HIDES


def _slippery(one: EnvironmentReading) -> int | None:
    if one.road_surface is None:
        return None
    if one.road_surface in ADHESION:
        # Snow and ice do not lie on a warm road: one of the two figures is wrong.
        return 1 if one.road_temperature_c is not None and one.road_temperature_c > 10.0 else 2
    if one.road_surface not in {MOIST, WET} or one.road_temperature_c is None:
        return 0
    return 2 if one.road_temperature_c <= FREEZES_C else int(one.road_temperature_c <= THAWS_C)


def _standing_water(one: EnvironmentReading, heavy_mmph: float) -> int | None:
    if one.road_surface is not None and one.road_surface not in {MOIST, WET}:
        return 0
    return 0 if _snows(one) else _over(one.precipitation_mmph, heavy_mmph * STANDING_WATER)
