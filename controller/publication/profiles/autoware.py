"""A picture in the shape of Autoware's `autoware_perception_msgs/TrackedObjects`, to look at, record and replay.

JSON is YAML, so `ros2 topic pub` takes it. Velocities and accelerations are in the object's own axes, as Autoware's
tracker gives them: x forward, y left. An object whose yaw is unknown is turned the way it moves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from controller.geometry import grounded
from controller.publication.publication import NS_PER_S
from interfaces.spec import ObjectClass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from controller.fusion.track import Tracks

FRAME: Final = "pole"  # whoever has a map says by a transform where in it the pole's origin lies
LABELS: Final[Mapping[int, int]] = {  # ObjectClassification.msg; what is not here is UNKNOWN 0
    ObjectClass.CAR: 1,
    ObjectClass.LARGE_VEHICLE: 2,  # TRUCK: sensors do not tell it from BUS 3
    ObjectClass.MEDIUM_VEHICLE: 2,
    ObjectClass.MOTORCYCLE: 5,
    ObjectClass.BICYCLE: 6,
    ObjectClass.PEDESTRIAN: 7,
    ObjectClass.ANIMAL: 8,
    ObjectClass.OBSTACLE: 9,
}
BOUNDING_BOX, CYLINDER = 0, 1  # Shape.msg
UNAVAILABLE, AVAILABLE = 0, 2  # TrackedObjectKinematics.msg
UNKNOWN_VARIANCE: Final = 1e4  # a covariance of ROS has no word for it; 0 would be certainty
STANDS_MPS: Final = 0.5


def tracked_objects(tracks: Tracks) -> dict[str, Any]:
    """Places are metres east, north and up of the pole's origin, of the middle; a side that is not known is 0."""
    seconds, rest_ns = divmod(tracks.valid_at_ns, NS_PER_S)
    stamp = {"sec": seconds, "nanosec": rest_ns}
    return {
        "header": {"stamp": stamp, "frame_id": FRAME},
        "objects": [_object(row) for row in tracks.objects],
    }


def _object(row: np.void) -> dict[str, Any]:
    label = LABELS.get(int(row["object_class"]), 0)
    length, width, height = (float(np.nan_to_num(row[side])) for side in ("length", "width", "height"))
    return {
        "object_id": {"uuid": list(int(row["id"]).to_bytes(16))},
        "existence_probability": float(row["existence"]),
        "classification": [{"label": label, "probability": _known(row["class_confidence"])}],
        "kinematics": _kinematics(row, float(grounded(row["z"])) + height / 2),
        "shape": {
            "type": CYLINDER if label == LABELS[ObjectClass.PEDESTRIAN] else BOUNDING_BOX,
            "footprint": {"points": []},
            "dimensions": _xyz(length, width, height),
        },
    }


def _kinematics(row: np.void, middle_m: float) -> dict[str, Any]:
    known = bool(np.isfinite(row["yaw"]))
    yaw = float(row["yaw"]) if known else float(np.arctan2(_known(row["vy"]), _known(row["vx"])))
    cos, sin = np.cos(yaw), np.sin(yaw)
    turn = np.array([[cos, sin], [-sin, cos]])  # from east, north to forward, left
    velocity = turn @ [_known(row["vx"]), _known(row["vy"])]
    acceleration = turn @ [_known(row["ax"]), _known(row["ay"])]
    turned = turn @ row["cov"][2:, 2:] @ turn.T
    return {
        "pose_with_covariance": {
            "pose": {
                "position": _xyz(float(row["x"]), float(row["y"]), middle_m),
                "orientation": {"x": 0.0, "y": 0.0, "z": float(np.sin(yaw / 2)), "w": float(np.cos(yaw / 2))},
            },
            "covariance": _covariance(row["cov"][:2, :2]),
        },
        "twist_with_covariance": {
            "twist": {"linear": _plane(velocity), "angular": _xyz(0.0, 0.0, _known(row["yaw_rate"]))},
            "covariance": _covariance(turned),
        },
        "acceleration_with_covariance": {
            "accel": {"linear": _plane(acceleration), "angular": _xyz(0.0, 0.0, 0.0)},
            "covariance": _covariance(np.diag([UNKNOWN_VARIANCE] * 2)),
        },
        "orientation_availability": AVAILABLE if known else UNAVAILABLE,
        "is_stationary": float(np.hypot(*velocity)) < STANDS_MPS,
    }


def _covariance(plane: NDArray[np.float64]) -> list[float]:
    """Of x, y, z, roll, pitch, yaw, row after row; only the first two are known."""
    whole = np.diag([UNKNOWN_VARIANCE] * 6)
    whole[:2, :2] = np.where(np.isfinite(plane), plane, np.diag([UNKNOWN_VARIANCE] * 2))
    return [float(one) for one in whole.flat]


def _xyz(x: float, y: float, z: float) -> dict[str, float]:
    return {"x": x, "y": y, "z": z}


def _plane(vector: NDArray[np.float64]) -> dict[str, float]:
    return _xyz(float(vector[0]), float(vector[1]), 0.0)


def _known(value: Any) -> float:
    return float(np.nan_to_num(value))
