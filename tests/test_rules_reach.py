"""Which conditions can never be true; those that can be are never called impossible."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from rules.conditions import FIELDS, FieldType, holds
from rules.domains import CLOSED, LANGUAGES, choices
from rules.pack import load_packs
from rules.reach import clash, holds_always, is_impossible
from rules.schema import Condition


def one(field: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


def condition(data: Any) -> Condition:
    return Condition.model_validate(data)


@pytest.mark.parametrize(
    "parts",
    [
        [one("types", "contains", "deliveries")],
        [one("types", "in", ["late", "lost"])],
        [one("types", "matches", "^late$")],
        [one("urgency", "equals", "urgent")],
        [one("lang", "equals", "no")],
        [one("emotion", "gt", 3)],
        [one("score", "gte", 1.5)],
        [one("messages", "lt", 0)],
        [one("created.hour", "gte", 24)],
        [one("emotion", "gte", 3), one("emotion", "lt", 2)],
        [one("messages", "gt", 2), one("messages", "lte", 2)],
        [one("lang", "equals", "nb"), one("lang", "equals", "fi")],
        [one("subject", "equals", "Hi"), one("subject", "equals", "Bye")],
        [one("subject", "equals", "Hi"), one("subject", "matches", "bye")],
        [one("vip", "equals", True), one("vip", "equals", False)],
        [one("vip", "equals", True), {"not": one("vip", "equals", True)}],
        [one("tags", "contains", "a"), {"not": one("tags", "in", ["A", "b"])}],
        [one("tags", "contains", "a"), one("tags", "exists", False)],
        [one("text", "contains", "late box"), {"not": one("text", "contains", "LATE")}],
        [one("text", "matches", "a+"), {"not": one("text", "matches", "a+")}],
        [one("fields.7", "exists", False), one("fields.7", "equals", "x")],
        [one("fields.7", "gt", 5), one("fields.7", "lt", 4)],
        [one("complaint", "equals", False), one("types", "contains", "delivery")],
        [one("auto_reply", "equals", True), one("personas", "exists", True)],
        [one("band", "equals", "high"), one("score", "lt", 0.5)],
        [one("vip", "equals", False), one("vip.source", "contains", "domain")],
        [{"any": [one("lang", "equals", "nb"), one("lang", "equals", "nn")]},
         {"not": one("lang", "in", ["nb", "nn"])}],
    ],
)  # fmt: skip
def test_what_excludes_itself_is_found(parts: list[Any]) -> None:
    assert is_impossible(condition({"all": parts}))
    assert clash(condition({"all": parts}))
    # Joined in any other way it is possible, or at least its opposite is.
    assert not is_impossible(condition({"not": {"all": parts}}))


@pytest.mark.parametrize(
    "parts",
    [
        [one("types", "contains", "delivery"), one("types", "contains", "other")],
        [one("tags", "contains", "a"), one("tags", "contains", "b")],
        [one("tags", "contains", "a"), {"not": one("tags", "contains", "b")}],
        [one("tags", "matches", "a"), {"not": one("tags", "matches", "b")}],
        [one("lang", "exists", False), one("complaint", "equals", False)],
        [one("emotion", "gt", 1), one("emotion", "lt", 3)],
        [one("score", "gt", 0.5), one("score", "lt", 0.6)],
        [one("messages", "gt", 2), one("messages", "lt", 4)],
        [one("problem.customers", "gte", 5), one("problem.state", "equals", "filed")],
        [{"not": one("problem.state", "in", ["filed", "fixed"])}],
        [one("text", "contains", "late"), {"not": one("text", "contains", "late box")}],
        [one("text", "matches", "a"), one("text", "contains", "b")],
        [one("fields.7", "gt", 5), one("fields.7", "lt", 7)],
        [one("fields.7", "equals", "Blue"), one("fields.7", "contains", "lu")],
        [one("fields.7", "gt", 5), one("fields.7", "contains", "1")],
        [one("complaint", "equals", False), {"not": one("types", "contains", "other")}],
        [one("subject", "exists", True), {"not": one("subject", "equals", "Hi")}],
        [one("vip.source", "contains", "domain")],
    ],
)  # fmt: skip
def test_what_can_be_is_not_called_impossible(parts: list[Any]) -> None:
    assert not is_impossible(condition({"all": parts}))
    assert clash(condition({"all": parts})) == []


SMALL = [
    one(field, op, value)
    for field, ops in {
        "emotion": [("gt", 1), ("lte", 1), ("equals", 3), ("in", [0, 2])],
        "urgency": [("equals", "high"), ("in", ["low", "high"]), ("exists", True)],
        "vip": [("equals", True), ("equals", False)],
    }.items()
    for op, value in ops
]


@pytest.mark.parametrize("first", SMALL)
def test_every_pair_agrees_with_trying_all_tickets(first: dict[str, Any]) -> None:
    tickets = [
        dict(zip(("emotion", "urgency", "vip"), values, strict=True))
        for values in product(*map(choices, ("emotion", "urgency", "vip")))
    ]
    for second, denied in product(SMALL, (False, True)):
        parts = [first, {"not": second} if denied else second]
        possible = any(
            holds(*first.values(), facts)
            and holds(*second.values(), facts) is not denied
            for facts in tickets
        )
        assert is_impossible(condition({"all": parts})) is not possible


def test_condition_that_is_true_of_everything_is_found() -> None:
    assert holds_always(condition(one("emotion", "gte", 0)))
    assert holds_always(condition({"not": one("types", "contains", "nothing")}))
    assert holds_always(
        condition({"any": [one("vip", "equals", True), one("vip", "equals", False)]})
    )
    assert not holds_always(condition(one("emotion", "gte", 1)))
    assert not holds_always(condition(one("problem.customers", "gte", 1)))


def test_condition_with_too_many_cases_is_left_alone() -> None:
    many = [
        {"any": [one("text", "contains", f"{n}{m}") for m in range(9)]}
        for n in range(9)
    ]
    parts = [*many, one("vip", "equals", True), one("vip", "equals", False)]
    assert not is_impossible(condition({"all": parts}))


def test_closed_fields_hold_values_of_their_kind() -> None:
    for field, values in CLOSED.items():
        numbers = [isinstance(value, int) for value in values]
        assert all(numbers) is (FIELDS[field] is FieldType.NUMBER)
    assert set(LANGUAGES) == set(load_packs().by_language)
