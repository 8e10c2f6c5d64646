"""Something to put right in a file of an admin's, with its place."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from rules.marked import Place


class Gravity(StrEnum):
    ERROR = "error"  #: the file cannot be used, or something in it can never happen
    WARNING = "warning"  #: it works, but probably not as it was meant


class Remark(NamedTuple):
    """What is wrong, and what to do; ``file`` as it was named."""

    file: str
    place: Place
    gravity: Gravity
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.place.line}:{self.place.column}"
        return f"{where}: {self.gravity}: {self.said}"

    @property
    def said(self) -> str:
        return f"{self.what}; {self.remedy}" if self.remedy else self.what

    def as_dict(self) -> dict[str, str | int]:
        line, column = self.place
        return {
            "file": self.file,
            "line": line,
            "column": column,
            "level": str(self.gravity),
            "what": self.what,
            "remedy": self.remedy,
        }
