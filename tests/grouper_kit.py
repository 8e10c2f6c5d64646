"""What tests of grouping share: tickets of others, and desks with a past."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from rules.duplicates import Grouper
from rules.features import Features, features

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
# Other people's problems: without them no word would be rare.
OTHERS = """\
my invoice for last month is missing the order number
how do I change the address of my subscription
the jacket I bought is much too small for me
your staff in the store were unfriendly yesterday
I would like to cancel my membership please
the website is very slow in the evening
where can I find the manual of the coffee machine
the colour of the curtains differs from the picture
I never got an answer to my question about the guarantee
can I pay by bank transfer instead
the newsletter keeps coming although I unsubscribed
please send me a receipt for the tax office
one shoe of the pair has a hole
the gift card has no amount on it
your phone line plays music for an hour
the table arrived without screws
""".splitlines()


def about(text: str, lang: str = "en", *types: str) -> Features:
    return features("", text, lang, types)


def after(tickets: Iterable[tuple[str, Features]], hours: float = 1.0) -> Grouper:
    """A grouper that has seen other problems, then ``tickets`` an hour apart."""
    grouper = Grouper()
    for number, text in enumerate(OTHERS):
        grouper.add(f"other-{number}", f"o{number}", about(text), START)
    for number, (group, found) in enumerate(tickets):
        at = START + timedelta(hours=number * hours)
        grouper.add(group, f"t{number}", found, at)
    return grouper


LATE = START + timedelta(hours=5)


def always(text: str, hours: float = 6.0) -> Grouper:
    """A desk where ``text`` is one ticket in three, month after month."""
    grouper = Grouper()
    for number in range(240):
        group, said = ("old", text) if number % 3 == 0 else (str(number), "")
        found = about(said or f"{OTHERS[number % len(OTHERS)]} {number}")
        grouper.add(group, str(number), found, START + timedelta(hours=number * hours))
    return grouper


MUCH_LATER = START + timedelta(hours=240 * 6)


def add_all(grouper: Grouper, group: str, *texts: str) -> None:
    for number, text in enumerate(texts):
        at = MUCH_LATER + timedelta(minutes=number)
        grouper.add(group, f"{group}-{number}", about(text), at)
