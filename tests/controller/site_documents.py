"""Site maps as hypothesis draws them: any JSON, features with wrong values, shapes in the plane."""

from __future__ import annotations

from hypothesis import strategies as st

from controller.site_kinds import KINDS, LANE_TYPES, PROPERTY_NAMES
from tests.controller.site_mistakes import feature

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NUMBER = st.sampled_from([140.6, 36.6, 140.6001, 36.6001, 0, -181, 1e300, 10**30]) | st.floats()
POSITIONS = st.lists(st.lists(NUMBER, max_size=3) | JSON, max_size=6)
GEOMETRY = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["LineString", "Polygon", "MultiPolygon", "Point"]),
        "coordinates": POSITIONS | st.lists(POSITIONS, max_size=2),
    }
)
NAMES = st.sampled_from(["a", "b", "c"])
FEATURE = st.fixed_dictionaries(
    {
        "type": st.just("Feature"),
        "properties": st.dictionaries(
            st.sampled_from(PROPERTY_NAMES), JSON | NAMES | st.lists(NAMES), max_size=6
        ).flatmap(lambda given: st.sampled_from(list(KINDS)).map(lambda kind: {"kind": kind, **given})),
        "geometry": GEOMETRY | JSON,
    }
)
POINT = st.tuples(st.integers(-50, 50), st.integers(-50, 50))
DRAWN = st.builds(
    lambda kind, points, key, names: feature(kind, points, id=key, **({"successors": names} if kind == "lane" else {})),
    st.sampled_from(list(KINDS)), st.lists(POINT, min_size=2, max_size=6), NAMES, st.lists(NAMES, max_size=2),
)  # fmt: skip

# One feature beside two lanes, with values that are often right, so that many of these maps are read.
LANE_REFERENCE = st.sampled_from(["a", "b", "a", "x"])
LIKELY = {
    "width_m": st.sampled_from([3, 3.5, None, 0]),
    "speed_limit_kmh": st.sampled_from([50, 30.5, None, True]),
    "type": st.sampled_from([*LANE_TYPES, None, "x"]),
    "successors": st.lists(LANE_REFERENCE, max_size=2) | LANE_REFERENCE | st.none(),
    "lanes": st.lists(LANE_REFERENCE, max_size=2) | st.just("a, b"),
    "signal_group": st.sampled_from([0, 1.0, 255, None, 256]),
    "ramp": LANE_REFERENCE | st.just(["a"]),
    "mainline": LANE_REFERENCE | st.none(),
    "fid": st.integers(),
}
CORNERS = [[140.6, 36.6], [140.601, 36.6], [140.601, 36.601], [140.6, 36.601, 5.0]]
POSITION = st.sampled_from(CORNERS)
RING = st.permutations(CORNERS).map(lambda ring: [*ring, ring[0]]) | st.lists(POSITION, min_size=3, max_size=5)
GEOMETRIES = {
    "LineString": st.permutations(CORNERS) | st.lists(POSITION, min_size=1, max_size=4),
    "Polygon": st.lists(RING, min_size=1, max_size=2),
}


def probable(kind: str) -> st.SearchStrategy[dict[str, object]]:
    form = KINDS[kind].geometry
    own = {one.name: LIKELY[one.name] for one in KINDS[kind].properties}
    names = {"id": st.sampled_from(["c", 7, "a", None]), "kind": st.just(kind)}
    plain = GEOMETRIES[form].map(lambda parts: {"type": form, "coordinates": parts})
    multi = GEOMETRIES[form].map(lambda parts: {"type": f"Multi{form}", "coordinates": [parts]})
    return st.fixed_dictionaries(
        {
            "type": st.just("Feature"),
            "properties": st.fixed_dictionaries(names, optional={**own, "fid": LIKELY["fid"]}),
            "geometry": plain | multi,
        }
    )


LANES = [feature("lane", [(0, y), (90, y)], id=key) for key, y in (("a", 0), ("b", -5))]
PROBABLE = st.sampled_from(list(KINDS)).flatmap(probable).map(lambda one: [*LANES, one])
CRS = st.sampled_from(["EPSG:4326", "urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:6677"]).map(
    lambda name: {"type": "name", "properties": {"name": name}}
)
DOCUMENT = st.fixed_dictionaries(
    {
        "type": st.just("FeatureCollection"),
        "features": JSON | st.lists(FEATURE | JSON, max_size=4) | PROBABLE | PROBABLE,
    },
    optional={"crs": CRS | CRS | JSON},
)
