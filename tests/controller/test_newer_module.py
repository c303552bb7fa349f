"""A module of a later minor version in a slot: what we know of it serves, what is new is told and left out (PMI §5)."""

from __future__ import annotations

import random

from interfaces.datasheet import sheet_hash, to_bytes
from interfaces.module_session import ModuleSession
from interfaces.proto import pmi_pb2 as pb
from interfaces.states import State
from tests.controller.test_trust import a_keeper, converse
from tests.exchange import good_hello, good_sheet


def newer_module(**hello):
    sheet = good_sheet(classes=[pb.RADAR, 14])
    sheet.channels.append(pb.Channel(channel=1, message_type=0x5F, record_formats=[1], max_rate_mhz=1000))
    module = ModuleSession(good_hello(classes=[pb.RADAR, 14], **hello), to_bytes(good_sheet()), rng=random.Random(1))
    module._sheet_bytes = data = to_bytes(sheet)
    module.hello.sheet_hash, module.hello.sheet_size = sheet_hash(data), len(data)
    return module


def test_a_newer_module_serves_with_what_is_known(tmp_path):
    keeper = a_keeper(tmp_path, None, level="L1")
    converse(keeper, newer_module(spec_max=0x103))
    assert keeper.session.state is State.ACTIVE
    assert [plan.channel for plan in keeper.session.plans] == [0]
    assert any("speaks PMI 1.3, newer than PMI 1.0" in text for text in keeper.told)


def test_the_same_ids_from_a_module_of_our_version_are_a_bad_sheet(tmp_path):
    keeper = a_keeper(tmp_path, None, level="L1")
    converse(keeper, newer_module(spec_max=0x100))
    assert keeper.session.state is State.REJECTED
    assert "classes[1]: 14 is no module class" in keeper.session.reason
    assert not any("newer" in text for text in keeper.told)
