"""A pole to make documents of: configuration, sender, tracks, devices and a near miss, all by default or by choice."""

from __future__ import annotations

import numpy as np

from controller.config import Config
from controller.fusion.track import Tracks, empty_tracks
from controller.geometry import LocalFrame
from controller.publication.cavc.alive_monitoring_info import alive_monitoring_info
from controller.publication.cavc.device import devices
from controller.publication.cavc.near_miss_info_list import near_miss_info_list, record
from controller.publication.cavc.roadside_unit_info import roadside_unit_info
from controller.publication.cavc.sensor_info import sensor_info
from controller.publication.cavc.service_location_info import service_location_info
from controller.publication.cavc.target_info import target_info
from controller.publication.cavc.use_case_info import use_case_info
from controller.publication.publication import Sender
from controller.slot import ModuleIdentity, SlotReport
from interfaces.proto import pmi_pb2
from interfaces.proto import publication_pb2 as pb

T0 = 1_760_000_000_123_000_000  # 2025-10-09T08:53:20.123Z
UNIT = {
    "name": "見本 1号柱",
    "product_number": "RSP-01",
    "manufacturer": "M",
    "customer": "C",
    "licensing_info": "011",
    "initial_registration_date": "2026-04-01",
    "power_consumption_kwh": 900,
    "gross_weight_kg": 1200,
    "material": "steel",
    "date_of_installation": "2026-03-20",
    "manager": "市",
    "site_manager": "県",
    "last_inspection_date": "2026-03-31",
    "next_inspection_date": "2027-03-31",
}


def config(**cavc):
    cavc.setdefault("roadside_unit", UNIT)
    cavc.setdefault("approach", [{"id": 2, "heading_deg": 270.0}, {"id": 1, "heading_deg": 180.4}])
    cavc.setdefault("other_unit", [{"id": 77, "kind": "signal"}])
    cavc.setdefault(
        "use_case",
        [
            {"type": 0x35, "supported_approach": 1, "approaches": [1, 2], "slots": ["camera"]},
            {"type": 0x1A, "supplementary_code": 3, "supported_approach": 2, "approaches": [2]},
        ],
    )
    return Config.model_validate(
        {
            "pole": {"service_location_id": 8202302, "roadside_unit_id": 136323842, "name": "N-2"},
            "origin": {
                "latitude_deg": 36.6,
                "longitude_deg": 140.6,
                "altitude_m": 30.0,
                "geoid_height_m": 40.0,
            },
            "slot": {
                "camera": {"class": "camera", "mount": {"height_m": 5.5, "yaw_deg": 90.0}},
                "radar": {"class": "radar", "mount": {"height_m": 5.0, "east_m": 3.0}},
                "comms": {"class": "comms"},
                "power": {"class": "power"},
            },
            "cavc": cavc,
        }
    )


CONFIG = config()


def sender(of=CONFIG):
    pole = of.pole
    return Sender(
        pole.service_location_id,
        pole.roadside_unit_id,
        tuple(of.slot),
        LocalFrame.of(of.origin),
        of.origin.geoid_height_m,
    )


SENDER = sender()


def tracks(count=1, at_ns=T0, **columns):
    """Cars that drive north at 10 m/s, 1.8 m wide; `columns` replace whole columns."""
    rows = empty_tracks(count)
    rows["id"] = np.arange(count) + 0xF000_0000
    rows["object_class"], rows["class_confidence"], rows["existence"] = 2, 0.9, 0.95
    rows["x"], rows["y"], rows["vy"], rows["yaw"] = np.arange(count), 20.0, 10.0, np.pi / 2
    rows["length"], rows["width"], rows["height"] = 4.5, 1.8, 1.5
    rows["age_s"], rows["measured_at_ns"], rows["sources"] = 2.0, at_ns - 50_000_000, 3
    rows["cov"] = np.diag([0.01, 0.04, 0.01, 0.01])
    for name, value in columns.items():
        rows[name] = value
    return Tracks(at_ns, rows)


def report(slot, state="ACTIVE", device_id=0):
    identity = ModuleIdentity(bytes(16), 1, "v", "p", "s", device_id, "1", bytes(8), bytes(8), 256, 1)
    return SlotReport(slot, slot, slot, False, "", state, "", T0, identity if device_id else None)


def devices_of(of=CONFIG, **states):
    """The devices of the pole; all ACTIVE but those named otherwise."""
    ids = {"camera": 0x010701, "radar": 0x020701, "comms": 0x030701, "power": 0x040701}
    return devices(of, [report(name, states.get(name, "ACTIVE"), ids[name]) for name in of.slot])


def area(reliability=10, limit=0.3, types=0b11101, corners=((0, 0), (80, -30), (80, 30))):
    vertices = [pmi_pb2.Vertex(x_m=x, y_m=y) for x, y in corners]
    return pmi_pb2.DetectionRange(
        vertices=vertices, reliability=reliability, detectable_types=types, limit_size_m=limit
    )


def near_miss(**changes):
    at = pb.Position(latitude_deg=36.6001, longitude_deg=140.6002, altitude_m=70.0, spatial_id="25/30/1/2")
    one = pb.Participant(track_id=1, object_class=2, position=at, speed_mps=9.5, heading_rad=1.5, length_m=4.5)
    values = {
        "header": pb.Header(information_quality=6, modules=["camera", "radar"]),
        "encounter_id": 5,
        "start_ns": T0,
        "peak_ns": T0 + 1_500_000_000,
        "end_ns": T0 + 3_000_000_000,
        "severity": 2,
        "nedo_level": "中",
        "conflict": "crossing",
        "event_position": at,
        "ttc_s": 1.25,
        "pet_s": float("nan"),
        "drac_mps2": 3.6,
        "mttc_s": float("nan"),
        "sct_s": 0.4,
        "probability": 0.9,
        "closing_speed_mps": 8.0,
        "distance_m": 2.5,
        "participants": [one, one],
    }
    return pb.NearMiss(**{**values, **changes})


def golden():
    """A document of each kind, as the vectors hold them."""
    crossing = tracks(
        3,
        object_class=[2, 6, 9],
        z=[0.0, 1.0, np.nan],
        ax=[0.0, 0.1, np.nan],
        ay=[-2.5, 0.0, 0.0],
        vx=[0.0, 1.2, 0.0],
        vy=[13.89, 0.0, 0.0],
        yaw=[np.pi / 2, 0.0, -2.5],
        age_s=[12.34, 4000.0, np.nan],
    )
    well = devices_of()
    return {
        "targetInfo": target_info(crossing, [0, 0, 3601], SENDER, CONFIG, T0 + 77_000_000, counter=300)[0],
        "aliveMonitoringInfo": alive_monitoring_info(
            CONFIG, T0, devices_of(radar="DEGRADED", comms="PROBATION"), alive=True, availability=1
        ),
        "roadsideUnitInfo": roadside_unit_info(CONFIG, T0),
        "sensorInfo": sensor_info(CONFIG, SENDER, T0, well, {"camera": [area()]}),
        "serviceLocationInfo": service_location_info(CONFIG, T0),
        "useCaseInfo": use_case_info(CONFIG, T0, well, alive=True, availability=0),
        "nearMissInfoList": near_miss_info_list(CONFIG, [record(near_miss(), CONFIG)]),
    }
