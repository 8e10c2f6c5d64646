"""Plain values as bytes and back, exactly: to the last digit, and in the same order.

Made for the memory of ``rules.duplicates``, millions of numbers in dictionaries, which
JSON would take ten times as long for; and unlike a pickle, reading one runs nothing.
Only who wrote it can read it: there are no versions in here.
"""

from __future__ import annotations

import json
import zlib
from array import array
from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import accumulate, chain, islice, pairwise
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGEST = sha256().digest_size
_NOTHING, _WHOLE, _REAL, _WORD, _TIME = b"nirst"  # one value
_TUPLE, _QUEUE, _DICT, _OBJECT = b"TQDO"  # values follow
_WHOLES, _REALS, _ROWS, _ORDERS = b"IRWK"  # dictionaries in one go


class Damaged(ValueError):
    """These bytes are not what was packed."""


def pack(value: Any, classes: Sequence[type] = ()) -> bytes:
    """Write a value; of dataclasses only ``classes``, and no other objects."""
    writer = _Writer(classes)
    writer.put(value)
    words = json.dumps(list(writer.words)).encode()
    columns = (writer.kinds, writer.wholes, writer.reals, writer.keys)
    parts = [words, *(bytes(column) for column in columns)]
    lengths = array("q", map(len, parts))
    # Little gets smaller by trying harder: half of it is digits of real numbers.
    body = zlib.compress(b"".join([bytes(lengths), *parts]), level=1)
    return sha256(body).digest() + body


def unpack(packed: bytes, classes: Sequence[type] = ()) -> Any:
    """Read what ``pack`` wrote with the same ``classes``."""
    body = packed[_DIGEST:]
    if sha256(body).digest() != packed[:_DIGEST]:
        raise Damaged("its digest is another")
    whole = memoryview(zlib.decompress(body))
    lengths = array("q")
    lengths.frombytes(whole[: 5 * lengths.itemsize])
    ends = accumulate(lengths, initial=5 * lengths.itemsize)
    return _Reader([whole[a:b] for a, b in pairwise(ends)], classes).get()


class _Words(dict[Hashable, int]):
    """Numbers given out in the order of asking."""

    def __missing__(self, word: Hashable) -> int:
        self[word] = number = len(self)
        return number


class _Writer:
    """Columns that a value is written into: what kinds, and of each kind which."""

    def __init__(self, classes: Sequence[type]) -> None:
        self._classes = {kind: number for number, kind in enumerate(classes)}
        self.words = _Words()
        self.kinds = bytearray()
        self.wholes = array("q")
        self.reals = array("d")
        self.keys = array("I")

    def put(self, value: Any) -> None:
        if value is None:
            self.kinds.append(_NOTHING)
        elif isinstance(value, int):
            self.kinds.append(_WHOLE)
            self.wholes.append(value)
        elif isinstance(value, float):
            self.kinds.append(_REAL)
            self.reals.append(value)
        elif isinstance(value, str):
            self.kinds.append(_WORD)
            self.keys.append(self.words[value])
        elif isinstance(value, datetime):
            self.kinds.append(_TIME)
            self.wholes.append((value - _EPOCH) // timedelta(microseconds=1))
        elif isinstance(value, tuple):
            self._put_all(_TUPLE, len(value), value)
        elif isinstance(value, deque):
            self.wholes.append(value.maxlen or 0)
            self._put_all(_QUEUE, len(value), value)
        elif isinstance(value, dict):
            self._put_dict(value)
        elif is_dataclass(value):
            inner = [getattr(value, field.name) for field in fields(value)]
            self._put_all(_OBJECT, self._classes[type(value)], inner)
        else:
            raise TypeError(f"{type(value).__name__} cannot be packed")

    def _put_all(self, kind: int, number: int, values: Any) -> None:
        self.kinds.append(kind)
        self.wholes.append(number)
        for value in values:
            self.put(value)

    def _put_dict(self, value: dict[Hashable, Any]) -> None:
        self.wholes.append(len(value))
        self.keys.extend(map(self.words.__getitem__, value))
        values = value.values()
        kinds = set(map(type, values))
        if kinds == {int}:
            self.kinds.append(_WHOLES)
            self.wholes.extend(values)
        elif kinds == {float}:
            self.kinds.append(_REALS)
            self.reals.extend(values)
        elif kinds == {tuple} and _kinds_in(values) == {float}:
            self.kinds.append(_ROWS)
            self.wholes.extend(map(len, values))
            self.reals.extend(chain.from_iterable(values))
        elif kinds == {dict} and _kinds_in(v.values() for v in values) <= {type(None)}:
            self.kinds.append(_ORDERS)
            self.wholes.extend(map(len, values))
            self.keys.extend(map(self.words.__getitem__, chain.from_iterable(values)))
        else:
            self.kinds.append(_DICT)
            for inner in values:
                self.put(inner)


def _kinds_in(values: Iterable[Iterable[Any]]) -> set[type]:
    return set(map(type, chain.from_iterable(values)))


class _Reader:
    """Takes from the columns in the order in which they were written."""

    def __init__(self, parts: Sequence[memoryview], classes: Sequence[type]) -> None:
        words, kinds, *columns = parts
        self._classes = classes
        self._kinds = iter(bytes(kinds))
        word = json.loads(bytes(words)).__getitem__
        wholes, reals, keys = columns
        self._wholes: Iterator[int] = iter(wholes.cast("q"))
        self._reals: Iterator[float] = iter(reals.cast("d"))
        self._keys: Iterator[Any] = map(word, keys.cast("I"))

    def get(self) -> Any:
        kind = next(self._kinds)
        if kind == _NOTHING:
            return None
        if kind == _REAL:
            return next(self._reals)
        if kind == _WORD:
            return next(self._keys)
        number = next(self._wholes)
        if kind == _WHOLE:
            return number
        if kind == _TIME:
            return _EPOCH + timedelta(microseconds=number)
        if kind == _TUPLE:
            return tuple(self._some(number))
        if kind == _QUEUE:
            return deque(self._some(next(self._wholes)), maxlen=number or None)
        if kind == _OBJECT:
            made = self._classes[number]
            return made(*self._some(len(fields(made))))
        return self._dict(kind, number)

    def _some(self, count: int) -> list[Any]:
        return [self.get() for _ in range(count)]

    def _dict(self, kind: int, length: int) -> dict[Hashable, Any]:
        keys = list(islice(self._keys, length))
        values: Iterable[Any]
        if kind == _WHOLES:
            values = islice(self._wholes, length)
        elif kind == _REALS:
            values = islice(self._reals, length)
        elif kind == _ROWS:
            widths = list(islice(self._wholes, length))
            values = [tuple(islice(self._reals, width)) for width in widths]
        elif kind == _ORDERS:
            widths = list(islice(self._wholes, length))
            values = [dict.fromkeys(islice(self._keys, width)) for width in widths]
        else:
            values = self._some(length)
        return dict(zip(keys, values, strict=True))
