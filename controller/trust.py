"""Whom this pole trusts: vendor keys and device pins as files, and the pole's own key (PMI §5, L3).

`trust/` (0700) holds `controller.key` (0600, PKCS#8 PEM), `vendors/NAME.json` and `devices/UID.json`. Files are read
anew each time, so that a running pole obeys `pole trust` at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from interfaces.errors import ConfigError
from interfaces.security import ControllerCredentials
from interfaces.spec import KEY_SIZE, UID_SIZE

if TYPE_CHECKING:
    from pathlib import Path

VENDOR_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MAX_FILE: Final = 4096
_OTHERS: Final = 0o077
_PEM: Final = b"-----BEGIN"


@dataclass(frozen=True, slots=True)
class Pin:
    """A device's public key; `vendor` vouched for it when it was first seen, empty: a person did."""

    key: bytes
    vendor: str = ""


class TrustStore:
    """Raises ConfigError, with what to do, for files that others can read or change, or that are damaged."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key_path = folder / "controller.key"
        self._vendors, self._devices = folder / "vendors", folder / "devices"
        self._key: Ed25519PrivateKey | None = None

    def __repr__(self) -> str:
        return f"TrustStore({str(self._folder)!r})"

    def check(self) -> None:
        """Refuse a store that others can get at."""
        _check_private(self._folder, 0o700)
        _check_private(self._key_path, 0o600)

    def credentials(self) -> ControllerCredentials:
        """What this pole authenticates with; its key is made when there is none."""
        if self._key is None:
            self.check()
            self._key = self._read_key() or self._make_key()
        return ControllerCredentials(self._key, os.urandom)

    def vendors(self) -> dict[str, bytes]:
        """Public key by vendor name."""
        return {path.stem: _read(path).key for path in self._files(self._vendors)}

    def devices(self) -> dict[bytes, Pin]:
        """Pin by uid."""
        return {_uid_of(path): _read(path) for path in self._files(self._devices)}

    def pin(self, uid: bytes) -> Pin | None:
        """The pin of one device."""
        self.check()
        path = self._devices / f"{uid.hex()}.json"
        return _read(path) if path.is_file() else None

    def add_vendor(self, name: str, key: bytes) -> None:
        """Trust what a vendor signs."""
        if VENDOR_NAME.fullmatch(name) is None:
            raise ConfigError(f"vendor name {name!r}: up to 64 letters, digits, dots, dashes and underscores")
        self._write(self._vendors / f"{name}.json", Pin(key))

    def add_device(self, uid: bytes, key: bytes, vendor: str = "") -> None:
        """Trust one device, by its key and no other."""
        self._write(self._devices / f"{uid.hex()}.json", Pin(key, vendor))

    def remove_vendor(self, name: str) -> int:
        """Trust a vendor no more, nor the devices that are pinned for its sake; how many those were."""
        pinned = [uid for uid, pin in self.devices().items() if pin.vendor == name]
        for uid in pinned:
            self.remove_device(uid)
        (self._vendors / f"{name}.json").unlink(missing_ok=True)
        return len(pinned)

    def remove_device(self, uid: bytes) -> None:
        """Forget a device."""
        (self._devices / f"{uid.hex()}.json").unlink(missing_ok=True)

    def _files(self, folder: Path) -> list[Path]:
        self.check()
        return sorted(folder.glob("*.json")) if folder.is_dir() else []

    def _read_key(self) -> Ed25519PrivateKey | None:
        try:
            data = self._key_path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"{self._key_path}: cannot be read: {error.strerror}") from None
        with contextlib.suppress(ValueError, TypeError):
            key = serialization.load_pem_private_key(data, password=None)
            if isinstance(key, Ed25519PrivateKey):
                return key
        raise ConfigError(
            f"{self._key_path}: is no Ed25519 key in PEM. Put the right file back, or remove it: a new key is made, "
            "and modules that obey the old one must have their pin reset"
        )

    def _make_key(self) -> Ed25519PrivateKey:
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._put(self._key_path, pem, replace=False)
        return self._read_key() or key  # another process may have been first

    def _write(self, path: Path, pin: Pin) -> None:
        self.check()
        text = json.dumps({"algorithm": "ed25519", "key": pin.key.hex(), "vendor": pin.vendor})
        self._put(path, text.encode() + b"\n", replace=True)

    def _put(self, path: Path, data: bytes, *, replace: bool) -> None:
        """Whole or not at all, for the owner of the state folder only, also when root does it."""
        try:
            for folder in (self._folder, path.parent):
                if not folder.is_dir():
                    folder.mkdir(mode=0o700, parents=True)
                    self._give(folder)
            handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")  # 0600 from the start
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            self._give(name)
            _settle(name, path, replace=replace)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None

    def _give(self, path: Path | str) -> None:
        if os.geteuid() == 0:
            owner = self._folder.parent.stat()
            os.chown(path, owner.st_uid, owner.st_gid)


def parse_key(text: str) -> bytes:
    """An Ed25519 public key from 64 hex digits or PEM; raises ConfigError."""
    if text.lstrip().encode().startswith(_PEM):
        with contextlib.suppress(ValueError, TypeError):
            key = serialization.load_pem_public_key(text.encode())
            if isinstance(key, Ed25519PublicKey):
                return key.public_bytes_raw()
        raise ConfigError("the PEM text is no Ed25519 public key (a private key is never needed here)")
    return _hex(text.strip(), KEY_SIZE, "a public key")


def parse_uid(text: str) -> bytes:
    """A uid from 32 hex digits; raises ConfigError."""
    return _hex(text.strip(), UID_SIZE, "a uid")


def _hex(text: str, size: int, what: str) -> bytes:
    if re.fullmatch(rf"[0-9a-fA-F]{{{2 * size}}}", text) is None:
        raise ConfigError(f"{what} is {2 * size} hex digits, not {len(text)} characters like these")
    return bytes.fromhex(text)


def _settle(name: str, path: Path, *, replace: bool) -> None:
    if replace:
        os.replace(name, path)
        return
    with contextlib.suppress(FileExistsError):
        os.link(name, path)
    os.unlink(name)


def _check_private(path: Path, mode: int) -> None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(f"{path}: cannot be looked at: {error.strerror}") from None
    if found.st_mode & _OTHERS:
        raise ConfigError(
            f"{path}: its permissions {found.st_mode & 0o777:04o} let others in, so it is not trusted. "
            f"Do: chmod {mode:04o} {path}"
        )


def _uid_of(path: Path) -> bytes:
    try:
        return parse_uid(path.stem)
    except ConfigError:
        raise ConfigError(f"{path}: a device's file is named by its uid; remove it") from None


def _read(path: Path) -> Pin:
    _check_private(path, 0o600)
    try:
        with path.open("rb") as file:
            stored = json.loads(file.read(MAX_FILE))
        return Pin(_hex(stored["key"], KEY_SIZE, "a public key"), str(stored.get("vendor", "")))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, ConfigError):
        raise ConfigError(f"{path}: is damaged; remove it and trust the key again with pole trust add") from None
