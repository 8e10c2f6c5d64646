"""Deadlines of complaints: when they are due, what meets them, who is told once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from clock_kit import (
    KARI,
    OFFICE,
    OLE,
    answer,
    change,
    complain,
    desks,
    is_due,
    notes,
    of,
    review,
    solve,
    states,
    told,
)
from kit import START, Bench
from loop_kit import COMPLAINTS

from connector import clocks
from connector.cli import cli
from connector.errors import VendorUnavailable
from connector.models import Author, TicketStatus
from connector.packs import packs
from connector.store import clocks as rows


@pytest.fixture
def make(blank_sqlite: str, tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    yield from desks(blank_sqlite, tmp_path)


@pytest.fixture
def desk(make: Callable[..., Bench]) -> Bench:
    return make()


# -- when --


def test_clocks_run_from_the_first_words_and_the_note_names_them(desk: Bench) -> None:
    began = complain(desk)
    found = of(desk)
    assert found.keys() == {"first_answer", "solution", "keep_informed"}
    assert {row.wrote_at for row in found.values()} == {began}
    assert found["first_answer"].due_at == began + timedelta(hours=24)
    # Five working days without the weekend, to the end of the last.
    assert found["keep_informed"].due_at == datetime(2026, 3, 10, tzinfo=UTC)
    (note,) = notes(desk)
    assert "First answer due 2026-03-03 09:00 (UTC)." in note


def test_vip_waits_an_hour_of_working_time(make: Callable[..., Bench]) -> None:
    # 16:40 in Oslo on the Friday before Whit Monday.
    desk = make(
        datetime(2026, 5, 22, 14, 40, tzinfo=UTC),
        calendars={"office": OFFICE},
        sources={"support": {"kind": "memory", "calendar": "office"}},
    )
    complain(desk, email=KARI)
    due = datetime(2026, 5, 26, 6, 40, tzinfo=UTC)
    assert of(desk)["first_answer"].due_at == due
    (note,) = notes(desk)
    assert "First answer due 2026-05-26 08:40 (Europe/Oslo)." in note


def rage(bench: Bench) -> None:
    bench.write(
        "1",
        "The discount code does not work. I am furious! This is an outrage, a scandal, "
        "absolutely unacceptable!!! I am so angry and disgusted.",
        OLE,
    )
    bench.settle()


def test_customer_who_becomes_furious_waits_no_longer_than_a_vip(desk: Bench) -> None:
    began = complain(desk)
    rage(desk)
    assert of(desk)["first_answer"].due_at == began + timedelta(hours=1)


@pytest.mark.parametrize("waited", [2, 18])
def test_who_becomes_furious_later_has_the_urgent_time_from_then_on(
    desk: Bench, tmp_path: Path, waited: int
) -> None:
    complain(desk)
    review(desk, hours=waited)
    furious = desk.clock()
    rage(desk)
    assert of(desk)["first_answer"].due_at == furious + timedelta(hours=1)
    review(desk, minutes=50)
    assert told(tmp_path).count("Deadlines that are near (2)") == 1
    rage(desk)  # which moves nothing any more
    answer(desk)
    assert of(desk)["first_answer"].state == "met"
    # People are told of the other one when it is late by now, not as it was before.
    review(desk, hours=2, minutes=10)
    assert told(tmp_path).count("Deadlines that have passed: first (1)") == 1


def test_who_has_time_again_is_not_warned_of_twice(
    make: Callable[..., Bench], tmp_path: Path
) -> None:
    before = make(vip={"addresses": [KARI, "ada@mail.example"]})
    complain(before, email=KARI)
    complain(before, "2", "ada@mail.example")
    review(before, minutes=50)
    desk = make(before.clock(), vip={"addresses": []})
    desk.support.tickets.update(before.support.tickets)
    change(desk)
    for _ in range(12):
        review(desk, hours=2)
    said = told(tmp_path)
    assert said.count("support 1: First answer due 2026-03-02 10:00") == 1
    assert said.count("support 1: First answer due 2026-03-03 09:00") == 0


def test_praise_starts_nothing(desk: Bench) -> None:
    desk.write("1", "Thank you so much, the delivery was quick and lovely!", OLE)
    desk.settle()
    assert of(desk) == {}


def test_without_a_pack_nothing_runs(make: Callable[..., Bench]) -> None:
    desk = make(clocks={"pack": "none"})
    complain(desk)
    assert of(desk) == {}


def test_question_that_was_answered_is_not_where_the_complaint_began(
    desk: Bench,
) -> None:
    desk.write("1", "Hello, where can I see my orders?", OLE)
    desk.settle()
    desk.clock.pass_(hours=1)
    answer(desk)
    began = desk.clock.pass_(days=3)
    desk.write("1", COMPLAINTS[0], OLE)
    desk.settle()
    assert of(desk)["first_answer"].wrote_at == began


# -- what meets them --


def test_answer_and_solution_in_time_meet_their_clocks(desk: Bench) -> None:
    complain(desk)
    desk.clock.pass_(hours=2)
    answered = answer(desk)
    assert states(desk) == {
        "first_answer": "met",
        "solution": "running",
        "keep_informed": "running",
    }
    found = of(desk)
    assert found["first_answer"].ended_at == answered
    assert found["keep_informed"].wrote_at == answered
    desk.clock.pass_(hours=1)
    solve(desk)
    assert set(states(desk).values()) == {"met"}


def test_what_was_answered_before_we_saw_it_was_met(desk: Bench) -> None:
    desk.support.write("1", COMPLAINTS[0], email=OLE, now=desk.clock())
    desk.clock.pass_(hours=2)
    known = desk.support.tickets["1"].comments
    words = replace(
        known[0], external_id="a", author=Author.AGENT, created_at=desk.clock()
    )
    desk.clock.pass_(days=2)
    change(desk, comments=(*known, words))
    assert states(desk)["first_answer"] == "met"
    assert of(desk)["keep_informed"].wrote_at == words.created_at


def test_matter_that_was_over_before_we_saw_it_is_left_alone(desk: Bench) -> None:
    desk.support.write("1", COMPLAINTS[0], email=OLE, now=desk.clock())
    known = desk.support.tickets["1"].comments
    desk.clock.pass_(days=2)
    words = replace(
        known[0], external_id="a", author=Author.AGENT, created_at=desk.clock()
    )
    desk.support.tickets["1"] = replace(
        desk.support.tickets["1"], comments=(*known, words)
    )
    again = desk.clock.pass_(days=20)
    complain(desk)
    assert {row.wrote_at for row in of(desk).values()} == {again}
    # Further words are of the same matter.
    desk.clock.pass_(hours=1)
    answer(desk)
    complain(desk)
    assert of(desk)["solution"].wrote_at == again
    assert states(desk)["first_answer"] == "met"


def test_source_that_cannot_be_answered_has_no_deadlines(
    make: Callable[..., Bench],
) -> None:
    desk = make(sources={"support": {"kind": "memory", "takes_writes": False}})
    complain(desk)
    assert of(desk) == {}


def test_what_comes_after_it_was_due_is_late(desk: Bench) -> None:
    complain(desk)
    desk.clock.pass_(hours=25)
    answer(desk)
    solve(desk)
    assert states(desk) == {
        "first_answer": "late",
        "solution": "late",
        "keep_informed": "met",
    }


def test_solved_without_an_answer_is_no_first_answer(desk: Bench) -> None:
    complain(desk)
    solve(desk)
    assert states(desk)["first_answer"] == "dropped"
    assert of(desk)["first_answer"].reason == "solved without an answer"


def test_next_complaint_after_a_solution_is_a_matter_of_its_own(desk: Bench) -> None:
    first = complain(desk)
    desk.clock.pass_(hours=1)
    answer(desk)
    solve(desk)
    desk.clock.pass_(days=2)
    change(desk, status=TicketStatus.OPEN)
    assert "running" not in states(desk).values()
    again = complain(desk)
    assert of(desk)["first_answer"].wrote_at == again > first
    assert set(states(desk).values()) == {"running"}


def test_customer_is_to_hear_something_every_five_working_days(desk: Bench) -> None:
    complain(desk)
    for _ in range(3):
        desk.clock.pass_(days=4)
        said = answer(desk)
        assert of(desk)["keep_informed"].wrote_at == said
    with desk.store.read() as connection:
        found = rows.of_ticket(connection, 1)
    kept = [row for row in found if row.kind == "keep_informed"]
    assert [row.state for row in kept] == ["met", "met", "met", "running"]


@pytest.mark.parametrize("status", [TicketStatus.SPAM, TicketStatus.DELETED])
def test_what_is_no_ticket_any_more_has_no_deadline(
    desk: Bench, status: TicketStatus
) -> None:
    complain(desk)
    change(desk, status=status)
    assert set(states(desk).values()) == {"dropped"}
    assert of(desk)["solution"].reason == f"the ticket is {status}"
    # It was none after all.
    change(desk, status=TicketStatus.OPEN)
    assert set(states(desk).values()) == {"running"}


def test_ticket_that_is_gone_has_no_deadline(desk: Bench) -> None:
    complain(desk)
    del desk.support.tickets["1"]
    desk.changed("support", "1")
    desk.settle()
    assert set(states(desk).values()) == {"dropped"}


# -- who is told --


def test_warning_is_a_tag_a_note_and_a_notice_once_each(
    desk: Bench, tmp_path: Path
) -> None:
    complain(desk)
    assert review(desk, hours=17) == 0
    assert not is_due(desk)
    assert review(desk, hours=1) == 2
    assert is_due(desk)
    assert len(notes(desk)) == 2
    assert "A deadline is near" in notes(desk)[1]
    said = told(tmp_path)
    assert "Deadlines that are near (2)" in said
    assert "support 1: First answer due 2026-03-03 09:00 (UTC) https://memory" in said
    assert review(desk, minutes=1) == 0
    change(desk, tags=desk.support.tickets["1"].tags | {"seen"})
    assert len(notes(desk)) == 2
    assert told(tmp_path) == said
    assert "Discount" not in said and "ole" not in said


def test_tag_goes_when_everything_is_met(desk: Bench) -> None:
    complain(desk)
    review(desk, hours=18)
    answer(desk)
    assert is_due(desk)  # the solution is not there yet
    solve(desk)
    assert not is_due(desk)


def test_tag_that_a_person_took_away_stays_away(desk: Bench) -> None:
    complain(desk)
    review(desk, hours=18)
    tags = desk.support.tickets["1"].tags
    change(desk, tags=tags - {"cc-due"})
    review(desk, hours=20)
    assert not is_due(desk)


def test_each_step_of_the_ladder_is_told_once(desk: Bench, tmp_path: Path) -> None:
    complain(desk)
    for _ in range(40):
        review(desk, hours=1)
    assert told(tmp_path).count("Deadlines that are near") == 1
    assert told(tmp_path).count("Deadlines that have passed: first (2)") == 1
    assert told(tmp_path, "boss").count("Deadlines that have passed: second (2)") == 1
    assert len(notes(desk)) == 2


def test_after_a_week_without_a_scheduler_only_the_last_step_counts(
    desk: Bench, tmp_path: Path
) -> None:
    for number in range(12):
        desk.write(str(number), COMPLAINTS[0], f"customer{number}@mail.example")
    desk.settle()
    review(desk, days=6)
    assert told(tmp_path).count("Deadlines") == 1  # the customers are to hear something
    said = told(tmp_path, "boss")
    assert said.count("Deadlines") == 1
    assert "second (24)" in said
    assert said.count("\n- ") == 20
    assert "… and 4 more: complaint-connector clocks list" in said


def test_answer_that_no_webhook_told_of_is_seen_before_anybody_is_alarmed(
    desk: Bench, tmp_path: Path
) -> None:
    complain(desk)
    desk.clock.pass_(hours=17)
    known = desk.support.tickets["1"]
    words = replace(
        known.comments[0],
        external_id="lost",
        author=Author.AGENT,
        created_at=desk.clock(),
    )
    desk.support.tickets["1"] = replace(
        known, comments=(*known.comments, words), status=TicketStatus.RESOLVED
    )
    assert review(desk, hours=1) == 2
    assert told(tmp_path) == ""
    assert not is_due(desk)


def test_notice_names_only_what_is_not_met_when_it_is_sent(
    desk: Bench, tmp_path: Path
) -> None:
    complain(desk)
    desk.clock.pass_(hours=18)
    with desk.store.write() as connection:
        assert clocks.review(connection, desk.config, desk.clock()) == 2
    answer(desk)
    desk.clock.pass_(minutes=1)
    desk.settle()
    said = told(tmp_path)
    assert "Deadlines that are near (1)" in said
    assert "Solution due" in said and "First answer" not in said


def test_notice_of_more_deadlines_than_a_statement_takes_is_sent(desk: Bench) -> None:
    complain(desk)
    with desk.store.read() as connection:
        found = rows.at_step(connection, range(70_000), 0)
        assert {row.ticket_id for row in found} == {1}
        assert [row.due_at for row in found] == sorted(row.due_at for row in found)


def test_after_a_week_without_a_channel_only_the_last_step_is_told(
    desk: Bench, tmp_path: Path
) -> None:
    complain(desk)
    for _ in range(40):  # nobody sends
        desk.clock.pass_(hours=1)
        with desk.store.write() as connection:
            clocks.review(connection, desk.config, desk.clock())
    desk.settle()
    assert told(tmp_path) == ""
    assert told(tmp_path, "boss").count("Deadlines") == 1


def test_in_observe_nothing_is_written_to_the_ticket_and_people_are_told(
    make: Callable[..., Bench], tmp_path: Path
) -> None:
    desk = make(autonomy={"tags": "observe", "notes": "observe"})
    complain(desk)
    review(desk, hours=18)
    assert not is_due(desk)
    assert notes(desk) == []
    assert "Deadlines that are near" in told(tmp_path)


def test_two_schedulers_at_once_tell_once(desk: Bench, tmp_path: Path) -> None:
    complain(desk)
    desk.clock.pass_(hours=18)
    for _ in range(2):
        with desk.store.write() as connection:
            clocks.review(connection, desk.config, desk.clock())
    desk.clock.pass_(minutes=1)
    desk.settle()
    assert told(tmp_path).count("Deadlines that are near") == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.timeout(60)  # whoever waits here waits for ever
def test_scheduler_waits_for_no_decision(
    make_bench: Callable[..., Bench],
) -> None:
    desk = make_bench(clocks={"pack": "plain"})
    complain(desk)
    complain(desk, "2")
    now = desk.clock.pass_(hours=18)
    with desk.store.write() as deciding, desk.store.write() as reviewing:
        rows.drop(deciding, 1, "the ticket is spam", now)
        assert {row.ticket_id for row in rows.due(reviewing, now)} == {2}


# -- priority --


def hastened(bench: Bench) -> list[str]:
    return [ticket for call, ticket, _ in bench.support.calls if call == "hasten"]


def test_vip_gets_a_high_priority_at_once_and_only_once(desk: Bench) -> None:
    complain(desk, email=KARI)
    assert desk.support.tickets["1"].fields["priority"] == "high"
    change(desk, fields={"priority": "low"})  # by a person
    review(desk, hours=3)
    complain(desk, email=KARI)
    assert hastened(desk) == ["1"]
    assert desk.support.tickets["1"].fields["priority"] == "low"


def test_others_get_it_when_a_deadline_is_near(desk: Bench) -> None:
    complain(desk)
    assert hastened(desk) == []
    review(desk, hours=18)
    assert hastened(desk) == ["1"]


def test_priority_whose_answer_was_lost_is_left_to_people(desk: Bench) -> None:
    def fail(external_id: str, priority: str, left: str) -> bool:
        raise VendorUnavailable("no answer")

    desk.support.hasten = fail  # type: ignore[method-assign]
    complain(desk, email=KARI)
    del desk.support.hasten
    desk.clock.pass_(minutes=1)
    desk.settle()
    assert hastened(desk) == []


# -- at the command line --


def test_list_names_what_is_due_first_and_packs_what_is_promised(
    desk: Bench, tmp_path: Path
) -> None:
    complain(desk)
    complain(desk, "2", KARI)
    file = tmp_path / "config.yaml"
    url = desk.config.database.url
    raw = {"database": {"url": url}, "sources": {"support": {"kind": "memory"}}}
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    said = CliRunner().invoke(cli, ["clocks", "list", "--json", "--config", str(file)])
    found = [json.loads(line) for line in said.output.splitlines()]
    assert [(one["number"], one["kind"]) for one in found[:3]] == [
        ("2", "first_answer"),
        ("2", "solution"),
        ("1", "first_answer"),
    ]
    assert len(found) == 6
    shown = CliRunner().invoke(cli, ["clocks", "packs"]).output
    assert shown.count("not legal advice") == len(packs())
    assert "Final response: 56 days" in shown
    assert "Return each half year: " in shown


def test_what_is_not_promised_any_more_is_dropped_and_not_told(
    make: Callable[..., Bench], tmp_path: Path
) -> None:
    complain(make())
    desk = make(START + timedelta(hours=18), clocks={"pack": "none"})
    review(desk)
    assert states(desk)["first_answer"] == "dropped"
    assert told(tmp_path) == ""


# -- on both databases --


def test_rows_of_clocks_end_once_and_run_again_only_if_dropped(
    bench: Bench,
) -> None:
    complain(bench)
    late = START + timedelta(hours=1)
    with bench.store.write() as connection:
        first = rows.start(connection, 1, "solution", START, late, START)
        assert first is not None
        assert rows.start(connection, 1, "solution", START, late, START) is None
        (due,) = rows.due(connection, START)
        assert (due.id, due.source, due.number) == (first, "support", "1")
        rows.move(connection, first, late, 1, late)
        assert list(rows.due(connection, START)) == []
        rows.drop(connection, 1, "a test", START)
        assert not rows.at_step(connection, [first], 1)
        assert rows.start(connection, 1, "solution", START, late, START) == first
        assert not rows.at_step(connection, [first], 1)
        (again,) = rows.at_step(connection, [first], 0)
        assert (again.id, again.number) == (first, "1")
        rows.end(connection, [first], rows.ClockState.MET, START)
        rows.end(connection, [first], rows.ClockState.LATE, late)
        assert rows.start(connection, 1, "solution", START, late, START) is None
        (row,) = rows.of_ticket(connection, 1)
    assert (row.state, row.ended_at, row.step) == ("met", START, 0)
