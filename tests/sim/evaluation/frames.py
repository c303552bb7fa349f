"""Made-up frames with every kind of mistake in them, the same for a seed."""

from __future__ import annotations

import numpy as np

from sim.evaluation.frame import Frame


def frames(seed=1, count=60, users=7):
    """Users that drift, tracks that miss them, swap among them, break off and are born from nothing."""
    random = np.random.default_rng(seed)
    place, speed = random.uniform(-15, 15, (users, 2)), random.normal(0, 3, (users, 2))
    names = list(range(100, 100 + users))
    found = []
    for n in range(count):
        place = place + speed * 0.1
        here = (random.random(users) < 0.9) if n % 7 else np.zeros(users, bool)
        if n % 13 == 5:
            a, b = random.choice(users, 2, replace=False)
            names[a], names[b] = names[b], names[a]
        if n % 17 == 3:
            names[int(random.integers(users))] = 1000 + n
        seen = (random.random(users) < 0.85) if n % 11 else np.zeros(users, bool)
        false = int(random.poisson(0.5))
        xy = np.concatenate([place[seen] + random.normal(0, 0.9, (seen.sum(), 2)), random.uniform(-15, 15, (false, 2))])
        tracks = [names[i] for i in np.flatnonzero(seen)] + [9000 + n * 10 + k for k in range(false)]
        order = random.permutation(len(tracks))
        found.append(
            Frame(np.flatnonzero(here).tolist(), place[here], [tracks[i] for i in order], xy[order].reshape(-1, 2))
        )
    return found
