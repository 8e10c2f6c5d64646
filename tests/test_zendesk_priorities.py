"""The priority of a Zendesk ticket: raised, never lowered, only while it is open."""

from __future__ import annotations

import pytest

from adapters.zendesk.adapter import ZendeskAdapter
from connector.errors import TakesNoWrites
from connector.sandbox import Running


def write(sandbox: Running) -> str:
    return sandbox.world.write(
        "zendesk", email="kari@mail.example", subject="Late", text="Where is it?"
    )


@pytest.mark.parametrize(
    ("before", "after", "raised"),
    [
        (None, "high", True),
        ("low", "high", True),
        ("high", "high", False),
        ("urgent", "urgent", False),
    ],
)
def test_priority_is_raised_and_never_lowered(
    sandbox: Running,
    zendesk: ZendeskAdapter,
    before: str | None,
    after: str,
    raised: bool,
) -> None:
    number = write(sandbox)
    ticket = sandbox.world.zendesk.tickets[int(number)]
    ticket.priority = before
    assert zendesk.hasten(number) is raised
    assert ticket.priority == after
    assert zendesk.hasten(number) is False


@pytest.mark.parametrize(
    ("wanted", "left", "before", "after"),
    [
        ("urgent", "high", "high", "urgent"),
        ("urgent", "high", "urgent", "urgent"),
        ("urgent", "high", "normal", "normal"),  # somebody lowered it
        ("urgent", "high", None, None),
        ("low", "", None, "low"),
        ("low", "", "normal", "normal"),
        ("Normal", "", "low", "normal"),
    ],
)
def test_priority_that_somebody_lowered_is_not_raised_again(
    sandbox: Running,
    zendesk: ZendeskAdapter,
    wanted: str,
    left: str,
    before: str | None,
    after: str | None,
) -> None:
    number = write(sandbox)
    ticket = sandbox.world.zendesk.tickets[int(number)]
    ticket.priority = before
    assert zendesk.hasten(number, wanted, left) is (before != after)
    assert ticket.priority == after


def test_priority_that_zendesk_has_not_is_refused_in_words(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    with pytest.raises(TakesNoWrites, match="no priority 'P1'; its own are low, "):
        zendesk.hasten(write(sandbox), "P1")


def test_priority_of_a_solved_ticket_is_left_alone(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    number = write(sandbox)
    ticket = sandbox.world.zendesk.tickets[int(number)]
    ticket.status = "solved"
    assert zendesk.hasten(number) is False
    assert ticket.priority is None
