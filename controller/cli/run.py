"""`pole run`: the daemon."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from controller.app import App


@click.command()
@click.option("--config", "path", type=click.Path(path_type=Path), default="/etc/pole/pole.toml", show_default=True)
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info")
@click.option("--json", "as_json", is_flag=True, help="log as JSON lines, also on a terminal")
def command(path: Path, log_level: str, *, as_json: bool) -> None:
    """Run the pole until it is told to stop (SIGTERM, Ctrl-C).

    Example: pole run --config deploy/pole.toml
    """
    from controller import log
    from controller.app import App
    from controller.config_file import load, load_site, site_text

    config = load(path)
    site, text = load_site(config, path.parent), site_text(config, path.parent)
    log.configure(level=log_level, json_lines=True if as_json else None)
    logger = log.logger().bind(pole=config.pole.name)
    gc.collect()
    gc.freeze()  # what was imported stays: full collections need not walk it, a pause of many ms each
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(
            _until_told(App(config, site, path.parent / config.pole.state_dir, logger, text, partial(load, path)))
        )


async def _until_told(app: App) -> None:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await app.run()
