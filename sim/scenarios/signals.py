"""`signals`: the junction with signals; people cross, right-turners wait, and somebody runs a red light (信号無視)."""

from __future__ import annotations

from controller.config import Mount
from interfaces.spec import ObjectClass
from sim.driving import Script
from sim.scenarios import junction
from sim.scene import ModuleSpec, Scenario, TruthEvent


def signals(seed: int) -> Scenario:
    """Two cycles of a signalled junction."""
    return Scenario(
        name="signals",
        description="A junction with signals: queues, people on the crossings, right turns against oncoming traffic; "
        "at the end of the second green somebody runs a red light",
        seed=seed,
        duration_s=120.0,
        site=junction.site_text(signalled=True),
        modules=(
            *junction.MODULES,
            ModuleSpec("signal", "signal", Mount(east_m=-9, north_m=9, height_m=4), "signals"),
        ),
        routes=junction.routes(
            0.9,
            {
                "south": ((-30.0, 62.0),),
                "east": ((12.0, 62.0),),
                "west-north": ((34.0, 56.0),),
                "west-south": ((34.0, 56.0),),
                "walkers": ((-14.0, 10.0),),
                "cyclists": ((28.0, 50.0),),
            },
            signalled=True,
        ),
        scripts=_scripts(),
        events=(
            TruthEvent("red_light_running", 58.0, 61.0, ("runner",)),
            TruthEvent("collision_risk", 59.0, 60.6, ("runner", "starter")),
            TruthEvent("near_miss", 59.8, 63.0, ("runner", "starter")),
            TruthEvent("sudden_braking", 60.2, 61.8, ("starter",)),
        ),
        signals=junction.SIGNALS,
    )


def _scripts() -> tuple[Script, ...]:
    """At second 60 the main road turns green; `runner` crosses its stop line then, five seconds into its red."""
    far = junction.ARM_M
    westward, northward = junction.way("east", "west"), junction.way("south", "north")
    return (
        Script("runner", ObjectClass.CAR, northward, ((52, 14), (71, 14)), far - 1.6 - 14 * 9.3),
        Script(
            "starter",
            ObjectClass.CAR,
            westward,
            ((50, 11), (60.2, 11), (61.8, 0), (63.5, 0), (72, 11), (82, 11)),
            far - 14.5 - 11 * 10,
        ),
    )
