"""死活監視情報 and ユースケース情報: codes whose polarity turns, and levels that fall when the pole degrades."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from living import CONFIG, T0, config, devices_of, report

from controller.publication.cavc.alive_monitoring_info import alive_monitoring_info
from controller.publication.cavc.device import devices
from controller.publication.cavc.document import DOCUMENTS
from controller.publication.cavc.use_case_info import use_case_info
from controller.publication.cavc.validation import problems
from interfaces.states import State


def alive(of=CONFIG, *, alive=True, availability=0, **states):
    made = alive_monitoring_info(of, T0, devices_of(of, **states), alive=alive, availability=availability)
    assert problems(DOCUMENTS["aliveMonitoringInfo"], made) == []
    return made["attribute"]


def camera(**more):
    return alive(**more)["deviceClassificationAliveInfo"][0]["deviceAliveInfo"][0]


def levels(*, alive=True, availability=0, **states):
    made = use_case_info(CONFIG, T0, devices_of(**states), alive=alive, availability=availability)
    assert problems(DOCUMENTS["useCaseInfo"], made) == []
    return [
        one["targetUtilizationType"]
        for group in made["attribute"]["useCaseInfo"]
        for one in group["useCaseClassificationInfo"]
    ]


def test_one_means_in_operation_for_the_unit_and_in_test_for_a_device():
    assert alive()["operationClassificationCode"] == 1
    assert camera()["deviceOperationStatus"] == 0
    assert camera(camera="PROBATION")["deviceOperationStatus"] == 1
    assert alive(config(in_operation=False))["operationClassificationCode"] == 0


@pytest.mark.parametrize(
    ("state", "operation", "life"),
    [
        ("ACTIVE", 0, 0),
        ("DEGRADED", 0, 1),
        ("PROBATION", 1, 0),
        ("IDENTIFYING", 1, 2),
        ("PRESENT", 1, 2),
        ("ABSENT", 0, 2),
        ("LOST", 0, 2),
        ("GONE", 0, 2),
        ("REJECTED", 0, 2),
    ],
)
def test_every_state_of_a_module_has_its_codes(state, operation, life):
    assert camera(camera=state) == {
        "deviceID": 0x010701,
        "deviceOperationStatus": operation,
        "deviceAliveStatus": life,
    }


def test_the_table_of_states_is_complete():
    for state in State:
        assert camera(camera=state)["deviceAliveStatus"] in {0, 1, 2}


def test_a_state_of_a_later_version_counts_as_stopped():
    assert camera(camera="HIBERNATING") == {"deviceID": 0x010701, "deviceOperationStatus": 0, "deviceAliveStatus": 2}


def test_a_pole_that_is_gone_serves_nothing():
    gone = alive(alive=False)
    assert (gone["operationClassificationCode"], gone["serviceAvailability"]) == (0, 2)
    assert {one["deviceAliveStatus"] for group in gone["deviceClassificationAliveInfo"]
            for one in group["deviceAliveInfo"]} == {2}  # fmt: skip


@given(st.integers(-5, 300))
def test_an_availability_that_has_no_code_is_none(availability):
    assert alive(availability=availability)["serviceAvailability"] == (availability if availability in {0, 1, 2} else 2)


def test_devices_are_grouped_by_class_and_power_has_none():
    groups = alive()["deviceClassificationAliveInfo"]
    assert [(one["deviceClassification"], one["deviceNum"]) for one in groups] == [(0, 2), (2, 1)]


def test_the_level_falls_to_degraded_with_the_pole_or_with_the_sensors_of_the_use_case():
    assert levels() == [1, 1]
    assert levels(availability=1) == levels(availability=2) == levels(alive=False) == [0, 0]
    assert levels(camera="DEGRADED") == [0, 1]
    assert levels(camera="LOST") == [0, 1]


def test_directions_and_sensors_are_bits():
    made = use_case_info(CONFIG, T0, devices_of(), alive=True, availability=0)
    first, second = (group["useCaseClassificationInfo"][0] for group in made["attribute"]["useCaseInfo"])
    assert (first["targetDirection"], first["targetSensorNumber"]) == (0b110, 0b01)
    assert (second["targetDirection"], second["targetSensorNumber"]) == (0b100, 0b11)


@given(st.lists(st.integers(1, 15), max_size=20))
def test_bit_0_of_a_direction_is_never_set(approaches):
    mine = config(use_case=[{"type": 255, "approaches": approaches}])
    made = use_case_info(mine, T0, devices_of(mine), alive=True, availability=0)
    assert problems(DOCUMENTS["useCaseInfo"], made) == []
    (case,) = made["attribute"]["useCaseInfo"][0]["useCaseClassificationInfo"]
    assert case["targetDirection"] == sum(2**n for n in set(approaches)) != 1


@given(
    own=st.lists(st.integers(0, 2**64 - 1) | st.just(5), min_size=4, max_size=4),
    named=st.dictionaries(st.sampled_from(list(CONFIG.slot)), st.integers(0, 0xFEFFFF), max_size=4),
)
def test_no_two_devices_have_one_id(own, named):
    assume(len(set(named.values())) == len(named))  # the configuration is refused otherwise
    told = [report(name, device_id=number) for name, number in zip(CONFIG.slot, own, strict=True)]
    found = devices(config(device_ids=named), told)
    assert len({one.device_id for one in found}) == 4
    assert all(0 <= one.device_id < 2**24 for one in found)
    assert all(one.device_id == named.get(one.slot, one.device_id) for one in found)


def test_a_device_is_known_by_the_operators_id_then_its_own_then_a_reserved_one():
    told = [report("camera", device_id=5), report("radar", device_id=6), report("comms", "ABSENT")]
    found = devices(config(device_ids={"camera": 0xE00701}), told)
    assert [one.device_id for one in found] == [0xE00701, 6, 0xFF0002, 0xFF0003]
    assert [one.state for one in found] == ["ACTIVE", "ACTIVE", "ABSENT", "ABSENT"]
