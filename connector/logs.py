"""Logging: one JSON object a line on standard error, or plain lines for a terminal."""

from __future__ import annotations

import logging
import sys

import structlog


def configure(level: str = "info", plain: bool = False) -> None:
    """Set up structlog for this process. Chatty libraries are kept to warnings."""
    number = logging.getLevelNamesMapping()[level.upper()]
    for name in ("alembic", "apscheduler", "jira", "urllib3", "granian"):
        logging.getLogger(name).setLevel(logging.WARNING)
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=False)
        if plain
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.dict_tracebacks
            if not plain
            else structlog.processors.StackInfoRenderer(),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
