"""What speaking on the radio costs: a CPM of 20 objects, a whole picture in every format, and what was heard."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time

import numpy as np

from controller.config import Radio
from controller.cooperative import Cooperative
from controller.publication.radio import rc013, uper
from controller.publication.radio.cpm import cpm
from controller.publication.radio.denm import denm
from controller.publication.radio.sdsm import sdsm
from controller.radio import Programme
from interfaces.proto import pmi_pb2 as pb
from modules.comms import Heard, RadioReading
from tests.controller.publication.radio.claims import cam_of, rc013_of
from tests.controller.publication.radio.scene import HAZARD, STATION, T0, tracks

LOAD = """
import resource, time
from controller.publication.radio import cpm, uper
before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
uper.load()
print(time.perf_counter() - begun, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def run(rounds: int = 200) -> list[tuple[str, float, str]]:
    """(name, value, unit) rows."""
    seconds, memory = map(float, _child(LOAD).split())
    codec = uper.load()
    few, many = tracks(20), tracks(100)
    message = rc013_of(10.0, 0.0)
    rows = [
        ("ETSI modules, compiled once in a thread", seconds, "s"),
        ("ETSI modules, memory", memory, "MB"),
        ("CPM of 20 objects, size", float(len(cpm(few, STATION, codec)[0])), "B"),
        ("CPM of 20 objects", _median(lambda: cpm(few, STATION, codec), rounds), "ms"),
        ("CPM of 100 objects in segments", _median(lambda: cpm(many, STATION, codec), rounds // 4), "ms"),
        ("DENM", _median(lambda: denm(HAZARD, STATION, codec), rounds), "ms"),
        ("SDSM of 20 objects", _median(lambda: sdsm(few, STATION, 1), rounds), "ms"),
        ("RC-013 decoded", _median(lambda: rc013.decode(message), rounds), "ms"),
    ]
    rows += [(f"{name} of 20 objects", _median(_picture(name), rounds), "ms") for name in ("rc016", "rc016_csma")]
    for name, kind, heard in (
        ("RC-013", pb.RC013, [rc013_of(10.0, k, station=k) for k in range(16)]),
        ("CAM", pb.ETSI_CAM, [cam_of(10.0, k, codec, station=k) for k in range(16)]),
    ):
        reading = RadioReading(1, tuple(Heard(1, kind, one) for one in heard), 16)
        rows.append((f"16 {name} heard, checked", _median(lambda r=reading: _listen(codec, r), rounds), "ms"))
    return rows


def _picture(name: str):
    programme, at_ns = Programme(Radio(send=(name,)), STATION), itertools.count(T0, 100_000_000)
    return lambda: programme.due(tracks(20, valid_at_ns=next(at_ns)), ())


def _listen(codec: uper.Codec, reading: RadioReading) -> None:
    ear = Cooperative(STATION.frame, STATION.geoid_height_m, 300.0)
    ear.codec = codec
    assert len(ear.detections("comms", reading, T0, T0, 0.0).objects) == 16


def _median(work, rounds: int) -> float:
    took = []
    for _ in range(rounds + 5):
        begun = time.thread_time()
        work()
        took.append((time.thread_time() - begun) * 1e3)
    return float(np.median(took[5:]))


def _child(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    for name, value, unit in run():
        print(f"{name:60s} {value:8.3f} {unit}")
