"""A small world to hold rules against: sixty tickets, and what became of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kit import START, Bench, settings
from loop_kit import COMPLAINTS
from sqlalchemy import select

from connector.backtest import Report, Side, compare
from connector.store import demotions, erasing, labels, schema
from connector.store.demotions import Unit
from connector.store.labels import Label
from rules.judge import default_judge
from rules.schema import read_rules

DAY = timedelta(days=1)
UNTIL = START + 30 * DAY
#: When the fifth customer complained of the same.
FIFTH = START + 20 * DAY + timedelta(minutes=40)
VOUCHERS = {"voucher-1", "voucher-2", "voucher-3"}

QUESTIONS = [
    "Hello, when does the shop in Bergen open on Saturdays? Thank you!",
    "Could you tell me which size fits a bed of 160 cm?",
    "Hei, kan jeg endre adressen på bestillingen min?",
    "Hei, onko tuotetta saatavilla myös sinisenä? Kiitos!",
]
#: Each of something else, so that none of them gathers customers.
OTHERS = [
    "The lamp arrived broken, the glass is in pieces. I am very disappointed!",
    "Your support never answers the phone. Terrible service, I waited for two hours.",
    "I was charged twice for one invoice. This is unacceptable, refund it at once!",
    "Sofaen dere leverte er skjev og stygg, dette er elendig kvalitet.",
    "Huono palvelu, kukaan ei vastaa sähköposteihini. Olen todella pettynyt.",
]


def write(bench: Bench, number: str, at: datetime, text: str, subject: str) -> None:
    bench.clock.now = at
    who = "often" if number.startswith("other") else number
    bench.write(number, text, f"{who}@mail.example", subject=subject)
    bench.settle()


def happen(bench: Bench) -> None:
    """Let 60 tickets come as they come, and be decided about."""
    told = [
        *((START + (n + 1) * DAY * 0.6, f"question-{n}", QUESTIONS[n % 4], "A question")
          for n in range(47)),
        *((START + (3 + 5 * n) * DAY, f"other-{n}", text, "Complaint")
          for n, text in enumerate(OTHERS)),
        *((START + (10 + n) * DAY, name, QUESTIONS[0], "Voucher")
          for n, name in enumerate(sorted(VOUCHERS))),
        *((FIFTH - timedelta(minutes=10 * (4 - n)), f"code-{n}", text, "Discount code")
          for n, text in enumerate(COMPLAINTS)),
    ]  # fmt: skip
    for at, name, text, subject in sorted(told):
        write(bench, name, at, text, subject)
        if name == "code-4":
            bench.clock.pass_(minutes=10)
            bench.settle()
    bench.clock.now = UNTIL


def rule(name: str, word: str, tag: str, **more: Any) -> dict[str, Any]:
    when = {"field": "subject", "op": "contains", "value": word}
    return {"id": name, "when": when, "then": [{"add_tag": tag}], **more}


VOUCHER = rule("vouchers", "voucher", "voucher", mode="act")
#: People took its tag off too often.
HELD = rule("held", "voucher", "held", mode="act")


def build(path: Path) -> Bench:
    """Make the world in a database; nothing in it is changed by those who look."""
    bench = Bench(settings(f"sqlite:///{path}", autonomy={"messages": "observe"}))
    happen(bench)
    with bench.store.write() as connection:
        known = {
            row.external_id: row.id
            for row in connection.execute(select(schema.tickets))
        }
        erasing.take_words(connection, [known["question-3"]])
        (held,) = read_rules([HELD]).rules
        unit = Unit("held", "held", "", held.version)
        demotions.demote(connection, unit, 1, 9, START)
        labels.put(
            connection,
            [
                _label(known["other-0"], "cc-product_quality", Label.KEPT),
                _label(known["other-3"], "cc-product_quality", Label.REMOVED),
                _label(known["voucher-1"], "voucher", Label.MISSED),
                _label(known["voucher-2"], "voucher", Label.REMOVED),
            ],
        )
    return bench


def _label(ticket: int, tag: str, said: Label) -> dict[str, Any]:
    values = {"rule": "x", "rule_version": "1", "at": START}
    return {"ticket_id": ticket, "tag": tag, "label": said, **values}


def side(world: Bench, *rules: dict[str, Any], **problems: Any) -> Side:
    changed = world.config.problems.model_copy(update=problems)
    config = world.config.model_copy(update={"problems": changed})
    return Side(config, read_rules(list(rules)), default_judge())


def run(world: Bench, before: Side, after: Side, days: int = 30) -> Report:
    return compare(world.store, before, after, UNTIL - days * DAY, UNTIL)
