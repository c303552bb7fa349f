"""The `pole` command: a table of subcommands, each imported only when it is called."""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches
from importlib import import_module
from typing import Final

import click

from controller.cli.exits import Exit
from interfaces.errors import ConfigError, PoleError

# name: (module of controller.cli, what it does)
COMMANDS: Final = {
    "ask": ("ask", "Ask a pole over its broker: status, self-test, identify, reload, log level, uplink."),
    "demo": ("demo", "A whole pole on this machine: broker, road, modules, daemon."),
    "check-config": ("check_config", "Check a pole.toml and say everything that is wrong with it."),
    "conform": ("conform", "Check a module against PMI, as its vendor does."),
    "evaluate": ("evaluate", "Measure the pole on roads whose truth is known: tracking, hazards, near misses."),
    "export": ("export", "Print what a pole tells other systems, from its live state."),
    "replay": ("replay", "Run a recording or a detection log through the pole, offline and repeatable."),
    "run": ("run", "Run the pole: modules on their wires in, publications out."),
    "sim": ("sim", "Plug simulated modules into ports of this machine."),
    "site": ("site", "Check and draw the site map."),
    "status": ("status", "Ask a broker how its poles are."),
    "trust": ("trust", "Say which vendors and modules this pole trusts (level L3)."),
    "watch": ("watch", "Show what poles publish, as it happens."),
}


# The pole's matrices are small: threads that wait for more of them cost a fifth of a core and gain nothing. numpy reads
# this when it is imported, which no module does before a command asks for it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


class LazyGroup(click.Group):
    """Knows its subcommands by name and imports only the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """Names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- as above
        """The subcommand, imported now."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"controller.cli.{COMMANDS[cmd_name][0]}").command
        command.name = cmd_name
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click, with the nearest name in the refusal."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = get_close_matches(args[0], COMMANDS, 1)
            hint = f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(COMMANDS)}."
            raise click.UsageError(f"No such command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- as above
        """The table, without importing a subcommand."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


_EXITS: Final = "Exit codes: " + ", ".join(f"{code.value} {code.name.lower()}" for code in Exit)


@click.group(cls=LazyGroup, epilog=_EXITS)
@click.version_option(package_name="smartpole", prog_name="pole")
def pole() -> None:
    """smartpole: the controller of a roadside multi-function pole (多機能基盤).

    What it publishes is reference information (参考情報) for vehicles, never a command.

    Example: pole check-config deploy/pole.toml
    """


def main() -> None:
    """Entry point of the console command: errors of ours are one readable text, never a traceback."""
    try:
        pole(standalone_mode=True)
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(Exit.CONFIG)
    except PoleError as error:
        click.echo(str(error), err=True)
        sys.exit(Exit.UNREACHABLE)
