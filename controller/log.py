"""Logs: structlog, configured once; JSON lines for a journal, readable lines on a terminal."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog


class _Threshold:
    """What is less than this is not said; it may change while the process runs."""

    level = logging.INFO


def set_level(level: str) -> None:
    """From the next line on."""
    _Threshold.level = logging.getLevelNamesMapping()[level.upper()]


def configure(*, level: str = "info", json_lines: bool | None = None) -> None:
    """Set up logging for the process; `json_lines` None decides by whether stderr is a terminal."""
    as_json = not sys.stderr.isatty() if json_lines is None else json_lines
    set_level(level)
    number = logging.getLevelNamesMapping()[level.upper()]
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    shared: list[Any] = [structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, stamp]
    render = structlog.processors.JSONRenderer(ensure_ascii=False) if as_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[_quiet, *shared, structlog.processors.format_exc_info, render],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=render, foreign_pre_chain=shared))
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)


def _quiet(_: Any, method: str, event: Any) -> Any:
    if logging.getLevelNamesMapping().get(method.upper(), logging.CRITICAL) < _Threshold.level:
        raise structlog.DropEvent
    return event


def logger() -> Any:
    """The project's logger; bind `pole`, `slot`, `module`."""
    return structlog.get_logger()
