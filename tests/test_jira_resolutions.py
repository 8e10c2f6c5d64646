"""What a resolution means, by id and by name, and which issue a duplicate is one of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.jira import links, readings
from adapters.jira.resolutions import SPOKEN, judged, meaning_of, spoken
from connector.config_problems import Problems
from connector.models import Meaning

FIXED = Problems().fixed_resolutions

OURS = {
    Meaning.FIXED: ("10004", "Lanseert"),
    Meaning.WONT_DO: ("Done",),
    Meaning.CANNOT_REPRODUCE: ("Ei  löydy",),
}


def named(name: object, number: object = "1") -> dict[str, object]:
    return {"id": number, "name": name}


@pytest.mark.parametrize(
    ("resolution", "meaning"),
    [
        (named("Fixed"), Meaning.FIXED),
        (named("FIXED"), Meaning.FIXED),
        (named("Valmis"), Meaning.FIXED),
        (named("Won't Do"), Meaning.WONT_DO),
        (named("Won’t Fix"), Meaning.WONT_DO),
        (named("Declined"), Meaning.WONT_DO),
        (named("Duplicate"), Meaning.DUPLICATE),
        (named("Cannot Reproduce"), Meaning.CANNOT_REPRODUCE),
        (named("Later"), None),
        (named(None), None),
        (None, None),
        ("Fixed", None),
    ],
)
def test_usual_names_are_understood_without_settings(resolution, meaning):
    assert judged(resolution, {}, FIXED) is meaning
    assert meaning_of(resolution, {}) is None


@pytest.mark.parametrize(
    ("resolution", "word"),
    [
        (named("Korjattu", "10004"), "Fixed"),
        (named("Korjattu", 10004), "Fixed"),
        (named("lanseert"), "Fixed"),
        (named("Done"), "Won't Do"),
        (named("EI LÖYDY"), "Cannot Reproduce"),
        (named("Duplikat"), "Duplikat"),
        (named("Later"), "Later"),
        (None, ""),
        (named(7), ""),
    ],
)
def test_settings_give_one_word_and_leave_other_names_alone(resolution, word):
    assert spoken(resolution, OURS) == word


def test_id_goes_before_the_name():
    swapped = named("Done", "10004")
    assert meaning_of(swapped, OURS) is Meaning.FIXED


@pytest.mark.parametrize(
    ("resolution", "meaning"),
    [
        (named("released"), Meaning.FIXED),
        (named("Won't Do"), Meaning.FIXED),
        (named("Fixed"), None),
        (named("Declined"), Meaning.WONT_DO),
        (named("Korjattu", "10004"), Meaning.FIXED),
        (named("Done"), Meaning.WONT_DO),
    ],
)
def test_settings_go_before_the_names_for_fixed_and_those_before_what_is_usual(
    resolution, meaning
):
    assert judged(resolution, OURS, ["Released", "won't do", "done"]) is meaning


def test_our_words_for_what_is_not_fixed_are_no_names_for_fixed():
    assert SPOKEN[Meaning.FIXED].casefold() in FIXED
    others = {SPOKEN[one].casefold() for one in Meaning if one is not Meaning.FIXED}
    assert not others & set(FIXED)


# -- duplicates

#: As a Data Center describes them; Cloud does it in the same words.
DUPLICATE = {"name": "Duplicate", "inward": "is duplicated by", "outward": "duplicates"}
FINNISH = {"name": "Kopio", "inward": "monistettu", "outward": "on kaksoiskappale"}
RELATES = {"name": "Relates", "inward": "relates to", "outward": "relates to"}
OWN = {"id": "77", "name": "Sama asia", "inward": "sama kuin", "outward": "sama kuin"}


def link(kind: dict[str, str], end: str, number: str, key: str = "") -> dict[str, Any]:
    other = {"id": number, "key": key or f"ABC-{number}", "self": "https://x.invalid"}
    return {"id": "1", "type": {"id": "10002", **kind}, end: other}


@pytest.mark.parametrize(
    ("shown", "configured", "numbers"),
    [
        ([link(DUPLICATE, "outwardIssue", "9")], (), ["9"]),
        ([link(DUPLICATE, "inwardIssue", "9")], (), ["9"]),
        (
            [
                link(DUPLICATE, "inwardIssue", "7"),
                link(RELATES, "outwardIssue", "8"),
                link(DUPLICATE, "outwardIssue", "9"),
            ],
            (),
            ["9", "7"],
        ),
        ([link(FINNISH, "outwardIssue", "9")], (), ["9"]),
        ([link(OWN, "outwardIssue", "9")], (), []),
        ([link(OWN, "outwardIssue", "9")], ("77",), ["9"]),
        ([link(OWN, "outwardIssue", "9")], ("sama ASIA",), ["9"]),
        ([link(DUPLICATE, "outwardIssue", "9")], ("Sama asia",), []),
        # An example of Jira's own description has a number as Java writes it.
        ([link(DUPLICATE, "outwardIssue", "10004L")], (), ["10004"]),
        ([link(DUPLICATE, "outwardIssue", "x"), {"type": DUPLICATE}, None], (), []),
        ([{"type": None, "outwardIssue": {"id": "9", "key": "A-9"}}], (), []),
        ("none", (), []),
        (None, (), []),
    ],
)
def test_original_is_the_other_end_of_a_link_to_a_duplicate(shown, configured, numbers):
    found = links.duplicates(shown, configured)
    assert [other["id"] for other in found] == numbers


def test_issue_tells_of_what_it_duplicates_and_since_when_it_is_done():
    fields = {
        "status": {"statusCategory": {"key": "done"}},
        "resolution": named("Duplicate", "3"),
        "resolutiondate": "2026-11-02T09:15:00.000+0100",
        "updated": "2026-11-02T09:15:00.000+0100",
        "issuelinks": [link(DUPLICATE, "outwardIssue", "9")],
    }
    raw = {"id": "1", "key": "SHOP-1", "fields": fields}
    issue = readings.to_issue("jira", "https://jira.example", raw, {})
    assert (issue.meaning, issue.usually) == (None, Meaning.DUPLICATE)
    (other,) = issue.duplicates
    assert other == ("jira", "9", "ABC-9", "https://jira.example/browse/ABC-9")
    assert issue.resolved_at == datetime(2026, 11, 2, 8, 15, tzinfo=UTC)


@pytest.mark.parametrize("stamp", [None, "", "yesterday", 7])
def test_issue_need_not_tell_since_when_it_is_done(stamp):
    fields = {"updated": "2026-11-02T09:15:00.000+0100", "resolutiondate": stamp}
    raw = {"id": "1", "key": "SHOP-1", "fields": fields}
    assert readings.to_issue("jira", "https://j.example", raw, {}).resolved_at is None
