"""What issues say: in the team's language, and nothing that tells who a customer is."""

from __future__ import annotations

import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from kit import Bench
from test_upkeep import comments, complain, filed

from connector.grouping import Subject
from connector.issue_text import EXCERPTS, title
from connector.models import BlockKind, IssueDraft
from rules.concepts import CONCEPTS
from rules.verdict import TYPES

FOLDER = Path(__file__).parent.parent / "connector" / "texts" / "issue"
#: Words that are the same in another language.
SAME = {"tickets", "listed"}
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
    assert made.counts[:2] == ("Kunder: 5", "Saker: 5")
    assert made.description[0].text.startswith("Da denne ble opprettet, hadde 5 kunder")
    headings = [one.text for one in made.description if one.kind is BlockKind.HEADING]
    assert headings == ["Med kundenes ord", "Saker"]
    complain(bench, 5, 10)
    assert comments(bench) == ["10 kunder har skrevet om dette så langt, i 10 saker."]


SECRETS = (
    "Synnøve",
    "Haugland",
    "synnove@mail.example",
    "912 34 567",
    "Storgata 12",
    "ORD-558231",
    "558231",
)


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
