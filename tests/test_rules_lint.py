"""Every mistake in a file of rules is named with its place and what was meant."""

from __future__ import annotations

from collections.abc import Collection
from textwrap import dedent, indent

import pytest

from rules.lint import Tags, lint
from rules.remarks import Remark
from rules.rulefile import RuleFile, parse


def _refused(tags: Collection[str]) -> dict[str, str]:
    return {tag: "cannot be a tag of desk" for tag in tags if "ø" in tag}


TAGS = Tags({"cc-vip"}, _refused)


def look(*texts: str) -> list[str]:
    """Return what is said about files called a.yaml, b.yaml and so on."""
    found: list[RuleFile] = []
    for name, text in zip("abc", texts, strict=False):
        parsed = parse(f"{name}.yaml", text)
        if isinstance(parsed, Remark):
            return [str(parsed)]
        found.append(parsed)
    return [str(remark) for remark in lint(found, TAGS)]


def rules(*when: str, then: str = "add_tag: late", mode: str = "act") -> str:
    """Write a file with a rule of its own for each condition."""
    entries = [
        f"- id: {name}\n  mode: {mode}\n  when: {one}\n  then: [{{{then}{name}}}]\n"
        for name, one in zip(("one", "two", "three"), when, strict=False)
    ]
    return "rules:\n" + indent("".join(entries), "  ")


VIP = "{field: vip, op: equals, value: true}"
FI = "{field: lang, op: equals, value: fi}"
NB = FI.replace("fi}", "nb}")


def test_nothing_is_said_of_sound_rules() -> None:
    assert look(rules(VIP, FI)) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: [", "a.yaml:1:9: error: not valid YAML: "),
        ("", "a.yaml:1:1: error: has no list of rules; write 'rules: []'"),
        ("rules: {}\n", "a.yaml:1:8: error: has no list of rules"),
        ("rules: []\nrule: []\n", "a.yaml:2:1: error: 'rule' is no key of this file; "
         "did you mean 'rules'?"),
        ("rules: [x]\n", "a.yaml:1:9: error: rule 1: expected keys"),
        (rules(VIP).replace("when", "wen"), "a.yaml:4:5: error: one: wen: unknown key; "
         "did you mean 'when'?"),
        (rules(VIP).replace("mode: act", "mode: go"), "a.yaml:3:11: error: one: mode: "
         "expected 'observe', 'suggest' or 'act'"),
        (rules("{field: typ, op: equals, value: x}"), "a.yaml:4:19: error: one: field: "
         "'typ' does not exist; did you mean 'types'?"),
        (rules("{field: lang, op: is, value: x}"), "a.yaml:4:29: error: one: op: "
         "'is' does not fit lang (text); did you mean 'equals'?"),
        (rules("{field: score, op: gt, value: '1'}"), "a.yaml:4:41: error: one: value: "
         "expected a number after gt"),
        (rules("{field: text, op: matches, value: 'a('}"), "a.yaml:4:45: error: one: "
         "value: expected an RE2 pattern (missing ): a()"),
        (rules("{feld: text, op: exists, value: true}"), "a.yaml:4:12: error: one: "
         "feld: unknown key; did you mean 'field'?"),
        (rules("{all: [{field: vip, op: equals, value: 1}]}"), "a.yaml:4:50: error: "
         "one: value: expected true or false"),
        (rules(VIP, then="tag: x"), "a.yaml:5:13: error: one: tag: unknown key; "),
        (rules(VIP, then="add_tag: Two Words "), "a.yaml:5:22: error: one: add_tag: "
         "expected lower-case letters"),
        (rules(VIP, then=f"note: {'x' * 2001}"), "a.yaml:5:19: error: one: note: "
         "expected 1 to 2000 characters"),
        (rules(VIP, FI).replace("id: two", "id: one"), "a.yaml:6:9: error: one: there "
         "is a rule of this id in a.yaml:2; rename one of the two"),
        (rules("{field: types, op: contains, value: deliver}"), "a.yaml:4:47: error: "
         "one: types is never 'deliver'; did you mean 'delivery'?"),
        (rules("{field: lang, op: in, value: [nb, no]}"), "a.yaml:4:40: error: one: "
         "value: YAML reads no, yes, on and off as no words; put quotes around"),
        (rules("{field: lang, op: in, value: [x, nb]}"), "a.yaml:4:41: error: "
         "one: lang is never 'x'"),
        (rules("{field: emotion, op: gt, value: 3}"), "a.yaml:4:43: error: one: "
         "emotion gt 3 can never be true; emotion is one of 0, 1, 2, 3"),
        (rules("{field: score, op: gte, value: 80}"), "a.yaml:4:42: error: one: "
         "score gte 80 can never be true; score goes from 0 to 1"),
        (rules(f"{{all: [{FI}, {NB}]}}"), "a.yaml:4:11: error: one: "
         "can never be true: lang equals fi and lang equals nb; take one out"),
        (rules(f"{{any: [{VIP}, {{all: [{FI}, {{not: {FI}}}]}}]}}"), "a.yaml:4:57: "
         "error: one: can never be true: lang equals fi and not (lang equals fi)"),
        (rules("{field: emotion, op: gte, value: 0}"), "a.yaml:4:11: warning: one: is "
         "true of every ticket; add what tells tickets apart"),
        (rules(VIP, then="add_tag: løs"), "a.yaml:5:22: error: one: 'løsone' cannot be "
         "a tag of desk; take another"),
        (rules(VIP, then="add_tag: cc-vip #").replace("#one}]", "}]"), "a.yaml:5:22: "
         "warning: one: 'cc-vip' is a tag of ours, which comes and goes by itself"),
    ],
)  # fmt: skip
def test_mistake_is_told_with_its_place_and_what_was_meant(
    text: str, said: str
) -> None:
    (found,) = look(text)
    assert found.startswith(said)


def test_every_mistake_of_every_file_is_told_at_once() -> None:
    found = look(
        rules("{field: emotion, op: gt, value: 9}", "{field: lang, op: has, value: x}"),
        rules(VIP).replace("id: one", "id: two"),
        rules(FI).replace("id: one", "id: two"),
    )
    assert [one.split(": ")[0] for one in found] == ["a.yaml:4:43", "a.yaml:8:29",
                                                     "c.yaml:2:9"]  # fmt: skip


def test_rule_with_the_condition_of_an_earlier_one_is_named() -> None:
    other = f"{{not: {{all: [{{not: {VIP}}}]}}}}"  # comes to the same
    for second in (VIP, other):
        (found,) = look(rules(VIP, second))
        assert found.startswith(
            "a.yaml:8:11: warning: two: is true of the same tickets"
        )
        assert "as 'one' (a.yaml:2)" in found


def test_rule_that_adds_nothing_to_a_wider_one_is_named() -> None:
    narrow = f"{{all: [{VIP}, {FI}]}}"
    same = rules(narrow, VIP).replace("latetwo", "late").replace("lateone", "late")
    (found,) = look(same)
    assert found.startswith("a.yaml:4:11: warning: one: does nothing that 'two'")
    assert look(rules(narrow, VIP)) == []


BOTH = f"{{all: [{VIP}, {FI}]}}"
APART = f"{{all: [{FI}, {{not: {VIP}}}]}}"


@pytest.mark.parametrize(
    ("first", "second", "mode", "level"),
    [
        (VIP, BOTH, "act", "error"),  # whoever comes under the second is under both
        (VIP, FI, "act", "warning"),  # some are
        (VIP, BOTH, "observe", "warning"),
        (VIP, APART, "act", ""),
    ],
)
def test_rules_that_route_one_ticket_to_two_places_are_named(
    first: str, second: str, mode: str, level: str
) -> None:
    found = look(rules(first, second, then="route: ", mode=mode))
    said = f"a.yaml:9:12: {level}: two: fights with 'one' (a.yaml:2): 'two' here, 'one'"
    assert [one.startswith(said) for one in found] == ([True] if level else [])


def test_rule_that_fights_itself_or_repeats_itself_is_named() -> None:
    (found,) = look(rules(VIP, then="route: a}, {route: b"))
    assert ": error: one: fights with itself: 'bone' here, 'a' there" in found
    (found,) = look(
        rules(VIP, then="priority: low}, {priority: high #").replace("#one}]", "}]")
    )
    assert ": warning: one: fights with itself: 'high' here, 'low' there" in found
    (found,) = look(rules(VIP, then="add_tag: aone}, {add_tag: a"))
    assert ": warning: one: asks for this twice; take one out" in found


@pytest.mark.parametrize(
    "text",
    [
        "rules: \0",
        "rules: &a [*a]",
        "rules: [{id: 2020-13-45}]",
        "rules: " + "[" * 600 + "]" * 600,
        "rules: [{{a: b}: c}]",
        "rules: !!python/object/apply:os.system [x]",
        "rules: [{id: a, when: &w {all: [*w]}, then: [{add_tag: x}]}]",
        rules("{field: score, op: gt, value: " + "9" * 400 + "}"),
        rules("{field: score, op: gt, value: .nan}"),
        rules("{field: tags, op: in, value: [{a: b}, [c]]}"),
        rules('{field: text, op: matches, value: "\\ud800"}'),
    ],
)
def test_whatever_else_stands_in_a_file_is_a_mistake_and_no_crash(text: str) -> None:
    (found,) = look(text)
    assert ": error: " in found


def test_rules_of_a_long_list_are_compared_in_a_moment() -> None:
    entries = [
        {"id": f"r{n}", "when": {"all": [
            {"field": "types", "op": "contains", "value": "delivery"},
            {"field": "text", "op": "contains", "value": f"word{n}"},
        ]}, "then": [{"add_tag": f"t{n}"}]}
        for n in range(60)
    ]  # fmt: skip
    assert look(dedent(f"rules: {entries!r}")) == []
