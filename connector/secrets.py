"""The secrets file beside the configuration: ``NAME=value`` lines for its owner alone.

The environment goes first, so a secret from a vault or a service manager needs no file.
Which names are looked up, and where they are used, is the configuration's part.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dotenv import dotenv_values, set_key

FILE = "secrets.env"
HEADER = (
    "# Secrets of config.yaml. Keep this file out of backups that others can read.\n"
)


def beside(config: Path) -> Path:
    """Return where the secrets of a configuration file are."""
    return config.parent / FILE


def read(path: Path) -> dict[str, str]:
    """Return the secrets by their names; none if there is no such file.

    Raises ``OSError`` if it cannot be read.
    """
    if not path.exists():
        return {}
    found = dotenv_values(path, interpolate=False)
    return {name: value for name, value in found.items() if value is not None}


def write(path: Path, values: Mapping[str, str]) -> None:
    """Add or replace secrets; other lines stay. The file is its owner's alone.

    Safe beside another process that does the same.
    """
    path = path.resolve()  # a link stays one
    with _alone(path):
        if not path.exists():
            handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(HEADER)
        path.chmod(0o600)  # before anything secret is in it
        for name, value in values.items():
            set_key(path, name, value, quote_mode="always")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process at a time rewrite the file."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def is_open_to_others(path: Path) -> bool:
    """Tell whether somebody else on this machine may read the file."""
    return path.exists() and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
