"""Write radio_etsi.json again: `PYTHONPATH=. python tests/vectors/generate_radio_etsi.py` from the project's top.

The messages of the scene beside the tests of the radio formats, as they are now. Before a changed file goes in, another
codec must agree: asn1c's code for the same modules (Vanetza has it) reads each message, finds its constraints held, and
writes the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from controller.hazard.hazard import Phase
from controller.publication.radio import uper
from controller.publication.radio.cpm import cpm
from controller.publication.radio.denm import denm
from tests.controller.publication.radio.claims import cam_of
from tests.controller.publication.radio.scene import HAZARD, SENSORS, STATION, tracks

PATH = Path(__file__).parent / "radio_etsi.json"
ABOUT = (
    "UPER messages of ETSI TS 103 324 V2.1.1 (CPM), TS 103 831 V2.3.1 (DENM) and TS 103 900 V2.3.1 (CAM). "
    "asn1c's code for the same modules reads them and writes the same bytes."
)


def messages():
    codec = uper.load()
    yield "cpm empty", cpm(tracks(0), STATION, codec)
    yield "cpm 20 objects", cpm(tracks(20), STATION, codec)
    yield "cpm 3 objects and sensors", cpm(tracks(3), STATION, codec, sensors=SENSORS)
    yield "cpm 60 objects in segments", cpm(tracks(60), STATION, codec, sensors=SENSORS)
    for phase in Phase:
        yield f"denm {phase}", (denm(replace(HAZARD, phase=phase), STATION, codec),)
    yield "cam of a car", (cam_of(40.0, 10.0, codec),)


def main():
    rows = [{"name": name, "hex": [one.hex() for one in made]} for name, made in messages()]
    PATH.write_text(json.dumps({"about": ABOUT, "messages": rows}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
