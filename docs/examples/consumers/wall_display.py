"""A wall display for a corridor of poles: how they are, what is on the road, what is dangerous.

python docs/examples/consumers/wall_display.py --broker mqtt://127.0.0.1:1883 [--area 12/0/3647/1599]
"""

import argparse
import asyncio
from collections import Counter, deque

from rich.console import Group
from rich.live import Live
from rich.table import Table

from interfaces.consumer import Consumer
from interfaces.errors import PoleError
from interfaces.pole_reader import Standing
from interfaces.reception import PoleId
from interfaces.spec import ObjectClass

COLOURS = {Standing.AVAILABLE: "green", Standing.DEGRADED: "yellow"}


def main():
    asking = argparse.ArgumentParser(description=__doc__)
    asking.add_argument("--broker", default="mqtt://127.0.0.1:1883")
    asking.add_argument("--area", default=None, help="空間ID of the corridor; none: all poles of the broker")
    asking.add_argument("--seconds", type=float, default=None)
    asked = asking.parse_args()
    try:
        asyncio.run(asyncio.wait_for(show(asked.broker, asked.area), asked.seconds))
    except* TimeoutError:
        pass
    except* PoleError as errors:
        raise SystemExit(str(errors.exceptions[0])) from None


async def show(broker, area):
    async with Consumer(broker, report=print, patient=True) as consumer, asyncio.TaskGroup() as group:
        poles, objects = consumer.poles(area), consumer.objects(area=area)
        hazards, near_misses = consumer.hazards(area), consumer.near_misses(area)
        newest = deque(maxlen=8)
        for stream in (poles, objects, hazards):
            group.create_task(follow(stream))
        group.create_task(follow(near_misses, newest))
        with Live(auto_refresh=False) as live:
            while True:
                live.update(Group(road(poles, objects), danger(hazards, newest)), refresh=True)
                await asyncio.sleep(0.5)


async def follow(stream, kept=None):
    """The stream's reader keeps what is true now; it only has to be read."""
    async for event in stream:
        if kept is not None:
            kept.appendleft(event)


def road(poles, objects):
    table = Table("pole", "state", "vehicles", "persons", "delay ms", "why", title="Corridor 区間", expand=True)
    for pole, event in sorted(poles.reader.known.items()):
        picture = objects.reader.newest.get(pole)
        seen = Counter(one.object_class == ObjectClass.PEDESTRIAN for one in picture.objects) if picture else Counter()
        delay = (picture.header.publication_time_ns - picture.header.detection_time_ns) / 1e6 if picture else 0.0
        counts = ("stale",) * 2 if picture is None or picture.stale else (str(seen[False]), str(seen[True]))
        name = event.profile.name if event.profile else "/".join(map(str, pole))
        style = COLOURS.get(event.standing, "red")
        table.add_row(name, str(event.standing), *counts, f"{delay:.0f}", ", ".join(event.reasons), style=style)
    return table


def danger(hazards, near_misses):
    title = "Hazards 危険事象, near misses ヒヤリハット"
    table = Table("what", "pole", "place 空間ID", "how", title=title, expand=True)
    for event in hazards.reader.live.values():
        pole, said = PoleId(*event.id[:2]), event.hazard
        how = f"{said.probability:.0%}, {said.cause}/{said.subcause}"
        table.add_row(said.kind, "/".join(map(str, pole)), said.event_position.spatial_id, how, style="red")
    for miss in near_misses:
        pole = f"{miss.header.service_location_id}/{miss.header.roadside_unit_id}"
        how = f"severity {miss.severity} {miss.nedo_level}, TTC {miss.ttc_s:.1f} s"
        table.add_row(miss.conflict, pole, miss.event_position.spatial_id, how, style="yellow")
    return table


if __name__ == "__main__":
    main()
