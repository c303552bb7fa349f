"""What of a new pole.toml holds at once, and what only after a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.config import Config

LIVE: Final = (("uplink",), ("hazards",), ("near_misses",), ("commands", "allow"))


def differences(old: Config, new: Config) -> tuple[list[str], list[str]]:
    """(keys that changed and hold at once, keys that need a restart), as full paths."""
    changed = list(_changed(old, new, ()))
    live = [path for path in changed if any(path[: len(one)] == one for one in LIVE)]
    return [".".join(path) for path in live], [".".join(path) for path in changed if path not in live]


def merged(old: Config, new: Config) -> Config:
    """The old configuration with what holds at once from the new one."""
    commands = old.commands.model_copy(update={"allow": new.commands.allow})
    live = {"uplink": new.uplink, "hazards": new.hazards, "near_misses": new.near_misses, "commands": commands}
    return old.model_copy(update=live)


def _changed(old: object, new: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(old, BaseModel) and isinstance(new, BaseModel):
        for name, field in type(old).model_fields.items():
            yield from _changed(getattr(old, name), getattr(new, name), (*path, field.alias or name))
    elif isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys((*old, *new)):
            if name in old and name in new:
                yield from _changed(old[name], new[name], (*path, name))
            else:
                yield (*path, name)
    elif old != new:
        yield path
