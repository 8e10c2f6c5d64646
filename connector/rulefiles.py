"""Files of rules that lie beside the configuration: one, or a folder of them.

Finding and reading them, and telling whether they changed. What is in force is
``connector.rulebook``'s part, what a rule may say ``rules.schema``'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from connector.errors import ConfigError
from rules.remarks import Remark
from rules.rulefile import Entry, check, parse, repeated
from rules.schema import RuleSet

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
    return understood(str(place), {file.name: read_text(file) for file in found})


def understood(place: str, texts: Mapping[str, str]) -> RuleSet:
    """Return the rules of texts, each with its name. Raises ``ConfigError``."""
    entries: list[Entry] = []
    remarks: list[Remark] = []
    for name, text in texts.items():
        parsed = parse(name, text)
        if isinstance(parsed, Remark):
            remarks.append(parsed)
            continue
        more, wrong = check(parsed)
        entries += more
        remarks += wrong
    remarks += repeated(entries)
    if remarks:
        raise ConfigError(place, [str(one) for one in remarks])
    return RuleSet(rules=tuple(entry.rule for entry in entries))
