"""What is old is let go of, and nothing that is waited for or needed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from kit import Bench
from loop_kit import calls, complain, file_issue, fix, the_group
from sqlalchemy import select, update

from connector import retention
from connector.models import DeliveryState, GroupState, OutboxState
from connector.store import aging, groups
from connector.store.problem_tables import members
from connector.store.schema import decisions, deliveries, outbox, tickets

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def let_go(bench: Bench, stopped: Callable[[], bool] = lambda: False) -> dict[str, int]:
    return retention.let_go(bench.store, bench.config, bench.clock(), stopped)


def column(bench: Bench, query: Any) -> list[Any]:
    with bench.store.read() as connection:
        return list(connection.scalars(query))


def texts(bench: Bench) -> list[str]:
    query = select(tickets.c.subject + tickets.c.text).order_by(tickets.c.id)
    return column(bench, query)


def test_handled_deliveries_go_and_what_waits_stays(bench: Bench) -> None:
    complain(bench, 3)
    bench.settle()
    bench.write("7", "Not read yet", "a@mail.example")
    with bench.store.write() as connection:
        connection.execute(
            update(deliveries)
            .where(deliveries.c.id == 2)
            .values(state=DeliveryState.PARKED)
        )
    bench.clock.pass_(days=29)
    assert not any(let_go(bench).values())
    bench.clock.pass_(days=2)
    let_go(bench)
    with bench.store.read() as connection:
        query = select(deliveries.c.id, deliveries.c.state, deliveries.c.body != b"")
        left = connection.execute(query.order_by(deliveries.c.id)).all()
    # The first one says since when the source was listened to.
    assert [tuple(row) for row in left] == [
        (1, "handled", False),
        (2, "parked", True),
        (4, "pending", True),
    ]


def end_problem(bench: Bench) -> None:
    fix(bench, file_issue(bench))
    bench.clock.pass_(days=60)
    bench.settle()
    assert the_group(bench)["state"] == GroupState.CLOSED


def test_words_go_once_their_problem_is_over_and_nothing_else(bench: Bench) -> None:
    end_problem(bench)
    before = dict(the_group(bench))
    bench.clock.pass_(days=304)
    let_go(bench)
    assert all(texts(bench))
    bench.clock.pass_(days=2)
    done = let_go(bench)
    assert (done["tickets"], done["problems"]) == (5, 1)
    assert not any(texts(bench))
    assert dict(the_group(bench)) == before
    held = [
        *column(bench, select(outbox.c.payload)),
        *column(bench, select(decisions.c.verdict)),
        *column(bench, select(decisions.c.trace)),
        *column(bench, select(members.c.features)),
        *column(bench, select(outbox.c.reason)),
    ]
    said = " ".join(map(str, held))
    for word in ("annoying", "skuffet", "virker", "pettyny"):
        assert word not in said
    # What was decided can still be told.
    traces = column(bench, select(decisions.c.trace))
    tags = {tag["tag"] for trace in traces for tag in trace["tags"]}
    assert tags >= {"cc-discount_pricing"}
    assert not any(let_go(bench).values())


@on_sqlite
@pytest.mark.parametrize("state", ["ready", "filed", "fixed", "wont_do", "muted"])
def test_words_of_a_problem_that_is_not_over_stay(bench: Bench, state: str) -> None:
    complain(bench, 2)
    bench.settle()
    with bench.store.write() as connection:
        groups.change(connection, the_group(bench)["id"], state=state)
    bench.clock.pass_(days=400)
    assert let_go(bench)["tickets"] == 0
    assert all(texts(bench))


@on_sqlite
@pytest.mark.parametrize("state", [OutboxState.PARKED, OutboxState.PENDING])
def test_words_stay_while_something_waits(bench: Bench, state: OutboxState) -> None:
    complain(bench, 2)
    bench.settle()
    with bench.store.write() as connection:
        connection.execute(
            update(outbox).where(outbox.c.ticket_id == 1).values(state=state)
        )
    bench.clock.pass_(days=400)
    let_go(bench)
    assert [bool(text) for text in texts(bench)] == [True, False]
    payloads = column(bench, select(outbox.c.payload).where(outbox.c.ticket_id == 1))
    assert any(payload.get("text") for payload in payloads)


@on_sqlite
def test_who_writes_again_is_read_again(bench: Bench) -> None:
    complain(bench, 1)
    bench.settle()
    bench.clock.pass_(days=400)
    let_go(bench)
    complain(bench, 1)
    bench.settle()
    assert all(texts(bench))
    assert the_group(bench)["customers"] == 1


@on_sqlite
def test_it_is_done_once_a_day_in_small_steps(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "STEP", 2)
    complain(bench, 5)
    bench.settle()
    with bench.store.write() as connection:
        groups.change(connection, the_group(bench)["id"], state=GroupState.CLOSED)
    bench.clock.pass_(days=400)
    asked: list[int] = []

    def stopped() -> bool:
        asked.append(len(asked))
        return sum(map(bool, texts(bench))) <= 1

    assert let_go(bench, stopped)["tickets"] == 4
    assert let_go(bench) == {}
    bench.clock.pass_(days=1)
    assert let_go(bench)["tickets"] == 1
    assert calls(bench, "send_message") == []


@on_sqlite
def test_tickets_that_were_seen_are_not_looked_at_again(bench: Bench) -> None:
    complain(bench, 3)
    bench.settle()
    later = bench.clock.pass_(days=1)
    with bench.store.read() as connection:
        assert aging.old_tickets(connection, later, 1, 1) == [2]
        assert aging.old_tickets(connection, later, 2, 1) == [3]


@on_sqlite
def test_scheduler_lets_go_by_itself(bench: Bench) -> None:
    complain(bench, 1)
    bench.settle()
    bench.clock.pass_(days=400)
    job = bench.runtime.scheduler._ticker.get_job("retention")
    job.func(*job.args)
    assert job.trigger.interval == timedelta(hours=1)
    assert not any(texts(bench))
