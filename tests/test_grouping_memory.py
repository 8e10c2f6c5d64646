"""The grouper's memory in each process: it follows the log, and the log alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from kit import START, Bench
from sqlalchemy import func, select
from structlog.testing import capture_logs

from connector.grouping import REMEMBERED, Grouping
from connector.store import (
    Store,
    corrections,
    erasing,
    members,
    memory,
    problem_tables,
    schema,
)
from rules.duplicates import GroupingSettings, Proposal, version
from rules.features import Features, features

THINGS = "kettle toaster blender lamp jacket wardrobe invoice voucher".split()
FAULTS = (
    "arrived with a broken handle",
    "makes a burning smell when used",
    "was charged twice on my card",
    "never arrived although it was sent",
    "stopped working after one day",
)


def about(text: str) -> Features:
    return features("", text, "en")


def wording(number: int) -> str:
    return f"my {THINGS[number % 8]} {FAULTS[number // 3 % 5]}, order {number}"


PROBES = [about(wording(number)) for number in range(40)]


class Desk:
    """Complaints that come in one after the other, each to one of several processes."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.tickets = 0
        with store.write() as connection:
            self._customer = connection.execute(
                schema.customers.insert().returning(schema.customers.c.id),
                {"key": "c@mail.example", "created_at": START},
            ).scalar_one()

    def complain(
        self, process: Grouping, text: str, at: datetime, archived: bool = False
    ) -> int:
        """Let ``process`` place a ticket; return its group."""
        found = about(text)
        with self.store.write() as connection:
            process.sync(connection, at)
            placed = process.place(connection, found, at, at, archived)
            seq = self._write(connection, placed.group_id, found, at, archived)
            process.record(seq, placed.cluster_id, self.tickets, found, at)
        return placed.group_id

    def complain_often(self, process: Grouping, start: int, stop: int) -> list[int]:
        return [
            self.complain(process, wording(n), START + timedelta(hours=n))
            for n in range(start, stop)
        ]

    def import_one(self, group_id: int, text: str, at: datetime) -> None:
        """Let another process import a ticket of long ago."""
        with self.store.write() as connection:
            self._write(connection, group_id, about(text), at, True)

    def correct(self, cluster_id: int, tickets: Sequence[int]) -> None:
        with self.store.write() as connection:
            memory.correct(connection, cluster_id, tickets)

    def _write(self, connection, group_id, found, at, archived):  # type: ignore[no-untyped-def]
        self.tickets += 1
        connection.execute(
            schema.tickets.insert(),
            {
                "id": self.tickets,
                "source": "support",
                "external_id": str(self.tickets),
                "customer_id": self._customer,
                "number": "",
                "subject": "",
                "text": "",
                "status": "open",
                "url": "",
                "verdict": {},
                "tags": [],
                "created_at": at,
                "updated_at": at,
                "decided_at": at,
            },
        )
        return members.add(
            connection,
            {
                "ticket_id": self.tickets,
                "group_id": group_id,
                "customer_id": self._customer,
                "at": at,
                "joined_at": at,
                "features": found.to_json(),
                "reason": "",
                "archived": archived,
            },
        )


@pytest.fixture
def desk(store: Store) -> Iterator[Desk]:
    yield Desk(store)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Desk]:
    """A desk of another house, on whatever database."""
    opened = Store(f"sqlite:///{tmp_path / 'other.db'}")
    opened.upgrade()
    yield Desk(opened)
    opened.close()


def known(desk: Desk, process: Grouping, at: datetime) -> list[Proposal]:
    """What a process would say of many tickets, to the last digit."""
    with desk.store.write() as connection:
        process.sync(connection, at)
    return [process._grouper.propose(probe, at) for probe in PROBES]


LATER = START + timedelta(days=5)


def test_processes_that_take_turns_come_to_the_same_memory(desk: Desk) -> None:
    one, other = Grouping(), Grouping()
    for number in range(40):
        process = one if number % 3 else other
        desk.complain(process, wording(number), START + timedelta(hours=number))
    expected = known(desk, one, LATER)
    assert sum(proposal.group is not None for proposal in expected) > 20
    assert known(desk, other, LATER) == expected
    assert known(desk, Grouping(), LATER) == expected


def test_what_a_customer_adds_later_leaves_the_log_as_it_was(desk: Desk) -> None:
    one = Grouping()
    desk.complain_often(one, 0, 30)
    expected = known(desk, one, LATER)
    again = START + timedelta(days=4)
    with desk.store.write() as connection:
        for at in (again, again + timedelta(hours=1)):
            assert members.seen_again(connection, 7, 1, at, None, at, False)
    assert known(desk, Grouping(), LATER) == expected


def test_groups_age_by_the_log_and_not_by_who_looks_when(desk: Desk) -> None:
    often, seldom = Grouping(), Grouping()
    text = "the lamp flickers at night"
    first = desk.complain(often, text, START)
    for days in range(1, 100, 10):
        at = START + timedelta(days=days)
        known(desk, often, at + timedelta(days=5))
        desk.complain(often, wording(days), at)
    known(desk, seldom, START)
    assert known(desk, seldom, at) == known(desk, often, at)
    assert desk.complain(seldom, text, at) != first


def test_history_older_than_anybody_remembers_is_passed_over(desk: Desk) -> None:
    one = Grouping()
    group = desk.complain(one, "the lamp flickers at night", START)
    before = known(desk, one, LATER)
    desk.import_one(group, wording(1), START - REMEMBERED - timedelta(days=1))
    assert known(desk, one, LATER) == before
    desk.import_one(group, wording(1), START - REMEMBERED + timedelta(days=1))
    assert known(desk, one, LATER) != before


def test_an_import_forgets_nothing_that_it_has_met(desk: Desk) -> None:
    importing = Grouping()
    old = START - timedelta(days=300)
    with desk.store.write() as connection:
        importing.sync(connection, START, old)
        found = about("the lamp flickers at night")
        first = importing.place(connection, found, START, START, archived=True)
        importing.record(1, first.cluster_id, 1, found, START)
        importing.place(connection, about("a parcel"), old, START, archived=True)
        again = importing.place(connection, found, old, START, archived=True)
    assert again.group_id == first.group_id


# -- what a person put right


def test_a_cluster_that_was_taken_apart_draws_what_it_holds_now(desk: Desk) -> None:
    one, other = Grouping(), Grouping()
    crash = "the app crashes at the payment step with a blank page"
    refused = "the app payment step was refused by the bank"
    first = desk.complain(one, crash, START)
    assert desk.complain(one, refused, START + timedelta(hours=1)) == first
    second = desk.complain(one, wording(1), START + timedelta(hours=2))
    known(desk, other, LATER)  # has seen all of it before the correction
    desk.correct(first, [1])
    desk.correct(second, [2, 3])
    after = START + timedelta(hours=3)
    assert desk.complain(one, refused, after) == second
    assert desk.complain(other, crash, after) == first
    expected = known(desk, one, LATER)
    assert known(desk, other, LATER) == expected
    assert known(desk, Grouping(), LATER) == expected


def test_corrections_apply_between_the_memberships_they_were_made_between(
    desk: Desk,
) -> None:
    one = Grouping()
    places = desk.complain_often(one, 0, 12)
    desk.correct(places[0], [1, 5])
    desk.complain_often(one, 12, 24)
    desk.correct(places[3], [])
    desk.correct(places[0], [2, 3, 9])
    desk.complain_often(one, 24, 30)
    assert known(desk, Grouping(), LATER) == known(desk, one, LATER)


def test_a_cluster_that_was_emptied_draws_nothing(desk: Desk) -> None:
    one = Grouping()
    text = "the lamp flickers at night"
    first = desk.complain(one, text, START)
    assert desk.complain(one, text, START) == first
    desk.correct(first, [])
    assert desk.complain(one, text, START) != first


def test_a_moved_member_is_replayed_into_the_cluster_it_was_placed_in(
    desk: Desk,
) -> None:
    one = Grouping()
    places = desk.complain_often(one, 0, 10)
    expected = known(desk, one, LATER)
    other = next(place for place in places if place != places[0])
    with desk.store.write() as connection:
        corrections.move(connection, [1], other, "anna", "")
    assert known(desk, Grouping(), LATER) == expected


def test_a_restart_after_members_were_moved_changes_nothing(desk: Desk) -> None:
    running = Grouping()
    places = desk.complain_often(running, 0, 20)
    other = next(place for place in places if place != places[0])
    for ticket, place in ((1, other), (2, other), (1, places[0])):
        with desk.store.write() as connection:
            clusters = corrections.clusters_of(connection, [ticket]) | {place}
            corrections.move(connection, [ticket], place, "anna", "")
            for cluster in sorted(clusters):
                left = corrections.newest_of_cluster(connection, cluster)
                memory.correct(connection, cluster, left)
        desk.complain_often(running, 20, 24)
    assert dumped(desk, Grouping(), LATER) == dumped(desk, running, LATER)


def test_a_restart_after_members_left_changes_nothing(desk: Desk) -> None:
    running = Grouping()
    (place, *_) = desk.complain_often(running, 0, 20)
    for leaves in (1, 2, 20):
        with desk.store.read() as connection:
            left = corrections.newest_of_cluster(connection, place)
        desk.correct(place, left)
        with desk.store.write() as connection:
            members.remove(connection, leaves)
        if leaves == 2:
            desk.complain_often(running, 20, 24)
        assert dumped(desk, Grouping(), LATER) == dumped(desk, running, LATER)


def test_who_left_long_ago_or_was_erased_is_forgotten(desk: Desk) -> None:
    desk.complain_often(Grouping(), 0, 3)
    with desk.store.write() as connection:
        for ticket in (1, 2, 3):
            members.remove(connection, ticket)
        memory.forget_departures(connection, START + timedelta(minutes=30))
        erasing.forget_wording(connection, [3])
        left = connection.scalars(select(problem_tables.departures.c.ticket_id)).all()
    assert left == [2]


def test_corrections_of_what_is_passed_over_are_passed_over(desk: Desk) -> None:
    one = Grouping()
    desk.complain_often(one, 0, 10)
    desk.correct(1, [1, 2, 3])
    far = START + timedelta(days=200)
    desk.complain(one, "the lamp flickers at night", far)
    fresh = Grouping()
    assert known(desk, fresh, far) == known(desk, one, far)
    assert len(fresh._grouper) == 1


# -- what is kept of it


def dumped(desk: Desk, process: Grouping, at: datetime) -> bytes:
    """All that a process knows after it caught up: the same bytes, the same future."""
    with desk.store.write() as connection:
        process.sync(connection, at)
    return process._grouper.dump()


def kept(desk: Desk) -> list[int]:
    with desk.store.read() as connection:
        query = select(problem_tables.grouping_memory.c.seq).order_by("seq")
        return list(connection.scalars(query))


def test_a_restart_at_any_point_changes_nothing(desk: Desk) -> None:
    """Also beyond what a replay would reach: what is usual is remembered for longer."""
    running = Grouping()
    places: list[int] = []
    for number in range(80):
        at = START + timedelta(days=2 * number)
        places.append(desk.complain(running, wording(number), at))
        if number % 9 == 4:
            desk.correct(places[number // 2], range(number - 3, number + 2))
        if number % 10 == 5:
            with desk.store.write() as connection:
                again = at + timedelta(hours=1)
                members.seen_again(connection, number, 1, again, None, again, False)
            desk.import_one(places[0], wording(number), at - timedelta(days=50))
        running.keep(desk.store, at, every=7)
        assert dumped(desk, Grouping(), at) == dumped(desk, running, at)
    assert len(kept(desk)) == 2
    restarted = Grouping()
    restarted.prepare(desk.store, at)
    with desk.store.write() as connection:
        connection.execute(problem_tables.grouping_memory.delete())
    assert dumped(desk, restarted, at) != dumped(desk, Grouping(), at)


def test_a_process_that_was_killed_leaves_no_trace(desk: Desk, other: Desk) -> None:
    steady = Grouping()
    expected = other.complain_often(steady, 0, 60)
    places: list[int] = []
    for start in range(0, 60, 4):
        process = Grouping()  # the one before is gone without a word
        places += desk.complain_often(process, start, start + 2)
        process.keep(desk.store, START, every=3)
        places += desk.complain_often(process, start + 2, start + 4)
    assert places == expected


def test_kept_memory_that_is_damaged_is_passed_over(desk: Desk) -> None:
    one = Grouping()
    for stop in (10, 20):
        desk.complain_often(one, stop - 10, stop)
        one.keep(desk.store, START)
        one.keep(desk.store, START, every=1)
    expected = dumped(desk, one, LATER)
    table = problem_tables.grouping_memory
    for seqs in ([20], [20, 10]):
        with desk.store.write() as connection:
            change = table.update().where(table.c.seq.in_(seqs))
            connection.execute(change.values(body=b"kettle" * 20))
        with capture_logs() as logs:
            assert dumped(desk, Grouping(), LATER) == expected
        events = [log["event"] for log in logs]
        assert events == ["grouping.memory_damaged"] * len(seqs)
        assert "kettle" not in str(logs)


def test_memory_kept_by_another_version_is_passed_over(desk: Desk) -> None:
    one = Grouping()
    desk.complain_often(one, 0, 20)
    one.keep(desk.store, START, every=1)
    with desk.store.write() as connection:
        connection.execute(
            problem_tables.grouping_memory.update().values(version="older", body=b"")
        )
    assert dumped(desk, Grouping(), LATER) == dumped(desk, one, LATER)
    stricter = GroupingSettings(strictness=0.6)
    assert version(stricter) != version(GroupingSettings())


def test_one_process_keeping_is_enough(desk: Desk) -> None:
    one, other = Grouping(), Grouping()
    desk.complain_often(one, 0, 10)
    dumped(desk, other, LATER)
    one.keep(desk.store, START, every=10)
    other.keep(desk.store, START, every=10)
    assert kept(desk) == [10]
    desk.complain_often(one, 10, 19)
    one.keep(desk.store, START, every=10)
    assert kept(desk) == [10]
    desk.complain_often(other, 19, 20)
    other.keep(desk.store, START, every=10)
    assert kept(desk) == [10, 20]


def test_what_an_import_remembers_is_not_kept(desk: Desk) -> None:
    importing = Grouping()
    desk.complain_often(Grouping(), 0, 5)
    with desk.store.write() as connection:
        importing.sync(connection, START, START)
    importing.keep(desk.store, START, every=1)
    assert kept(desk) == []


def test_workers_keep_their_memory_now_and_then_and_when_they_stop(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def counted() -> int:
        with bench.store.read() as connection:
            query = select(func.max(problem_tables.grouping_memory.c.seq))
            return connection.scalar(query) or 0

    monkeypatch.setattr(Grouping.keep, "__defaults__", (3,))
    for number in range(4):
        bench.write(str(number), "the voucher is refused, this is bad", "a@b.example")
        bench.settle()
    assert counted() == 3
    bench.runtime.worker.close()
    assert counted() == 4
