"""One person is one customer, whatever addresses and helpdesks they write through."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kit import Bench
from loop_kit import COMPLAINTS, calls, complain, file_issue, fix, rows, the_group

from connector import steering
from connector.errors import VendorRefused
from connector.models import Message, OutboxState, Written
from connector.store import messages, outbox

KARI, AT_WORK = "kari@mail.example", "kari.lie@office.example"


def show(bench: Bench, ticket: str, *emails: str, source: str = "support") -> None:
    """Let a ticket's profile show further addresses, and the webhook arrive."""
    desk = bench.support if source == "support" else bench.shop
    known = desk.tickets[ticket]
    customer = replace(known.customer, emails=emails)
    desk.tickets[ticket] = replace(known, customer=customer)
    bench.changed(source, ticket)
    bench.settle()


def write(bench: Bench, ticket: str, email: str, source: str = "support") -> None:
    bench.write(ticket, COMPLAINTS[0], email, source, subject="Discount code")
    bench.settle()


def test_same_address_in_two_helpdesks_is_one_customer(bench: Bench) -> None:
    write(bench, "1", KARI)
    write(bench, "1", "Kari@Mail.Example", source="shop")
    assert (the_group(bench)["customers"], the_group(bench)["tickets"]) == (1, 2)


def test_further_address_belongs_to_its_owner(bench: Bench) -> None:
    write(bench, "1", KARI)
    show(bench, "1", AT_WORK.upper())
    write(bench, "2", AT_WORK, source="shop")
    assert (the_group(bench)["customers"], the_group(bench)["tickets"]) == (1, 2)


def test_two_customers_become_one_when_an_address_shows_it(bench: Bench) -> None:
    write(bench, "1", KARI)
    write(bench, "2", AT_WORK, source="shop")
    write(bench, "3", "kari@old.example")
    assert the_group(bench)["customers"] == 3
    show(bench, "1", AT_WORK, "kari@old.example")
    assert the_group(bench)["customers"] == 1
    write(bench, "4", AT_WORK, source="shop")
    write(bench, "5", "kari@old.example")
    assert (the_group(bench)["customers"], the_group(bench)["tickets"]) == (1, 5)


def test_addresses_are_not_guessed(bench: Bench) -> None:
    for ticket, email in enumerate(["a.b@mail.example", "ab+x@mail.example"]):
        write(bench, str(ticket), email)
    write(bench, "3", "ab@mail.example")
    assert the_group(bench)["customers"] == 3


def test_problem_whose_customers_turn_out_to_be_one_is_not_filed(bench: Bench) -> None:
    complain(bench, 5)
    bench.settle()
    assert the_group(bench)["state"] == "ready"
    show(bench, "0", "customer1@mail.example")
    bench.clock.pass_(minutes=11)
    bench.settle()
    assert (the_group(bench)["state"], the_group(bench)["customers"]) == ("emerging", 4)
    assert calls(bench, "create_issue") == []


def test_who_was_told_under_one_address_is_not_told_under_the_other(
    bench: Bench,
) -> None:
    issue = file_issue(bench)
    # Written before the fix, and seen only after it.
    bench.support.write("late", COMPLAINTS[0], email=AT_WORK, now=bench.clock())
    fix(bench, issue)
    assert sorted(calls(bench, "send_message")) == ["0", "1", "2", "3", "4"]
    known = bench.support.tickets["late"]
    bench.support.tickets["late"] = replace(
        known, customer=replace(known.customer, emails=("customer0@mail.example",))
    )
    bench.changed("support", "late")
    bench.settle()
    bench.clock.pass_(minutes=16)
    bench.settle()
    assert sorted(calls(bench, "send_message")) == ["0", "1", "2", "3", "4"]
    assert the_group(bench)["customers"] == 5


def refuse(ticket: str, message: Message) -> Written:
    raise VendorRefused("not now")


@pytest.fixture
def refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A fix whose messages are refused, so that each waits for a person."""
    monkeypatch.setattr(bench.support, "send_message", refuse)
    fix(bench, file_issue(bench))
    assert len(rows(bench, OutboxState.PARKED)) == 5
    return bench


def test_of_two_messages_that_wait_one_is_sent(refused: Bench) -> None:
    show(refused, "0", "customer1@mail.example")
    assert len(rows(refused, OutboxState.PARKED)) == 4
    (taken_back,) = rows(refused, OutboxState.DISCARDED)
    assert taken_back["error"] == "its customer is told elsewhere"


def mute_for_a_while(bench: Bench) -> None:
    with bench.store.write() as connection:
        steering.mute(connection, 1, None, "anna", bench.clock())
        steering.unmute(connection, bench.config, 1, "anna", bench.clock())
    bench.settle()
    bench.clock.pass_(minutes=16)
    bench.settle()


@pytest.mark.parametrize("muted", [False, True])
@pytest.mark.parametrize("sent", ["0", "1"])
def test_message_that_waits_is_taken_back_when_the_other_was_sent(
    refused: Bench, monkeypatch: pytest.MonkeyPatch, sent: str, muted: bool
) -> None:
    bench = refused
    if muted:  # all that wait are taken back, and asked for again
        mute_for_a_while(bench)
    waiting = {row["target"]: row["id"] for row in rows(bench, OutboxState.PARKED)}
    monkeypatch.undo()
    with bench.store.write() as connection:
        outbox.retry(connection, [waiting[sent]], bench.clock())
    bench.settle()
    show(bench, "0", "customer1@mail.example")
    discarded = rows(bench, OutboxState.DISCARDED)
    (taken_back,) = (row for row in discarded if "elsewhere" in row["error"])
    assert taken_back["target"] == {"0": "1", "1": "0"}[sent]
    with bench.store.read() as connection:
        told = messages.told(connection, the_group(bench)["id"])
    assert len(told) == 4
