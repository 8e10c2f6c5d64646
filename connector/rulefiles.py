"""Files of rules that lie beside the configuration: one, or a folder of them.

Finding and reading them, and telling whether they changed. What is in force is
``connector.rulebook``'s part, what a rule may say ``rules.schema``'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from connector.errors import ConfigError
from rules.marked import Marked, NotReadable, read
from rules.schema import RuleSet, read_rules

#: What may stand at the top of a file. ``tests`` are for ``rules test`` alone.
KEYS = ("rules", "tests")

#: Whether a file changed: when its content and its entry did, its size, which file.
Stamp = tuple[tuple[str, int, int, int, int], ...]


def files(place: Path) -> list[Path]:
    """Return the files at a place, in the order their rules count."""
    return sorted(place.glob("*.yaml")) if place.is_dir() else [place]


def stamp(place: Path) -> Stamp:
    """Return what is another one as soon as a file there is."""
    return tuple(_stamps(place))


def _stamps(place: Path) -> Iterator[tuple[str, int, int, int, int]]:
    for file in files(place):
        try:
            seen = file.stat()
        except OSError:
            continue  # it goes missing at this moment, which is a change as well
        yield (
            str(file),
            seen.st_mtime_ns,
            seen.st_ctime_ns,
            seen.st_size,
            seen.st_ino,
        )


def read_text(file: Path) -> str:
    """Return the text of a file. Raises ``ConfigError``."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as err:
        raise ConfigError(str(file), ["is not there; make it, or correct it"]) from err
    except UnicodeDecodeError as err:
        raise ConfigError(str(file), ["is not UTF-8 text; save it as UTF-8"]) from err
    except OSError as err:
        why = f"cannot be read ({err.strerror}); correct the path or its rights"
        raise ConfigError(str(file), [why]) from err


def read_set(place: Path) -> RuleSet:
    """Read all rules at a place. Raises ``ConfigError`` with every mistake."""
    found = files(place)
    if not found:
        raise ConfigError(str(place), ["holds no file that ends in .yaml"])
    rules: list[Any] = []
    mistakes: list[str] = []
    for file in found:
        try:
            given = _rules_of(file)
            read_rules(given)
            rules += given
        except ConfigError as err:
            mistakes += [f"{file.name}: {problem}" for problem in err.problems]
    if mistakes:
        raise ConfigError(str(place), mistakes)
    return read_rules(rules, str(place))


def _rules_of(file: Path) -> list[Any]:
    marked = _marked(file)
    given = marked.value
    if isinstance(given, dict):
        strange = [key for key in given if key not in KEYS]
        if strange:
            line = marked.key((str(strange[0]),)).line
            known = " and ".join(f"'{key}:'" for key in KEYS)
            what = f"line {line}: {strange[0]!r} is no key of this file; it has {known}"
            raise ConfigError(str(file), [what])
        given = given.get("rules")
    if not isinstance(given, list):
        # Half a file, as it stands for a moment while it is saved, is no wish to have
        # no rules any more.
        what = "has no list of rules; write 'rules: []' if there are to be none"
        raise ConfigError(str(file), [what])
    return given


def _marked(file: Path) -> Marked:
    try:
        return read(read_text(file))
    except NotReadable as err:
        raise ConfigError(str(file), [f"line {err.place.line}: {err}"]) from None
