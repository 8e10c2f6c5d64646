"""Tickets are put elsewhere by people, and stay apart and together as they say."""

from __future__ import annotations

from collections.abc import Callable

from correcting_kit import (
    Say,
    crash,
    file_after,
    group,
    happened,
    shown,
    two_filed,
    where,
)
from kit import Bench
from loop_kit import COMPLAINTS, calls, complain, fix

from connector import correcting
from connector.models import TicketRef
from connector.store import bonds
from connector.store.schema import tickets

# -- split and move


def test_tickets_are_named_by_the_number_that_agents_see(
    bench: Bench, two: tuple[int, int], say: Say
) -> None:
    numbers = {"c0": "901", "c1": "902", "0": "c0", "1": "902"}
    with bench.store.write() as connection:
        for external_id, number in numbers.items():
            which = tickets.c.external_id == external_id
            connection.execute(tickets.update().where(which).values(number=number))
    assert say("move", "support:901", 1).exit_code == 0
    assert where(bench, 1, 2) == {1: ["0", "1", "c0"], 2: ["c1"]}
    # An id comes first, and a number that two have names nobody.
    assert say("split", 1, "support:c0", "--into", 2).exit_code == 0
    assert where(bench, 1, 2) == {1: ["0", "1"], 2: ["c0", "c1"]}
    said = say("move", "support:902", 1)
    assert (said.exit_code, "support:902 is in no problem" in said.output) == (1, True)


def test_split_tickets_make_a_problem_that_newcomers_find(
    bench: Bench, two: tuple[int, int], say: Say
) -> None:
    say("merge", 1, 2)
    said = say("split", 1, "support:c0", "support:c1")
    assert said.exit_code == 0, said.output
    assert "2 tickets of problem 1 went into a new one, problem 3" in said.output
    assert where(bench, 1, 3) == {1: ["0", "1"], 3: ["c0", "c1"]}
    assert "crash" in group(bench, 3)["title"].lower()
    crash(bench, 2, start=2)
    complain(bench, 1, start=3)
    bench.settle()
    assert where(bench, 1, 3) == {1: ["0", "1", "3"], 3: ["c0", "c1", "c2", "c3"]}
    with bench.store.read() as connection:
        assert bonds.are_apart(connection, 3, 1)
    assert say("merge", 1, 3).exit_code == 0
    with bench.store.read() as connection:
        assert not bonds.are_apart(connection, 1, 3)


def test_corrections_outlive_a_restart(
    bench: Bench, two: tuple[int, int], say: Say
) -> None:
    say("merge", 1, 2)
    say("split", 1, "support:c0", "support:c1")
    bench.runtime.pipeline.grouping.reset()
    crash(bench, 1, start=2)
    complain(bench, 1, start=3)
    bench.settle()
    assert where(bench, 1, 3) == {1: ["0", "1", "3"], 3: ["c0", "c1", "c2"]}


def test_split_of_a_filed_problem_counts_less_on_its_issue(
    bench: Bench, say: Say
) -> None:
    complain(bench, 6)
    file_after(bench)
    issue = str(group(bench, 1)["issue_id"])
    said = say("split", 1, "support:0", "support:3")
    key = bench.tracker.issues[issue].ref.key
    assert f"{key} counts without them from now on" in said.output
    assert f"links to them stay on {key}" in said.output
    file_after(bench)
    change = [what for n, t, what in bench.tracker.calls if n == "update_issue"][-1]
    assert change.properties["complaint-connector"]["customers"] == 4
    assert (group(bench, 2)["state"], group(bench, 2)["customers"]) == ("emerging", 2)
    assert len(calls(bench, "create_issue")) == 1


def test_split_problem_is_filed_at_a_threshold_of_its_own(
    bench: Bench, say: Say
) -> None:
    complain(bench, 10)
    file_after(bench)
    say("split", 1, *(f"support:{number}" for number in range(5)))
    bench.settle()
    first, second = calls(bench, "create_issue")
    assert [group(bench, number)["issue_id"] for number in (1, 2)] == [first, second]


def test_moved_ticket_stays_where_a_person_put_it(
    bench: Bench, two: tuple[int, int], say: Say
) -> None:
    said = say("move", "support:1", 2)
    assert said.exit_code == 0, said.output
    assert "complaint-connector groups move support:1 1" in said.output
    bench.write("1", COMPLAINTS[1] + " Again!", "customer1@mail.example")
    bench.settle()
    assert where(bench, 1, 2) == {1: ["0"], 2: ["1", "c0", "c1"]}
    lines = shown(say, 2)
    assert [row["placed_by"] for row in lines if "placed_by" in row] == [
        "anna",
        "",
        "",
    ]
    assert any("put here by anna" in row.get("because", "") for row in lines)
    assert [row["who"] for row in lines if row.get("kind") == "came"] == ["anna"]


def test_customer_told_about_the_wrong_problem_is_not_if_nobody_sent_it_yet(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(messages={"approve_above": 3})
    complain(bench, 6)
    bench.write("twin", COMPLAINTS[0], "customer0@mail.example", subject="Code")
    file_after(bench)
    fix(bench, str(group(bench, 1)["issue_id"]))
    assert len(bench.waiting()) == 1
    with bench.store.write() as connection:
        now, ref = bench.clock(), TicketRef("support", "5")
        correcting.split(connection, bench.config, 1, [ref], "anna", now)
        twin = TicketRef("support", "twin")
        correcting.move(connection, bench.config, twin, 2, "anna", now)
    bench.settle()
    bench.clock.pass_(minutes=16)
    bench.settle()
    bench.approve()
    # Who has another ticket in the problem is told there.
    assert sorted(calls(bench, "send_message")) == ["0", "1", "2", "3", "4"]


# -- never


def test_problems_kept_apart_may_be_the_same_again(
    bench: Bench, two: tuple[int, int], say: Say
) -> None:
    assert say("never", 2, 1).exit_code == 0
    assert "never the same as: 2" in say("show", 1).output
    assert "kept apart already" in say("never", 1, 2).output
    assert say("allow", 1, 2).exit_code == 0
    with bench.store.read() as connection:
        assert not bonds.are_apart(connection, 1, 2)
    assert happened(bench, 2) == [("anna", "kept apart"), ("anna", "allowed")]


def test_what_a_merged_problem_is_kept_apart_from_the_other_is_too(
    bench: Bench, two: tuple[int, int], say: Say
) -> None:
    bench.write("p", "My parcel never arrived, terrible service!", "p@mail.example")
    bench.settle()
    say("never", 2, 3)
    say("merge", 1, 2)
    with bench.store.read() as connection:
        assert bonds.apart_from(connection, 1) == [3]


def test_all_wordings_of_a_merged_problem_are_kept_apart_from_another(
    bench: Bench, two: tuple[int, int], say: Say
) -> None:
    bench.write("p", "My parcel never arrived, terrible service!", "p@mail.example")
    bench.settle()
    say("merge", 1, 2)
    say("never", 1, 3)
    with bench.store.read() as connection:
        assert bonds.clusters_apart(connection) == [(1, 3), (2, 3)]


def test_return_of_a_closed_problem_is_kept_apart_as_that_was(
    bench: Bench, say: Say
) -> None:
    issue, _ = two_filed(bench)
    say("never", 1, 2)
    fix(bench, issue)
    bench.clock.pass_(days=31)
    bench.settle()
    assert group(bench, 1)["state"] == "closed"
    complain(bench, 1, start=5)
    bench.settle()
    assert where(bench, 3) == {3: ["5"]}
    with bench.store.read() as connection:
        assert bonds.are_apart(connection, 2, 3)
