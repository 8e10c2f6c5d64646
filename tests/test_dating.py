"""What was said without a date, such as some ratings: news once, and never too late."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from kit import Bench
from loop_kit import COMPLAINTS, calls, complain, file_issue, fix, the_group

from connector import dating
from connector.models import Author, Comment, IssueCategory, Ticket


def rate(bench: Bench, ticket: str, words: str = COMPLAINTS[0]) -> None:
    """Let a customer rate; the helpdesk does not say when."""
    known = bench.support.tickets[ticket]
    rating = Comment(
        external_id="feedback",
        author=Author.CUSTOMER,
        author_id=None,
        public=True,
        body=words,
        is_html=False,
        created_at=known.created_at,
        channel="rating",
        is_dated=False,
    )
    kept = tuple(one for one in known.comments if one.external_id != "feedback")
    bench.support.tickets[ticket] = replace(known, comments=(*kept, rating))


def read_again(bench: Bench, ticket: str) -> None:
    """Let something else change at a ticket."""
    known = bench.support.tickets[ticket]
    changed = replace(known, updated_at=bench.clock())
    bench.support.tickets[ticket] = changed
    bench.changed("support", ticket)
    bench.settle()


def as_dated(bench: Bench, ticket: str) -> Ticket:
    return dating.dated(bench.store, bench.support.tickets[ticket])


def rating_of(ticket: Ticket) -> Comment:
    (found,) = [one for one in ticket.comments if not one.is_dated]
    return found


@pytest.fixture
def fixed(bench: Bench) -> str:
    """File an issue, fix it, tell the customers, and see the tickets after that."""
    issue = file_issue(bench)
    fix(bench, issue)
    bench.clock.pass_(days=1)
    read_again(bench, "0")
    return issue


def test_rating_after_the_fix_brings_the_problem_back_once(
    bench: Bench, fixed: str
) -> None:
    bench.clock.pass_(days=1)
    rate(bench, "0")
    read_again(bench, "0")
    assert the_group(bench)["state"] == "filed"
    assert calls(bench, "reopen_issue") == [fixed]
    fix(bench, fixed)
    for _ in range(3):
        bench.clock.pass_(days=1)
        read_again(bench, "0")
    assert the_group(bench)["state"] == "fixed"
    assert calls(bench, "reopen_issue") == [fixed]


def test_other_words_in_a_rating_are_news_again(bench: Bench, fixed: str) -> None:
    bench.clock.pass_(days=1)
    rate(bench, "0")
    read_again(bench, "0")
    fix(bench, fixed)
    bench.clock.pass_(days=1)
    read_again(bench, "0")
    rate(bench, "0", f"{COMPLAINTS[1]} Again!")
    read_again(bench, "0")
    assert calls(bench, "reopen_issue") == [fixed, fixed]


def test_rating_that_may_be_from_before_the_fix_is_not_held_against_it(
    bench: Bench,
) -> None:
    issue = file_issue(bench)
    bench.clock.pass_(days=1)
    rate(bench, "0")  # and nothing tells of it
    fix(bench, issue)
    assert bench.tracker.issues[issue].category is IssueCategory.DONE
    bench.clock.pass_(days=1)
    read_again(bench, "0")
    assert the_group(bench)["state"] == "fixed"
    assert calls(bench, "reopen_issue") == []


def test_date_stays_what_it_was_at_first(bench: Bench) -> None:
    complain(bench, 1)
    bench.settle()
    looked_at = bench.clock()
    bench.clock.pass_(days=1)
    rate(bench, "0")
    read_again(bench, "0")
    for _ in range(3):
        bench.clock.pass_(days=1)
        read_again(bench, "0")
        at = rating_of(as_dated(bench, "0")).created_at
        assert abs(at - looked_at) < timedelta(minutes=1)


def test_comments_stay_in_their_order(bench: Bench) -> None:
    complain(bench, 1)
    bench.settle()
    bench.clock.pass_(days=1)
    rate(bench, "0")
    found = as_dated(bench, "0")
    stamps = [one.created_at for one in found.comments]
    assert stamps == sorted(stamps)
    assert {one.external_id for one in found.comments} == {
        one.external_id for one in bench.support.tickets["0"].comments
    }


def test_same_words_in_two_ratings_are_two_pieces_of_news(bench: Bench) -> None:
    complain(bench, 1)
    rate(bench, "0")
    known = bench.support.tickets["0"]
    second = replace(rating_of(known), external_id="another")
    twice = replace(known, comments=(*known.comments, second))
    assert len(dating.undated(twice)) == 2


def test_ticket_that_is_new_to_us_has_the_earliest_date(bench: Bench) -> None:
    complain(bench, 1)
    rate(bench, "0")
    ticket = bench.support.tickets["0"]
    assert rating_of(as_dated(bench, "0")).created_at == ticket.created_at


def test_what_has_a_date_keeps_it(bench: Bench) -> None:
    complain(bench, 1)
    bench.settle()
    ticket = bench.support.tickets["0"]
    assert dating.dated(bench.store, ticket) is ticket
    assert dating.undated(ticket) == {}


def test_words_do_not_get_into_the_trace(bench: Bench) -> None:
    complain(bench, 1)
    rate(bench, "0")
    (key,) = dating.undated(bench.support.tickets["0"])
    assert len(key) < 40
    assert not set(COMPLAINTS[0].lower().split()) & set(key.split(":"))
