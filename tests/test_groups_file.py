"""A problem is named and filed by people, or is given an issue that exists."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from correcting_kit import (
    Say,
    an_issue,
    approve,
    crash,
    file_after,
    file_unanswered,
    group,
    issue_of_others,
    read_from,
)
from kit import Bench
from loop_kit import calls, complain, fix, rows

from connector import steering
from connector.models import IssueCategory, OutboxState
from connector.store import former, outbox


def test_title_of_a_person_is_filed_and_never_changed(bench: Bench, say: Say) -> None:
    complain(bench, 4)
    bench.settle()
    assert say("rename", 1, "Codes  fail at the till").exit_code == 0
    complain(bench, 1, start=4)
    file_after(bench)
    (draft,) = bench.tracker.drafts.values()
    assert draft.summary == "Codes fail at the till"
    said = say("rename", 1, "Another")
    assert "is left to people" in said.output
    assert "groups rename 1 'Codes fail at the till'" in said.output
    bench.settle()
    assert group(bench, 1)["title"] == "Another"


def test_title_given_while_an_approval_is_awaited_is_the_one_that_is_filed(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(autonomy={"issues": "suggest"})
    complain(bench, 5)
    file_after(bench)
    with bench.store.write() as connection:
        steering.rename(connection, 1, "Till", "anna", bench.clock())
    approve(bench)
    (draft,) = bench.tracker.drafts.values()
    assert draft.summary == "Till"


def test_refused_issue_can_be_filed_after_all(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(autonomy={"issues": "suggest"})
    complain(bench, 5)
    file_after(bench)
    with bench.store.write() as connection:
        ids = [row["id"] for row in rows(bench, OutboxState.PARKED)]
        outbox.discard(connection, ids, "discarded by a person", bench.clock())
    complain(bench, 1, start=5)
    bench.settle()
    assert group(bench, 1)["state"] == "muted"
    with bench.store.write() as connection:
        steering.unmute(connection, bench.config, 1, "anna", bench.clock())
    file_after(bench)
    approve(bench)
    assert len(calls(bench, "create_issue")) == 1


def test_refused_issue_is_filed_when_a_person_says_so(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(autonomy={"issues": "suggest"})
    complain(bench, 5)
    file_after(bench)
    with bench.store.write() as connection:
        ids = [row["id"] for row in rows(bench, OutboxState.PARKED)]
        outbox.discard(connection, ids, "discarded by a person", bench.clock())
    complain(bench, 1, start=5)
    bench.settle()
    with bench.store.write() as connection:
        steering.file_now(connection, bench.config, 1, "anna", bench.clock())
    bench.settle()
    approve(bench)
    assert len(calls(bench, "create_issue")) == 1


def test_issue_that_was_not_filed_yet_is_not_wanted_once_nobody_complains(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(autonomy={"issues": "suggest"})
    complain(bench, 5)
    file_after(bench)
    for number in range(5):
        del bench.support.tickets[str(number)]
        bench.changed("support", str(number))
    bench.settle()
    approve(bench)
    assert calls(bench, "create_issue") == []
    complain(bench, 5, start=5)
    file_after(bench)
    approve(bench)
    assert len(calls(bench, "create_issue")) == 1


def test_issue_of_a_lost_answer_is_adopted_though_a_person_had_given_it_up(
    bench: Bench, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    complain(bench, 5)
    file_unanswered(bench, monkeypatch, after=True)
    with bench.store.write() as connection:
        ids = [row["id"] for row in rows(bench, OutboxState.PENDING)]
        outbox.discard(connection, ids, "discarded by a person", bench.clock())
    complain(bench, 1, start=5)
    bench.settle()
    assert group(bench, 1)["state"] == "muted"
    say("unmute", 1)
    file_after(bench)
    file_after(bench)
    (made,) = calls(bench, "create_issue")
    assert group(bench, 1)["issue_id"] == made


def test_problem_is_filed_when_a_person_says_so(bench: Bench, say: Say) -> None:
    complain(bench, 1)
    bench.settle()
    said = say("file", 1)
    assert (said.exit_code, "within moments" in said.output) == (0, True), said.output
    bench.settle()
    assert len(calls(bench, "create_issue")) == 1
    (draft,) = bench.tracker.drafts.values()
    text = " ".join(block.text for block in draft.description)
    assert "anna asked for it, with 1 customer so far" in text


def test_problem_whose_issue_was_deleted_is_filed_anew_only_by_a_person(
    bench: Bench, say: Say
) -> None:
    complain(bench, 5)
    file_after(bench)
    old = str(group(bench, 1)["issue_id"])
    del bench.tracker.issues[old]
    for _ in range(3):
        bench.issue_changed(old)
        bench.settle()
        bench.clock.pass_(minutes=16)
    assert group(bench, 1)["state"] == "muted"
    assert say("file", 1).exit_code == 0
    file_after(bench)
    new = calls(bench, "create_issue")[1]
    assert (group(bench, 1)["issue_id"], group(bench, 1)["state"]) == (new, "filed")
    assert calls(bench, "link_ticket").count(new) == 5
    fix(bench, new)
    assert len(calls(bench, "send_message")) == 5


def test_creation_with_a_lost_answer_is_not_repeated_for_a_problem_that_is_gone(
    bench: Bench, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    complain(bench, 5)
    file_after(bench)
    crash(bench, 5)
    file_unanswered(bench, monkeypatch, after=False)
    say("merge", 1, 2)
    for _ in range(3):
        file_after(bench)
    assert len(calls(bench, "create_issue")) == 1
    assert calls(bench, "link_duplicate") == []


def test_linked_issue_is_the_one_and_no_other_is_filed(
    bench: Bench, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = issue_of_others(bench, monkeypatch)
    said = say("link", 1, ref.external_id)
    assert said.exit_code == 0, said.output
    complain(bench, 4, start=2)
    file_after(bench)
    assert calls(bench, "create_issue") == []
    assert calls(bench, "link_ticket") == [ref.external_id] * 6
    fix(bench, ref.external_id)
    assert len(calls(bench, "send_message")) == 6


def test_linked_issue_takes_the_place_of_another_and_gives_it_back(
    bench: Bench, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_from(bench, monkeypatch)
    complain(bench, 5)
    file_after(bench)
    old = str(group(bench, 1)["issue_id"])
    ref = an_issue(bench)
    said = say("link", 1, ref.external_id)
    old_key = bench.tracker.issues[old].ref.key
    assert f"complaint-connector groups link 1 {old_key}" in said.output
    bench.settle()
    assert calls(bench, "link_ticket") == [ref.external_id] * 5
    assert calls(bench, "update_issue") == [ref.external_id]  # though no count changed
    with bench.store.read() as connection:  # for what is called a duplicate of it
        assert former.find(connection, "tracker", old) is not None
    fix(bench, old)
    assert calls(bench, "send_message") == []
    bench.tracker.move_issue(old, IssueCategory.IN_PROGRESS)
    assert say("link", 1, old).exit_code == 0
    assert group(bench, 1)["issue_id"] == old
