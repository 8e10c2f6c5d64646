"""Out of mail as the common programs write it come the customer's own words only.

Words that programs write are in ``mails/words.yaml``, one block a language; here are
the shapes they are put into. Every shape is tried in every language.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from rules.words import customer_words

SAYS = yaml.safe_load(
    (Path(__file__).parent / "mails" / "words.yaml").read_text("utf-8")
)
Say = dict[str, Any]


def quoted(text: str, mark: str = "> ") -> str:
    return "\n".join(mark + line for line in text.split("\n"))


def lines(*parts: str) -> str:
    return "\n".join(parts)


def marked_up(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")


def wrapped(header: str) -> str:
    """Break a header line in two, as mail programs do after some 70 letters."""
    before, last = header.rsplit(" ", 2)[0], header.rsplit(" ", 2)[1:]
    return f"{before}\n{' '.join(last)}"


def name_first(field: str) -> str:
    name, rest = field.split(":", 1)
    return f"<b>{name}:</b>{marked_up(rest)}"


# Plain text: the customer's words are on top, and something follows.
PLAIN: dict[str, Callable[[Say], str]] = {
    "gmail": lambda s: lines(s["own"], "", s["gmail"], "", quoted(s["old"])),
    "gmail wrapped": lambda s: lines(
        s["own"], "", wrapped(s["gmail"]), "", quoted(s["old"])
    ),
    "apple": lambda s: lines(
        s["own"], "", quoted(s["apple"]), quoted(""), quoted(s["old"])
    ),
    "apple phone": lambda s: lines(
        s["own"], "", s["device"][0], "", quoted(f"{s['apple']}\n\n{s['old']}")
    ),
    "apple without marks": lambda s: lines(s["own"], "", s["apple"], "", s["old"]),
    "thunderbird": lambda s: lines(s["own"], "", s["thunderbird"], quoted(s["old"])),
    "thunderbird twice": lambda s: lines(
        s["own"],
        "",
        s["thunderbird"],
        quoted(s["old"]),
        quoted(s["gmail"]),
        quoted(s["old"], "> > "),
    ),
    "outlook": lambda s: lines(s["own"], "", *s["fields"], "", s["old"]),
    "outlook rule": lambda s: lines(s["own"], "", "_" * 32, *s["fields"], "", s["old"]),
    "outlook phone": lambda s: lines(
        s["own"], "", s["device"][1], "_" * 32, *s["fields"], "", s["old"]
    ),
    "outlook bold": lambda s: lines(
        s["own"],
        "",
        *(f"*{field.replace(':', ':*', 1)}" for field in s["fields"]),
        "",
        s["old"],
    ),
    "original": lambda s: lines(s["own"], "", s["original"], *s["fields"], s["old"]),
    "original alone": lambda s: lines(s["own"], "", s["original"], "", s["old"]),
    "forward gmail": lambda s: lines(
        s["own"], "", s["forwarded"][0], *s["fields"], "", s["old"]
    ),
    "forward thunderbird": lambda s: lines(
        s["own"], "", s["forwarded"][1], s["fields"][3], "", s["old"]
    ),
    "forward apple": lambda s: lines(
        s["own"], "", s["forwarded"][2], "", quoted(s["fields"][0]), quoted(s["old"])
    ),
    "zendesk": lambda s: lines(s["own"], "", s["above"], "", s["old"]),
    "help scout": lambda s: lines(
        s["own"], "", s["gmail"], "", quoted(s["above"]), quoted(s["old"])
    ),
    "jira": lambda s: lines(s["own"], "", "—-—-—-—", s["above"], "", s["old"]),
    "galaxy": lambda s: lines(s["own"], "", s["device"][2]),
    "windows": lambda s: lines(s["own"], "", s["device"][3], "", *s["fields"]),
    "other device": lambda s: lines(s["own"], "", s["device"][4], "", s["gmail"]),
    "closing": lambda s: lines(s["own"], "", s["closing"][0]),
    "short closing": lambda s: lines(s["own"], "", s["closing"][1]),
    "closing and quote": lambda s: lines(
        s["own"], "", s["closing"][2], "", s["gmail"], quoted(s["old"])
    ),
    "closing with name": lambda s: lines(s["own"], "", s["closing"][3]),
    "closing and card": lambda s: lines(
        s["own"], "", s["closing"][0], "", "Lund & Co", "www.lund.example", "1234 Vik"
    ),
    "signature marks": lambda s: lines(s["own"], "-- ", "Kim Lund", "Lund & Co"),
    "signature and footer": lambda s: lines(
        s["own"], "", s["closing"][0], "", s["disclaimer"][0]
    ),
    "footer": lambda s: lines(s["own"], "", s["disclaimer"][0]),
    "other footer": lambda s: lines(s["own"], "", s["disclaimer"][1]),
    "windows line ends": lambda s: lines(
        s["own"], "", s["gmail"], quoted(s["old"])
    ).replace("\n", "\r\n"),
}

MARKED_UP: dict[str, Callable[[Say], str]] = {
    "gmail": lambda s: (
        f'<div dir="ltr">{marked_up(s["own"])}</div><br>'
        '<div class="gmail_quote gmail_quote_container"><div dir="ltr" '
        f'class="gmail_attr">{marked_up(s["gmail"])}<br></div>'
        f'<blockquote class="gmail_quote">{s["old"]}</blockquote></div>'
    ),
    "gmail forward": lambda s: (
        f'<div dir="ltr">{marked_up(s["own"])}<br><br><div class="gmail_quote">'
        f'<div class="gmail_attr">{s["forwarded"][0]}</div>{s["old"]}</div></div>'
    ),
    "apple": lambda s: (
        f'<html><body dir="auto">{marked_up(s["own"])}<br><div dir="ltr">'
        f'{s["device"][0]}</div><div dir="ltr"><br><blockquote type="cite">'
        f'{marked_up(s["apple"])}<br></blockquote></div><blockquote type="cite">'
        f'<div dir="ltr">{s["old"]}</div></blockquote></body></html>'
    ),
    "apple mac": lambda s: (
        f"<body>{marked_up(s['own'])}<div><br><blockquote type='cite'><div>"
        f"{marked_up(s['apple'])}</div><div>{s['old']}</div></blockquote></div></body>"
    ),
    "thunderbird": lambda s: (
        f"<body><p>{marked_up(s['own'])}</p><div class='moz-cite-prefix'>"
        f"{s['thunderbird']}<br></div><blockquote type='cite' cite='mid:1@x'>"
        f"{s['old']}</blockquote><div class='moz-signature'>-- <br>Kim</div></body>"
    ),
    "outlook": lambda s: (
        f'<div class="WordSection1"><p class="MsoNormal">{marked_up(s["own"])}<o:p>'
        '</o:p></p><div><div style="border:none;border-top:solid #E1E1E1 1.0pt">'
        f'<p class="MsoNormal">{"<br>".join(map(name_first, s["fields"]))}<o:p></o:p>'
        f'</p></div></div><p class="MsoNormal">{s["old"]}</p></div>'
    ),
    "outlook web": lambda s: (
        f'<div class="elementToProof">{marked_up(s["own"])}</div>'
        '<div id="appendonsend"></div><hr style="display:inline-block;width:98%">'
        f'<div id="divRplyFwdMsg">{"<br>".join(map(name_first, s["fields"]))}</div>'
        f"<div>{s['old']}</div>"
    ),
    "outlook phone": lambda s: (
        f"<div>{marked_up(s['own'])}</div><div id='ms-outlook-mobile-signature'>"
        f"<a href='https://x.example'>{s['device'][1]}</a></div>"
        "<div id='mail-editor-reference-message-container'>"
        f"<div>{'<br>'.join(map(name_first, s['fields']))}</div>{s['old']}</div>"
    ),
    "yahoo": lambda s: (
        f"<div class='ydp1'>{marked_up(s['own'])}</div><div class='yahoo_quoted'>"
        f"<div>{marked_up(s['gmail'])}</div><div>{s['old']}</div></div>"
    ),
    "proton": lambda s: (
        f"<div>{marked_up(s['own'])}</div><div class='protonmail_quote'>"
        f"{marked_up(s['apple'])}<blockquote>{s['old']}</blockquote></div>"
    ),
    "zendesk": lambda s: (
        f"<p>{marked_up(s['own'])}</p><div class='zendesk_quoted'>{s['above']}"
        f"<p>{s['old']}</p></div>"
    ),
    "hidden preview": lambda s: (
        f"<div style='display:none;max-height:0'>{s['old']}</div>"
        f"<table><tr><td>{marked_up(s['own'])}</td></tr></table>"
    ),
    "closing": lambda s: (
        f"<p>{marked_up(s['own'])}</p><p>{marked_up(s['closing'][0])}</p>"
        f"<p style='font-size:8pt'>{s['disclaimer'][0]}</p>"
    ),
}

WRITTEN = [
    pytest.param(lang, shape(SAYS[lang]), is_html, id=f"{lang} {name}")
    for lang in SAYS
    for is_html, shapes in ((False, PLAIN), (True, MARKED_UP))
    for name, shape in shapes.items()
]


def said(text: str) -> str:
    """Leave out how lines are broken, which markup does not keep."""
    return " ".join(text.split())


def test_there_are_mails_enough() -> None:
    assert len(WRITTEN) >= 150


@pytest.mark.parametrize(("lang", "body", "is_html"), WRITTEN)
def test_only_the_customers_words_come_out(lang: str, body: str, is_html: bool) -> None:
    words = customer_words(body, is_html, "Re: 1")
    assert said(words.text) == said(SAYS[lang]["own"])
    assert not words.auto_reply


@pytest.mark.parametrize("lang", SAYS)
def test_answers_between_quotes_are_kept(lang: str) -> None:
    says = SAYS[lang]
    body = lines(
        says["gmail"], quoted(says["old"]), says["answer"], quoted(says["old"]), ""
    )
    assert customer_words(body, False).text == says["answer"]


@pytest.mark.parametrize("lang", SAYS)
def test_a_bare_forward_keeps_what_was_forwarded(lang: str) -> None:
    says = SAYS[lang]
    body = lines(says["forwarded"][0], *says["fields"], "", says["own"])
    assert customer_words(body, False).text.endswith(says["own"])


MACHINES = [
    pytest.param(subject, body, id=f"{lang} {subject}")
    for lang, says in SAYS.items()
    for subject, body in (*says["away"], says["bounce"])
]


@pytest.mark.parametrize(("subject", "body"), MACHINES)
def test_absence_and_bounces_are_told_from_people(subject: str, body: str) -> None:
    assert customer_words(body, False, subject).auto_reply


@pytest.mark.parametrize("lang", SAYS)
def test_a_person_who_answers_one_is_a_person(lang: str) -> None:
    says = SAYS[lang]
    body = lines(says["own"], "", says["gmail"], quoted(says["away"][1][1]))
    assert not customer_words(body, False, "Re: 1").auto_reply


@pytest.mark.parametrize("is_html", [False, True], ids=["plain", "marked up"])
@pytest.mark.timeout(20)  # a guard against hanging, not a measurement
def test_a_long_thread_gives_the_newest_words(is_html: bool) -> None:
    says = SAYS["en"]
    old = f"{says['old']} " * 320
    shape = MARKED_UP["gmail"] if is_html else PLAIN["gmail"]
    body = old
    for _ in range(60):
        body = shape(says | {"old": f"{body if is_html else quoted(body)}"})
        body = f"{body}\n{old[:15_000]}"
    assert len(body) > 900_000
    assert said(customer_words(body, is_html).text) == said(says["own"])
