"""The weekly digest, what a fix did, and the scoreboard of recovery."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from click.testing import CliRunner
from kit import START, Bench, settings
from loop_kit import COMPLAINTS, complain, file_issue, fix
from sqlalchemy import update
from test_replies import say

from connector.cli import cli
from connector.models import Block, BlockKind
from connector.packs import packs
from connector.reports import digest, effect, periods, recovery, words
from connector.reports.recovery import Band
from connector.store import demotions
from connector.store.schema import tickets

UTC = ZoneInfo("UTC")
FIRST = periods.week("2026-W10", UTC)
TYPES = {
    "delivery": "My parcel has still not arrived after weeks, a scandal!",
    "billing_invoice": "The invoice is wrong, you charged me twice, I am furious!",
}


@pytest.fixture
def plain(blank_sqlite: str) -> Iterator[Bench]:
    bench = Bench(settings(blank_sqlite))
    yield bench
    bench.close()


def told(bench: Bench, week: periods.Period = FIRST, language: str = "en") -> str:
    problems = bench.config.problems.model_copy(update={"language": language})
    config = bench.config.model_copy(update={"problems": problems})
    with bench.store.read() as connection:
        return words.as_text(*digest.digest(connection, config, week))


def part(text: str, heading: str) -> list[str]:
    """Return the lines below a heading; none if it is not there."""
    _, found, after = text.partition(f"\n{heading}\n{'-' * len(heading)}\n")
    return after.partition("\n\n")[0].splitlines() if found else []


def write(bench: Bench, prefix: str, **counts: int) -> None:
    for kind, count in counts.items():
        for number in range(count):
            name = f"{prefix}-{kind}-{number}"
            bench.write(name, TYPES[kind], f"{name}@mail.example")
    bench.settle()


# -- the digest --


def test_digest_of_a_week_tells_what_came_and_what_was_done(bench: Bench) -> None:
    issue = file_issue(bench)
    bench.write("fan", "Thank you so much, you are wonderful!", "fan@mail.example")
    fix(bench, issue)
    text = told(bench)
    assert text == told(bench)
    assert text.startswith("Complaints in week 2026-W10\n====")
    assert part(text, "How many")[0] == "- All complaints: 5 (the week before 0)"
    key = bench.tracker.issues[issue].ref.key
    assert [key in line for line in part(text, "New problems")] == [True]
    assert [key in line for line in part(text, "Fixed problems")] == [True]
    assert part(text, "Praise for the team") == [
        "- Tickets with praise: 1; complaints for each of them: 5.0",
        "- support fan https://memory.invalid/support/fan",
    ]
    assert "mail.example" not in text.replace("memory.invalid", "")
    assert "AUTUMN20 does" not in text


def test_volume_is_held_against_last_week_and_the_usual(plain: Bench) -> None:
    counts = [1, 1, 2, 9, 2, 3, 4]  # one incident changes nothing of the usual
    for number, count in enumerate(counts):
        write(plain, str(number), delivery=count)
        plain.clock.now = START + (number + 1) * timedelta(days=7)
    write(plain, "last", billing_invoice=5, delivery=1)
    week = periods.week("2026-W17", UTC)
    assert part(told(plain, week), "How many") == [
        "- All complaints: 6 (the week before 4, usually 2)",
        "- Billing invoice: 5 (the week before 0, usually 0)",
        "- Delivery: 1 (the week before 4, usually 2)",
    ]
    # Nothing is known of the time before the first complaint.
    third = periods.week("2026-W12", UTC)
    assert part(told(plain, third), "How many")[0] == (
        "- All complaints: 2 (the week before 1)"
    )


def test_more_than_ten_of_a_kind_are_counted(plain: Bench) -> None:
    for number in range(12):
        text = "Thank you so much, you are wonderful!"
        plain.write(f"fan{number}", text, f"fan{number}@mail.example")
    plain.settle()
    listed = part(told(plain), "Praise for the team")
    assert len(listed) == 12
    assert listed[-1] == "- and 2 more"


def test_what_waits_for_people_is_counted(plain: Bench) -> None:
    assert part(told(plain), "Waiting for a person") == []
    plain.write("1", COMPLAINTS[0], "kari@mail.example")
    plain.settle()
    rated = {"satisfaction": "bad"}
    plain.support.tickets["1"] = replace(plain.support.tickets["1"], fields=rated)
    plain.changed("support", "1")
    plain.settle()
    assert part(told(plain), "Waiting for a person") == [
        "- Tasks, bad ratings without a word: 1"
    ]
    assert part(told(plain), "Quiet customers") == [
        "- support 1: rated bad without a word https://memory.invalid/support/1"
    ]
    (line,) = part(told(plain, language="nb"), "Stille kunder")
    assert line.startswith("- support 1: dårlig vurdering uten et ord ")


def test_promises_that_were_due_are_counted(blank_sqlite: str) -> None:
    bench = Bench(settings(blank_sqlite, clocks={"pack": "plain", "within": "48h"}))
    bench.write("1", COMPLAINTS[0], "kari@mail.example")
    bench.write("2", COMPLAINTS[1], "ole@mail.example")
    bench.settle()
    bench.clock.pass_(hours=2)
    say(bench)
    bench.clock.pass_(days=6)
    write(bench, "new", delivery=1)  # not due in this week
    assert part(told(bench), "Deadlines of the week") == [
        "- First answer: 1 of 2 kept",
        "- Solution: 0 of 2 kept",
    ]
    assert part(told(bench, language="fi"), "Viikon määräajat") == [
        "- Ensimmäinen vastaus: 1/2 pidetty",
        "- Ratkaisu: 0/2 pidetty",
    ]
    bench.close()


def test_message_to_many_that_nobody_approved_is_named(blank_sqlite: str) -> None:
    bench = Bench(settings(blank_sqlite, messages={"approve_above": 2}))
    fix(bench, file_issue(bench))
    assert part(told(bench), "Waiting for a person") == [
        "- Messages to many customers that wait for an approval: 1"
    ]
    bench.close()


def test_rule_whose_tags_people_take_off_is_named(plain: Bench) -> None:
    def take_off(count: int) -> None:
        for number in range(count):
            known = plain.support.tickets[str(number)]
            bare = replace(known, tags=frozenset())
            plain.support.tickets[str(number)] = bare
            plain.changed("support", str(number))
        plain.settle()

    complain(plain, 4)
    plain.settle()
    take_off(1)
    assert part(told(plain), "Rules that lose precision") == []
    take_off(2)
    (line,) = part(told(plain), "Rules that lose precision")
    assert "people took off 2 of 4 tags (before: 0 %)" in line


def test_tag_that_a_rule_only_suggests_since_this_week_is_named(plain: Bench) -> None:
    for rule, tag, language, days in (
        ("pack.type", "cc-delivery", "nb", 1),
        ("late", "late", "", 2),
        ("old", "old", "", -1),
    ):
        unit = demotions.Unit(rule, tag, language, "1")
        at = FIRST.since + timedelta(days=days)
        with plain.store.write() as connection:
            demotions.demote(connection, unit, 8, 20, at)
    assert part(told(plain), "Rules that lose precision") == [
        "- late only suggests late now: people took it off 12 of 20 tickets",
        "- pack.type only suggests cc-delivery (nb) now: people took it off 12 of 20 "
        "tickets",
    ]


def test_tickets_of_which_it_is_not_sure_are_counted_until_answered(
    plain: Bench,
) -> None:
    complain(plain, 4)
    plain.settle()
    unsure = update(tickets).values(verdict={"band": "medium"})
    with plain.store.write() as connection:
        connection.execute(unsure.where(tickets.c.external_id != "3"))
        solved = update(tickets).where(tickets.c.external_id == "0")
        connection.execute(solved.values(status="resolved"))
        answered = update(tickets).where(tickets.c.external_id == "1")
        connection.execute(answered.values(answered_at=START))
    assert part(told(plain), "Waiting for a person") == [
        "- Tickets that may be complaints and nobody has answered: 1, the oldest of "
        "2026-03-02"
    ]


@pytest.mark.parametrize("language", ["en", "nb", "nn", "sv", "da", "fi", "de"])
def test_digest_is_in_the_language_of_the_team(plain: Bench, language: str) -> None:
    write(plain, "1", delivery=2)
    text = told(plain, language=language)
    assert "2026-W10" in text and ": 2 (" in text
    own = dict(words._words("nb" if language == "nn" else language))
    theirs = dict(words._words("en"))
    assert own.keys() == theirs.keys()
    promised = {one.kind for pack in packs().values() for one in pack.promises}
    assert own.pop("promises").keys() == theirs.pop("promises").keys() == promised
    for name, said in theirs.items():
        assert set(re.findall(r"{\w+}", own[name])) == set(re.findall(r"{\w+}", said))


def test_markdown_takes_no_name_for_a_sign() -> None:
    body = [
        Block(BlockKind.HEADING, "New"),
        Block(
            BlockKind.BULLET, "[click](http://x) *now* <b>", "https://jira.example/1"
        ),
        Block(BlockKind.PARAGRAPH, "# of all"),
    ]
    assert words.as_markdown("A_B", body) == (
        "# A\\_B\n\n\n## New\n\n"
        "- [\\[click\\](http://x) \\*now\\* \\<b\\>](<https://jira.example/1>)\n"
        "\\# of all\n"
    )


# -- what a fix did --


def effects(bench: Bench) -> list[effect.Effect]:
    with bench.store.read() as connection:
        return effect.effects(connection, bench.config, bench.clock())


def test_effect_is_known_when_its_time_is_over(plain: Bench) -> None:
    fix(plain, file_issue(plain))
    (one,) = effects(plain)
    assert one.spans == ((30, 5, None), (90, 5, None), (180, 5, None))
    plain.clock.pass_(days=20)
    text = told(plain, periods.last_week(plain.clock(), UTC))
    assert part(text, "You said, we did") == []
    # It comes back after it was closed, as a problem of its own.
    plain.clock.now = one.fixed_at + timedelta(days=31)
    plain.settle()
    plain.clock.pass_(days=14)
    complain(plain, 2, start=10)
    plain.settle()
    plain.clock.now = one.fixed_at + timedelta(days=91)
    plain.settle()
    (one,) = effects(plain)
    assert one.spans == ((30, 5, 0), (90, 5, 2), (180, 5, None))
    month = periods.last_week(one.fixed_at + timedelta(days=37), UTC)
    (line,) = part(told(plain, month), "You said, we did")
    assert "(5 customers). We did: " in line
    assert "5 complaints in the 30 days before, 0 in the 30 days after." in line
    quarter = periods.last_week(one.fixed_at + timedelta(days=97), UTC)
    (line,) = part(told(plain, quarter), "You said, we did")
    assert "5 complaints in the 90 days before, 2 in the 90 days after." in line


def test_what_is_open_again_had_no_effect_yet(plain: Bench) -> None:
    fix(plain, file_issue(plain))
    plain.clock.pass_(days=2)
    complain(plain, 1, start=7)
    plain.settle()
    assert effects(plain) == []


# -- recovery --


def test_answer_times_are_held_against_ratings_and_new_complaints(
    plain: Bench,
) -> None:
    waits: dict[str, tuple[timedelta | None, str]] = {
        "0": (timedelta(hours=1), "good"),
        "1": (timedelta(minutes=5), ""),
        "2": (timedelta(hours=24), "bad"),
        "3": (timedelta(hours=24, seconds=1), "neutral"),
        "4": (None, ""),
    }
    complain(plain, 5)
    plain.settle()
    for later, number in ((30, 2), (31, 3)):
        plain.clock.now = START + timedelta(days=later)
        email = f"customer{number}@mail.example"
        plain.write(f"again{number}", TYPES["delivery"], email)
    plain.settle()
    with plain.store.write() as connection:
        for ticket, (wait, rating) in waits.items():
            answered = START + wait if wait else None
            connection.execute(
                update(tickets)
                .where(tickets.c.external_id == ticket)
                .values(first_answer_at=answered, rating=rating)
            )
    with plain.store.read() as connection:
        found = recovery.bands(connection, START, START + timedelta(days=1))
    assert found == [
        Band("up to 1 h", 2, 1, 1, 0, 0),
        Band("up to 24 h", 1, 1, 0, 1, 1),
        Band("later", 1, 1, 0, 0, 0),
        Band("not answered", 1, 0, 0, 0, 0),
    ]


# -- commands --


def test_commands_show_what_is_known(plain: Bench, tmp_path: Path) -> None:
    fix(plain, file_issue(plain))
    file = tmp_path / "config.yaml"
    raw = {
        "database": {"url": plain.config.database.url},
        "sources": {"support": {"kind": "memory"}},
    }
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")

    def run(*asked: str) -> str:
        result = CliRunner().invoke(cli, ["report", *asked, "--config", str(file)])
        assert result.exit_code == 0, result.output
        return result.output

    assert run("digest", "--week", "2026-W10") == told(plain)
    assert run("digest", "--week", "2026-W10", "--markdown").startswith("# Complaints")
    assert run("digest").startswith("Complaints in week ")
    (row,) = map(json.loads, run("effect", "--json").splitlines())
    assert (row["30_days_before"], row["30_days_after"]) == (5, 0)
    days = (datetime.now(START.tzinfo) - START).days + 2
    found = [
        json.loads(line)
        for line in run("recovery", "--days", str(days), "--json").splitlines()
    ]
    assert sum(one["complaints"] for one in found) == 5
    assert "not answered" in run("recovery")


def test_scoreboard_of_more_days_than_a_calendar_has_is_refused() -> None:
    told = CliRunner().invoke(cli, ["report", "recovery", "--days", "99999999"])
    assert told.exit_code == 2
