"""A vehicle on a ramp: what is dangerous on its way, and who will be at the merge when it is.

python docs/examples/consumers/merge_approach.py --broker mqtt://127.0.0.1:1883
"""

import argparse
import asyncio
import math
from pathlib import Path

from interfaces.area_geojson import area_of
from interfaces.consumer import Consumer
from interfaces.errors import PoleError
from interfaces.hazard_reader import Change
from interfaces.pole_reader import Standing
from interfaces.spec import ObjectClass

HERE = Path(__file__).parent
CLOSE_S = 2.0


def main():
    asking = argparse.ArgumentParser(description=__doc__)
    asking.add_argument("--broker", default="mqtt://127.0.0.1:1883")
    asking.add_argument("--ramp", type=Path, default=HERE / "ramp.geojson", help="our way, as far as the merge")
    asking.add_argument("--main", type=Path, default=HERE / "main.geojson", help="the lane we merge into")
    asking.add_argument("--speed", type=float, default=15.0, help="ours, m/s")
    try:
        asyncio.run(approach(asking.parse_args()))
    except* PoleError as errors:
        raise SystemExit(str(errors.exceptions[0])) from None


async def approach(asked):
    ramp, lane = (area_of(path.read_text(encoding="utf-8")) for path in (asked.ramp, asked.main))
    arrival_s = asyncio.get_running_loop().time() + ramp.length_m / asked.speed
    async with Consumer(asked.broker, report=print) as poles, asyncio.TaskGroup() as group:
        beside = say_hazards(poles.hazards(ramp)), say_poles(poles.poles())
        tasks = [group.create_task(one) for one in beside]
        await say_merge(poles.objects(area=lane), lane, arrival_s)
        print("at the merge")
        for task in tasks:
            task.cancel()


async def say_hazards(hazards):
    async for event in hazards:
        if event.change is not Change.UPDATE:
            how = event.end or f"{event.spot.along_m:.0f} m from the start of the ramp"
            print(f"! {event.hazard.kind} {event.change}: {how}")


async def say_poles(poles):
    async for event in poles:
        if event.standing is not Standing.AVAILABLE:  # who hears nothing must not believe that nothing is there
            print(f"! pole {event.pole} {event.standing}: {', '.join(event.reasons)}")


async def say_merge(pictures, lane, arrival_s):
    loop, said_s = asyncio.get_running_loop(), -math.inf
    async for picture in pictures:
        ours = arrival_s - loop.time()
        if ours <= 0:
            return
        if loop.time() - said_s >= 1.0:
            said_s = loop.time()
            print(f"merge in {ours:4.1f} s: {words(arrivals(picture, lane), ours)}" + " (stale)" * picture.stale)


def arrivals(picture, lane):
    """Seconds until each road user of the lane is at its end, soonest first; those that stand still never are."""
    found = []
    for one in picture.objects:
        left_m, speed = lane.length_m - lane.locate(one.position).along_m, math.hypot(one.vx_mps, one.vy_mps)
        if speed > 1.0:
            found.append((left_m / speed, f"{ObjectClass(one.object_class).name.lower()} {one.id}"))
    return sorted(found)


def words(arriving, ours):
    said = (f"{who} in {at:.1f} s{' <- CLOSE' if abs(at - ours) < CLOSE_S else ''}" for at, who in arriving)
    return ", ".join(said) or "nobody is coming"


if __name__ == "__main__":
    main()
