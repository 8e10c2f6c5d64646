"""Notices in files: one for each day, and what is sent along beside them."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from adapters.base import Channel
from adapters.notify.words import one_line, text
from connector.errors import VendorRefused, VendorUnreachable
from connector.models import Finding, Level, Notice


class FileConfig(BaseModel):
    """Settings of a folder that notices are written to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path = Field(description="Where the files are; it is made if missing.")


class FileChannel(Channel):
    """Adds each notice to the file of its day, once."""

    def __init__(self, name: str, config: FileConfig) -> None:
        self.name = name
        self._folder = config.folder

    def notify(self, notice: Notice) -> None:
        file = self._folder / f"{notice.at:%Y-%m-%d}.txt"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for name, content in notice.files.items():
                _replace(self._folder / Path(name).name, content)
            before = file.read_text(encoding="utf-8") if file.exists() else ""
            heading = f"[{notice.mark}]"
            if heading not in before:
                said = f"{notice.at:%H:%M} {one_line(notice.subject)} {heading}"
                _replace(file, f"{before}{said}\n{text(notice)}\n\n")
        except UnicodeDecodeError as err:
            raise VendorRefused(f"{file.name} is no text of ours") from err
        except OSError as err:
            raise VendorUnreachable(_cannot(err)) from err

    def check(self, now: datetime) -> list[Finding]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            may_write = os.access(self._folder, os.W_OK | os.X_OK)
        except OSError:
            may_write = False
        if may_write:
            return [Finding(Level.OK, self.name, "the folder can be written to")]
        return [
            Finding(
                Level.PROBLEM,
                self.name,
                "the folder cannot be written to",
                f"let the connector's user write to {self._folder}",
            )
        ]

    def close(self) -> None:
        """Nothing is kept open."""


def _replace(file: Path, content: str) -> None:
    """Write a file so that nobody ever sees half of it, for its own user alone."""
    new = file.with_name(f".{file.name}.new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(handle, "w", encoding="utf-8", newline="") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    os.replace(new, file)


def _cannot(err: OSError) -> str:
    return f"the folder cannot be written to ({type(err).__name__})"
