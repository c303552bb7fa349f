"""Strategies: anything that the tables of RC-013 can say."""

from __future__ import annotations

from hypothesis import strategies as st

from controller.publication.radio.common_area import CommonArea
from controller.publication.radio.free_area import FreeEntry
from controller.publication.radio.vehicle import COMMON, MANAGEMENT, OPTIONS

FOLLOWS = ("data_length", "option_flags", "message_size", "payload_size")


def values_of(structure):
    return st.fixed_dictionaries({field.name: st.integers(*field.limits) for field in structure.fields})


def areas(**chosen):
    return st.builds(
        CommonArea,
        values_of(MANAGEMENT).map(lambda told: {**told, **chosen}),
        *(values_of(one) for one in COMMON),
        st.fixed_dictionaries({}, optional={one.name: values_of(one) for one in OPTIONS.values()}),
        st.binary(max_size=4),
        st.lists(st.builds(FreeEntry, st.integers(0, 255), st.binary(min_size=1, max_size=2)), max_size=2).map(tuple),
    )


def chosen(values):
    """What a sender chose: lengths and flags follow from the rest."""
    return {name: value for name, value in values.items() if name not in FOLLOWS}


def said(area):
    rest = (area.time, area.position, area.state, area.attributes, area.options, area.extended, area.free)
    return chosen(area.management), *rest
