"""Admin rules match what they say, explain it, and bad ones are told precisely."""

from __future__ import annotations

from typing import Any

import pytest

from connector.errors import ConfigError
from connector.models import Mode
from rules.conditions import ALL_OPERATIONS, FIELDS
from rules.engine import evaluate
from rules.schema import read_rules

FACTS: dict[str, Any] = {
    "subject": "Where is my Parcel?",
    "text": "It was due on Monday, order A-12.",
    "lang": "en",
    "complaint": True,
    "types": ("delivery", "customer_service"),
    "score": 0.83,
    "emotion": 2,
    "band": "high",
    "sentiment": "negative",
    "urgency": "high",
    "origin": "carrier",
    "praise": False,
    "auto_reply": False,
    "personas": ("frequent",),
    "vip": False,
    "vip.source": "",
    "problem.state": "filed",
    "problem.customers": 7,
    "tags": frozenset({"gold", "B2B"}),
    "channel": "email",
    "customer.email": "ann@shop.example",
    "customer.domain": "shop.example",
    "customer.organization": "Shop Ltd",
    "source": "support",
    "status": "open",
    "messages": 2,
    "rating": "bad",
    "imported": False,
    "created.weekday": "mon",
    "created.hour": 17,
    "fields.42": "Blue",
    "fields.weight": "12,5",
}


def rule(when: object, **more: object) -> dict[str, object]:
    return {"id": "one", "when": when, "then": [{"add_tag": "found"}]} | more


def check(field: str, op: str, value: object) -> dict[str, object]:
    return {"field": field, "op": op, "value": value}


@pytest.mark.parametrize(
    ("field", "op", "value", "expected"),
    [
        ("subject", "contains", "parcel", True),
        ("subject", "contains", "letter", False),
        ("subject", "equals", "where is my parcel?", True),
        ("subject", "equals", "parcel", False),
        ("text", "matches", r"order\s+a-\d+", True),
        ("text", "matches", r"^order", False),
        ("lang", "in", ["nb", "en"], True),
        ("lang", "in", ["nb", "fi"], False),
        ("complaint", "equals", True, True),
        ("complaint", "equals", False, False),
        ("types", "contains", "delivery", True),
        ("types", "contains", "deliver", False),
        ("types", "in", ["other", "customer_service"], True),
        ("types", "in", ["other"], False),
        ("score", "gte", 0.83, True),
        ("score", "gt", 0.83, False),
        ("score", "lt", 0.9, True),
        ("emotion", "lte", 1, False),
        ("emotion", "equals", 2, True),
        ("emotion", "in", [2, 3], True),
        ("urgency", "equals", "high", True),
        ("origin", "equals", "carrier", True),
        ("praise", "equals", True, False),
        ("personas", "contains", "frequent", True),
        ("personas", "contains", "quiet", False),
        ("vip", "equals", False, True),
        ("vip", "equals", True, False),
        ("tags", "contains", "b2b", True),
        ("tags", "matches", "^go", True),
        ("channel", "equals", "chat", False),
        ("customer.email", "matches", "@shop\\.example$", True),
        ("customer.domain", "in", ["shop.example"], True),
        ("customer.organization", "contains", "shop", True),
        ("source", "equals", "support", True),
        ("status", "in", ["new", "open"], True),
        ("band", "in", ["high", "medium"], True),
        ("sentiment", "equals", "positive", False),
        ("auto_reply", "equals", False, True),
        ("vip.source", "exists", False, True),
        ("problem.state", "equals", "filed", True),
        ("problem.customers", "gte", 8, False),
        ("messages", "gt", 1, True),
        ("rating", "equals", "bad", True),
        ("imported", "equals", True, False),
        ("created.weekday", "in", ["sat", "sun"], False),
        ("created.hour", "gte", 16, True),
        ("fields.42", "equals", "blue", True),
        ("fields.42", "exists", True, True),
        ("fields.42", "exists", False, False),
        ("fields.43", "exists", False, True),
        ("fields.43", "equals", "blue", False),
        ("fields.weight", "gt", 12, True),
        ("fields.42", "gt", 12, False),
    ],
)
def test_a_condition_is_true_of_what_it_says(
    field: str, op: str, value: object, expected: bool
) -> None:
    rules = read_rules([rule(check(field, op, value))])
    assert bool(evaluate(rules, FACTS)) is expected


def test_the_table_above_names_every_field_and_operation() -> None:
    marks = test_a_condition_is_true_of_what_it_says.pytestmark
    rows = marks[0].args[1]
    assert {row[0] for row in rows} >= set(FIELDS)
    assert {row[1] for row in rows} == set(ALL_OPERATIONS)


YES, NO = check("lang", "equals", "en"), check("lang", "equals", "fi")


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ({"all": [YES, YES]}, "lang equals en and lang equals en"),
        ({"all": [YES, NO]}, None),
        ({"any": [NO, YES]}, "lang equals en"),
        ({"any": [NO, NO]}, None),
        ({"not": NO}, "not (lang equals fi)"),
        ({"not": YES}, None),
        ({"not": {"any": [NO, NO]}}, "not ((lang equals fi) or (lang equals fi))"),
        ({"all": [{"any": [NO, YES]}, {"not": {"all": [YES, NO]}}]}, "lang equals en"),
    ],
)
def test_conditions_are_joined_and_explained(when: object, reason: str | None) -> None:
    matches = evaluate(read_rules([rule(when)]), FACTS)
    if reason is None:
        assert matches == ()
    else:
        assert matches[0].reason.startswith(reason)


def test_a_match_carries_what_to_do_and_under_which_version() -> None:
    rules = read_rules(
        {
            "rules": [
                rule(YES, mode="act", then=[{"add_tag": "a"}, {"note": "Call them."}]),
                rule(NO, id="two"),
                rule(YES, id="three"),
            ]
        }
    )
    first, second = evaluate(rules, FACTS)
    assert (first.rule_id, first.mode) == ("one", Mode.ACT)
    assert [(one.kind, one.value) for one in first.actions] == [
        ("add_tag", "a"),
        ("note", "Call them."),
    ]
    assert first.version == rules.rules[0].version
    assert second.mode is Mode.OBSERVE


def test_the_version_follows_the_content_and_nothing_else() -> None:
    first, same, other = (
        read_rules([one]).rules[0].version
        for one in (
            rule(YES),
            dict(reversed(rule(YES).items())),
            rule(YES, then=[{"add_tag": "else"}]),
        )
    )
    assert first == same
    assert first != other


def test_reasons_never_quote_the_customer() -> None:
    rules = read_rules([rule(check("text", "contains", "due"))])
    assert "Monday" not in evaluate(rules, FACTS)[0].reason


DEEP: dict[str, object] = YES
for _ in range(8):
    DEEP = {"not": DEEP}


@pytest.mark.parametrize(
    ("bad", "parts"),
    [
        (rule(check("colour", "equals", "x")), ["one: when", "'colour'", "use one of"]),
        (
            rule(check("vip", "contains", "x")),
            ["one: when", "op", "use equals, exists"],
        ),
        (rule(check("vip", "equals", "yes")), ["value", "true or false"]),
        (rule(check("score", "gt", "0.5")), ["value", "expected a number"]),
        (rule(check("lang", "in", "en")), ["value", "[one, two]"]),
        (rule(check("lang", "equals", "")), ["value", "exists"]),
        (rule(check("text", "matches", "(?=x)")), ["RE2 pattern", "lookarounds"]),
        (rule(check("text", "exists", 1)), ["value", "true or false"]),
        (rule({"field": "lang", "value": "en"}), ["op: missing"]),
        (rule({"all": [YES], "any": [YES]}), ["exactly one of"]),
        (rule({"all": []}), ["at least one condition"]),
        (rule({"all": [YES, check("x", "equals", "y")]}), ["one: when.all[1]", "'x'"]),
        (rule({}), ["exactly one of"]),
        (rule({"op": "equals", "not": YES}), ["need a 'field'"]),
        (rule(DEEP), ["at most 6 levels"]),
        (rule(YES, then=[]), ["one: then"]),
        (rule(YES, then=[{}]), ["one: then[0]", "exactly one of 'add_tag'"]),
        (rule(YES, then=[{"add_tag": "Two words"}]), ["then[0].add_tag", "lower-case"]),
        (rule(YES, then=[{"note": " "}]), ["then[0].note", "characters"]),
        (rule(YES, then=[{"mail": "x"}]), ["then[0].mail", "unknown key; take it out"]),
        (rule(YES, mode="go"), ["one: mode", "observe"]),
        (rule(YES, id="Ünder score"), ["id", "lower-case letters"]),
        ({"id": "one", "when": YES}, ["one: then: missing; add this key"]),
        ({"when": YES, "then": [{"note": "x"}]}, ["rule 1: id: missing"]),
    ],
)
def test_a_bad_rule_is_told_with_its_id_key_and_remedy(
    bad: object, parts: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        read_rules([bad], "rules.yaml")
    assert caught.value.path == "rules.yaml"
    for part in parts:
        assert part in caught.value.problems[0]


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read_rules([rule(YES, mode="go"), rule(check("x", "equals", "y"), id="two")])
    assert [one.split(":")[0] for one in caught.value.problems] == ["one", "two"]


def test_an_id_is_used_once() -> None:
    with pytest.raises(ConfigError, match="one: id: expected every id once"):
        read_rules([rule(YES), rule(NO)])


def test_no_rules_match_nothing() -> None:
    assert evaluate(read_rules(None), FACTS) == ()


@pytest.mark.parametrize(
    ("then", "words"),
    [
        ({"add_tag": "late"}, "tag late"),
        ({"note": "Call them."}, 'the note "Call them."'),
        ({"priority": "high"}, "priority high"),
        ({"route": 360003}, "move to 360003"),
        ({"clock": {"solution": "36h", "first_answer": "90m"}},
         "deadline first_answer 1h 30m, solution 1d 12h"),
        ({"notify": "lead"}, "tell lead"),
    ],
)  # fmt: skip
def test_what_to_do_is_put_into_words(then: dict[str, object], words: str) -> None:
    (one,) = read_rules([rule(YES, then=[then])]).rules
    assert [action.words for action in one.then] == [words]


@pytest.mark.parametrize(
    ("then", "why"),
    [
        ({"clock": {}}, "clock"),
        ({"clock": {"first_answer": "0h"}}, "expected some time"),
        ({"clock": {"first_answer": 2}}, "expected a duration with its unit"),
        ({"clock": {"First answer": "2h"}}, "clock"),
        ({"notify": ""}, "notify"),
        ({"priority": "high", "route": "Legal"}, "expected exactly one of"),
    ],
)
def test_what_cannot_be_done_is_told(then: dict[str, object], why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_rules([rule(YES, then=[then])])
    assert why in caught.value.problems[0]
