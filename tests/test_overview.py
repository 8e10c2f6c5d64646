"""The first page: how much was complained of, and what needs a person now."""

from __future__ import annotations

from pathlib import Path

from clock_kit import answer, complain, desks, review
from dashboard_kit import bench, post, signed_in
from flask.testing import FlaskClient
from kit import Bench
from sqlalchemy import func, select, update

from connector.models import Role, TicketStatus
from connector.store import schema, tasks
from connector.store.clocks import ClockState
from connector.store.schema import clocks
from connector.store.tasks import TaskKind

__all__ = ["bench"]

LAMP = "The lamp does not work at all! I am angry."
THANKS = "Thank you so much, Aino saved my day! Wonderful service."


def test_tickets_that_may_be_complaints_wait_for_a_look(
    bench: Bench, client: FlaskClient
) -> None:
    bench.write("7", "I expected better.", "a@mail.example")
    bench.write("8", "The lamp does not work at all!", "b@mail.example")
    bench.settle()
    signed_in(bench, client)
    page = client.get("/").text
    assert "1 ticket may be a complaint" in page
    assert '<a href="/tickets/support/7">support 7</a>' in page
    assert "/tickets/support/8" not in page
    with bench.store.write() as connection:
        connection.execute(update(schema.tickets).values(answered_at=bench.clock()))
    assert "may be a complaint" not in client.get("/").text


def test_praise_and_complaints_are_counted_over_the_same_days(
    bench: Bench, client: FlaskClient
) -> None:
    for number, text in enumerate((LAMP, THANKS, THANKS)):
        bench.write(f"early-{number}", text, f"{number}@mail.example")
    # Less than seven times 24 hours later, on the eighth day.
    bench.clock.pass_(days=6, hours=20)
    for number, text in enumerate((LAMP, LAMP, THANKS, THANKS)):
        bench.write(f"late-{number}", text, f"{number}@mail.example")
    bench.settle()
    bench.clock.pass_(minutes=1)
    is_spam = update(schema.tickets).values(status=TicketStatus.SPAM)
    with bench.store.write() as connection:
        connection.execute(is_spam.where(schema.tickets.c.external_id == "late-3"))
    signed_in(bench, client)
    page = client.get("/").text
    assert "<b>2</b> complaints in 7 days" in page
    assert "<b>1 : 2</b> praise to complaints" in page


def test_what_is_parked_is_a_link_to_where_it_is(
    bench: Bench, client: FlaskClient
) -> None:
    bench.changed("shop", 'not"json')
    bench.settle()
    signed_in(bench, client)
    page = client.get("/").text
    assert "1 delivery is parked for a person" in page
    assert "writes are parked" not in page and "write is parked" not in page
    parked = client.get("/activity?box=inbox&state=parked")
    assert 'href="/activity?box=inbox&amp;state=parked"' in page
    assert '<span class="state parked">' in parked.text


def test_task_is_named_asks_once_and_is_done_by_somebody(
    bench: Bench, client: FlaskClient
) -> None:
    bench.write("1", LAMP, "a@mail.example")
    bench.settle()
    with bench.store.write() as connection:
        rated, now = TaskKind.BAD_RATING, bench.clock()
        about = {"customer_id": 1, "ticket_id": 1}
        tasks.ask(connection, "k", rated, "rated bad", now, **about)
    code = signed_in(bench, client, Role.AGENT)
    assert "1 task for a person" in client.get("/").text
    asked = client.get("/follow-ups").text
    assert asked.count("<details") == 1 and asked.count("rated bad") == 1
    assert post(client, "/tasks/1/done", code).status_code == 303
    assert "rated bad" not in client.get("/follow-ups").text
    assert post(client, "/tasks/1/done", code).status_code == 404
    assert "tasks done" in client.get("/activity?box=people").text


def test_deadline_that_nobody_met_is_not_kept(
    blank_sqlite: str, tmp_path: Path
) -> None:
    for make in desks(blank_sqlite, tmp_path):
        desk = make()
        complain(desk)
        desk.clock.pass_(hours=1)
        answer(desk)
        client = desk.runtime.create_app().test_client()
        desk.clock.pass_(minutes=1)
        assert "<b>100 %</b> deadlines kept" in client.get("/").text
        complain(desk, "2")
        desk.clock.pass_(hours=25)
        review(desk)
        # Two promises kept, three that were due and still run.
        assert "<b>40 %</b> deadlines kept" in client.get("/").text
        with desk.store.write() as connection:
            passed = {"state": ClockState.PASSED_ON, "ended_at": desk.clock()}
            first = select(func.min(clocks.c.id)).where(clocks.c.ended_at.is_(None))
            connection.execute(
                update(clocks)
                .where(clocks.c.id == first.scalar_subquery())
                .values(passed)
            )
        desk.clock.pass_(minutes=1)
        # Where another counts instead, nobody can say.
        assert "<b>50 %</b> deadlines kept" in client.get("/").text
