"""The pole's health as Home Assistant finds it by itself: device-based MQTT discovery over the JSON twins.

One device for the pole and one for each slot: a slot that is gone is removed by emptying its own topic.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from controller.publication.publication import Publication
from interfaces import topics
from interfaces.states import SERVING, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.config import Config
    from controller.publication.publication import Sender

EXPIRE_S: Final = 30  # the will is said in protobuf alone: entities of a dead pole become unavailable by this
SUPPORT_URL: Final = "https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload"
AVAILABLE: Final = "{{ 'online' if value_json.alive else 'offline' }}"
_NOT_IN_IDS: Final = re.compile(r"[^a-zA-Z0-9-]")


@dataclass(frozen=True, slots=True)
class Entity:
    """One row: what of a twin is shown. `on` makes it a yes or no: the template gives ON or OFF."""

    id: str
    name: str
    template: str
    on: bool = False
    device_class: str = ""
    unit: str = ""
    measured: bool = False
    options: tuple[str, ...] = ()
    diagnostic: bool = True

    def config(self, unique: str, twin: str) -> dict[str, Any]:
        """As a component of a device; `twin` is the topic it reads."""
        told: dict[str, Any] = {
            "platform": "binary_sensor" if self.on else "sensor",
            "unique_id": f"{unique}_{self.id}",
            "name": self.name,
            "state_topic": twin,
            "value_template": self.template,
            "expire_after": EXPIRE_S,
        }
        told |= {"device_class": self.device_class} if self.device_class else {}
        told |= {"unit_of_measurement": self.unit} if self.unit else {}
        told |= {"state_class": "measurement"} if self.measured else {}
        told |= {"options": list(self.options)} if self.options else {}
        return told | ({"entity_category": "diagnostic"} if self.diagnostic else {})


def _choice(field: str, *words: str) -> str:
    return f"{{{{ {list(words)!r}[value_json.{field} | int] }}}}"


def _scaled(field: str, factor: int, digits: int) -> str:
    """A number that may be NaN or infinite, which a twin tells as words; "None" is unknown to a sensor."""
    value = f"{{% set v = value_json.{field} | float(0) %}}"
    return f"{value}{{{{ (v * {factor}) | round({digits}) if v | abs < 1e9 else 'None' }}}}"


_AVAILABILITY: Final = ("available", "degraded", "unavailable")
_UTILISATION: Final = ("none", "degraded", "information", "information degraded")
POLE: Final = (
    Entity(
        "availability", "Service availability", _choice("service_availability", *_AVAILABILITY), device_class="enum",
        options=_AVAILABILITY, diagnostic=False,
    ),
    Entity(
        "problem", "Problem", "{{ 'OFF' if value_json.service_availability | int == 0 else 'ON' }}", on=True,
        device_class="problem", diagnostic=False,
    ),
    Entity(
        "utilisation", "Utilisation", _choice("utilisation", *_UTILISATION), device_class="enum", options=_UTILISATION
    ),
    Entity("reasons", "Reasons", "{{ (value_json.reasons | join('; '))[:255] }}"),
    Entity("backlog", "Events waiting", "{{ value_json.backlog }}", measured=True),
    Entity("tracks", "Road users tracked", "{{ value_json.tracks }}", measured=True, diagnostic=False),
    Entity(
        "lag", "Lag (median)", _scaled("lag_p50_s", 1000, 1), device_class="duration", unit="ms", measured=True
    ),
    Entity(
        "lag_p99", "Lag (99 %)", _scaled("lag_p99_s", 1000, 1), device_class="duration", unit="ms", measured=True
    ),
    Entity(
        "clock_error", "Clock error", _scaled("header.clock_error_s", 1000, 2), device_class="duration", unit="ms",
        measured=True,
    ),
    Entity("version", "Version", "{{ value_json.version }}"),
)  # fmt: skip
SLOT: Final = (
    Entity("state", "State", "{{ value_json.state }}", device_class="enum", options=tuple(State), diagnostic=False),
    Entity(
        "serving", "Serving", f"{{{{ 'ON' if value_json.state in {[str(one) for one in SERVING]} else 'OFF' }}}}",
        on=True, device_class="connectivity", diagnostic=False,
    ),
    Entity("reason", "Reason", "{{ value_json.reason[:255] }}"),
    Entity(
        "loss", "Loss",
        "{% set sent = value_json.frames | int + value_json.gaps | int %}"
        "{{ (100 * value_json.gaps | int / sent) | round(2) if sent else 0 }}",
        unit="%", measured=True,
    ),
    Entity("rate", "Rate", _scaled("rate_hz", 1, 1), device_class="frequency", unit="Hz", measured=True),
    Entity(
        "latency", "Latency", _scaled("latency_s", 1000, 1), device_class="duration", unit="ms", measured=True
    ),
    Entity(
        "module", "Module",
        "{{ (value_json.identity.vendor ~ ' ' ~ value_json.identity.product)"
        " if value_json.identity is defined else 'none' }}",
    ),
)  # fmt: skip


def topics_of(config: Config) -> Iterator[str]:
    """Where the pole and then each slot are told."""
    pole = _pole_id(config)
    yield _topic(config, pole)
    for name in config.slot:
        yield _topic(config, f"{pole}_{_id(name)}")


def discovery(config: Config, sender: Sender, version: str) -> tuple[Publication, ...]:
    """What makes the pole and its slots appear, retained: the pole's device, then a device for each slot."""
    pole = _pole_id(config)
    status = topics.name(topics.STATUS, sender) + "/json"
    shared = {
        "origin": {"name": "smartpole", "sw_version": version, "support_url": SUPPORT_URL},
        "availability": [{"topic": status, "value_template": AVAILABLE}],
        "qos": 1,
    }
    device = {"identifiers": [pole], "name": config.pole.name, "model": "smartpole", "sw_version": version}
    made = [_publication(config, pole, shared | {"device": device, "components": _components(POLE, pole, status)})]
    for name, slot in config.slot.items():
        own = f"{pole}_{_id(name)}"
        twin = topics.name(topics.SLOT, sender, slot=name) + "/json"
        device = {
            "identifiers": [own],
            "name": f"{config.pole.name} {slot.role or name}",
            "model": f"{slot.module_class} slot",
            "via_device": pole,
        }
        made.append(_publication(config, own, shared | {"device": device, "components": _components(SLOT, own, twin)}))
    return tuple(made)


def removal(topic: str) -> Publication:
    """What makes a device disappear that was told on `topic`."""
    return Publication(topic, b"", topics.JSON, 1, retain=True, expiry_s=None, user_properties=(), key=f"{topic}-clear")


def _components(table: tuple[Entity, ...], unique: str, twin: str) -> dict[str, Any]:
    return {one.id: one.config(unique, twin) for one in table}


def _id(name: str) -> str:
    """Letters, digits and hyphens as they are, the rest by its code: two slots never share an id."""
    return _NOT_IN_IDS.sub(lambda found: f"_{ord(found[0]):x}_", name)


def _pole_id(config: Config) -> str:
    return f"smartpole_{config.pole.service_location_id}_{config.pole.roadside_unit_id}"


def _topic(config: Config, device: str) -> str:
    return f"{config.home_assistant.prefix}/device/{device}/config"


def _publication(config: Config, device: str, payload: dict[str, Any]) -> Publication:
    topic = _topic(config, device)
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return Publication(topic, text.encode(), topics.JSON, 1, retain=True, expiry_s=None, user_properties=(), key=topic)
