"""The priority of a Zendesk ticket: raised, never lowered, only while it is open."""

from __future__ import annotations

import pytest

from adapters.zendesk.adapter import ZendeskAdapter
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


def test_priority_of_a_solved_ticket_is_left_alone(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    number = write(sandbox)
    ticket = sandbox.world.zendesk.tickets[int(number)]
    ticket.status = "solved"
    assert zendesk.hasten(number) is False
    assert ticket.priority is None
