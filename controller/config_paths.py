"""The keys of pole.toml that name keys, certificates and passwords: where their files are, and which are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from controller import broker, credential
from controller.publication.cavc import settings_check
from interfaces.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controller.config import Config

UPLOAD_FILES: Final = (*settings_check.FILES, "ca_file")  # keys of [cavc.upload]


def anchored(config: Config, folder: Path) -> Config:
    """The same configuration with these paths absolute: relative ones count from the folder of pole.toml."""
    mqtt, upload = config.mqtt, config.cavc.upload
    mqtt = mqtt.model_copy(update={key: credential.anchored(getattr(mqtt, key), folder) for key in broker.FILES})
    upload = upload.model_copy(update={key: credential.anchored(getattr(upload, key), folder) for key in UPLOAD_FILES})
    commands = config.commands
    commands = commands.model_copy(update={"key_file": credential.anchored(commands.key_file, folder)})
    return config.model_copy(
        update={"mqtt": mqtt, "commands": commands, "cavc": config.cavc.model_copy(update={"upload": upload})}
    )


def missing(config: Config, folder: Path) -> Iterator[tuple[tuple[str, ...], str]]:
    """(key, what is wrong) of each file that is not there. Credentials count where a service manager handed some."""
    named: dict[tuple[str, ...], str] = {("pole", "site"): config.pole.site}
    named |= {("mqtt", key): getattr(config.mqtt, key) for key in broker.FILES}
    named |= {("cavc", "upload", key): getattr(config.cavc.upload, key) for key in UPLOAD_FILES}
    named["commands", "key_file"] = config.commands.key_file
    for key, place in named.items():
        try:
            path = credential.located(credential.anchored(place, folder)) if place else None
        except ConfigError as error:
            yield key, f"is {error}"
            continue
        if path is not None and (trouble := credential.why_unusable(path)):
            yield key, f"is {place!r}; {trouble}"
