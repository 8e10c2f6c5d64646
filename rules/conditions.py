"""One condition of an admin rule: a field, an operation, a value.

Which fields exist and which operations fit them is decided here; how conditions are
joined is in ``schema``, what follows from a match in ``engine``. Patterns are RE2, so
that no rule can hang the connector.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from typing import Any

import re2

from connector.mistakes import meant

MATCHED_CHARS = 20_000


class FieldType(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    FLAG = "true or false"
    LIST = "list"


FIELDS: Mapping[str, FieldType] = {
    "subject": FieldType.TEXT,
    "text": FieldType.TEXT,
    "lang": FieldType.TEXT,
    "complaint": FieldType.FLAG,
    "types": FieldType.LIST,
    "score": FieldType.NUMBER,
    "band": FieldType.TEXT,
    "emotion": FieldType.NUMBER,
    "sentiment": FieldType.TEXT,
    "urgency": FieldType.TEXT,
    "origin": FieldType.TEXT,
    "praise": FieldType.FLAG,
    "auto_reply": FieldType.FLAG,
    "personas": FieldType.LIST,
    "vip": FieldType.FLAG,
    "vip.source": FieldType.TEXT,
    "problem.state": FieldType.TEXT,
    "problem.customers": FieldType.NUMBER,
    "tags": FieldType.LIST,
    "channel": FieldType.TEXT,
    "customer.email": FieldType.TEXT,
    "customer.domain": FieldType.TEXT,
    "customer.organization": FieldType.TEXT,
    "source": FieldType.TEXT,
    "status": FieldType.TEXT,
    "messages": FieldType.NUMBER,
    "rating": FieldType.TEXT,
    "imported": FieldType.FLAG,
    "created.weekday": FieldType.TEXT,
    "created.hour": FieldType.NUMBER,
}
#: How fields begin that others name: directories, helpdesks, admins of these.
OPEN = ("customer.", "fields.")

#: So much alike, "customer.emial" is no field of a directory.
NEARLY = 0.9

OPERATIONS: Mapping[FieldType, tuple[str, ...]] = {
    FieldType.TEXT: ("equals", "contains", "in", "matches", "exists"),
    FieldType.NUMBER: ("equals", "in", "gt", "lt", "gte", "lte", "exists"),
    FieldType.FLAG: ("equals", "exists"),
    FieldType.LIST: ("contains", "in", "matches", "exists"),
}
ALL_OPERATIONS = (
    "equals", "contains", "in", "matches", "gt", "lt", "gte", "lte", "exists"
)  # fmt: skip
#: What other rule languages call our operations.
MEANT = {
    **dict.fromkeys(("is", "eq", "=", "=="), "equals"),
    **dict.fromkeys(("has", "includes", "like"), "contains"),
    **dict.fromkeys(("regex", "regexp", "re", "~"), "matches"),
    **{">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "one_of": "in"},
}
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "gt": lambda left, right: left > right,
    "lt": lambda left, right: left < right,
    "gte": lambda left, right: left >= right,
    "lte": lambda left, right: left <= right,
}


def is_open(field: str) -> bool:
    """Tell whether a field is one that vendors, or directories, give names to."""
    return field not in FIELDS and any(
        field.startswith(one) and field != one for one in OPEN
    )


def type_of(field: str) -> FieldType | None:
    """Return what kind of value a field holds, or None if there is no such field."""
    return FieldType.TEXT if is_open(field) else FIELDS.get(field)


def problem(field: str, op: str, value: object) -> tuple[str, str] | None:
    """Return the wrong key and what was expected instead, or None if all is well."""
    kind = type_of(field)
    # A field of a directory may have any name, and this one is nearly another's.
    if is_open(field) and field.count(".") == 1:
        if likely := get_close_matches(field, FIELDS, 1, NEARLY):
            return "field", f"{field!r} does not exist; did you mean {likely[0]!r}?"
    if kind is None:
        known = f"use one of {', '.join(FIELDS)}, customer.<field>, fields.<id>"
        return "field", f"{field!r} does not exist; {meant(field, FIELDS) or known}"
    # Custom fields arrive as text, whatever the vendor calls them.
    fitting = ALL_OPERATIONS if is_open(field) else OPERATIONS[kind]
    if op not in fitting:
        near = MEANT.get(op.casefold())
        advice = (
            f"did you mean {near!r}?"
            if near in fitting
            else meant(op, fitting) or f"use {', '.join(fitting)}"
        )
        return "op", f"{op!r} does not fit {field} ({kind}); {advice}"
    return _value_problem(kind, op, value)


def _value_problem(kind: FieldType, op: str, value: object) -> tuple[str, str] | None:
    if op == "exists" and not isinstance(value, bool):
        return "value", "expected true or false; write 'value: true'"
    if op in _COMPARE and not is_countable(value):
        return "value", f"expected a number after {op}; write it without quotes"
    if op == "in":
        return _list_problem(kind, value)
    if op == "matches":
        return _pattern_problem(value)
    if op in ("equals", "contains"):
        return _plain_problem(kind, op, value)
    return None


def _list_problem(kind: FieldType, value: object) -> tuple[str, str] | None:
    if not (isinstance(value, list) and value):
        return "value", "expected a list; write 'value: [one, two]'"
    if kind is FieldType.NUMBER and not all(map(is_countable, value)):
        return "value", "expected a list of numbers, without quotes"
    if not all(isinstance(one, (str, int, float)) for one in value):
        return "value", "expected a list of words"
    if kind is not FieldType.NUMBER and any(isinstance(one, bool) for one in value):
        # The country code of Norway is one of them.
        return "value", "YAML reads no, yes, on and off as no words; put quotes around"
    return None


def _plain_problem(kind: FieldType, op: str, value: object) -> tuple[str, str] | None:
    if kind is FieldType.FLAG and not isinstance(value, bool):
        return "value", "expected true or false, without quotes"
    if kind is FieldType.NUMBER and not is_countable(value):
        return "value", "expected a number, without quotes"
    if kind in (FieldType.TEXT, FieldType.LIST) and not isinstance(value, str):
        return "value", f"expected text after {op}; put it into quotes"
    if value == "":
        return "value", "expected some text; to test for anything at all use 'exists'"
    return None


def _pattern_problem(value: object) -> tuple[str, str] | None:
    if not isinstance(value, str) or not value:
        return "value", "expected a pattern in quotes"
    try:
        _compiled(value)
    except re2.error as err:
        detail = err.args[0]
        said = (
            detail.decode("utf-8", "replace") if isinstance(detail, bytes) else detail
        )
        return (
            "value",
            f"expected an RE2 pattern ({said}); lookarounds and back references are "
            "not available",
        )
    return None


def holds(field: str, op: str, value: Any, facts: Mapping[str, Any]) -> bool:
    """Tell whether a checked condition is true of ``facts``; missing is never true."""
    found = facts.get(field)
    if op == "exists":
        there = found is not None and found != "" and found != () and found != []
        return there is bool(value)
    if found is None:
        return False
    if isinstance(found, (list, tuple, set, frozenset)):
        return any(_holds_one(op, value, one, whole=True) for one in found)
    return _holds_one(op, value, found, whole=False)


def _holds_one(op: str, value: Any, found: Any, *, whole: bool) -> bool:
    """Compare one value; in a list ``contains`` means that an entry is equal."""
    if op in _COMPARE:
        number = _number(found)
        return number is not None and _COMPARE[op](number, float(value))
    if op == "in":
        return any(_equal(found, one) for one in value)
    if op == "matches":
        text = str(found)[:MATCHED_CHARS].encode("utf-8", "replace").decode()
        return _compiled(value).search(text) is not None
    if op == "contains" and not whole:
        return str(value).casefold() in str(found).casefold()
    return _equal(found, value)


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if _is_number(left) and _is_number(right):
        return float(left) == float(right)
    return str(left).casefold() == str(right).casefold()


def is_countable(value: object) -> bool:
    """Tell whether something is a number that anything could be compared with."""
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and abs(value) < _UNCOUNTABLE
    )


_UNCOUNTABLE = 1e15  #: YAML knows numbers of any length, and some that are none


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(value: object) -> float | None:
    try:
        return float(str(value).replace(",", "."))
    except ValueError:
        return None


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    return re2.compile(pattern, options)
