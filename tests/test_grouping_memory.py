"""The grouper's memory in each process: it follows the log, and the log alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import pytest
from kit import START

from connector.grouping import REMEMBERED, Grouping
from connector.store import Store, groups, memory, schema
from rules.duplicates import Proposal
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
        return groups.add_member(
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
            assert groups.seen_again(connection, 7, 1, at, at, archived=False)
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
        connection.execute(
            schema.members.update()
            .where(schema.members.c.ticket_id == 1)
            .values(group_id=other, cluster_id=places[0])
        )
    assert known(desk, Grouping(), LATER) == expected


def test_corrections_of_what_is_passed_over_are_passed_over(desk: Desk) -> None:
    one = Grouping()
    desk.complain_often(one, 0, 10)
    desk.correct(1, [1, 2, 3])
    far = START + timedelta(days=200)
    desk.complain(one, "the lamp flickers at night", far)
    fresh = Grouping()
    assert known(desk, fresh, far) == known(desk, one, far)
    assert len(fresh._grouper) == 1
