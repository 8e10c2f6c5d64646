"""What is written, and what came before, shows what somebody is like as a customer."""

from __future__ import annotations

import pytest

from rules.judge import default_judge
from rules.personas import HINTS, CustomerHistory, personas
from rules.verdict import PERSONAS, Verdict


@pytest.mark.parametrize(
    ("text", "persona"),
    [
        (
            "You idiots, it is broken again, what the hell is wrong with you",
            "outspoken",
        ),
        ("As one of your premium customers I find the broken seal poor", "premium"),
        ("Late again, for the fourth time in a row, as always", "frequent"),
        ("So sorry to bother you, the cup was broken, no big deal", "quiet"),
    ],
)
def test_words_show_the_persona(text: str, persona: str) -> None:
    assert persona in default_judge().judge("", text, "en").personas


@pytest.mark.parametrize(
    ("history", "name", "evidence"),
    [
        (CustomerHistory(complaints_90d=2), "frequent", "3 complaints in 90 days"),
        (CustomerHistory(tickets_90d=7), "frequent", "8 tickets in 90 days"),
        (CustomerHistory(vip=True, vip_source="list"), "premium", "VIP (list)"),
        (
            CustomerHistory(strong_tickets_90d=2),
            "outspoken",
            "2 strong tickets in 90 days",
        ),
    ],
)
def test_history_shows_the_persona_with_evidence(
    history: CustomerHistory, name: str, evidence: str
) -> None:
    verdict = Verdict(lang="en", complaint=True, score=0.9, emotion=2)
    found = personas(verdict, history)
    assert [(one.name, one.evidence) for one in found] == [(name, evidence)]
    assert found[0].hint == HINTS[name]


def test_no_history_and_no_words_show_no_persona() -> None:
    assert personas(Verdict(complaint=True), CustomerHistory()) == ()
    loud = CustomerHistory(complaints_90d=9, vip=True)
    assert personas(Verdict(auto_reply=True), loud) == ()


def test_who_is_loud_is_not_called_quiet() -> None:
    verdict = Verdict(complaint=True, personas=("outspoken", "quiet"))
    names = [one.name for one in personas(verdict, CustomerHistory())]
    assert names == ["outspoken"]


def test_every_persona_has_a_hint() -> None:
    assert set(HINTS) == set(PERSONAS)


@pytest.mark.parametrize(
    ("lang", "text", "persona"),
    [
        ("da", "Undskyld at jeg forstyrrer, men pakken er ikke kommet.", "quiet"),
        ("da", "Varen er i stykker for gud ved hvilken gang.", "frequent"),
        ("da", "Bondefangere! Varen er i stykker.", "outspoken"),
        ("da", "Som erhvervskunde forventer jeg bedre, varen er defekt.", "premium"),
        ("de", "Es ist mir unangenehm, aber die Lampe ist kaputt.", "quiet"),
        ("de", "Schon wieder ist die Lampe kaputt.", "frequent"),
        ("de", "Saftladen! Die Lampe ist kaputt.", "outspoken"),
        ("de", "Als Vielflieger erwarte ich mehr, der Sitz war kaputt.", "premium"),
        ("sv", "Jag vill inte verka jobbig, men lampan är trasig.", "quiet"),
        ("sv", "Lampan är trasig, månad efter månad samma sak.", "frequent"),
        ("sv", "Skojare! Lampan är trasig.", "outspoken"),
        ("sv", "Som storkund är jag besviken, lampan är trasig.", "premium"),
        ("nn", "Eg kvir meg for å skrive, men lampa er øydelagd.", "quiet"),
        ("nn", "Lampa er øydelagd, gjentekne gonger no.", "frequent"),
        ("nn", "Svindlarar! Lampa er øydelagd.", "outspoken"),
        ("fi", "Vähän nolottaa kysyä, mutta lamppu on rikki.", "quiet"),
        ("fi", "Lamppu on rikki jo toistamiseen.", "frequent"),
        ("fi", "Puijareita! Lamppu on rikki.", "outspoken"),
    ],
)
def test_how_people_of_a_language_behave_is_heard(
    lang: str, text: str, persona: str
) -> None:
    assert default_judge().judge("", text, lang).personas == (persona,)
