"""Stone Soup (the `oracle` group) as its users put it together: global nearest neighbour on a Kalman filter."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import numpy as np
from bench_fusion import SETTLING, SIGMA_M, START_NS
from stonesoup.dataassociator.neighbour import GNNWith2DAssignment
from stonesoup.dataassociator.tree import DetectionKDTreeGNN2D
from stonesoup.deleter.time import UpdateTimeStepsDeleter
from stonesoup.hypothesiser.distance import DistanceHypothesiser
from stonesoup.initiator.simple import MultiMeasurementInitiator
from stonesoup.measures import Mahalanobis
from stonesoup.models.measurement.linear import LinearGaussian
from stonesoup.models.transition.linear import CombinedLinearGaussianTransitionModel, ConstantVelocity
from stonesoup.predictor.kalman import KalmanPredictor
from stonesoup.types.detection import Detection
from stonesoup.types.state import GaussianState
from stonesoup.updater.kalman import KalmanUpdater

from sim.evaluation.frame import Frame

EPOCH = datetime(2026, 1, 1)  # noqa: DTZ001 -- Stone Soup counts from it and shows it to nobody
GATE = 13.8**0.5  # chi-square, 2 degrees of freedom, 0.999: our own gate
SPEED_MPS = 15.0  # 1 sigma of a new track's
COASTING = 15  # messages without a detection; three are a frame
KD_TREE_M = 10.0
VARIANTS = ("GNN", "GNN, k-d tree")


def stonesoup(variant: str):
    """A tracker to be run as `ours` is: Road in, ms of CPU and frames out."""
    return lambda road: _run(road, variant)


def _run(road, variant):
    steady = ConstantVelocity(0.1)
    predictor = KalmanPredictor(CombinedLinearGaussianTransitionModel([steady, steady]))
    model = LinearGaussian(4, (0, 2), np.diag([SIGMA_M**2] * 2))
    updater = KalmanUpdater(model)
    hypothesiser = DistanceHypothesiser(predictor, updater, Mahalanobis(), missed_distance=GATE)
    if variant == "GNN":
        associator = GNNWith2DAssignment(hypothesiser)
    else:
        associator = DetectionKDTreeGNN2D(hypothesiser, predictor, updater, max_distance=KD_TREE_M)
    deleter = UpdateTimeStepsDeleter(COASTING)
    prior = GaussianState(np.zeros((4, 1)), np.diag([0.0, SPEED_MPS**2, 0.0, SPEED_MPS**2]))
    initiator = MultiMeasurementInitiator(prior, deleter, associator, updater, model, min_points=3)
    tracks, numbers, took, seen = set(), {}, [], []
    for messages in road.frames:
        given = [_detections(message, model) for message in messages]
        begun = time.thread_time()
        for at, detections in given:
            tracks = _step(tracks, detections, at, associator, updater, deleter, initiator)
        took.append((time.thread_time() - begun) * 1e3)
        stamp = messages[-1].measured_at_ns
        ids = [numbers.setdefault(track.id, len(numbers)) for track in tracks]
        place = np.array([track.state_vector[[0, 2], 0] for track in tracks], float).reshape(-1, 2)
        seen.append(Frame(range(len(road.xy)), road.truth(stamp), ids, place))
    return took[SETTLING:], seen[SETTLING:]


def _detections(message, model):
    at = EPOCH + timedelta(microseconds=(message.measured_at_ns - START_NS) / 1e3)
    rows = message.objects
    return at, {Detection([[x], [y]], at, model) for x, y in zip(rows["x"], rows["y"], strict=True)}


def _step(tracks, detections, at, associator, updater, deleter, initiator):
    used = set()
    for track, hypothesis in associator.associate(tracks, detections, at).items():
        if hypothesis:
            track.append(updater.update(hypothesis))
            used.add(hypothesis.measurement)
        else:
            track.append(hypothesis.prediction)
    tracks = tracks - deleter.delete_tracks(tracks)
    return tracks | initiator.initiate(detections - used, at)
