"""What the end of an issue means for its problem, class by class, in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from kit import Bench
from loop_kit import calls, complain, file_issue, fix, rows, the_group

from connector.errors import VendorRefused
from connector.models import (
    Issue,
    IssueCategory,
    IssueDraft,
    IssueRef,
    Meaning,
)
from connector.store import deliveries, timeline

DONE = IssueCategory.DONE
WORK = IssueCategory.IN_PROGRESS


def end(
    bench: Bench, issue: str, resolution: str, meaning: Meaning | None = None
) -> None:
    """Let the product team end an issue, and let that be seen."""
    bench.tracker.move_issue(issue, DONE, resolution, meaning=meaning)
    seen(bench, issue)


def seen(bench: Bench, issue: str) -> None:
    bench.issue_changed(issue)
    bench.settle()


def later(bench: Bench, **duration: float) -> None:
    bench.clock.pass_(**duration)
    bench.settle()


def comments(bench: Bench, issue: str) -> list[str]:
    """Return the first words of each comment on an issue."""
    return [
        body[0].text
        for name, target, body in bench.tracker.calls
        if name == "comment_issue" and target == issue and isinstance(body, tuple)
    ]


def told_of(bench: Bench) -> list[str]:
    """Return the kinds of events in the history of the problem."""
    with bench.store.read() as connection:
        return [row.kind for row in timeline.of(connection, the_group(bench)["id"])]


# -- won't do


def test_wont_do_is_counted_silently_and_said_once_when_twice_as_many(
    bench: Bench,
) -> None:
    issue = file_issue(bench)
    end(bench, issue, "Won't Do", Meaning.WONT_DO)
    complain(bench, 4, start=5)
    later(bench, days=1)
    assert (the_group(bench)["state"], the_group(bench)["customers"]) == ("wont_do", 9)
    assert comments(bench, issue) == []

    complain(bench, 1, start=9)
    later(bench, days=1)
    (said,) = comments(bench, issue)
    assert said.startswith("10 customers") and "it was 5" in said
    complain(bench, 9, start=10)
    later(bench, days=1)
    assert len(comments(bench, issue)) == 1
    complain(bench, 1, start=19)
    later(bench, days=1)
    assert [said[:2] for said in comments(bench, issue)] == ["10", "20"]
    assert calls(bench, "send_message") == calls(bench, "reopen_issue") == []


def test_doubling_is_counted_anew_after_every_end(bench: Bench) -> None:
    issue = file_issue(bench)
    end(bench, issue, "Won't Do", Meaning.WONT_DO)
    bench.tracker.move_issue(issue, WORK)
    seen(bench, issue)
    complain(bench, 3, start=5)
    bench.settle()
    end(bench, issue, "Won't Do", Meaning.WONT_DO)
    complain(bench, 7, start=8)
    bench.settle()
    assert comments(bench, issue) == []
    complain(bench, 1, start=15)
    bench.settle()
    assert [said[:2] for said in comments(bench, issue)] == ["16"]


# -- cannot reproduce


@pytest.mark.parametrize("can_reopen", [True, False])
def test_what_cannot_be_reproduced_is_reopened_by_three_new_customers(
    bench: Bench, can_reopen: bool
) -> None:
    bench.tracker.can_reopen = can_reopen
    issue = file_issue(bench)
    end(bench, issue, "Cannot Reproduce", Meaning.CANNOT_REPRODUCE)
    later(bench, hours=1)
    complain(bench, 2, start=5)
    # Somebody who is known already is no new customer.
    bench.write("0", "It still does not work, E-4012!", "customer0@mail.example")
    later(bench, days=40)
    assert the_group(bench)["state"] == "wont_do"
    assert comments(bench, issue) == calls(bench, "reopen_issue") == []

    complain(bench, 1, start=7)
    later(bench, minutes=11)
    assert the_group(bench)["state"] == "filed"
    (said,) = comments(bench, issue)
    assert said.startswith("It came back: 3 customers complained of it for the first")
    if can_reopen:
        assert calls(bench, "reopen_issue") == [issue]
    else:
        old, new = calls(bench, "create_issue")
        assert (old, calls(bench, "link_issues")) == (issue, [new])
    assert calls(bench, "send_message") == []


# -- fixed, and not


def test_flapping_tells_nobody_until_it_stood_for_the_whole_time(bench: Bench) -> None:
    issue = file_issue(bench)
    for _ in range(3):
        end(bench, issue, "Fixed")
        later(bench, minutes=9)
        bench.tracker.move_issue(issue, WORK)
        seen(bench, issue)
        later(bench, minutes=9)
    assert calls(bench, "send_message") == []
    end(bench, issue, "Fixed")
    later(bench, minutes=9)
    assert calls(bench, "send_message") == []
    later(bench, minutes=2)
    assert len(calls(bench, "send_message")) == 5


def test_opened_and_done_between_two_readings_starts_the_time_anew(
    bench: Bench,
) -> None:
    issue = file_issue(bench)
    end(bench, issue, "Fixed")
    bench.clock.pass_(minutes=8)
    known = bench.tracker.issues[issue]
    bench.tracker.issues[issue] = replace(known, resolved_at=bench.clock())
    later(bench, minutes=3)
    assert calls(bench, "send_message") == []
    later(bench, minutes=8)
    assert len(calls(bench, "send_message")) == 5


def test_clock_of_the_tracker_that_runs_ahead_delays_nothing(bench: Bench) -> None:
    issue = file_issue(bench)
    end(bench, issue, "Fixed")
    known = bench.tracker.issues[issue]
    ahead = bench.clock() + timedelta(days=1)
    bench.tracker.issues[issue] = replace(known, resolved_at=ahead)
    later(bench, minutes=11)
    assert len(calls(bench, "send_message")) == 5


@pytest.mark.parametrize("after", [5, 20], ids=["settling", "told"])
def test_fix_that_becomes_another_end_is_none(bench: Bench, after: int) -> None:
    issue = file_issue(bench)
    end(bench, issue, "Fixed")
    later(bench, minutes=after)
    told = len(calls(bench, "send_message"))
    end(bench, issue, "Won't Do", Meaning.WONT_DO)
    later(bench, days=1)
    assert the_group(bench)["state"] == "wont_do"
    assert len(calls(bench, "send_message")) == told == (5 if after > 10 else 0)


def test_other_end_that_becomes_a_fix_is_one(bench: Bench) -> None:
    issue = file_issue(bench)
    end(bench, issue, "")
    assert the_group(bench)["state"] == "wont_do"
    end(bench, issue, "Fixed")
    later(bench, minutes=11)
    assert len(calls(bench, "send_message")) == 5


def test_several_states_of_the_end_are_one_end(bench: Bench) -> None:
    issue = file_issue(bench)
    end(bench, issue, "Fixed")
    known = bench.tracker.issues[issue]
    bench.tracker.issues[issue] = replace(known, status_name="Closed")
    later(bench, minutes=11)
    seen(bench, issue)
    assert len(calls(bench, "send_message")) == 5
    assert told_of(bench).count("fixed") == 1


def test_resolution_without_an_end_is_none(bench: Bench) -> None:
    issue = file_issue(bench)
    bench.tracker.move_issue(issue, WORK, "Fixed")
    seen(bench, issue)
    later(bench, days=1)
    assert the_group(bench)["state"] == "filed"
    assert calls(bench, "send_message") == []


def test_customer_who_complained_again_after_the_fix_is_not_told_of_it(
    bench: Bench,
) -> None:
    issue = file_issue(bench)
    fix(bench, issue)
    later(bench, days=20)
    # One alone does not reopen it any more, and learns nothing of the old fix either,
    complain(bench, 1, start=5)
    bench.write("0", "The discount code fails again, E-4012!", "customer0@mail.example")
    bench.settle()
    assert the_group(bench)["state"] == "fixed"
    # not even when somebody's complaint from before it turns up, who is told.
    bench.clock.now -= timedelta(days=21)
    bench.support.write(
        "9", "Error E-4012 with my code!", email="c9@mail.example", now=bench.clock()
    )
    bench.clock.now += timedelta(days=21)
    bench.changed("support", "9")
    bench.settle()
    later(bench, minutes=16)
    assert calls(bench, "send_message")[5:] == ["9"]


def test_message_that_waits_is_not_sent_to_who_complained_again(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(messages={"approve_above": 1})
    issue = file_issue(bench)
    fix(bench, issue)
    later(bench, days=20)
    bench.write("0", "The discount code fails again, E-4012!", "customer0@mail.example")
    bench.settle()
    bench.approve()
    assert sorted(calls(bench, "send_message")) == ["1", "2", "3", "4"]


# -- opened again, deleted


def test_problem_that_is_over_is_open_again_with_its_issue(bench: Bench) -> None:
    issue = file_issue(bench)
    fix(bench, issue)
    later(bench, days=31)
    assert the_group(bench)["state"] == "closed"
    bench.tracker.move_issue(issue, WORK)
    seen(bench, issue)
    assert the_group(bench)["state"] == "filed"
    assert "reopened" in told_of(bench)
    fix(bench, issue)
    assert len(calls(bench, "send_message")) == 5


def test_deleted_issue_asks_a_person_and_files_nothing(bench: Bench) -> None:
    issue = file_issue(bench)
    del bench.tracker.issues[issue]
    seen(bench, issue)
    later(bench, minutes=16)
    group = the_group(bench)
    assert f"groups file {group['id']}" in group["reason"]
    assert "issue gone" in told_of(bench)
    complain(bench, 20, start=5)
    later(bench, days=2)
    assert the_group(bench)["state"] == "muted"
    assert calls(bench, "create_issue") == [issue]
    assert calls(bench, "send_message") == []
    assert not [row for row in rows(bench) if row["state"] == "parked"]


# -- duplicates


def their_own(bench: Bench, summary: str = "Codes fail") -> IssueRef:
    """Let the product team write an issue of its own."""
    draft = IssueDraft(
        project="OPS", issue_type="Bug", summary=summary, description=(), mark=summary
    )
    return bench.tracker.create_issue(draft)


def duplicate(bench: Bench, issue: str, *of: IssueRef) -> None:
    bench.tracker.move_issue(
        issue, DONE, "Duplicate", meaning=Meaning.DUPLICATE, duplicates=of
    )
    seen(bench, issue)


def test_original_is_read_before_anything_is_written_to_it(
    bench: Bench,
) -> None:
    issue = file_issue(bench)
    original = their_own(bench)
    kept = bench.tracker.issues.pop(original.external_id)
    duplicate(bench, issue, original)
    assert the_group(bench)["issue_id"] == issue
    assert original.key in the_group(bench)["reason"]
    for _ in range(3):
        later(bench, minutes=16)
    assert told_of(bench).count("duplicate") == 1
    assert not [t for _, t, _ in bench.tracker.calls if t == original.external_id][1:]

    bench.tracker.issues[original.external_id] = kept
    later(bench, minutes=16)
    assert the_group(bench)["issue_id"] == original.external_id
    fix(bench, original.external_id)
    assert len(calls(bench, "send_message")) == 5


def test_original_that_is_refused_is_waited_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue = file_issue(bench)
    original = their_own(bench)
    seen(bench, issue)  # the tracker lets us read
    fetch = bench.tracker.fetch_issue

    def read(number: str) -> Issue:
        if number == original.external_id:
            raise VendorRefused("you may not see it", status=403)
        return fetch(number)

    monkeypatch.setattr(bench.tracker, "fetch_issue", read)
    duplicate(bench, issue, original)
    for _ in range(3):
        later(bench, minutes=16)
    assert (the_group(bench)["state"], the_group(bench)["issue_id"]) == (
        "wont_do",
        issue,
    )
    assert calls(bench, "send_message") == []
    with bench.store.read() as connection:
        assert deliveries.counts(connection).keys() <= {"handled", "ignored"}


def test_link_that_was_taken_off_again_leads_nowhere(bench: Bench) -> None:
    issue = file_issue(bench)
    wrong, right = their_own(bench, "wrong"), their_own(bench, "right")
    kept = bench.tracker.issues.pop(wrong.external_id)
    duplicate(bench, issue, wrong)
    duplicate(bench, issue)
    bench.tracker.issues[wrong.external_id] = kept
    seen(bench, wrong.external_id)
    later(bench, minutes=16)
    assert the_group(bench)["issue_id"] == issue
    duplicate(bench, issue, right)
    assert the_group(bench)["issue_id"] == right.external_id


def test_reopened_duplicate_is_noted_and_changes_nothing(bench: Bench) -> None:
    issue = file_issue(bench)
    original = their_own(bench)
    duplicate(bench, issue, original)
    before = the_group(bench)
    noted = told_of(bench).count("duplicate")
    bench.tracker.move_issue(issue, WORK)
    for _ in range(3):
        seen(bench, issue)
    assert the_group(bench)["issue_id"] == before["issue_id"] == original.external_id
    assert told_of(bench).count("duplicate") == noted + 1
    fix(bench, issue)
    assert calls(bench, "send_message") == []


def test_problem_is_not_over_before_its_customers_were_told(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(problems={"watch": "5m", "reopen_within": "5m"})
    issue = file_issue(bench)
    end(bench, issue, "Fixed", Meaning.FIXED)
    later(bench, minutes=7)
    seen(bench, issue)
    assert the_group(bench)["state"] == "fixed"
    later(bench, minutes=9)
    assert len(calls(bench, "send_message")) == 5
    seen(bench, issue)
    assert the_group(bench)["state"] == "closed"
