"""What a recording says of the pole it comes from: the configuration without secrets, and what code ran on what."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ValidationError

from controller.config import Config
from interfaces.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from controller.site import Site

# Every section of pole.toml is in one of the two; of those recorded, what names files and ports is left out too.
RECORDED_SECTIONS: Final = ("pole", "origin", "publish", "fusion", "hazards", "near_misses", "radio", "slot")
LEFT_OUT_SECTIONS: Final = (
    "mqtt",
    "uplink",
    "commands",
    "trust",
    "recorder",
    "cavc",
    "its_client",
    "home_assistant",
    "foxglove",
)
_CODE: Final = (
    "fusion/*.py",
    "hazard/*.py",
    "publication/*.py",
    "pipeline.py",
    "geometry.py",
    "site*.py",
    "spatial_id.py",
)


def shown(config: Config) -> str:
    """What of the configuration a replay needs, as JSON that `config_of` reads."""
    values = config.model_dump(mode="json", by_alias=True, include=set(RECORDED_SECTIONS))
    for name in ("state_dir", "site"):
        values["pole"].pop(name)
    for slot in values["slot"].values():
        slot.pop("port")
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False)


def config_of(text: str) -> Config:
    """The configuration that `shown` wrote; ConfigError for anything else."""
    try:
        return Config.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigError(f"the recorded configuration: {place}: {first['msg']}; by another version?") from None


def anchors(config: Config, site: Site) -> dict[str, object]:
    """What both sides of a recorded state have already, by name."""
    return {"site": site, **dict(_models(config, "config"))}


@cache
def environment() -> Mapping[str, str]:
    """What the exact numbers may depend on."""
    libraries = {name: importlib.metadata.version(name) for name in ("numpy", "protobuf")}
    return {"python": platform.python_version(), "machine": platform.machine(), "code": code_digest(), **libraries}


def digest(text: str) -> str:
    """SHA-256 of a text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def code_digest() -> str:
    """SHA-256 of the code between a module's message and what is said."""
    top = Path(__file__).parents[1]
    files = sorted([*(file for name in _CODE for file in top.glob(name)), *(top.parent / "modules").rglob("*.py")])
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def differences(recorded: Mapping[str, str]) -> list[str]:
    """In what of `environment` this machine is another than the one that recorded, for people."""
    here = environment()
    return [
        f"{name} {recorded[name][:16]} there, {here[name][:16]} here"
        for name in here
        if name in recorded and recorded[name] != here[name]
    ]


def _models(model: BaseModel, path: str) -> Iterator[tuple[str, object]]:
    yield path, model
    for name in type(model).model_fields:
        yield from _inner(getattr(model, name), f"{path}.{name}")


def _inner(value: Any, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, BaseModel):
        yield from _models(value, path)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _inner(one, f"{path}.{name}")
