"""Where keys, certificates and passwords stand: a file, or `credential:NAME` that systemd hands to the service."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from interfaces.errors import ConfigError

SCHEME: Final = "credential:"
DIRECTORY: Final = "CREDENTIALS_DIRECTORY"  # systemd.exec(5), LoadCredential=
MAX_SIZE: Final = 1_000_000


def anchored(place: str, folder: Path) -> str:
    """`place` as it stands in a file of `folder`: relative paths made absolute, credentials and "" left as they are."""
    return place if not place or place.startswith(SCHEME) else str(folder.absolute() / place)


def located(place: str) -> Path | None:
    """The file meant by `place`; None for a credential when no service manager handed any to this process.

    Raises ConfigError for a credential without a proper name.
    """
    if not place.startswith(SCHEME):
        return Path(place)
    name, handed = _name(place), os.environ.get(DIRECTORY)
    return Path(handed) / name if handed else None


def path_of(key: str, place: str) -> Path:
    """The file of `key`; ConfigError says why there is none."""
    path = located(place)
    if path is None:
        name = _name(place)
        raise ConfigError(
            f"{key} is {place}, and ${DIRECTORY} is not set: run as a service with LoadCredential={name}:/a/file"
        )
    if trouble := why_unusable(path):
        raise ConfigError(f"{key}: {trouble}")
    return path


def why_unusable(path: Path) -> str:
    """Why there is no file to open; empty when there is one, or may be one."""
    try:
        return "" if path.is_file() else f"there is no such file: {path}"
    except OSError as error:  # a folder that this user may not look into
        return f"{path} cannot be looked at: {error.strerror}"


def content(key: str, place: str) -> bytes:
    """What stands in the file of `key`; ConfigError when it cannot be read."""
    path = path_of(key, place)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise ConfigError(f"{key}: {path} cannot be read: {error.strerror}") from None
    if len(data) > MAX_SIZE:
        raise ConfigError(f"{key}: {path} has more than {MAX_SIZE} B")
    return data


def secret(key: str, place: str) -> str:
    """The one line in the file of `key`, without the white space around it; its text is in no error."""
    try:
        text = content(key, place).decode("utf-8").strip()
    except UnicodeDecodeError:
        raise ConfigError(f"{key}: {place} is not UTF-8") from None
    if not text or "\n" in text:
        raise ConfigError(f"{key}: {place} must hold exactly one line")
    return text


def _name(place: str) -> str:
    name = place.removeprefix(SCHEME)
    if not name or "/" in name or name in {".", ".."}:
        raise ConfigError(f"{place!r}: write credential:NAME with the name given to LoadCredential=")
    return name
