"""Customers in a CSV file: one line each, by address or by the helpdesk's key.

The file is read again when it changes. One with a mistake leaves in force what was read
before it; ``check`` tells of it, and of the line.
"""

from __future__ import annotations

import csv
import os
import threading
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from adapters.base import Directory
from adapters.directory.words import NAME, TAKEN, YES, folded, says_yes, text
from connector.errors import VendorUnavailable
from connector.models import DirectoryEntry, Finding, Level

#: What is tried between columns; the one that the first line has most of counts.
SEPARATORS = ",;\t"

Table = dict[str, DirectoryEntry]


class TableConfig(BaseModel):
    """Settings of a table of customers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path = Field(description="The file. Its first line names the columns.")
    key: str = Field("email", description="The column with the address, or SOURCE:ID.")
    vip: str = Field("vip", description="The column that says who is a VIP, if any.")
    vip_values: Annotated[tuple[str, ...], AfterValidator(folded)] = Field(
        YES, description="What says yes there."
    )


class Broken(ValueError):
    """The file cannot be used; says in which line."""


class TableDirectory(Directory):
    """Looks people up in the table as it was last read."""

    keep = None
    keep_unknown = None

    def __init__(self, name: str, config: TableConfig) -> None:
        self.name = name
        self._config = config
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._table: Table | None = None
        self._trouble = ""

    def look_up(self, key: str) -> DirectoryEntry | None:
        table, trouble = self._renewed()
        if table is None:
            raise VendorUnavailable(f"{self.name} cannot be used: {trouble}")
        return table.get(key.casefold())

    def check(self, now: datetime) -> list[Finding]:
        table, trouble = self._renewed()
        if not trouble:
            said = f"knows {len(table or ())} customers"
            return [Finding(Level.OK, self.name, said)]
        force = (
            "nobody is looked up" if table is None else "what was before is in force"
        )
        said = f"{self._config.path.name} cannot be used: {trouble}; {force}"
        return [Finding(Level.PROBLEM, self.name, said, "correct the file and save it")]

    def close(self) -> None:
        """Nothing is kept open."""

    def _renewed(self) -> tuple[Table | None, str]:
        with self._lock:
            try:
                found = os.stat(self._config.path)
                stamp = found.st_mtime_ns, found.st_size
                if stamp != self._stamp:
                    self._table = read(self._config)
                    self._stamp, self._trouble = stamp, ""
            except OSError as err:
                self._stamp, self._trouble = None, f"{type(err).__name__}"
            except (Broken, UnicodeDecodeError, csv.Error) as err:
                self._stamp, self._trouble = stamp, _words(err)
            return self._table, self._trouble


def _words(err: Exception) -> str:
    if isinstance(err, Broken):
        return str(err)
    if isinstance(err, UnicodeDecodeError):
        return "it is not UTF-8"
    return f"it is no CSV ({err})"


def read(config: TableConfig) -> Table:
    """Read the whole table; raises ``Broken`` at the first line that is wrong."""
    with open(config.path, encoding="utf-8-sig", newline="") as file:
        first = file.readline()
        file.seek(0)
        lines = csv.reader(file, delimiter=max(SEPARATORS, key=first.count))
        names = [name.strip().casefold() for name in next(lines, [])]
        _check_names(names, config)
        table: Table = {}
        for line in lines:
            if any(cell.strip() for cell in line):
                _enter(table, names, line, lines.line_num, config)
    return table


def _check_names(names: list[str], config: TableConfig) -> None:
    if config.key.casefold() not in names:
        raise Broken(f"line 1: there is no column {config.key!r}")
    if len(set(names)) < len(names):
        raise Broken("line 1: two columns have the same name")
    own = {config.key.casefold(), config.vip.casefold()}
    for name in names:
        if name not in own and (name in TAKEN or not NAME.fullmatch(name)):
            raise Broken(f"line 1: a column cannot be called {name!r}")


def _enter(
    table: Table, names: list[str], line: list[str], number: int, config: TableConfig
) -> None:
    # The content stays out of what is said: it is somebody's.
    if len(line) != len(names):
        raise Broken(f"line {number}: {len(line)} columns, expected {len(names)}")
    row = dict(zip(names, line, strict=True))
    key = row.pop(config.key.casefold()).strip().casefold()
    if not key:
        raise Broken(f"line {number}: there is no {config.key}")
    if key in table:
        raise Broken(f"line {number}: the same {config.key} stands further up, too")
    vip = says_yes(row.pop(config.vip.casefold(), ""), config.vip_values)
    fields = {name: said for name, cell in row.items() if (said := text(cell))}
    table[key] = DirectoryEntry(vip, fields)
