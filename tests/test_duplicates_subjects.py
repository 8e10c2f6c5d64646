"""Subjects and tags: where people say themselves what it is about, that decides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rules.duplicates import Grouper
from rules.features import Features, features

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SYSTEM = """\
User agent: Opsys 14, Vista browser 60, build Karelia.
Steps to reproduce: open the program, look at the window, press a key.
Actual results: see above. Expected results: it works as in the former version.
"""
TOLD = """\
the ruler of the drawing window has no numbers
printing a page in two columns loses the margin
an attached picture opens behind the inbox
spelling marks stay after the language was changed
the calendar begins weeks on the wrong day
a template with tables cannot be renamed
dark colours make the toolbar unreadable
a signature with pictures is sent twice
""".splitlines()
GENERIC = ["Question", "Help needed", "My order", "Hello", "Problem"]
TALK = """\
when will my flight be called at the gate
your lounge had no coffee this morning
is there a seat for my daughter in row nine
the crew sang for my birthday and it was lovely
my suitcase lost a wheel on its way
how do I collect points for my husband
the app shows yesterday's boarding pass
can I bring a cello into the cabin
""".splitlines()


def add(grouper: Grouper, group: str, found: Features, minutes: int = 1) -> None:
    at = (grouper.newest or START) + timedelta(minutes=minutes)
    grouper.add(group, f"t{at:%d%H%M}", found, at)


def reports(subjects: list[str]) -> Grouper:
    """A grouper that has seen reports with these subjects above much the same text."""
    grouper = Grouper()
    for number in range(20):
        for subject in subjects:
            text = f"{SYSTEM}{TOLD[number % len(TOLD)]}"
            add(grouper, f"{subject}{number}", features(subject, text, "en"))
    return grouper


def test_where_subjects_say_what_it_is_about_they_decide() -> None:
    grouper = reports(TOLD)
    assert grouper.subjects_tell() == 1
    first = features("archive of messages does not work", SYSTEM, "en")
    add(grouper, "archive", first)
    at = START + timedelta(days=1)
    other = "Since a week I get nowhere, and the support of my provider knows nothing."
    again = features("messages: archive function does not work any more", other, "en")
    assert grouper.propose(again, at).group == "archive"
    else_ = features("sorting contacts by surname takes minutes", SYSTEM, "en")
    assert grouper.propose(else_, at).group is None


def test_where_subjects_say_little_the_text_decides() -> None:
    grouper = reports(GENERIC)
    assert grouper.subjects_tell() == 0
    add(grouper, "kettle", features("Question", "the kettle leaks at its spout", "en"))
    found = features("Problem", "our kettle leaks at the spout", "en")
    assert grouper.propose(found, START + timedelta(hours=2)).group == "kettle"
    other = features("Question", "who repairs curtains in your town hall", "en")
    assert grouper.propose(other, START + timedelta(hours=2)).group != "kettle"


def test_first_words_in_the_place_of_a_subject_are_none() -> None:
    text = "the kettle leaks at its spout since a week"
    assert features(text[:20] + "…", text, "en").subject_words == 0
    assert features("kettle", text, "en").subject_words == 1


def test_a_dump_keeps_how_much_subjects_tell() -> None:
    grouper = reports(TOLD)
    assert Grouper.load(grouper.dump()).subjects_tell() == grouper.subjects_tell()


def test_subjects_of_two_pages_are_apart_though_all_else_is_equal() -> None:
    grouper = reports(TOLD)
    add(grouper, "one", features("www.nordpol.example - page is blank", SYSTEM, "en"))
    found = features("www.elvdal.example - page is blank", SYSTEM, "en")
    assert grouper.propose(found, START + timedelta(days=1)).group is None


def test_the_same_tag_is_the_same_matter() -> None:
    grouper = Grouper()
    for number, text in enumerate(TALK * 25):
        add(grouper, f"talk{number}", features("", text, "en"), minutes=30)
    first = "@nordair when are the winners of #SummerOnTheFjord announced?"
    add(grouper, "fjord", features("", first, "en"))
    at = (grouper.newest or START) + timedelta(hours=3)
    other = "@nordair @bandwidth I would love to hear them, pick me! #summeronthefjord"
    assert grouper.propose(features("", other, "en"), at).group == "fjord"
    untagged = "@nordair @bandwidth I would love to hear them, pick me!"
    assert grouper.propose(features("", untagged, "en"), at).group is None


def test_a_tag_that_names_whom_they_write_to_is_none() -> None:
    found = features("", "@nordair late again #nordairfail #SummerOnTheFjord", "en")
    assert [e for e in found.entities if e[:4] == "tag:"] == ["tag:summeronthefjord"]


def test_what_is_the_subjects_is_counted() -> None:
    found = features("welcome_page.html: the link is dead", "see nordpol.example", "en")
    assert found.entities[0] == "site:welcome_page.html"
    assert found.subject_entities == 1
    assert found.words[: found.subject_words] == (
        "welcome_page",
        "html",
        "link",
        "dead",
    )


def test_what_was_kept_before_subjects_were_told_apart_is_read() -> None:
    found = features("", "the kettle leaks", "en")
    kept = found.to_json()
    del kept["s"]
    assert Features.from_json(kept) == found
