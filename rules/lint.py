"""What is wrong with rules that can be used: what they can never do, and what twice.

Each remark names the place, what is wrong there, and what was probably meant. What
keeps a file from being used is found in ``rulefile``, rules against each other in
``fights``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from connector.mistakes import meant
from rules.conditions import FieldType, holds, type_of
from rules.domains import RANGES, Literal, choices
from rules.engine import describe
from rules.fights import fights
from rules.marked import Path
from rules.reach import clash, holds_always, is_impossible
from rules.remarks import Gravity, Remark
from rules.rulefile import Entry, RuleFile, Trial, check, check_tests, repeated
from rules.schema import Condition


class Tags(NamedTuple):
    """What is known of tags: ``refused`` says which are not taken, and by whom."""

    ours: Collection[str]
    refused: Callable[[Collection[str]], Mapping[str, str]]
    gravity: Gravity = Gravity.ERROR


def lint(files: Sequence[RuleFile], tags: Tags) -> list[Remark]:
    """Look through all files as one set of rules."""
    entries: list[Entry] = []
    cases: list[Trial] = []
    found: list[Remark] = []
    for file in files:
        more, remarks = check(file)
        tests, wrong = check_tests(file)
        entries += more
        cases += tests
        found += [*remarks, *wrong]
    found += repeated(entries)
    for entry in entries:
        found += _unreachable(entry, entry.rule.when, ("when",))
        if holds_always(entry.rule.when):
            what, remedy = "is true of every ticket", "add what tells tickets apart"
            found.append(entry.remark(("when",), what, remedy, Gravity.WARNING))
    found += _tags(entries, tags)
    found += _strangers(cases, [entry.rule.id for entry in entries])
    found += fights([one for one in entries if not is_impossible(one.rule.when)])
    order = {file.name: number for number, file in enumerate(files)}
    return sorted(found, key=lambda one: (order[one.file], one.place))


def _unreachable(entry: Entry, condition: Condition, path: Path) -> Iterator[Remark]:
    """Find the smallest parts of a condition that can never be true."""
    if condition.field is not None:
        yield from _value(entry, condition, path)
        return
    below = list(_below(entry, condition, path))
    yield from below
    if not below and is_impossible(condition):
        said = " and ".join(_in_words(one) for one in clash(condition))
        remedy = "take one out, or put them below 'any'"
        yield entry.remark(path, f"can never be true: {said}", remedy)


def _below(entry: Entry, condition: Condition, path: Path) -> Iterator[Remark]:
    for key, parts in (("all", condition.all), ("any", condition.any)):
        for index, one in enumerate(parts or ()):
            yield from _unreachable(entry, one, (*path, key, index))
    if condition.not_ is not None and condition.not_.field is not None:
        yield from _value(entry, condition.not_, (*path, "not"))
    elif condition.not_ is not None:
        # Where something is excluded, it may well be that it can never be.
        yield from _below(entry, condition.not_, (*path, "not"))


def _value(entry: Entry, condition: Condition, path: Path) -> Iterator[Remark]:
    """Find a comparison with what the field never holds."""
    field, op, value = condition.field or "", condition.op or "", condition.value
    known = choices(field)
    if known and type_of(field) is not FieldType.FLAG and op in _NAMING:
        for index, one in enumerate(value if isinstance(value, list) else [value]):
            if not any(_is_so(field, op, one, each) for each in known):
                words = [str(each) for each in known if each != ""]
                remedy = meant(str(one), words) or f"use one of {', '.join(words)}"
                what = f"{field} is never {one!r}"
                yield entry.remark((*path, "value", index), what, remedy)
    elif is_impossible(condition):
        what = f"{describe(condition)} can never be true"
        yield entry.remark((*path, "value"), what, _limits(field))


_NAMING = ("equals", "contains", "in")


def _is_so(field: str, op: str, value: Any, found: Any) -> bool:
    is_list = type_of(field) is FieldType.LIST
    facts = {field: [found] if is_list else found}
    return holds(field, op, [value] if op == "in" else value, facts)


def _limits(field: str) -> str:
    known = choices(field)
    if known:
        return f"{field} is one of {', '.join(map(str, known))}"
    low, high = RANGES.get(field, (None, None))
    return f"{field} goes from {low:g}" + (f" to {high:g}" if high is not None else "")


def _in_words(literal: Literal) -> str:
    condition = Condition(field=literal.field, op=literal.op, value=literal.value)
    return describe(condition) if literal.holds else f"not ({describe(condition)})"


def _strangers(tests: Sequence[Trial], known: Sequence[str]) -> Iterator[Remark]:
    """Find tests that expect something of rules that are not there."""
    for test in tests:
        named = test.case.expect.get("rules", [])
        for index, name in enumerate([named] if isinstance(named, str) else named):
            if name not in known:
                place = test.file.marked.place((*test.path, "expect", "rules", index))
                what = f"{test.case.name}: there is no rule {name!r}"
                remedy = meant(name, known) or "correct it, or take it out"
                yield test.file.remark(place, what, remedy)


def _tags(entries: Sequence[Entry], tags: Tags) -> Iterator[Remark]:
    """Find tags that a helpdesk would refuse, and those that are ours."""
    asked = [
        (entry, ("then", index, "add_tag"), action.value)
        for entry in entries
        for index, action in enumerate(entry.rule.then)
        if action.kind == "add_tag"
    ]
    refused = tags.refused({tag for *_, tag in asked})
    for entry, path, tag in asked:
        if tag in refused:
            remedy = "take another; a-z, 0-9, _ and - suit all helpdesks"
            what = f"{tag!r} {refused[tag]}"
            yield entry.remark(path, what, remedy, tags.gravity)
        if tag in tags.ours:
            what = f"{tag!r} is a tag of ours, which comes and goes by itself"
            remedy = "take another"
            yield entry.remark(path, what, remedy, Gravity.WARNING)
