"""What the documents of CAVC cost: a picture of 100 targets made, written as JSON and checked."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "controller" / "publication" / "cavc"))

from living import CONFIG, SENDER, T0, area, devices_of, tracks

from controller.publication.cavc.document import DOCUMENTS
from controller.publication.cavc.resting import Resting
from controller.publication.cavc.sensor_info import sensor_info
from controller.publication.cavc.target_info import target_info
from controller.publication.cavc.validation import problems

GOAL_MS = 2.0


def run() -> list[tuple[str, float, str]]:
    """(name, median, unit) rows."""
    picture, memory = tracks(100), Resting()
    memory.see(picture)
    resting = memory.column(picture)
    (made,) = target_info(picture, resting, SENDER, CONFIG, T0, counter=1)
    ranges = {"camera": [area()] * 16, "radar": [area()] * 16}
    return [
        (
            f"targetInfo of 100 targets, made (goal {GOAL_MS:g})",
            _median(lambda: target_info(picture, resting, SENDER, CONFIG, T0, counter=1)),
            "ms",
        ),
        ("targetInfo of 100 targets, written as JSON", _median(lambda: json.dumps(made, ensure_ascii=False)), "ms"),
        ("targetInfo of 100 targets, checked", _median(lambda: problems(DOCUMENTS["targetInfo"], made)), "ms"),
        ("how long 100 tracks have stood, a picture", _median(lambda: memory.see(picture)), "ms"),
        (
            "sensorInfo of two sensors with 16 ranges each, made",
            _median(lambda: sensor_info(CONFIG, SENDER, T0, devices_of(), ranges)),
            "ms",
        ),
    ]


def _median(call, times: int = 100) -> float:
    spent = []
    for _ in range(times):
        begin = time.thread_time()
        call()
        spent.append((time.thread_time() - begin) * 1e3)
    return float(np.median(spent))


if __name__ == "__main__":
    for name, value, unit in run():
        print(f"{name:55} {value:12.3f} {unit}")
