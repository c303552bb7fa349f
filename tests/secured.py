"""An L3 module and a controller that asks it to authenticate, joined as in `tests.exchange`."""

from __future__ import annotations

import random
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from interfaces.datasheet import to_bytes
from interfaces.events import Authenticated, AuthenticationFailed, Identified
from interfaces.module_session import ModuleSession
from interfaces.proto import pmi_pb2 as pb
from interfaces.security import ControllerCredentials, DeviceCredentials, public_bytes, sign_sheet
from interfaces.spec import MessageType
from interfaces.states import State
from tests.exchange import PLAN, Exchange, good_hello, good_sheet

HANDSHAKE = {MessageType.AUTH_START, MessageType.AUTH_REPLY, MessageType.AUTH_FINISH, MessageType.AUTH_DONE}


def key_of(name):
    """The same key for the same name."""
    return Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest())


def entropy_of(name):
    """Random bytes that are the same in every run."""
    return random.Random(name).randbytes


def secured_sheet(key, vendor=None, **changes):
    sheet = good_sheet(level=3, public_key=public_bytes(key), fw_hash=b"f" * 8, **changes)
    if vendor is not None:
        sign_sheet(sheet, vendor)
    return sheet


def secured_module(name="device", *, vendor=None, sheet=None, hello=None, entropy="", **credentials):
    key = key_of(name)
    return ModuleSession(
        hello or good_hello(level=3),
        to_bytes(sheet or secured_sheet(key, vendor)),
        rng=random.Random(name),
        credentials=DeviceCredentials(key, entropy_of(entropy or name), **credentials),
    )


class SecuredExchange(Exchange):
    """The controller authenticates, then grants a plan, or rejects."""

    def __init__(self, module=None, *, controller="pole", **arguments):
        super().__init__(**arguments)
        self.module = module or secured_module()
        self.credentials = ControllerCredentials(key_of(controller), entropy_of(controller))

    def _heard(self, events):
        self.events += events
        for event in events:
            if isinstance(event, Identified) and self.controller.state is State.IDENTIFYING:
                self._heard(self.controller.authenticate(self.credentials, now=self.now))
            elif isinstance(event, Authenticated) and self.controller.state is State.IDENTIFYING:
                self._heard(self.controller.activate([PLAN], probation=False, now=self.now))
            elif isinstance(event, AuthenticationFailed):
                self._heard(self.controller.reject(pb.NOT_TRUSTED, event.text, 5, now=self.now))


def active(module=None, **arguments):
    """Both sides after their first second of serving."""
    pole = SecuredExchange(module, **arguments)
    pole.run_until(State.ACTIVE, 2.0)
    pole.run(1.05)
    return pole
