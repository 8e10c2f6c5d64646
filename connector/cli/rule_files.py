"""Which files of rules a command is about: those it names, or the configuration's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from connector import linting

files_argument = click.argument(
    "files", nargs=-1, type=click.Path(path_type=Path, exists=True), metavar="[FILE]..."
)


def chosen_files(files: Sequence[Path], path: Path) -> linting.Chosen:
    """Read files of rules and words; what is not readable is remarked on."""
    if files:
        return linting.read(files)
    if not path.exists():
        raise click.UsageError(f"{path} is not there; name the files of rules")
    return linting.configured(path)
