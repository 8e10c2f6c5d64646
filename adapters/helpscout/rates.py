"""What Help Scout counts: units a minute of the account, of which a write takes two.

The number depends on the plan and is told with every answer.
"""

from __future__ import annotations

from datetime import datetime

from adapters.pace import ACCOUNT, WRITING, Call, Charge, Headers, Tariff, Told, number

WRITES = "writes"

#: What the smallest plan was ever said to have.
UNITS = 200

#: Old texts say twelve writes in five seconds; with some air for what is on the way.
QUICK_WRITES, QUICKLY = 10, 5.0


def charges(call: Call) -> tuple[Charge, ...]:
    if call.method not in WRITING:
        return (Charge(ACCOUNT, 1, UNITS),)
    return (
        Charge(ACCOUNT, 2, UNITS),
        Charge(WRITES, 1, QUICK_WRITES, QUICKLY),
    )


def told(call: Call, headers: Headers, now: datetime) -> tuple[Told, ...]:
    limit = number(headers, "X-RateLimit-Limit-Minute")
    left = number(headers, "X-RateLimit-Remaining-Minute")
    if limit is None:
        return (Told(ACCOUNT, remaining=left),)
    # Nobody tells how many writes may come at once; it was said of the smallest plan.
    quick = max(QUICK_WRITES, QUICK_WRITES * limit // UNITS)
    return (Told(ACCOUNT, limit, left), Told(WRITES, quick))


TARIFF = Tariff(charges, told)
