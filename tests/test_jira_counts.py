"""Numbers on an issue: fields in their formats, and lines among people's text."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from jira_kit import Site, opened

from adapters.jira.managed import BEGIN, END, renewed
from connector.models import IssueChange

OLD = ("Customers: 5", "Tickets: 6")
NEW = ("Customers: 9", "Tickets: 11")
KNOWN = frozenset(OLD)
FLAVOURS = ["cloud", "data_center"]
FIRST = datetime(2026, 11, 2, 23, 30, tzinfo=UTC)


@pytest.fixture(params=FLAVOURS)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with opened(jira_flavour=request.param) as site:
        yield site


# -- wiki markup --


def wiki(*lines: str, stop: str = "\n") -> str:
    return stop.join([BEGIN, "", *lines, "", END])


STARS = [f"* {line}" for line in OLD]
FRESH = [f"* {line}" for line in NEW]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (wiki(*STARS), wiki(*FRESH)),
        (
            f"h1. Mine\n\nA  b\t\n{wiki(*STARS)}\n\nAlso *mine* \\- ",
            f"h1. Mine\n\nA  b\t\n{wiki(*FRESH)}\n\nAlso *mine* \\- ",
        ),
        (
            f"Mine\r\n{wiki(*STARS, stop=chr(13) + chr(10))}\r\nToo",
            f"Mine\r\n{wiki(*FRESH, stop=chr(13) + chr(10))}\r\nToo",
        ),
        # what an editor makes of our list
        (wiki(" *  Customers: 5", " * Tickets: 6 "), wiki(*FRESH)),
        # a number of theirs, a line of theirs
        (
            wiki("* Customers: 7 (says Kari)", "* Tickets: 6", "Call *Per*!"),
            wiki(*FRESH) + "\n\n* Customers: 7 (says Kari)\nCall *Per*!\n",
        ),
        # a copy of it further up, cut in half
        (f"{BEGIN}\nKeep\n{wiki(*STARS)}", f"{BEGIN}\nKeep\n{wiki(*FRESH)}"),
    ],
)
def test_only_our_lines_of_wiki_text_change(before: str, after: str) -> None:
    assert renewed(before, NEW, KNOWN) == after
    assert renewed(after, NEW, KNOWN) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "All of it is mine",
        f"{BEGIN}\n* Customers: 5",
        f"* Customers: 5\n{END}",
        f"{END}\n* Customers: 5\n{BEGIN}",
        f"He wrote {BEGIN} and {END}",
        None,
    ],
)
def test_lines_that_somebody_took_away_stay_away(text: str | None) -> None:
    assert renewed(text, NEW, KNOWN) is None


# -- documents --


def paragraph(*inline: Any) -> dict[str, Any]:
    nodes = [{"type": "text", "text": o} if isinstance(o, str) else o for o in inline]
    return {"type": "paragraph", "content": nodes}


def bullets(*lines: str) -> dict[str, Any]:
    items = [{"type": "listItem", "content": [paragraph(line)]} for line in lines]
    return {"type": "bulletList", "content": items}


def block(*inside: Any) -> list[Any]:
    return [paragraph(BEGIN), *inside, paragraph(END)]


def doc(*nodes: Any) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": list(nodes)}


PANEL = {
    "type": "panel",
    "attrs": {"panelType": "note", "localId": "x"},
    "content": [paragraph("Mine", {"type": "hardBreak"}, "too")],
}
MENTION = paragraph({"type": "mention", "attrs": {"id": "1", "text": "@Kari"}})
IMAGE = {"type": "mediaSingle", "attrs": {"layout": "center"}, "content": []}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (block(bullets(*OLD)), block(bullets(*NEW))),
        (
            [PANEL, *block(bullets(*OLD)), PANEL],
            [PANEL, *block(bullets(*NEW)), PANEL],
        ),
        (
            block(bullets(OLD[0], "Ask Per", OLD[1]), paragraph(), IMAGE, MENTION),
            [*block(bullets(*NEW)), bullets("Ask Per"), IMAGE, MENTION],
        ),
        (
            block(bullets("Customers: 7", OLD[1])),
            [*block(bullets(*NEW)), bullets("Customers: 7")],
        ),
        (
            [{"type": "expand", "content": [PANEL, *block(bullets(*OLD))]}, PANEL],
            [{"type": "expand", "content": [PANEL, *block(bullets(*NEW))]}, PANEL],
        ),
    ],
)
def test_only_our_nodes_of_a_document_change(before: Any, after: Any) -> None:
    given = doc(*before)
    untouched = copy.deepcopy(given)
    assert renewed(given, NEW, KNOWN) == doc(*after)
    assert given == untouched
    assert renewed(doc(*after), NEW, KNOWN) is None


@pytest.mark.parametrize(
    "nodes",
    [
        [],
        [PANEL],
        [paragraph(BEGIN), bullets(*OLD)],
        [paragraph(f"{BEGIN} {END}")],
        [paragraph(BEGIN, {"type": "hardBreak"}, END)],
        [{"type": "expand", "content": [paragraph(BEGIN)]}, paragraph(END)],
    ],
)
def test_nodes_that_somebody_took_away_stay_away(nodes: list[Any]) -> None:
    assert renewed(doc(*nodes), NEW, KNOWN) is None


# -- a Jira --


def change(lines: tuple[str, ...] = NEW, **more: Any) -> IssueChange:
    return IssueChange(counts=lines, known_counts=KNOWN, **more)


def edits(site: Site) -> list[list[str]]:
    log = site.world.log()
    return [one["detail"]["fields"] for one in log if one["act"] == "issue_update"]


def test_numbers_follow_and_what_people_wrote_stays(site: Site) -> None:
    number = site.file(counts=OLD)
    issue = site.tracker.issues[number]
    if site.tracker.cloud:
        rewritten: Any = doc(PANEL, *issue.description["content"], MENTION)
    else:
        rewritten = f"h2. Mine\r\n\r\n{issue.description}\r\n[~kari] {{color:red}}!"
    values = {"summary": "Better title", "description": rewritten}
    site.tracker.edit(issue, values, "agent")
    assert site.adapter.update_issue(number, change()) == frozenset()
    assert issue.summary == "Better title"
    if site.tracker.cloud:
        (at,) = (
            place
            for place, node in enumerate(rewritten["content"])
            if node == bullets(*OLD)
        )
        rewritten["content"][at] = bullets(*NEW)
        assert issue.description == rewritten
    else:
        old, new = "\n".join(STARS), "\n".join(FRESH)
        assert issue.description == rewritten.replace(old, new)
    assert edits(site) == [["summary", "description"], ["description"]]


def test_numbers_that_stand_there_already_are_not_written_again(site: Site) -> None:
    number = site.file(counts=OLD)
    for _ in range(2):
        site.adapter.update_issue(number, change())
    assert edits(site) == [["description"]]


def test_lines_that_were_deleted_are_not_put_back(site: Site) -> None:
    number = site.file(counts=OLD)
    issue = site.tracker.issues[number]
    text: Any = doc(PANEL) if site.tracker.cloud else "Mine"
    site.tracker.edit(issue, {"description": text}, "agent")
    site.adapter.update_issue(number, change(fields={"customfield_10050": 9}))
    assert issue.description == text
    assert issue.fields == {"customfield_10050": 9}


def test_moments_are_written_as_each_field_takes_them(site: Site) -> None:
    moments = {"customfield_10053": FIRST, "customfield_10054": FIRST}
    number = site.file(moments=moments)
    expected = {
        "customfield_10053": "2026-11-02",
        "customfield_10054": "2026-11-02T23:30:00.000+0000",
    }
    assert site.tracker.issues[number].fields == expected
    later = {"customfield_10054": FIRST.replace(day=4), "customfield_10099": FIRST}
    assert site.adapter.update_issue(number, change(moments=later)) == frozenset()
    said = site.tracker.issues[number].fields
    assert said["customfield_10054"] == "2026-11-04T23:30:00.000+0000"
    assert said["customfield_10099"] == "2026-11-02 23:30 UTC"


def test_field_that_the_screen_refuses_does_not_keep_the_others_back(
    site: Site,
) -> None:
    site.tracker.off_screen = {"customfield_10050"}
    fields = {"customfield_10050": 9, "customfield_10051": 11}
    number = site.file(fields=fields, counts=OLD)
    assert site.tracker.issues[number].fields == {"customfield_10051": 11}
    left_out = site.adapter.update_issue(number, change(fields=fields))
    assert left_out == {"customfield_10050"}
    assert edits(site) == [["description"]]
    alone = IssueChange(fields={"customfield_10050": 10}, properties={"p": {"n": 1}})
    assert site.adapter.update_issue(number, alone) == {"customfield_10050"}
    assert site.tracker.issues[number].properties["p"] == {"n": 1}
