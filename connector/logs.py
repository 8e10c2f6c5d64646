"""Logging: one JSON object a line on standard error, or plain lines for a terminal.

Neither secrets nor customers' words may get here. So an exception is logged by its type
and the places it passed, without its message and without any variable's value.
"""

from __future__ import annotations

import logging
import sys
import traceback
from types import TracebackType
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger


def bare_exception(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Replace ``exc_info`` by the type of the error and the places it passed."""
    info: Any = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    if isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if isinstance(info, tuple) and info[0] is not None:
        event["exception"] = info[0].__name__
        event["at"] = _places(info[2])
    return event


def _places(trace: TracebackType | None) -> list[str]:
    return [
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(trace)[-8:]
    ]


def configure(level: str = "info", plain: bool = False) -> None:
    """Set up structlog for this process. Chatty libraries are kept to warnings."""
    number = logging.getLevelNamesMapping()[level.upper()]
    for name in ("alembic", "apscheduler", "jira", "urllib3", "granian"):
        logging.getLogger(name).setLevel(logging.WARNING)
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=False)
        if plain
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            bare_exception,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
