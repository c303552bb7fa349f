"""What modules that detect nothing say reaches the hazards, while they serve; a lacking required slot is told."""

from __future__ import annotations

from controller.config import Config
from controller.hazard.hazard import Phase
from controller.pipeline import Pipeline
from controller.site import Site
from modules.environment import POSSIBLE, EnvironmentReading

START_NS = 1_800_000_000_000_000_000
FOG = EnvironmentReading(0, **{name: 50.0 if name == "visibility_m" else None for name in POSSIBLE})
CONFIG = Config.model_validate(
    {
        "pole": {"service_location_id": 1, "roadside_unit_id": 2},
        "origin": {"latitude_deg": 35.0, "longitude_deg": 139.0},
        "slot": {"sky": {"class": "environment"}, "camera": {"class": "camera", "required": True}},
    }
)


def ticked(pipeline: Pipeline, begin_s: float, end_s: float) -> list[tuple[str, Phase]]:
    said = []
    for i in range(round(begin_s * 5), round(end_s * 5)):
        said += [(one.kind, one.phase) for one in pipeline.tick(START_NS + i * 200_000_000).hazards]
    return [one for one in said if one[1] is not Phase.UPDATE]


def test_fog_counts_only_from_a_module_that_serves():
    pipeline = Pipeline(CONFIG, Site())
    pipeline.plug("camera")
    pipeline.report("sky", FOG, START_NS)
    assert ticked(pipeline, 0, 5) == []
    pipeline.plug("sky")
    pipeline.report("sky", FOG, START_NS + 5_000_000_000)
    assert ticked(pipeline, 5, 10) == [("low_visibility", Phase.NEW)]
    assert pipeline.weather(START_NS + 10_000_000_000) == ((1, FOG),)
    pipeline.unplug("sky")
    assert pipeline.weather(START_NS + 10_000_000_000) == ()


def test_a_required_slot_that_nobody_serves_is_told_until_somebody_does():
    pipeline = Pipeline(CONFIG, Site())
    assert ticked(pipeline, 0, 2) == [("service_degraded", Phase.NEW)]
    pipeline.plug("camera")
    assert ticked(pipeline, 2, 5) == [("service_degraded", Phase.CANCEL)]
    pipeline.unplug("camera")
    assert ticked(pipeline, 5, 7) == [("service_degraded", Phase.NEW)]
