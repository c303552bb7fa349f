"""The one table of module classes; vendors add rows by the entry point group `smartpole.modules`."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol

from interfaces.errors import ConfigError
from modules import camera, comms, environment, lidar, power, radar, sensor, signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from interfaces.proto import pmi_pb2 as pb
    from modules.capability import Capability

ENTRY_POINT_GROUP: Final = "smartpole.modules"


class ClassFile(Protocol):
    """What a file of a module class must hold; `read(body, capability)` gives that class's reading."""

    @property
    def DEFAULT(self) -> Capability:  # noqa: N802 -- it is a constant of the class file
        """The class's usual capability."""
        ...

    def capability(self, sheet: pb.DataSheet) -> Capability:
        """What a module can do, from its data sheet."""
        ...

    def faults(self, sheet: pb.DataSheet) -> tuple[str, ...]:
        """What its data sheet must have and lacks."""
        ...

    def read(self, body: Any, declared: Capability, /) -> Any:
        """The class's reading of one data message."""
        ...


@dataclass(frozen=True, slots=True)
class ModuleKind:
    """One class of module: code on the wire, name in pole.toml, default capability and the three functions."""

    code: int
    name: str
    default: Capability
    capability: Callable[[pb.DataSheet], Capability]
    faults: Callable[[pb.DataSheet], tuple[str, ...]]
    read: Callable[[Any, Capability], Any]


def kind_of(name: str, file: ClassFile) -> ModuleKind:
    """A row from a class file."""
    return ModuleKind(file.DEFAULT.module_class, name, file.DEFAULT, file.capability, file.faults, file.read)


REGISTRY: Final[Mapping[str, ModuleKind]] = MappingProxyType(
    {
        name: kind_of(name, file)
        for name, file in (
            ("sensor", sensor),
            ("camera", camera),
            ("lidar", lidar),
            ("radar", radar),
            ("comms", comms),
            ("power", power),
            ("environment", environment),
            ("signal", signal),
        )
    }
)


def extended(additions: Iterable[ModuleKind], base: Mapping[str, ModuleKind] = REGISTRY) -> Mapping[str, ModuleKind]:
    """The table with a vendor's classes added; ConfigError when a name is taken."""
    table = dict(base)
    for kind in additions:
        if kind.name in table:
            raise ConfigError(f"module class {kind.name!r} is already known: a vendor's class needs a name of its own")
        table[kind.name] = kind
    return MappingProxyType(table)


def default_capability(class_name: str, registry: Mapping[str, ModuleKind] = REGISTRY) -> Capability:
    """What a module of a class can usually do, for logs without data sheets; ConfigError for an unknown class."""
    kind = registry.get(class_name)
    if kind is None:
        raise ConfigError(f"module class {class_name!r} is unknown; known are: {', '.join(sorted(registry))}")
    return kind.default
