"""The customer's own words come out; quotes, signatures and robots do not."""

from __future__ import annotations

import pytest
from selectolax.lexbor import SelectolaxError

from rules.words import MAX_CHARS, customer_words

QUOTED = {
    "english": "It broke.\n\nOn Mon, 3 Mar 2025 at 10:12, Support wrote:\n> old words",
    "wrapped": "It broke.\n\nOn Mon, 3 Mar 2025 at 10:12, Support\n"
    "<help@shop.example> wrote:\n\n> old words",
    "norwegian": "Den røk.\n\nDen 3. mars 2025 kl. 10.12 skrev Kunder:\n> gammelt",
    "norwegian gmail": "Den røk.\n\nman. 3. mars 2025 kl. 10:12 skrev Support "
    "<a@b.example>:\n> gammelt",
    "nynorsk": "Han rauk.\n\nDen 3. mars 2025 skreiv Kundeservice:\ngammalt",
    "finnish": "Se hajosi.\n\nma 3. maalisk. 2025 klo 10.12 Tuki kirjoitti:\n> vanha",
    "finnish short": "Se hajosi.\n\n3.3. Asiakaspalvelu kirjoitti:\n> vanha",
    "swedish": "Den gick.\n\nDen mån 3 mars 2025 kl 10:12 skrev Support:\n> gammalt",
    "danish": "Den gik.\n\nDen man. 3. mar. 2025 kl. 10.12 skrev Support:\n> gammelt",
    "german": "Kaputt.\n\nAm Mo., 3. März 2025 um 10:12 Uhr schrieb Support:\n> altes",
    "outlook english": "It broke.\n\nFrom: Support <a@b.example>\nSent: Monday\n"
    "To: Ann\nSubject: Order\n\nold words",
    "outlook norwegian": "Den røk.\n\nFra: Support\nSendt: mandag 3. mars\nTil: Ann\n"
    "Emne: Ordre\n\ngammelt",
    "outlook finnish": "Se hajosi.\n\nLähettäjä: Tuki\nLähetetty: maanantai\n"
    "Vastaanottaja: Ann\nAihe: Tilaus\n\nvanha",
    "separator": "It broke.\n\n-----Original Message-----\nold words",
    "norwegian separator": "Den røk.\n\n> Opprinnelig melding\n> gammelt",
    "plain marks": "It broke.\n> old words\n> more of them",
}


@pytest.mark.parametrize("body", QUOTED.values(), ids=QUOTED.keys())
def test_answered_mail_is_cut(body: str) -> None:
    assert customer_words(body, False).text == body.split("\n")[0]


@pytest.mark.parametrize(
    "ending",
    [
        "-- \nAnn Berg\nAcme",
        "Best regards\nAnn",
        "Med vennlig hilsen\nAnn",
        "Mvh Ann",
        "Venleg helsing\nAnn",
        "Ystävällisin terveisin\nAnn",
        "Med vänliga hälsningar\nAnn",
        "Mit freundlichen Grüßen\nAnn",
        "Sent from my iPhone",
        "Sendt fra min iPhone",
        "Lähetetty iPhonesta",
        "Skickat från min iPhone",
        "Von meinem iPhone gesendet",
        "Sendt fra Outlook for iOS",
    ],
)
def test_signatures_and_device_lines_are_cut(ending: str) -> None:
    assert customer_words(f"It broke.\n\n{ending}", False).text == "It broke."


def test_a_forward_without_words_of_its_own_keeps_what_was_forwarded() -> None:
    body = "---------- Forwarded message ---------\nFrom: Ann\nDate: Mon\n\nIt broke."
    assert customer_words(body, False).text.endswith("It broke.")


def test_words_between_quotes_are_kept() -> None:
    body = "> Which part?\nThe lid.\n> When?\nYesterday."
    assert customer_words(body, False).text == "The lid.\nYesterday."


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("a<br>b", "a\nb"),
        ("<b>bro</b>ken", "broken"),
        ("x<script>alert(1)</script><style>p{}</style>", "x"),
        ("x<div style='display:none'>hidden</div>", "x"),
        ("x<span style='font-size:0px'>hidden</span>", "x"),
        ("New.<blockquote>old</blockquote>", "New."),
        ("New.<div class='gmail_quote'>On … wrote: old</div>", "New."),
        ("<div>New.</div><div id='appendonsend'></div><hr><div>old</div>", "New."),
        ("<blockquote>all there is</blockquote>", "all there is"),
        ("fish &amp; chips &#233;", "fish & chips é"),
    ],
)
def test_markup_becomes_what_a_reader_sees(body: str, text: str) -> None:
    assert customer_words(body, True).text == text


@pytest.mark.parametrize("element", ["html", "body"])
@pytest.mark.parametrize(
    "attribute",
    [
        "style='font-size:0'",
        "style='display:none'",
        "hidden",
        "class=gmail_quote",
        "id=appendonsend",
    ],
)
def test_attributes_of_the_page_itself_hide_nothing(
    element: str, attribute: str
) -> None:
    body = f"<{element} {attribute}><p>It broke.</p></{element}>"
    assert customer_words(body, True).text == "It broke."


def test_hidden_within_hidden_and_quote_within_quote_are_dropped() -> None:
    body = "x<div hidden>a<p hidden>b</p></div>" + "<blockquote>c" * 3
    assert customer_words(body, True).text == "x"


def test_markup_nobody_can_parse_in_time_is_stripped() -> None:
    body = "<style>p{}</style>" + "<div>" * 10_000 + "It <b>broke</b> &amp; fell<br>off"
    assert customer_words(body, True).text == "It broke & fell\noff"


def test_markup_the_parser_refuses_is_stripped(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: str) -> None:
        raise SelectolaxError("no")

    monkeypatch.setattr("rules.words.LexborHTMLParser", refuse)
    assert customer_words("<p>It broke.</p><p>Twice", True).text == "It broke.\n\nTwice"


def test_a_long_flat_mail_is_parsed_and_not_merely_stripped() -> None:
    body = "<p>a<br>b" * 2000 + "<div hidden>secret</div>"
    assert "secret" not in customer_words(body, True).text


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Automatic reply: Order", "I am away."),
        ("Re: x", "I am out of office until Monday."),
        ("Autosvar", "Eg er ikkje på kontoret før tysdag."),
        ("", "Jeg er på ferie til 1. august."),
        ("Poissa: lasku", "Sijaiseni on Terhi."),
        ("", "Olen vuosilomalla 1.8. asti."),
        ("Undelivered Mail Returned to Sender", "This is the mail system at host mx."),
        ("", "Viestiäsi ei valitettavasti voitu toimittaa vastaanottajalle."),
        ("Accepted: Meeting", ""),
        ("", "Jaana hyväksyi kutsun."),
        ("AW: x", "Ich bin derzeit nicht im Büro."),
        ("", "I am on leave until 3 December with limited access to mail."),
        ("", "I'm on vacation in Italy and will reply when I return."),
        ("", "Jeg er på ferie. Haster det, ring sentralbordet."),
        ("", "Jag är på semester, åter på kontoret den 7 december."),
        ("", "Ich bin im Urlaub und ab dem 7. Dezember wieder erreichbar."),
        ("", "Address not found\nYour message wasn't delivered to a@b.example."),
        ("", "The recipient's mailbox is full and can't accept messages now."),
    ],
)
def test_automatic_mail_is_recognised_with_a_reason(subject: str, body: str) -> None:
    words = customer_words(body, False, subject)
    assert words.auto_reply
    assert words.reason


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Parcel", "Your office was closed on Monday and nobody answered."),
        ("Ferie", "Vi skal på ferie og trenger pakken før fredag."),
        ("Order", "My parcel could not be delivered, the driver said."),
        ("", "I am on holiday in your hotel in Bergen. There is no hot water."),
        ("", "Jeg er på ferie og får ikke logget inn i appen deres."),
        ("", "Jag är på semester på ert hotell och det är kallt på rummet."),
        ("", "Jeg er på ferie i jeres sommerhus, og vandet er lukket."),
        ("", "Olen lomalla Levillä ja mökissänne ei toimi lämmitys."),
        ("", "Ich bin im Urlaub in Ihrem Hotel und das Zimmer ist schmutzig."),
        ("", "My mailbox is full of your newsletters. Stop it."),
        ("", 'Your site says "address not found" whenever I type my street.'),
        ("", 'All I ever get is "this is an automated reply". Is anybody there?'),
    ],
)
def test_a_person_is_not_taken_for_a_robot(subject: str, body: str) -> None:
    assert not customer_words(body, False, subject).auto_reply


@pytest.mark.parametrize(
    "journey",
    [
        "From: Oslo\nTo: Bergen\nDate: 3 November",
        "Fra: Oslo\nTil: Bergen\nDato: 3. november",
    ],
)
def test_a_journey_is_no_head_of_an_answered_mail(journey: str) -> None:
    body = f"This was my trip:\n{journey}\n\nThe train never came."
    assert customer_words(body, False).text == body


HOSTILE = {
    "many starts": "On " * 30_000,
    "many wrote": "On a wrote:\n" * 8_000,
    "many fields": "From: x\n" * 12_000,
    "marks": "> " * 50_000,
    "nested divs": "<div>" * 20_000,
    "nested with text": "<div><p>x" * 11_000,
    "unclosed script": "<script>" * 12_000,
    "open comments": "<!--" * 25_000,
    "nested quotes": "<blockquote>" * 20_000,
    "open tags": "<" * 100_000,
    "attributes": "<p " + "a=b " * 25_000 + ">",
    "one megabyte": "word " * 200_000,
    "surrogate": "broken \ud800 lamp",
    "nul": "a\x00b",
    "spaces": " " * 100_000,
    "empty": "",
}


@pytest.mark.parametrize("is_html", [True, False])
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.timeout(60)  # a guard against hanging, not a measurement
def test_hostile_mail_ends_quickly_without_an_error(body: str, is_html: bool) -> None:
    words = customer_words(body, is_html, body[:5000])
    assert len(words.text) <= MAX_CHARS
