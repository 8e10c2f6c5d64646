"""YAML as plain values, and on which line and in which column each of them stands.

Read for people's own files: a key that is given twice is a mistake, and so is whatever
is no plain value. What the values mean is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

Path = tuple[str | int, ...]

#: Nobody writes rules or words by the megabyte; what is longer is the wrong file.
MAX_CHARS = 2_000_000


_HALVES = re.compile("[\ud800-\udfff]")


class Place(NamedTuple):
    """Where something stands, both counted from one."""

    line: int = 1
    column: int = 1


class NotReadable(ValueError):
    """The text is no YAML of plain values; ``place`` is where that shows."""

    def __init__(self, what: str, place: Place) -> None:
        super().__init__(what)
        self.place = place


class Marked(NamedTuple):
    """What a file says. Of a key in a mapping both its own place and its value's."""

    value: Any
    keys: Mapping[Path, Place]
    values: Mapping[Path, Place]

    def place(self, path: Path) -> Place:
        """Return where a value stands, or else the nearest thing around it."""
        return _nearest(self.values, path)

    def key(self, path: Path) -> Place:
        """Return where the key of a value stands; of an entry of a list, the entry."""
        return self.keys.get(path) or self.place(path)


def _nearest(places: Mapping[Path, Place], path: Path) -> Place:
    while path and path not in places:
        path = path[:-1]
    return places.get(path, Place())


def read(text: str, as_words: bool = False) -> Marked:
    """Read a text. Raises ``NotReadable``, without quoting what stands there.

    With ``as_words`` nothing is a number or true: to YAML, no and on are not words.
    """
    if len(text) > MAX_CHARS:
        raise NotReadable(f"longer than {MAX_CHARS} characters", Place())
    try:
        return _read(yaml.BaseLoader if as_words else yaml.SafeLoader, text)
    except NotReadable:
        raise
    except yaml.YAMLError as err:
        raise NotReadable(_said(err), _at(getattr(err, "problem_mark", None))) from None
    except (RecursionError, ValueError, TypeError, OverflowError):
        # What YAML allows and a plain value cannot be.
        what = "nested too deeply, or a date or a number that is none"
        raise NotReadable(what, Place()) from None


def _read(kind: type[yaml.BaseLoader | yaml.SafeLoader], text: str) -> Marked:
    loader = kind(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return Marked(None, {}, {})
        keys: dict[Path, Place] = {}
        values: dict[Path, Place] = {}
        _note((), root, keys, values, set())
        return Marked(loader.construct_document(root), keys, values)
    finally:
        loader.dispose()


def _said(err: yaml.YAMLError) -> str:
    problem = getattr(err, "problem", None)
    return f"not valid YAML: {problem}" if problem else "not valid YAML"


def _at(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1) if mark is not None else Place()


def _note(
    path: Path,
    node: yaml.Node,
    keys: dict[Path, Place],
    values: dict[Path, Place],
    seen: set[int],
) -> None:
    """Take down the places below a node; one that is meant twice only once."""
    values[path] = _at(node.start_mark)
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode) and _HALVES.search(node.value):
        raise NotReadable("half of a character", _at(node.start_mark))
    if isinstance(node, yaml.SequenceNode):
        for index, entry in enumerate(node.value):
            _note((*path, index), entry, keys, values, seen)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise NotReadable("a key that is no word", _at(key.start_mark))
            below = (*path, key.value)
            if below in keys and key.value != "<<":
                what = f"the key {key.value!r} is there twice; put both into one"
                raise NotReadable(what, _at(key.start_mark))
            keys[below] = _at(key.start_mark)
            _note(below, value, keys, values, seen)
