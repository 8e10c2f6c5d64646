"""The import of history, which is recorded and grouped and has no effects."""

from __future__ import annotations

from datetime import timedelta

from history_kit import (
    LONG_AGO,
    bring_in,
    complaint,
    importing,
    pass_a_sweep,
    sweep_all,
    write_history,
    write_unheard,
    writes,
)
from kit import START, Bench
from loop_kit import calls, the_group

from connector.history import import_history
from connector.models import IssueCategory, Ticket, TicketRef
from connector.store import groups, memory, tickets


def test_import_records_and_groups_and_has_no_effect(bench: Bench) -> None:
    write_history(bench, 8)
    bench.support.write(
        "thanks", "Thank you so much!", email="t@mail.example", now=START
    )
    bench.clock.pass_(minutes=1)
    found = bring_in(bench).found
    assert (found.tickets, found.complaints) == (9, 8)
    assert found.types == {"discount_pricing": 8}
    bench.settle()
    bench.clock.pass_(days=1)
    bench.settle()
    assert writes(bench) == []
    assert [one.calls for one in (bench.support, bench.tracker)] == [[], []]
    group = the_group(bench)
    assert (group["state"], group["archived"]) == ("emerging", 8)
    assert (group["customers"], group["tickets"]) == (0, 0)
    assert group["first_at"] == LONG_AGO
    assert group["last_at"] == LONG_AGO + timedelta(hours=7)
    with bench.store.read() as connection:
        assert tickets.archive(connection, "support") == {
            "tickets": 9,
            "complaints": 8,
            "customers": 8,
            "problems": 1,
        }


def test_import_never_counts_towards_a_threshold(bench: Bench) -> None:
    # Of yesterday: within the window, had they counted.
    for number in range(10):
        write_unheard(bench, number, START - timedelta(days=1, minutes=-number))
    bring_in(bench)
    for number in range(10, 14):
        bench.write(str(number), complaint(number), f"customer{number}@mail.example")
    bench.settle()
    for number in range(10):  # also not when they are read again
        bench.changed("support", str(number))
    bench.settle()
    group = the_group(bench)
    assert (group["state"], group["customers"], group["archived"]) == (
        "emerging",
        4,
        10,
    )
    bench.write("14", complaint(2), "customer14@mail.example")
    bench.settle()
    assert the_group(bench)["state"] == "ready"


def test_import_does_not_fill_the_window_of_those_who_count(bench: Bench) -> None:
    for number in range(10):
        write_unheard(bench, number, START - timedelta(days=1))
    bring_in(bench)
    for number in range(10, 16):
        # All are heard of now; four of them wrote too long ago.
        write_unheard(bench, number, START - timedelta(days=8 * (number < 14)))
        bench.changed("support", str(number))
    bench.settle()
    group = the_group(bench)
    assert (group["state"], group["customers"], group["archived"]) == (
        "emerging",
        6,
        10,
    )


def test_issue_tells_and_links_only_what_was_not_imported(bench: Bench) -> None:
    write_history(bench, 3)
    bring_in(bench)
    for number in range(10, 15):
        bench.write(str(number), complaint(number), f"customer{number}@mail.example")
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    live = {str(number) for number in range(10, 15)}
    group = the_group(bench)
    assert (group["state"], group["customers"], group["archived"]) == ("filed", 5, 3)
    draft = bench.tracker.drafts[group["issue_id"]]
    assert draft.properties["complaint-connector"]["tickets"] == 5
    bullets = {b.text for b in draft.description if b.kind == "bullet"}
    assert bullets == {f"support {number}" for number in live}
    assert len(calls(bench, "link_ticket")) == 5

    bench.tracker.move_issue(group["issue_id"], IssueCategory.DONE, "Fixed")
    bench.issue_changed(group["issue_id"])
    bench.settle()
    bench.clock.pass_(minutes=16)
    bench.settle()
    assert set(calls(bench, "send_message")) == live


def test_new_complaint_on_an_imported_ticket_counts(bench: Bench) -> None:
    write_history(bench, 1)
    bring_in(bench)
    bench.write(
        "0", "The code still does not work, terrible!", "customer0@mail.example"
    )
    bench.settle()
    assert "cc-discount_pricing" in bench.support.tickets["0"].tags
    group = the_group(bench)
    assert (group["customers"], group["archived"]) == (1, 0)


def test_new_ticket_of_an_imported_customer_counts(bench: Bench) -> None:
    write_history(bench, 1)
    bring_in(bench)
    bench.write("9", complaint(0), "customer0@mail.example")
    bench.settle()
    group = the_group(bench)
    assert (group["customers"], group["tickets"], group["archived"]) == (1, 1, 1)


def test_thanks_on_an_imported_ticket_make_it_live_and_count_nothing(
    bench: Bench,
) -> None:
    write_history(bench, 1)
    bring_in(bench)
    bench.write("0", "Thank you so much!", "customer0@mail.example")
    bench.settle()
    assert "cc-discount_pricing" in bench.support.tickets["0"].tags
    group = the_group(bench)
    assert (group["customers"], group["archived"]) == (0, 1)


def test_agents_work_on_an_imported_ticket_leaves_it_archived(bench: Bench) -> None:
    write_history(bench, 1)
    bring_in(bench)
    bench.support.change_tags("0", frozenset({"seen-by-anna"}), frozenset())
    bench.support.calls.clear()
    bench.changed("support", "0")
    bench.settle()
    assert writes(bench) == []
    with bench.store.read() as connection:
        row = tickets.find(connection, TicketRef("support", "0"))
        last = tickets.decisions_of(connection, row.id)[-1]
    assert row.tags == ["seen-by-anna"]
    assert last.trace["archived"] is True


def test_ticket_of_today_is_left_to_those_who_listen(bench: Bench) -> None:
    sweep_all(bench)  # it listens from here on
    write_history(bench, 1)
    bench.clock.pass_(minutes=1)
    write_unheard(bench, 7)
    found = bring_in(bench).found
    assert (found.tickets, found.live) == (1, 1)
    pass_a_sweep(bench)
    assert "cc-discount_pricing" in bench.support.tickets["7"].tags
    assert bench.support.tickets["0"].tags == frozenset()


def test_known_ticket_stays_as_it_is(bench: Bench) -> None:
    bench.write("0", complaint(0), "customer0@mail.example")
    bench.settle()
    before = the_group(bench)
    assert bring_in(bench).found.known == 1
    assert the_group(bench) == before
    with bench.store.read() as connection:
        row = tickets.find(connection, TicketRef("support", "0"))
    assert row.archived_until is None


def test_ticket_that_was_decided_while_it_was_read_stays_live(bench: Bench) -> None:
    write_history(bench, 1)
    own = bench.support.fetch_ticket

    def slowly(external_id: str) -> Ticket:
        ticket = own(external_id)
        bench.support.fetch_ticket = own  # type: ignore[method-assign]
        bench.changed("support", external_id)
        bench.settle()
        return ticket

    bench.support.fetch_ticket = slowly  # type: ignore[method-assign]
    found = bring_in(bench).found
    assert (found.tickets, found.known) == (0, 1)
    assert the_group(bench)["customers"] == 1


def test_import_joins_a_closed_problem_without_touching_it(bench: Bench) -> None:
    write_history(bench, 1)
    bring_in(bench)
    with bench.store.write() as connection:
        groups.change(connection, the_group(bench)["id"], state="closed")
    write_history(bench, 1, start=1)
    bring_in(bench)
    group = the_group(bench)
    assert (group["state"], group["archived"]) == ("closed", 2)
    assert group["successor_id"] is None


def test_workers_see_recent_imports_and_pass_over_old_ones(bench: Bench) -> None:
    bench.support.write(
        "old",
        complaint(0),
        email="o@mail.example",
        subject="Discount code",
        now=START - timedelta(days=80),
    )
    write_history(bench, 1)
    means = importing(bench)
    import_history(means, START - timedelta(days=90))
    bench.write("9", complaint(0), "new@mail.example", subject="Discount code")
    bench.settle()
    assert the_group(bench)["customers"] == 1
    with bench.store.read() as connection:
        newest = memory.last_seq(connection)
    assert bench.runtime.pipeline.grouping._seq == newest
