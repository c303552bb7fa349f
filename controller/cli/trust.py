"""`pole trust`: whose keys this pole believes, in files under its state folder."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from controller.cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from controller.trust import TrustStore


class NearGroup(click.Group):
    """Offers the nearest name for one that it does not know."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click, with the nearest name in the refusal."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            raise click.UsageError(f"No such command {args[0]!r}.{_hint(args[0], self.commands)}", ctx)
        return super().resolve_command(ctx, args)


def _options(function: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="one JSON object instead of text"),
        click.option("--state-dir", type=click.Path(path_type=Path, file_okay=False), help="instead of the config's"),
        click.option("--config", type=click.Path(path_type=Path), default="/etc/pole/pole.toml", show_default=True),
    ):
        function = option(function)
    return function


@click.group(cls=NearGroup)
def command() -> None:
    """Say which vendors and modules this pole trusts, for slots of level L3.

    A trusted vendor vouches for every module whose data sheet it signed; a device is one module by its key. A running
    pole obeys at once.

    Example: pole trust add vendor acme acme.pem
    """


@command.command()
@click.argument("kind", type=click.Choice(["vendor", "device"]))
@click.argument("name")
@click.argument("key")
@_options
def add(kind: str, name: str, key: str, config: Path, state_dir: Path | None, *, as_json: bool) -> None:
    """Trust KEY, an Ed25519 public key: a PEM file or 64 hex digits. NAME is the vendor's name or the module's uid.

    Example: pole trust add device 000102030405060708090a0b0c0d0e0f module.pem
    """
    from controller.trust import parse_key, parse_uid

    with _complaints():
        store = _store(config, state_dir)
        public = parse_key(_text_of(key))
        if kind == "vendor":
            store.add_vendor(name, public)
        else:
            store.add_device(parse_uid(name), public)
    done = {"added": kind, "name": name.lower() if kind == "device" else name, "key": public.hex()}
    _say(done, f"{kind} {done['name']} is trusted with key {public.hex()}", as_json=as_json)


@command.command("list")
@_options
def list_(config: Path, state_dir: Path | None, *, as_json: bool) -> None:
    """Show trusted vendors, pinned devices, and the pole's own public key, which goes into modules that pin it.

    Example: pole trust list --json
    """
    from interfaces.security import public_bytes

    with _complaints():
        store = _store(config, state_dir)
        own = public_bytes(store.credentials().key).hex()
        vendors = {name: key.hex() for name, key in store.vendors().items()}
        devices = {uid.hex(): {"key": pin.key.hex(), "vendor": pin.vendor} for uid, pin in store.devices().items()}
    lines = [f"this pole   {own}"]
    lines += [f"vendor      {key}  {name}" for name, key in vendors.items()]
    lines += [
        f"device      {pin['key']}  {uid} ({'vendor ' + pin['vendor'] if pin['vendor'] else 'added by hand'})"
        for uid, pin in devices.items()
    ]
    _say({"controller_key": own, "vendors": vendors, "devices": devices}, "\n".join(lines), as_json=as_json)


@command.command()
@click.argument("kind", type=click.Choice(["vendor", "device"]))
@click.argument("name")
@_options
def remove(kind: str, name: str, config: Path, state_dir: Path | None, *, as_json: bool) -> None:
    """Trust a vendor (and the devices pinned for its sake) or a device no more. Exit code 1 when it was not trusted.

    Example: pole trust remove device 000102030405060708090a0b0c0d0e0f
    """
    from controller.trust import parse_uid

    with _complaints():
        store = _store(config, state_dir)
        known = set(store.vendors()) if kind == "vendor" else {uid.hex() for uid in store.devices()}
        name = name if kind == "vendor" else name.lower()
        if name not in known:
            click.echo(f"{kind} {name} is not trusted.{_hint(name, known)}", err=True)
            sys.exit(Exit.FAILED)
        pins = 0
        if kind == "vendor":
            pins = store.remove_vendor(name)
        else:
            store.remove_device(parse_uid(name))
    also = f", nor are {pins} devices pinned for its sake" if pins else ""
    _say({"removed": kind, "name": name, "pins": pins}, f"{kind} {name} is not trusted any more{also}", as_json=as_json)


def _store(config: Path, state_dir: Path | None) -> TrustStore:
    from controller.config_file import load
    from controller.trust import TrustStore

    folder = state_dir or config.parent / load(config).pole.state_dir
    if not folder.is_dir():
        from interfaces.errors import ConfigError

        raise ConfigError(f"{folder}: there is no such state folder; start the pole once, or name it with --state-dir")
    return TrustStore(folder / "trust")


def _text_of(key: str) -> str:
    from interfaces.errors import ConfigError

    path = Path(key)
    try:
        return path.read_text(encoding="ascii") if path.is_file() else key
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"{path}: is no key file in PEM or hex") from None


@contextmanager
def _complaints() -> Iterator[None]:
    from interfaces.errors import ConfigError

    try:
        yield
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(Exit.CONFIG)


def _say(found: dict[str, Any], text: str, *, as_json: bool) -> None:
    click.echo(json.dumps(found) if as_json else text)


def _hint(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = get_close_matches(name, names, 1)
    return f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(names) or 'none'}."
