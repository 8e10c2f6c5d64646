"""Until when somebody is away, in the words of automatic replies."""

from __future__ import annotations

from datetime import date

import pytest

from rules.absence import away_until
from rules.automatic import automatic

WRITTEN = date(2026, 3, 2)  # a Monday


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I am out of the office until 10 March.", "2026-03-10"),
        ("I'm on leave from March 3rd to March 12th, 2026.", "2026-03-12"),
        ("Away until 2026-04-01, back after that.", "2026-04-01"),
        ("Out of office till 03/20/2026", "2026-03-20"),
        ("Jeg er på ferie til og med 13. mars.", "2026-03-13"),
        ("Jeg er ikke på kontoret før 09.03.2026.", "2026-03-09"),
        ("Tilbake 9.3. Haster det, ring 22 33 44 55.", "2026-03-09"),
        ("Eg er i permisjon til 1. oktober 2026.", "2026-10-01"),
        ("Olen lomalla 2.3.-15.3.2026.", "2026-03-15"),
        ("Olen poissa toimistolta 10. maaliskuuta asti.", "2026-03-10"),
        ("Palaan töihin 1. kesäkuuta.", "2026-06-01"),
        ("Jag är på semester t.o.m. den 20:e mars.", "2026-03-20"),
        ("Jag är ledig till 5 maj.", "2026-05-05"),
        ("Jeg er på ferie til den 7. maj 2026.", "2026-05-07"),
        ("Ich bin bis einschließlich 12. März im Urlaub.", "2026-03-12"),
        ("Ich bin ab 16.03.26 wieder für Sie da.", "2026-03-16"),
        # without a year it is the next one
        ("Back on 7 January.", "2027-01-07"),
        ("Tilbake 4. mars", "2026-03-04"),
        # a day of the week
        ("I will be back on Thursday.", "2026-03-05"),
        ("Jeg er tilbake mandag.", "2026-03-09"),
        ("Palaan torstaina.", "2026-03-05"),
        ("Ich bin am Freitag zurück, spätestens wieder Montag.", "2026-03-09"),
        # what says nothing
        ("I am out of the office and will answer when I can.", None),
        ("We are open Monday to Friday.", None),
        ("I was away until 20 February.", None),
        ("Call me: 22.33.44.55, order 31.13.2026.", None),
        ("Call 12/2099 or 1.1.2040.", None),
        ("", None),
    ],
)
def test_day_of_return_is_read_in_every_language(
    text: str, expected: str | None
) -> None:
    found = away_until(text, WRITTEN)
    assert found == (date.fromisoformat(expected) if expected else None)


def test_leap_day_is_a_day_of_its_year_only() -> None:
    assert away_until("back 29 February", date(2028, 2, 1)) == date(2028, 2, 29)
    assert away_until("back 29 February", date(2026, 2, 1)) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Auto-Submitted: auto-replied\nSubject: Re\n\nHei", "by its headers"),
        ("From: a@b.example\nX-Autoreply: yes\n\nThanks", "by its headers"),
        ("Reporting-MTA: dns; mx.b.example\nAction: failed", "bounce"),
        ("Automatic reply: I am on annual leave.", "in the text"),
        ("Automatisk svar: Jeg svarer når jeg er tilbake.", "in the text"),
        ("I only get an automatic reply: why?", ""),
        ("Auto-Submitted: no\n\nYour kettle is broken.", ""),
        ("Why is my mail marked Auto-Submitted: auto-replied by you?", ""),
    ],
)
def test_what_machines_put_first_tells_that_one_wrote_it(text: str, why: str) -> None:
    found = automatic("", text)
    assert why in found if why else found == ""
