"""Numbers on an issue: fields in their formats, and lines among people's text."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from jira_kit import Site, opened

from adapters.jira.managed import BEGIN, END, framed, renewed
from adapters.jira.text import adf
from adapters.jira.text import wiki as wiki_text
from connector.models import Block, IssueChange

OLD = ("Customers: 5", "Tickets: 6")
NEW = ("Customers: 9", "Tickets: 11")
KNOWN = frozenset(OLD)
FLAVOURS = ["cloud", "data_center"]
FIRST = datetime(2026, 11, 2, 23, 30, tzinfo=UTC)


@pytest.fixture(params=FLAVOURS)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with opened(jira_flavour=request.param) as site:
        yield site


def change(lines: tuple[str, ...] = NEW, **more: Any) -> IssueChange:
    return IssueChange(counts=lines, known_counts=KNOWN, **more)


# -- wiki markup --


def wiki(*lines: str, stop: str = "\n") -> str:
    return stop.join([BEGIN, "", *lines, "", END])


PANEL_EDGE = "{panel}"
#: As those have it who filed it before there was a panel.
STARS = [f"* {line}" for line in OLD]
PLAIN = [f"* {line}" for line in NEW]
BEFORE = [PANEL_EDGE, *STARS, PANEL_EDGE]
FRESH = [PANEL_EDGE, *PLAIN, PANEL_EDGE]
THEIRS = "{panel:title=Mine|bgColor=#fff}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (wiki(*STARS), wiki(*FRESH)),
        (wiki(*BEFORE), wiki(*FRESH)),
        # an editor's spelling of our panel
        (wiki("{panel:bgColor=#deebff}", *BEFORE[1:]), wiki(*FRESH)),
        (wiki(PANEL_EDGE, *STARS), wiki(*FRESH)),
        # a line of theirs in it, and a panel of their own
        (
            wiki(*BEFORE[:2], "Ask Per", *BEFORE[2:]),
            wiki(*FRESH) + "\n\n{panel}\nAsk Per\n{panel}\n",
        ),
        (
            wiki(*BEFORE, THEIRS, "Call *Per*!", PANEL_EDGE),
            wiki(*FRESH) + f"\n\n{THEIRS}\nCall *Per*!\n{{panel}}\n",
        ),
        # in a panel of theirs there can be no other
        (
            f"{THEIRS}\n{wiki(*STARS)}\n{{panel}}",
            f"{THEIRS}\n{wiki(*PLAIN)}\n{{panel}}",
        ),
        (
            f"{THEIRS}\nx\n{{panel}}\n{wiki(*STARS)}",
            f"{THEIRS}\nx\n{{panel}}\n{wiki(*FRESH)}",
        ),
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
    assert renewed(before, change()) == after
    assert renewed(after, change()) is None


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
    assert renewed(text, change()) is None


# -- documents --


def paragraph(*inline: Any) -> dict[str, Any]:
    nodes = [{"type": "text", "text": o} if isinstance(o, str) else o for o in inline]
    return {"type": "paragraph", "content": nodes}


def bullets(*lines: str) -> dict[str, Any]:
    items = [{"type": "listItem", "content": [paragraph(line)]} for line in lines]
    return {"type": "bulletList", "content": items}


def panel(*inside: Any) -> dict[str, Any]:
    attrs = {"panelType": "info"}
    return {"type": "panel", "attrs": attrs, "content": list(inside)}


FACTS = panel(bullets(*NEW))


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
        (block(bullets(*OLD)), block(FACTS)),
        (block(panel(bullets(*OLD))), block(FACTS)),
        ([PANEL, *block(bullets(*OLD)), PANEL], [PANEL, *block(FACTS), PANEL]),
        (
            block(bullets(OLD[0], "Ask Per", OLD[1]), paragraph(), IMAGE, MENTION),
            [*block(FACTS), bullets("Ask Per"), IMAGE, MENTION],
        ),
        (
            block(bullets("Customers: 7", OLD[1])),
            [*block(FACTS), bullets("Customers: 7")],
        ),
        # a line of theirs in our panel, and a panel of their own beside it
        (
            block(panel(bullets(*OLD), paragraph("Ask Per"), MENTION), PANEL),
            [*block(FACTS), panel(paragraph("Ask Per"), MENTION), PANEL],
        ),
        (
            [{"type": "expand", "content": [PANEL, *block(bullets(*OLD))]}, PANEL],
            [{"type": "expand", "content": [PANEL, *block(FACTS)]}, PANEL],
        ),
        # there can be no panel in a panel of theirs, nor in a quotation
        ([panel(*block(bullets(*OLD)))], [panel(*block(bullets(*NEW)))]),
        (
            [{"type": "blockquote", "content": block(bullets(*OLD))}],
            [{"type": "blockquote", "content": block(bullets(*NEW))}],
        ),
    ],
)
def test_only_our_nodes_of_a_document_change(before: Any, after: Any) -> None:
    given = doc(*before)
    untouched = copy.deepcopy(given)
    assert renewed(given, change()) == doc(*after)
    assert given == untouched
    assert renewed(doc(*after), change()) is None


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
    assert renewed(doc(*nodes), change()) is None


# -- the first line leads somewhere, the last one says of when they are --


@pytest.mark.parametrize("flavour", [wiki_text, adf])
def test_time_alone_is_not_written_and_an_older_one_is_replaced(
    flavour: Callable[[Sequence[Block]], Any],
) -> None:
    def shown(counts: tuple[str, ...], *, at: str = "") -> Any:
        return flavour(framed(counts, "https://cc.example/problems/3", at))

    def changed(counts: tuple[str, ...], at: str) -> IssueChange:
        return IssueChange(
            counts=counts,
            known_counts=KNOWN | {"As of: 8:00", *NEW},
            address="https://cc.example/problems/3",
            as_of=at,
        )

    filed = shown(OLD)
    assert renewed(filed, changed(OLD, "As of: 8:00")) is None
    first = renewed(filed, changed(NEW, "As of: 8:00"))
    assert first == shown(NEW, at="As of: 8:00")
    assert renewed(first, changed(NEW, "As of: 9:00")) is None
    second = renewed(first, changed(OLD, "As of: 9:00"))
    assert second == shown(OLD, at="As of: 9:00")


def test_panel_is_what_each_flavour_has_for_it() -> None:
    blocks = framed(("Problem 3: known",), "https://cc.example/problems/3", "As of: 8")
    assert wiki_text(blocks).splitlines()[2:-2] == [
        PANEL_EDGE,
        "* [Problem 3: known|https://cc.example/problems/3]",
        "* As of: 8",
        PANEL_EDGE,
    ]
    link = {"type": "link", "attrs": {"href": "https://cc.example/problems/3"}}
    first = {"type": "text", "text": "Problem 3: known", "marks": [link]}
    items = bullets("", "As of: 8")
    items["content"][0]["content"] = [paragraph(first)]
    assert adf(blocks)["content"][1:-1] == [panel(items)]


# -- a Jira --


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
            if node == panel(bullets(*OLD))
        )
        rewritten["content"][at] = FACTS
        assert issue.description == rewritten
    else:
        old, new = "\n".join(STARS), "\n".join(PLAIN)
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
