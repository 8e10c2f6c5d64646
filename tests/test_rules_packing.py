"""Values as bytes and back: nothing is lost, and nothing but values comes in."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.packing import Damaged, pack, unpack


@dataclass(slots=True)
class Point:
    x: float
    seen: dict[str, int]


REALS = st.floats(allow_nan=False)
KEYS = st.text() | st.integers(0, 2**32)
PLAIN = (
    st.none()
    | st.integers(-(2**62), 2**62)
    | REALS
    | st.text()
    | st.datetimes(timezones=st.just(UTC)).map(lambda at: at.replace(fold=0))
)
TABLES = (
    st.dictionaries(KEYS, REALS)
    | st.dictionaries(KEYS, st.integers(0, 2**40))
    | st.dictionaries(KEYS, st.tuples(REALS, REALS))
    | st.dictionaries(KEYS, st.lists(REALS).map(tuple))
    | st.dictionaries(KEYS, st.lists(KEYS).map(dict.fromkeys))
    | st.builds(Point, REALS, st.dictionaries(st.text(), st.integers(0, 9)))
    | st.builds(deque, st.lists(REALS, max_size=3), st.just(5))
)
VALUES = st.recursive(
    PLAIN | TABLES,
    lambda inner: st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner),
)


def in_order(value: Any) -> str:
    """Spell a value: unlike ``==`` that tells 1 from 1.0 and one order from another."""
    return repr(value)


@given(VALUES)
def test_what_is_packed_comes_back_exactly(value: Any) -> None:
    assert in_order(unpack(pack(value, (Point,)), (Point,))) == in_order(value)


@given(VALUES)
def test_equal_values_give_equal_bytes(value: Any) -> None:
    packed = pack(value, (Point,))
    assert pack(unpack(packed, (Point,)), (Point,)) == packed


@pytest.mark.parametrize(
    "value", [b"bytes", {1, 2}, object(), {"a": [1]}, (datetime,), Point(1.0, {})]
)
def test_what_is_not_plain_is_refused(value: object) -> None:
    with pytest.raises((TypeError, KeyError)):
        pack(value)


@pytest.mark.parametrize("position", [0, 31, 32, 40, -1])
def test_bytes_that_were_changed_are_not_read(position: int) -> None:
    packed = bytearray(pack({"a": 1.0}))
    packed[position] ^= 1
    with pytest.raises(Damaged):
        unpack(bytes(packed))


@pytest.mark.parametrize("length", [0, 5, 32, 40])
def test_a_part_of_the_bytes_is_not_read(length: int) -> None:
    with pytest.raises(Damaged):
        unpack(pack({"a": 1.0})[:length])
