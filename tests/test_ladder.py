"""The priority of an issue follows its customers, and people have the last word."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from jira_kit import Site, opened
from kit import Bench
from loop_kit import fix
from test_upkeep import TEXT, complain, filed

from connector.errors import VendorUnavailable
from connector.models import IssueCategory, IssueDraft, IssueRef, Level, Meaning

LADDER = {10: "High", 20: "Highest"}


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench(problems={"priorities": LADDER})


def raised(bench: Bench) -> list[str]:
    return [what for name, _, what in bench.tracker.calls if name == "raise_priority"]


def draft(bench: Bench) -> IssueDraft:
    (made,) = bench.tracker.drafts.values()
    return made


def read(bench: Bench) -> None:
    for number in bench.tracker.issues:
        bench.issue_changed(number)
    bench.settle()


def put(bench: Bench, priority: str) -> None:
    """Let a person choose a priority."""
    for number, issue in bench.tracker.issues.items():
        bench.tracker.issues[number] = replace(issue, priority=priority)
    read(bench)


def test_issue_is_filed_with_the_priority_of_its_customers(bench: Bench) -> None:
    filed(bench, 12)
    assert draft(bench).priority == "High"
    read(bench)
    assert raised(bench) == []


def test_priority_is_raised_once_per_step(bench: Bench) -> None:
    filed(bench, 5)
    assert draft(bench).priority is None
    read(bench)
    for customers in range(6, 26):
        complain(bench, customers - 1, customers)
        read(bench)
    assert raised(bench) == ["High", "Highest"]


def test_original_of_a_duplicate_rises_from_its_own_priority(bench: Bench) -> None:
    filed(bench, 12)
    read(bench)
    (number,) = bench.tracker.issues
    theirs = IssueDraft(
        project="OPS", issue_type="Bug", summary="x", description=(), mark="x"
    )
    original = bench.tracker.create_issue(theirs)
    bench.tracker.move_issue(
        number,
        IssueCategory.DONE,
        meaning=Meaning.DUPLICATE,
        duplicates=(original,),
    )
    read(bench)
    assert bench.tracker.issues[original.external_id].priority == "High"
    assert raised(bench) == ["High"]


@pytest.mark.parametrize("chosen", ["Low", "Highest"])
def test_priority_that_a_person_chose_is_never_raised_again(
    bench: Bench, chosen: str
) -> None:
    filed(bench, 10)
    put(bench, chosen)
    complain(bench, 10, 20)
    put(bench, "High")  # whatever they make of it later
    complain(bench, 20, 25)
    read(bench)
    assert raised(bench) == []


def test_priority_that_is_higher_by_itself_is_not_lowered(bench: Bench) -> None:
    filed(bench, 5)
    put(bench, "Highest")
    complain(bench, 5, 12)
    assert raised(bench) == []


def test_new_issue_that_is_not_the_one_says_nothing_of_the_priority(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed(bench, 5)
    (old,) = bench.tracker.issues
    fix(bench, old)
    bench.tracker.can_reopen = False
    bench.clock.pass_(days=1)
    real = bench.tracker.create_issue

    def slow(draft: IssueDraft) -> IssueRef:
        ref = real(draft)
        bench.tracker.move_issue(old, IssueCategory.IN_PROGRESS)
        bench.issue_changed(old)
        for number in range(6, 12):
            bench.write(str(number), TEXT, f"customer{number}@mail.example")
        bench.runtime.worker.run_once()
        return ref

    monkeypatch.setattr(bench.tracker, "create_issue", slow)
    complain(bench, 5, 6)
    assert len(bench.tracker.issues) == 2
    assert raised(bench) == ["High"]
    assert bench.tracker.issues[old].priority == "High"


def test_priority_that_was_raised_and_lowered_by_a_person_stays(bench: Bench) -> None:
    filed(bench, 5)
    read(bench)
    complain(bench, 5, 10)
    assert raised(bench) == ["High"]
    put(bench, "Medium")
    complain(bench, 10, 25)
    assert raised(bench) == ["High"]


def test_priority_of_an_issue_that_is_done_is_left(bench: Bench) -> None:
    filed(bench, 5)
    read(bench)
    for number in bench.tracker.issues:
        bench.tracker.move_issue(number, IssueCategory.DONE, "Won't Do")
    read(bench)
    complain(bench, 5, 12)
    assert raised(bench) == []


def test_lost_answer_to_raising_raises_no_further(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed(bench, 5)
    read(bench)
    do = bench.tracker.raise_priority

    def lose(*args: str) -> bool:
        monkeypatch.setattr(bench.tracker, "raise_priority", do)
        do(*args)
        raise VendorUnavailable("lost")

    monkeypatch.setattr(bench.tracker, "raise_priority", lose)
    complain(bench, 5, 10)
    bench.clock.pass_(hours=1)
    complain(bench, 10, 20)
    assert raised(bench) == ["High", "Highest"]


# -- a Jira --


@pytest.fixture(params=["cloud", "data_center"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with opened(jira_flavour=request.param) as site:
        yield site


@pytest.mark.parametrize(
    ("now", "to", "left", "is_raised", "after"),
    [
        ("3", "High", "Medium", True, "2"),
        ("3", "2", "3", True, "2"),
        ("3", "high", "medium", True, "2"),
        ("2", "High", "Medium", True, "2"),
        ("4", "High", "Medium", False, "4"),
        ("1", "High", "Medium", False, "1"),
        ("1", "High", "Highest", False, "1"),
        ("3", "Blocker", "Medium", False, "3"),
        ("3", "High", "Blocker", False, "3"),
    ],
)
def test_jira_raises_only_what_nobody_changed(
    site: Site, now: str, to: str, left: str, is_raised: bool, after: str
) -> None:
    number = site.file(priority=now)
    assert site.adapter.raise_priority(number, to, left) is is_raised
    assert site.tracker.issues[number].priority == after


def test_priority_that_is_on_no_screen_is_left_and_the_issue_filed(site: Site) -> None:
    site.tracker.off_screen = {"priority"}
    number = site.file(priority="High")
    assert site.tracker.issues[number].priority == "3"
    assert not site.adapter.raise_priority(number, "High", "Medium")


@pytest.mark.parametrize(
    ("asked", "level", "said"),
    [
        (["High", "Highest"], Level.OK, "they rise: High, Highest"),
        (["Highest", "High"], Level.PROBLEM, "they do not rise"),
        (["Kritisk"], Level.PROBLEM, "none called Kritisk; there is Highest, High"),
    ],
)
def test_doctor_knows_the_priorities(
    site: Site, asked: list[str], level: Level, said: str
) -> None:
    (found,) = site.adapter.check_priorities(asked)
    assert found.level is level
    assert said in found.message
