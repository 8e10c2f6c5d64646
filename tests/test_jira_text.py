"""Text for Jira: nothing a customer wrote does anything, and nothing is too long."""

from __future__ import annotations

import json
import re

import pytest

from adapters.jira.text import (
    BODY_LIMIT,
    adf,
    has_mark,
    mark_block,
    one_line,
    wiki,
)
from connector.models import Block, BlockKind

MENTION = "Hei [~accountid:557058:0a1b] og [~aberg]"
HOSTILE = [
    MENTION,
    "!http://evil.example/y.png!",
    "{code}rm -rf{code}",
    "{noformat}\nh1. out\n{noformat}",
    "{NoFormat:title=x}out",
    "{",
    "\\{code}\\",
    "\\\\server\\share",
    "<b onclick=alert(1)>fet</b> &lt;i&gt; &#91;x&#93;",
    "@channel @aberg",
    "[klikk|http://evil.example]",
    "http://evil.example/a mailto:a@b.example",
    "h1. Tittel\n  bq. sitat\n# en\n* to\n---- \n||a||b||",
    "{html}<script>{html}{include:Page}",
    "^vedlegg.pdf^ ??kilde?? *fet* _kursiv_ -strøket- +ny+ ~sub~",
]


def block(text, kind=BlockKind.PARAGRAPH, href=""):
    return Block(kind, text, href)


def texts(document):
    """Return every text node below a document."""
    if document.get("type") == "text":
        return [document]
    return [text for node in document.get("content", ()) for text in texts(node)]


def shapes(document):
    found = {document["type"]}
    return found.union(*(shapes(node) for node in document.get("content", ())))


# -- wiki markup --

LIVE = {
    "macro": r"(?<!\\)\{\w",
    "link or mention": r"(?<!\\)\[",
    "mention in raw text": r"\[~",
    "picture": r"(?<!\\)!",
    "table": r"(?<!\\)\|",
    "line break": r"\\\\",
    "address": r"\w://|mailto:",
    "heading or quote": r"(?im)^\s*(h[1-6]|bq)\.",
    "list": r"(?m)^\s*[*#-]",
    "phrase": r"(?<![\\\w])[*_+^~-]\w",
    "citation": r"(?<!\\)\?\?",
    "entity of theirs": r"&(lt|gt|#91|#93);",
}


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("live", LIVE.values(), ids=LIVE.keys())
def test_words_outside_a_quote_are_no_markup(text, live):
    rendered = wiki([block(text)])
    assert not re.search(live, rendered)


@pytest.mark.parametrize("live", LIVE.values(), ids=LIVE.keys())
def test_what_counts_as_markup_is_found_in_plain_customers_words(live):
    assert any(re.search(live, text) for text in HOSTILE)


@pytest.mark.parametrize("text", HOSTILE)
def test_words_cannot_leave_their_quote(text):
    first, *inside, last = wiki([block(text, BlockKind.QUOTE)]).split("\n")
    assert first == last == "{noformat}"
    assert not re.search(r"\{\S", "\n".join(inside))
    assert "[~" not in "\n".join(inside)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("kind", [BlockKind.HEADING, BlockKind.BULLET])
def test_words_in_a_heading_or_list_stay_on_one_line(text, kind):
    rendered = wiki([block(text, kind)])
    assert "\n" not in rendered
    assert not re.search(r"(?<!\\)[{\[!|]", rendered)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("E-post til ordre_nr 5, pris 10+5?", "E-post til ordre_nr 5, pris 10+5?"),
        ("Takk! Ordre #4411", "Takk\\! Ordre \\#4411"),
        ("Æøå og ä ö: ok.", "Æøå og ä ö: ok."),
        ("første\r\nandre", "første\nandre"),
        ("a \\ b", "a &#92; b"),
        ("se http://x.example", "se http&#58;//x.example"),
        ("Tom & Jerry", "Tom & Jerry"),
        ("&amp;", "&#38;amp;"),
    ],
)
def test_ordinary_words_stay_readable_in_wiki(text, expected):
    assert wiki([block(text)]) == expected


def test_blocks_become_wiki_of_their_kind():
    rendered = wiki(
        [
            block("Antall", BlockKind.HEADING),
            block("Fem kunder."),
            block("norsk", BlockKind.BULLET),
            block("suomi", BlockKind.BULLET, "https://desk.example/t/5?a=1&b=2"),
            block("Pakken er borte", BlockKind.QUOTE),
        ]
    )
    assert rendered == (
        "h3. Antall\n\nFem kunder.\n\n* norsk\n"
        "* [suomi|https://desk.example/t/5?a=1&b=2]\n\n"
        "{noformat}\nPakken er borte\n{noformat}"
    )


@pytest.mark.parametrize(
    ("text", "href", "expected"),
    [
        ("a]b|c", "https://x.example/", "[a b c|https://x.example/]"),
        ("[]", "https://x.example/", "[link|https://x.example/]"),
        (
            "t",
            "https://x.example/]!{code}|",
            "[t|https://x.example/%5D%21%7Bcode%7D%7C]",
        ),
        ("t", "javascript:alert(1)", "t"),
        ("t", "https:///no-host", "t"),
        ("t", "https://x.example/ y", "t"),
        ("t", "http://[broken", "t"),
        ("t", "https://x.example/" + "a" * 3000, "t"),
        ("t", "https://x.example/\ud800", "t"),
    ],
)
def test_only_web_addresses_are_linked_in_wiki(text, href, expected):
    assert wiki([block(text, href=href)]) == expected


# -- ADF --


@pytest.mark.parametrize("kind", list(BlockKind))
@pytest.mark.parametrize("text", HOSTILE)
def test_words_in_adf_are_text_and_nothing_else(text, kind):
    document = adf([block(text, kind)])
    allowed = {"doc", "heading", "paragraph", "bulletList", "listItem", "blockquote"}
    allowed |= {"panel"} if kind is BlockKind.FACT else set()
    assert shapes(document) <= allowed | {"text", "hardBreak"}
    assert all(set(node) == {"type", "text"} for node in texts(document))
    said = "".join(node["text"] for node in texts(document))
    assert "".join(said.split()) == "".join(text.split())


def test_blocks_become_adf_of_their_kind():
    document = adf(
        [
            block("Antall", BlockKind.HEADING),
            block("norsk", BlockKind.BULLET),
            block("suomi", BlockKind.BULLET, "https://desk.example/t/5"),
            block("linje\n\nlinje", BlockKind.QUOTE),
        ]
    )
    link = {"type": "link", "attrs": {"href": "https://desk.example/t/5"}}

    def paragraph(*content):
        return {"type": "paragraph", "content": list(content)}

    line, gap = {"type": "text", "text": "linje"}, {"type": "hardBreak"}
    assert document == {
        "type": "doc",
        "version": 1,
        "content": [
            {
                "type": "heading",
                "attrs": {"level": 3},
                "content": [{"type": "text", "text": "Antall"}],
            },
            {
                "type": "bulletList",
                "content": [
                    {
                        "type": "listItem",
                        "content": [paragraph({"type": "text", "text": "norsk"})],
                    },
                    {
                        "type": "listItem",
                        "content": [
                            paragraph(
                                {"type": "text", "text": "suomi", "marks": [link]}
                            )
                        ],
                    },
                ],
            },
            {"type": "blockquote", "content": [paragraph(line, gap, gap, line)]},
        ],
    }


@pytest.mark.parametrize("href", ["javascript:alert(1)", "data:text/html,x", "/path"])
def test_only_web_addresses_are_linked_in_adf(href):
    assert texts(adf([block("t", href=href)])) == [{"type": "text", "text": "t"}]


@pytest.mark.parametrize("text", ["", " \n\t", "\x00\x1b", "\ud800"])
@pytest.mark.parametrize("kind", list(BlockKind))
def test_text_without_letters_leaves_no_empty_node(text, kind):
    assert adf([block(text, kind)])["content"] == []
    assert wiki([block(text, kind)]) == ""


# -- length --


@pytest.mark.parametrize("piece", ["ord ", "!", "{", "😀", "[~a] ", "a\n"])
@pytest.mark.parametrize("kind", list(BlockKind))
def test_long_text_is_cut_to_what_jira_takes_and_keeps_its_mark(piece, kind):
    blocks = [block(piece * 9_000, kind)] * 8
    tail = (mark_block("cc-7f"),)
    for size, body in (
        (len(wiki(blocks, tail).encode("utf-16-le")) // 2, wiki(blocks, tail)),
        (len(json.dumps(adf(blocks, tail), ensure_ascii=False)), adf(blocks, tail)),
    ):
        assert size <= BODY_LIMIT
        assert "…" in json.dumps(body, ensure_ascii=False)
        assert has_mark(body, "cc-7f")


def test_cut_text_uses_most_of_the_room():
    assert len(wiki([block("ord " * 20_000)])) > BODY_LIMIT * 0.9


@pytest.mark.parametrize("render", [wiki, adf])
def test_links_to_the_rest_outlive_what_is_cut(render):
    link = "https://desk.example/t/5"
    blocks = [
        block("Antall: 5", BlockKind.HEADING),
        *[block("ord " * 5_000, BlockKind.QUOTE)] * 3,
        block("Saker", BlockKind.HEADING),
        block("Sak 5", BlockKind.BULLET, link),
    ]
    body = json.dumps(render(blocks), ensure_ascii=False)
    assert "…" in body
    assert all(word in body for word in ("Antall: 5", "Saker", "Sak 5", link))


def test_many_small_blocks_are_cut_too():
    blocks = [block("a", BlockKind.BULLET, "https://x.example/" + "b" * 900)] * 500
    assert len(wiki(blocks)) <= BODY_LIMIT
    assert len(json.dumps(adf(blocks))) <= BODY_LIMIT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\n b\t c ", "a b c"),
        ("x" * 255, "x" * 255),
        ("x" * 256, "x" * 254 + "…"),
        ("😀" * 127, "😀" * 127),
        ("😀" * 128, "😀" * 127 + "…"),
        ("a\x00b\ud800", "ab"),
    ],
)
def test_summary_is_one_line_of_255(text, expected):
    assert one_line(text) == expected


# -- marks --


@pytest.mark.parametrize("mark", ["cc-7f", "cc_group.7f-2", "cc-7f!"])
def test_mark_is_found_again_in_either_form(mark):
    tail = (mark_block(mark),)
    assert has_mark(adf([block(MENTION)], tail), mark)
    assert has_mark(wiki([block(MENTION)], tail), mark)
    assert has_mark(wiki([block(MENTION)], tail).replace("\n", "\r\n"), mark)


@pytest.mark.parametrize("other", ["cc-7", "cc-7f0", "7f", "CC-7F", ""])
def test_mark_is_not_found_by_a_part_of_it(other):
    tail = (mark_block("cc-7f"),)
    assert not has_mark(adf([], tail), other)
    assert not has_mark(wiki([], tail), other)


@pytest.mark.parametrize(
    "body",
    [
        None,
        7,
        [],
        {},
        {"content": None},
        {"content": [None, 3]},
        {"text": 5},
        {"content": [{"type": "mention", "attrs": {"text": "Ref. a"}}]},
    ],
)
def test_body_of_another_shape_has_no_mark(body):
    assert not has_mark(body, "a")
