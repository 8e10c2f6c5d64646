"""Until when somebody is away, as their automatic reply says.

Dates as people of the covered languages write them, with or without a year. Whether a
text is an automatic reply is said in ``rules.words``. Who reads a date too late waits
a little longer with a question; that is why the latest one counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

_MAX_CHARS = 4000

#: A longer absence than this is a number that looks like a date.
LONGEST = timedelta(days=400)

#: A day without a year that was longer ago than this is one of next year.
PAST = timedelta(days=30)

#: January first, each in all languages; Finnish ones take endings.
_MONTHS = (
    "january januar januari jänner jan tammikuu",
    "february februar februari feb helmikuu",
    "march mars marts märz mar maaliskuu",
    "april apr huhtikuu",
    "may mai maj toukokuu",
    "june juni jun kesäkuu",
    "july juli jul heinäkuu",
    "august augusti aug elokuu",
    "september sept sep syyskuu",
    "october oktober oct okt lokakuu",
    "november nov marraskuu",
    "december desember dezember dec des dez joulukuu",
)
_DAYS = (
    "monday mandag måndag montag maanantai",
    "tuesday tirsdag tysdag tisdag dienstag tiistai",
    "wednesday onsdag mittwoch keskiviikko",
    "thursday torsdag donnerstag torstai",
    "friday fredag freitag perjantai",
    "saturday lørdag laurdag lördag samstag lauantai",
    "sunday søndag sundag söndag sonntag sunnuntai",
)
_NUMBER_OF = {
    word: number for number, row in enumerate(_MONTHS, 1) for word in row.split()
}
_WEEKDAY_OF = {word: number for number, row in enumerate(_DAYS) for word in row.split()}


def _one_of(words: dict[str, int]) -> str:
    longest_first = sorted(words, key=len, reverse=True)
    return f"({'|'.join(longest_first)})"


_MONTH = rf"{_one_of(_NUMBER_OF)}(?:ta|n|ssa)?\b\.?"
_YEAR = r"(?:,?\s{1,2}(20\d\d)(?!\d))?"
_ISO = re.compile(r"(?<!\d)(20\d\d)-(\d\d)-(\d\d)(?!\d)")
_NUMERIC = re.compile(
    r"(?<![\d.])(\d{1,2})(\.\s?|/)(\d{1,2})"
    r"(?:(?:\.\s?|/)(20\d\d|\d\d)(?!\d)|\.?(?!\.?\d))"
)
_DAY_FIRST = re.compile(
    rf"(?<!\d)(\d{{1,2}})(?:\.|:[ea]|st|nd|rd|th)?\s{{1,2}}(?:of\s)?{_MONTH}{_YEAR}"
)
_MONTH_FIRST = re.compile(
    rf"\b{_MONTH}\s(\d{{1,2}})(?:st|nd|rd|th)?(?![\d:.]\d){_YEAR}"
)
# A weekday alone may be an opening hour.
_BACK_ON = re.compile(
    r"\b(?:back|return\w*|until|till|tilbake|attende|til|tillbaka|åter|till|tilbage"
    r"|igen|zurück|bis|wieder|takaisin|palaan|jälleen|saakka|asti)\b[^.!?\n]{0,40}?"
    rf"\b{_one_of(_WEEKDAY_OF)}"
    rf"|\b{_one_of(_WEEKDAY_OF)}\w{{0,5}}\s(?:saakka|asti)\b"
)


def away_until(text: str, written: date) -> date | None:
    """Return the last day somebody says to be away, or back; None if none is said.

    Only a day from ``written`` on, which is when they said so.
    """
    folded = text[:_MAX_CHARS].casefold()
    said = [day for day in _dates(folded, written) if _is_plausible(day, written)]
    if said:
        return max(said)
    named = [_number(match) for match in _BACK_ON.finditer(folded)]
    return max((_next(number, written) for number in named), default=None)


def _dates(text: str, written: date) -> Iterator[date]:
    for year, month, day in _ISO.findall(text):
        yield from _day(int(year), int(month), int(day))
    for first, sign, second, year in _NUMERIC.findall(text):
        days = list(_of(int(first), int(second), year, written))
        if sign == "/" and not any(_is_plausible(day, written) for day in days):
            # The order of the United States.
            days = list(_of(int(second), int(first), year, written))
        yield from days
    for number, month, year in _DAY_FIRST.findall(text):
        yield from _of(int(number), _NUMBER_OF[month], year, written)
    for month, number, year in _MONTH_FIRST.findall(text):
        yield from _of(int(number), _NUMBER_OF[month], year, written)


def _of(day: int, month: int, year: str, written: date) -> Iterator[date]:
    """Yield the day in its year; without a year the next one there is."""
    if year:
        yield from _day(int(year) % 100 + 2000, month, day)
        return
    for found in _day(written.year, month, day):
        if found >= written - PAST:
            yield found
        else:
            yield from _day(written.year + 1, month, day)


def _day(year: int, month: int, day: int) -> Iterator[date]:
    try:
        yield date(year, month, day)
    except ValueError:
        return


def _is_plausible(day: date, written: date) -> bool:
    return written <= day <= written + LONGEST


def _number(match: re.Match[str]) -> int:
    return _WEEKDAY_OF[match[1] or match[2]]


def _next(weekday: int, written: date) -> date:
    return written + timedelta(days=(weekday - written.weekday() - 1) % 7 + 1)
