"""A customer who was erased is found nowhere any more, and is counted as before."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from kit import Bench
from sqlalchemy import event, select, update

from connector import erasing
from connector.cli import cli
from connector.erasing import Erasing, Receipt
from connector.grouping import Grouping
from connector.models import IssueCategory, OutboxState, TicketStatus
from connector.recipients import ERASED
from connector.scheduler import queue_due
from connector.store import clocks, deliveries, groups, locks, outbox, tasks
from connector.store import erasing as rows
from connector.store.problem_tables import grouping_memory
from connector.store.schema import customers, left_out, metadata, tickets
from connector.store.schema import outbox as outbox_table
from rules.duplicates import REMEMBERED
from rules.packing import unpack

ADDRESS, AT_WORK = "solveig@hidden.example", "Solveig.U@work.example"
NAME = "Solveig Unntatt"
#: No other customer says these; and how they stand in what is made of words.
SECRETS = ("solveig", "unntatt", "hidden.example", "zorbul", "zebraloaf", "77431")

CODE = "The discount code AUTUMN20 does not work at checkout, I get error E-4012. "
PARCEL = "My parcel never arrived, the delivery is three weeks late. "
OWN_WORDS = "My zorbulator order QX-77431 hates it. Regards, Solveig Unntatt"


#: What hangs on the database is in the first test; the rest is the same on both.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    made = make_bench(problems={"customers": 3})
    if made.store.is_sqlite:  # as where the library was built without it
        event.listen(made.store.engine, "connect", leave_what_was_removed)
        made.store.engine.dispose()
    return made


def leave_what_was_removed(connection: Any, record: object) -> None:
    connection.execute("PRAGMA secure_delete=OFF")


def write(bench: Bench, ticket: str, text: str, email: str, name: str = "") -> None:
    """Let a customer write, and a webhook arrive that says all of it."""
    bench.support.write(ticket, text, email=email, now=bench.clock(), subject=text[:40])
    known = bench.support.tickets[ticket]
    emails = (AT_WORK,) if name else ()
    customer = replace(
        known.customer, name=name or "Somebody Else", emails=emails, organization="Lie"
    )
    bench.support.tickets[ticket] = replace(known, customer=customer)
    deliver(bench, ticket, {"from": email, "name": name, "text": text})


def deliver(bench: Bench, ticket: str, said: dict[str, str]) -> None:
    body = json.dumps({"ticket": ticket, **said}).encode()
    with bench.store.write() as connection:
        arrival = deliveries.new("support", None, {}, body, bench.clock())
        deliveries.accept(connection, [arrival])


def complain(bench: Bench) -> None:
    """Let two complain of each of two things, and one of both; issues are filed."""
    for number in range(2):
        write(bench, f"c{number}", f"{CODE} Again.", f"c{number}@mail.example")
        write(bench, f"p{number}", f"{PARCEL} Again.", f"p{number}@mail.example")
    write(bench, "s0", f"{CODE} {OWN_WORDS}", ADDRESS, NAME)
    write(bench, "s1", f"{PARCEL} {OWN_WORDS}", AT_WORK.lower(), NAME)
    write(bench, "s2", f"{PARCEL} I still wait for a zebraloaf.", ADDRESS, NAME)
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()


def complain_once(bench: Bench) -> None:
    write(bench, "s0", f"{CODE} {OWN_WORDS}", ADDRESS, NAME)
    bench.settle()


def erase(bench: Bench, customer: str = ADDRESS) -> list[Receipt]:
    means = Erasing(bench.store, bench.runtime.adapters, bench.clock, lambda _: None)
    return erasing.erase(means, customer, "anna")


def counts(bench: Bench) -> list[tuple[int, int, int, str]]:
    with bench.store.read() as connection:
        listed = groups.listing(connection, None, 10)
    return sorted((g["id"], g["customers"], g["tickets"], g["state"]) for g in listed)


def found_in(bench: Bench, *words: str) -> set[tuple[str, str]]:
    """Return where these words stand: in files byte by byte, or in every column."""
    found = set()
    url = bench.store.engine.url
    if bench.store.is_sqlite:
        for path in Path(url.database or "").parent.iterdir():
            held = path.read_bytes().lower()
            found |= {(path.name, word) for word in words if word.encode() in held}
    with bench.store.read() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)):
                said = " ".join(
                    unpacked(value) if table is grouping_memory else str(value)
                    for value in row
                ).lower()
                found |= {(table.name, word) for word in words if word in said}
    return found


def unpacked(value: object) -> str:
    return str(unpack(value, REMEMBERED)) if isinstance(value, bytes) else str(value)


def test_nothing_of_an_erased_customer_is_found_and_counts_stay(bench: Bench) -> None:
    complain(bench)
    bench.runtime.pipeline.grouping.keep(bench.store, bench.clock(), every=1)
    before = counts(bench)
    assert [(row[1], row[2]) for row in before] == [(3, 3), (3, 4)]
    assert {word for _, word in found_in(bench, *SECRETS)} == set(SECRETS)
    calls = len(bench.tracker.calls), len(bench.support.calls)

    (receipt,) = erase(bench)
    assert found_in(bench, *SECRETS) == set()
    assert counts(bench) == before
    assert receipt.is_done

    bench.settle()
    assert (len(bench.tracker.calls), len(bench.support.calls)) == calls

    # Nor when the connector goes on, and what it remembers is kept again.
    write(bench, "c9", f"{CODE} Again.", "c9@mail.example")
    bench.settle()
    bench.runtime.pipeline.grouping.keep(bench.store, bench.clock(), every=1)
    assert kept(bench)
    assert found_in(bench, *SECRETS) == set()
    assert [(row[1], row[2]) for row in counts(bench)] == [(4, 4), (3, 4)]


def kept(bench: Bench) -> int:
    with bench.store.read() as connection:
        return len(connection.execute(select(grouping_memory.c.id)).all())


@on_sqlite
def test_process_that_does_not_know_of_it_yet_keeps_no_memory(bench: Bench) -> None:
    complain_once(bench)
    other = Grouping()
    other.prepare(bench.store, bench.clock())
    erase(bench)
    other.keep(bench.store, bench.clock(), every=1)
    assert kept(bench) == 0


@on_sqlite
def test_words_of_a_ticket_that_left_its_problem_are_forgotten_too(
    bench: Bench,
) -> None:
    complain(bench)
    for ticket in ("s0", "s1", "s2"):
        known = bench.support.tickets[ticket]
        bench.support.tickets[ticket] = replace(known, status=TicketStatus.SPAM)
        deliver(bench, ticket, {})
    bench.settle()
    assert [one[2] for one in counts(bench)] == [2, 2]
    erase(bench)
    write(bench, "c9", f"{CODE} Again.", "c9@mail.example")
    bench.settle()
    bench.runtime.pipeline.grouping.keep(bench.store, bench.clock(), every=1)
    assert kept(bench)
    assert found_in(bench, *SECRETS) == set()


@on_sqlite
def test_later_webhook_does_not_bring_it_back(bench: Bench) -> None:
    complain(bench)
    erase(bench)
    before, calls = counts(bench), list(bench.support.calls)
    known = bench.support.tickets["s0"]
    bench.support.tickets["s0"] = replace(known, status=TicketStatus.RESOLVED)
    deliver(bench, "s0", {"from": ADDRESS, "text": OWN_WORDS})
    del bench.support.tickets["s1"]  # erased there, too
    deliver(bench, "s1", {})
    bench.settle()
    assert found_in(bench, *SECRETS) - free_space(bench) == set()
    assert (counts(bench), bench.support.calls) == (before, calls)
    with bench.store.read() as connection:
        states = connection.scalars(
            select(tickets.c.status).where(tickets.c.external_id.in_(["s0", "s1"]))
        ).all()
    assert sorted(states) == [TicketStatus.DELETED, TicketStatus.RESOLVED]


def free_space(bench: Bench) -> set[tuple[str, str]]:
    """Return what SQLite overwrites once it uses the space again."""
    return {(name, word) for name, word in found_in(bench, *SECRETS) if ".db" in name}


@on_sqlite
def test_who_writes_anew_is_read_anew_and_from_there(bench: Bench) -> None:
    complain(bench)
    erase(bench)
    bench.clock.pass_(hours=1)
    write(bench, "s0", f"{CODE} It is still broken, terrible!", ADDRESS, NAME)
    bench.settle()
    with bench.store.read() as connection:
        row = connection.execute(
            select(tickets.c.subject, tickets.c.text, customers.c.key)
            .join(customers)
            .where(tickets.c.external_id == "s0")
        ).one()
    assert (row.subject, row.key) == ("", ADDRESS)
    assert "still broken" in row.text
    assert "zorbul" not in row.text
    assert [(one[1], one[2]) for one in counts(bench)] == [(3, 3), (3, 4)]


def fix(bench: Bench) -> None:
    with bench.store.read() as connection:
        filed = [g for g in groups.listing(connection, "filed", 10)]
    for group in filed:
        bench.tracker.move_issue(group["issue_id"], IssueCategory.DONE, "Fixed")
        bench.issue_changed(group["issue_id"])
    bench.settle()


def announce(bench: Bench) -> None:
    """Let the fix settle and the messages be asked for, and none be sent."""
    bench.clock.pass_(minutes=20)
    for _ in range(5):
        queue_due(bench.store, bench.config, bench.clock())
        bench.runtime.worker.run_once()


def told(bench: Bench) -> list[str]:
    return sorted(
        target for name, target, _ in bench.support.calls if name == "send_message"
    )


@on_sqlite
def test_who_was_erased_is_told_nothing(bench: Bench) -> None:
    complain(bench)
    fix(bench)
    announce(bench)
    assert [row["operation"] for row in waiting(bench)].count("send_message") == 6
    (receipt,) = erase(bench)
    bench.settle()
    assert told(bench) == [f"{kind}{n}" for kind in "cp" for n in range(2)]
    assert receipt.sent == []


def waiting(bench: Bench) -> list[Any]:
    with bench.store.read() as connection:
        return list(outbox.listing(connection, OutboxState.PENDING, 100))


@on_sqlite
def test_receipt_names_what_lies_elsewhere(bench: Bench) -> None:
    complain(bench)
    fix(bench)
    bench.clock.pass_(minutes=20)
    bench.settle()
    (receipt,) = erase(bench)
    assert [ticket for ticket, _ in receipt.tickets] == [
        "support:s0",
        "support:s1",
        "support:s2",
    ]
    assert [url.rpartition("/")[2] for _, url in receipt.tickets] == ["s0", "s1", "s2"]
    assert len(receipt.issues) == 2
    assert len(receipt.sent) == 2  # one for each of the problems
    assert receipt.removed["tickets"] == 3
    assert receipt.removed["deliveries"] >= 3
    assert "solveig" not in json.dumps(erasing._stored(receipt)).lower()


@on_sqlite
def test_second_call_finds_nobody(bench: Bench) -> None:
    complain_once(bench)
    erase(bench, "  SOLVEIG@Hidden.Example ")
    (again,) = erase(bench)
    assert (again.customer, again.removed) == (None, {})


@on_sqlite
@pytest.mark.parametrize("step", ["take_out", "take_name", "rewrite"])
def test_call_that_was_cut_off_is_made_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    complain(bench)
    before = counts(bench)
    place = {"take_name": rows, "rewrite": bench.store}.get(step, erasing)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(place, step, interrupted)
        erase(bench)
    assert told(bench) == []
    assert [one.customer is not None for one in erase(bench)] == [True]
    assert found_in(bench, *SECRETS) == set()
    assert counts(bench) == before
    with bench.store.read() as connection:
        assert not any(n.startswith(erasing.FACT) for n in locks.all_facts(connection))


@on_sqlite
def test_who_is_being_erased_is_told_nothing_meanwhile(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    complain(bench)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(erasing, "take_out", interrupted)
        erase(bench)
    fix(bench)
    announce(bench)
    bench.settle()
    assert told(bench) == [f"{kind}{n}" for kind in "cp" for n in range(2)]


@on_sqlite
def test_who_was_erased_before_a_fix_is_left_out_and_listed(bench: Bench) -> None:
    complain(bench)
    erase(bench)
    fix(bench)
    announce(bench)
    bench.settle()
    assert told(bench) == [f"{kind}{n}" for kind in "cp" for n in range(2)]
    with bench.store.read() as connection:
        listed = connection.execute(select(left_out.c.group_id, left_out.c.reason))
        assert sorted(map(tuple, listed)) == [(1, ERASED), (2, ERASED)]


def interrupted(*args: object) -> None:
    raise KeyboardInterrupt


@on_sqlite
def test_what_is_on_its_way_is_waited_for_and_told(bench: Bench) -> None:
    complain_once(bench)
    with bench.store.write() as connection:
        connection.execute(
            update(outbox_table)
            .where(outbox_table.c.operation == "add_note")
            .values(state=OutboxState.SENDING)
        )
    (receipt,) = erase(bench)
    assert (receipt.waiting > 0, receipt.is_done) == (True, False)
    with bench.store.write() as connection:
        connection.execute(
            update(outbox_table)
            .where(outbox_table.c.state == OutboxState.SENDING)
            .values(state=OutboxState.DONE)
        )
    (again,) = erase(bench)
    assert (again.waiting, again.is_done) == (0, True)
    assert found_in(bench, *SECRETS) == set()


@pytest.mark.parametrize("is_there", [True, False])
@on_sqlite
def test_message_whose_answer_was_lost_is_looked_for_first(
    bench: Bench, is_there: bool
) -> None:
    complain_once(bench)
    (note,) = bench.support.tickets["s0"].comments[1:]
    if not is_there:
        known = bench.support.tickets["s0"]
        bench.support.tickets["s0"] = replace(known, comments=known.comments[:1])
        bench.support.marks.clear()
    with bench.store.write() as connection:
        connection.execute(
            update(outbox_table)
            .where(outbox_table.c.operation == "add_note")
            .values(state=OutboxState.PENDING, uncertain_since=bench.clock())
        )
    (receipt,) = erase(bench)
    assert (receipt.waiting, receipt.is_done) == (1, False)
    bench.settle()
    (again,) = erase(bench)
    assert (again.waiting, again.is_done) == (0, True)
    notes = bench.support.tickets["s0"].comments[1:]
    assert notes == ((note,) if is_there else ())
    assert found_in(bench, *SECRETS) == set()


@on_sqlite
def test_delivery_that_waits_is_read_again_without_what_it_said(bench: Bench) -> None:
    complain(bench)
    deliver(bench, "s0", {"text": OWN_WORDS})
    deliver(bench, "c1", {"text": f"As {ADDRESS} told you"})
    erase(bench)
    with bench.store.read() as connection:
        waiting = [
            row
            for row in deliveries.listing(connection, "pending", 100)
            if row["state"] == "pending"
        ]
    assert len(waiting) == 2
    bench.settle()
    assert found_in(bench, *SECRETS) - free_space(bench) == set()


@on_sqlite
def test_nothing_is_left_to_do_about_somebody_who_was_erased(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(clocks={"pack": "plain"})
    complain_once(bench)
    with bench.store.write() as connection:
        (row,) = connection.execute(select(tickets.c.id, tickets.c.customer_id))
        tasks.ask(
            connection,
            "bad_rating:1",
            tasks.TaskKind.BAD_RATING,
            "rated bad",
            bench.clock(),
            customer_id=row.customer_id,
            ticket_id=row.id,
        )
        assert clocks.running(connection, 10)
    erase(bench)
    with bench.store.read() as connection:
        assert list(clocks.running(connection, 10)) == []
        assert list(tasks.listing(connection, tasks.TaskState.OPEN, 10)) == []


@on_sqlite
def test_ticket_that_is_its_delivery_does_not_come_back(
    make_bench: Callable[..., Bench],
) -> None:
    secret = base64.b64encode(bytes(32)).decode()
    source = {"kind": "generic", "webhook_secret": f"whsec_{secret}"}
    bench = make_bench(sources={"forms": source})
    fill_in(bench, f"{CODE} {OWN_WORDS}")
    fill_in(bench, f"{CODE} Ask {ADDRESS}.", "other@mail.example")
    bench.settle()
    fill_in(bench, f"{CODE} {OWN_WORDS} It waits.")
    erase(bench)
    bench.settle()
    assert found_in(bench, *SECRETS) == set()
    fill_in(bench, f"{CODE} {OWN_WORDS}")  # once more, as of before
    bench.settle()
    assert found_in(bench, *SECRETS) - free_space(bench) == set()
    with bench.store.read() as connection:
        parked = deliveries.listing(connection, "parked", 10)
    assert list(parked) == []


def fill_in(bench: Bench, text: str, email: str = ADDRESS) -> None:
    """Let somebody send a form, which a delivery holds all of."""
    is_hers = email == ADDRESS
    data = {
        "id": "7" if is_hers else "8",
        "subject": "",
        "text": text,
        "created_at": "2026-03-02T08:00:00Z",
        "customer": {"email": email, "name": NAME if is_hers else "Somebody"},
    }
    body = json.dumps({"type": "ticket.changed", "data": data}).encode()
    with bench.store.write() as connection:
        arrival = deliveries.new("forms", None, {}, body, bench.clock())
        deliveries.accept(connection, [arrival])


@on_sqlite
def test_address_goes_out_of_what_others_said(bench: Bench) -> None:
    write(bench, "s0", f"{CODE} {OWN_WORDS}", ADDRESS, NAME)
    write(bench, "c0", f"{CODE} Ask {ADDRESS} too, zebraloaf.", "c0@mail.example")
    bench.settle()
    erase(bench)
    left = found_in(bench, *SECRETS)
    assert {word for _, word in left} == {"zebraloaf"}, left
    with bench.store.read() as connection:
        query = select(tickets.c.text).where(tickets.c.external_id == "c0")
        assert "Ask erased-1 too, zebraloaf." in (connection.scalar(query) or "")


@on_sqlite
def test_command_asks_first_and_tells_what_lies_elsewhere(
    bench: Bench, database_url: str, tmp_path: Path
) -> None:
    complain(bench)
    config = tmp_path / "config.yaml"
    raw = {"database": {"url": database_url}, "sources": {}}
    raw["sources"] = {name: {"kind": "memory"} for name in ("support", "tracker")}
    config.write_text(json.dumps(raw), encoding="utf-8")

    def type_(answer: str) -> Result:
        words = ["erase", ADDRESS, "--by", "anna", "--config", str(config)]
        return CliRunner().invoke(cli, words, input=answer)

    refused = type_("n\n")
    assert refused.exit_code == 1
    assert "3 tickets in 2 problems, 0 messages about fixes." in refused.output
    assert found_in(bench, "solveig")
    done = type_("y\n")
    assert done.exit_code == 0, done.output
    assert not found_in(bench, *SECRETS)
    for line in (
        "asked for by anna",
        "3 tickets",
        "Counts stay as they are, of problem 1, 2.",
        "the ticket support:s0 https://memory.invalid/support/s0",
        "in tracker: links to the tickets, and masked excerpts",
        "backups of this database",
    ):
        assert line in done.output
    again = type_("y\n")
    assert (again.exit_code, "Nothing was held here." in again.output) == (0, True)


@pytest.mark.parametrize("word", ["", "the", "%", "support", "kari@", "support:"])
@pytest.mark.parametrize("command", [("erase",), ("customers", "opt-out")])
def test_word_that_is_nobodys_key_is_refused(
    command: tuple[str, ...], word: str
) -> None:
    told = CliRunner().invoke(cli, [*command, word, "--config", "none.yaml"])
    assert (told.exit_code, "write an address, or SOURCE:ID" in told.output) == (
        2,
        True,
    )
