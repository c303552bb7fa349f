"""The keys of pole.toml that name keys, certificates and passwords: where their files are, and what is wrong there."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Final

from controller import broker, credential
from controller.publication.cavc import settings_check
from interfaces.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controller.config import Config

    Key = tuple[str, ...]

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


def missing(config: Config, folder: Path) -> Iterator[tuple[Key, str]]:
    """(key, what is wrong) of each file that is not there. Credentials count where a service manager handed some."""
    for key, place in ({("pole", "site"): config.pole.site} | _named(config)).items():
        try:
            path = credential.located(credential.anchored(place, folder)) if place else None
        except ConfigError as error:
            yield key, f"is {error}"
            continue
        if path is not None and (trouble := credential.why_unusable(path)):
            yield key, f"is {place!r}; {trouble}"


def exposed(config: Config) -> Iterator[str]:
    """What to mend of each secret that everybody on this machine can read, paths being absolute."""
    for key, place in _secrets(config).items():
        path = credential.located(place) if place else None
        if path is not None and not credential.why_unusable(path) and path.stat().st_mode & stat.S_IROTH:
            yield f"{'.'.join(key)} {path} can be read by everybody on this machine: chmod o= {path}"


def _named(config: Config) -> dict[Key, str]:
    named: dict[Key, str] = {("mqtt", key): getattr(config.mqtt, key) for key in broker.FILES}
    named |= {("cavc", "upload", key): getattr(config.cavc.upload, key) for key in UPLOAD_FILES}
    return named | {("commands", "key_file"): config.commands.key_file}


def _secrets(config: Config) -> dict[Key, str]:
    """Those of them that nobody else may read; a certificate is one where the key stands in its file."""
    public = {"ca_file", "cert_file", "crl_file"}
    secrets = {key: place for key, place in _named(config).items() if key[-1] not in public}
    secrets["mqtt", "key_file"] = config.mqtt.key_file or config.mqtt.cert_file
    return secrets
