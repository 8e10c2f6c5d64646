"""What issues say: in the team's language, and nothing that tells who a customer is."""

from __future__ import annotations

import string
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from correcting_kit import two_filed
from kit import Bench
from loop_kit import complain as more
from loop_kit import file_issue, the_group
from test_resolution import comments as told
from test_resolution import end
from test_share import alarms, write
from test_upkeep import comments, complain, filed

from connector import issue_text, merging, steering
from connector.grouping import Subject
from connector.issue_text import EXCERPTS, span, title
from connector.models import BlockKind, IssueDraft, Meaning
from rules.concepts import CONCEPTS
from rules.verdict import TYPES

FOLDER = Path(__file__).parent.parent / "connector" / "texts" / "issue"
#: Words that are the same in another language.
SAME = {"tickets", "listed"}
NORWEGIAN = {"language": "nb"}
LANGUAGES = sorted(path.stem for path in FOLDER.iterdir())


def texts(language: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((FOLDER / f"{language}.yaml").read_text())
    return read


def blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def draft(bench: Bench) -> IssueDraft:
    (made,) = bench.tracker.drafts.values()
    return made


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_says_the_same(language: str) -> None:
    english, own = texts("en"), texts(language)
    assert own.keys() == english.keys()
    assert own["types"].keys() == set(TYPES)
    assert own["units"].keys() == english["units"].keys()
    assert language == "en" or own["concepts"].keys() == CONCEPTS.keys()
    for name, text in english.items():
        if isinstance(text, str):
            assert blanks(own[name]) == blanks(text), name
            assert language == "en" or own[name] != text or name in SAME, name


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Discount pricing: discount code, checkout, VINTER24"),
        ("nb", "Rabatter og priser: rabattkode, kasse, VINTER24"),
        ("nn", "Rabatter og priser: rabattkode, kasse, VINTER24"),
        ("fi", "Alennukset ja hinnat: alennuskoodi, kassa, VINTER24"),
        ("sv", "Rabatter och priser: rabattkod, kassa, VINTER24"),
        ("da", "Rabatter og priser: rabatkode, kasse, VINTER24"),
        ("de", "Rabatte und Preise: Gutscheincode, Kasse, VINTER24"),
    ],
)
def test_title_is_in_the_language_of_the_team(language: str, said: str) -> None:
    about = Subject("discount_pricing", ("discount code", "checkout"), ("VINTER24",))
    assert title(language, about) == said


def test_issue_speaks_the_language_of_the_team(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(problems={"language": "nb"})
    filed(bench, 5)
    made = draft(bench)
    assert made.summary.startswith("Rabatter og priser: ")
    assert "HARVEST30" in made.summary
    assert made.counts[:3] == (
        "Problem nr. 1: kjent, ikke rettet ennå",
        "Kunder: 5",
        "Saker: 5",
    )
    assert made.description[0].text.startswith("Da denne ble opprettet, hadde 5 kunder")
    headings = [one.text for one in made.description if one.kind is BlockKind.HEADING]
    assert headings == ["Med kundenes ord", "Saker"]
    complain(bench, 5, 10)
    assert comments(bench) == ["10 kunder har skrevet om dette så langt, i 10 saker."]


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(minutes=30), "30 min"),
        (timedelta(hours=24), "24 t"),
        (timedelta(days=7), "7 dager"),
    ],
)
def test_times_are_said_in_the_language_of_the_team(
    length: timedelta, said: str
) -> None:
    assert span("nb", length) == said


def test_what_follows_an_end_is_told_in_the_language_of_the_team(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(problems=NORWEGIAN)
    issue = file_issue(bench)
    end(bench, issue, "Won't Do", Meaning.WONT_DO)
    more(bench, 5, start=5)
    bench.settle()
    assert told(bench, issue) == [
        "10 kunder har klaget på dette så langt; det var 5 da dette ble lukket, "
        "eller sist det ble nevnt. Ingen kunde får beskjed."
    ]
    end(bench, issue, "Cannot Reproduce", Meaning.CANNOT_REPRODUCE)
    more(bench, 3, start=10)
    bench.settle()
    assert told(bench, issue)[1] == (
        "Det er tilbake: 3 kunder klaget på det for første gang etter at det ikke "
        "lot seg gjenskape."
    )
    assert the_group(bench)["reason"].startswith("3 customers complained of it")


def test_mutes_and_merges_are_told_in_the_language_of_the_team(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(problems=NORWEGIAN)
    first, second = two_filed(bench)
    with bench.store.write() as connection:
        steering.mute(connection, 1, None, "anna", bench.clock())
    bench.clock.pass_(minutes=1)
    more(bench, 1, start=5)
    bench.settle()
    with bench.store.write() as connection:
        steering.unmute(connection, bench.config, 1, "anna", bench.clock())
    bench.settle()
    assert told(bench, first) == [
        "1 kunde skrev mens dette var dempet, fra 2026-03-02. "
        "Til sammen: 6 kunder (saker: 6)."
    ]
    with bench.store.write() as connection:
        merging.merge(connection, bench.config, 1, 2, "anna", bench.clock())
    bench.settle()
    (farewell,) = told(bench, second)
    key = bench.tracker.issues[first].ref.key
    assert farewell.startswith(f"Problemet her er blitt en del av {key}, som teller")


def test_alarm_is_filed_in_the_language_of_the_team_and_shown_in_english(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(problems={"customers": 0, "share_least": 10, **NORWEGIAN})
    write(bench, 0, delivery=6, billing_invoice=4)
    made = draft(bench)
    assert made.summary == "Levering utgjør 60 % av 10 klager på 24 t"
    said = [block.text for block in made.description]
    assert said[0] == f"{made.summary}. Grensen er 40 %."
    assert said[2].endswith(": 6 av 10")
    assert said[-1].startswith("Levering: ")
    assert said[-1].endswith(": 6, ikke opprettet")
    (row,) = alarms(bench)
    assert row["reason"] == "Delivery makes up 60% of 10 complaints in 24 h"


SECRETS = (
    "Synnøve",
    "Haugland",
    "synnove@mail.example",
    "912 34 567",
    "Storgata 12",
    "ORD-558231",
    "558231",
)


def test_no_more_is_masked_than_can_be_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    masked: list[str] = []

    def mask(text: str, names: Any) -> str:
        masked.append(text)
        return "" if text == "0" else text

    monkeypatch.setattr(issue_text, "excerpt", mask)
    rows = [
        SimpleNamespace(
            customer_id=n,
            customer_name="",
            language="nb" if n == 50 else "en",
            text=str(n),
        )
        for n in range(100)
    ]
    assert issue_text.excerpts(rows) == ["1", "50", "2", "3", "4"]
    assert masked == ["0", "1", "2", "3", "4", "5", "50"]


def test_quotes_are_few_of_different_customers_and_tell_nobody(bench: Bench) -> None:
    for number in range(8):
        text = (
            f"The discount code HARVEST30 does not work at checkout, error E-7041, "
            f"try {number} of it. Order ORD-558231, call me on 912 34 567 or "
            "synnove@mail.example, Storgata 12, 0184 Oslo. Regards, Synnøve Haugland"
        )
        for ticket in (f"{number}a", f"{number}b"):
            bench.write(ticket, text, f"customer{number}@mail.example")
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    made = draft(bench)
    quotes = [one.text for one in made.description if one.kind is BlockKind.QUOTE]
    assert len(quotes) == EXCERPTS == 5
    assert len({one.partition(" of it")[0] for one in quotes}) == EXCERPTS
    whole = " ".join([made.summary, *(one.text for one in made.description)])
    assert [one for one in SECRETS if one in whole] == []
    links = [one.href for one in made.description if one.kind is BlockKind.BULLET]
    assert len(links) == 16
    assert all(link.startswith("https://") for link in links)
