"""What was decided earlier is asked about again at the moment of doing it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from kit import Bench
from loop_kit import file_issue, fix, rows, the_group

from connector.config import Config
from connector.models import GroupState, Operation, OutboxState, TicketStatus
from connector.store import groups, members, outbox, tickets
from connector.wanted import Withdrawn, ensure_wanted


def ask(bench: Bench, row: Any) -> str:
    """Return why a row is not wanted any more, or an empty string."""
    try:
        ensure_wanted(bench.store, bench.config, bench.clock(), row)
    except Withdrawn as err:
        return f"{err.state}: {err}"
    return ""


@pytest.fixture
def message(bench: Bench) -> Any:
    """Tell five customers; return a row by which one of them was told."""
    fix(bench, file_issue(bench))
    sent = [
        r for r in rows(bench, OutboxState.DONE) if r["operation"] == "send_message"
    ]
    with bench.store.read() as connection:
        return SimpleNamespace(**outbox.get(connection, sent[0]["id"]) or {})


def change(bench: Bench, **values: Any) -> None:
    with bench.store.write() as connection:
        groups.change(connection, the_group(bench)["id"], **values)


def test_message_about_a_fix_is_wanted_while_that_fix_holds(
    bench: Bench, message: Any
) -> None:
    gone = f"{OutboxState.DISCARDED}: it is not fixed any more"
    assert ask(bench, message) == ""
    change(bench, state=GroupState.CLOSED)
    assert ask(bench, message) == ""
    change(bench, successor_id=7)
    assert ask(bench, message).endswith("it came back: what came since is problem 7")
    change(bench, successor_id=None, state=GroupState.FILED)
    assert ask(bench, message) == gone
    change(bench, state=GroupState.FIXED, episode=the_group(bench)["episode"] + 1)
    assert ask(bench, message) == gone


@pytest.mark.parametrize("status", [TicketStatus.SPAM, TicketStatus.DELETED])
def test_nothing_is_written_to_a_ticket_nobody_works_on(
    bench: Bench, message: Any, status: TicketStatus
) -> None:
    with bench.store.write() as connection:
        tickets.end(connection, message.ticket_id, status, bench.clock())
    assert ask(bench, message) == f"{OutboxState.DISCARDED}: the ticket is {status}"


def test_only_members_of_a_problem_are_put_under_its_ticket(
    bench: Bench, message: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Config, "gathers_tickets", lambda self, source: True)
    values = {**vars(message), "operation": Operation.ADD_INCIDENT, "payload": {}}
    adding = SimpleNamespace(**values)
    elsewhere = SimpleNamespace(**{**values, "group_id": adding.group_id + 1})
    gone = f"{OutboxState.DISCARDED}: it is not of this problem any more"
    assert ask(bench, adding) == ""
    with bench.store.read() as connection:
        known = groups.get(connection, adding.group_id)
    with monkeypatch.context() as patch:
        patch.setattr(groups, "get", lambda connection, group_id: known)
        assert ask(bench, elsewhere) == gone
    with bench.store.write() as connection:
        members.remove(connection, adding.ticket_id)
    assert ask(bench, adding) == gone
