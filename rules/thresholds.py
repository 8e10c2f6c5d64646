"""When a problem is worth an issue: distinct customers in a sliding window.

Pure: sightings, settings and the time in, a crossing or nothing out. What a crossing
leads to is decided elsewhere, and which tickets belong together in
``rules.duplicates``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from connector.models import Duration

Span = Annotated[Duration, Field(gt=timedelta(0))]


class Thresholds(BaseModel):
    """Settings of the two lanes; a number of customers of 0 switches a lane off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    customers: int = Field(default=5, ge=0)
    window: Span = timedelta(days=7)
    usual_factor: float = Field(default=2.0, ge=0)
    fast_customers: int = Field(default=4, ge=0)
    fast_window: Span = timedelta(hours=4)


class Sighting(NamedTuple):
    """One ticket of a group: whose it is and when it was written."""

    customer: str
    at: datetime


class Crossing(NamedTuple):
    """A threshold that is crossed now; ``since`` is the oldest sighting counted.

    ``rule`` is ``threshold``, ``fast``, or what else led to it in one word.
    """

    rule: str
    customers: int
    tickets: int
    since: datetime
    reason: str


def crossed(
    sightings: Iterable[Sighting],
    thresholds: Thresholds,
    now: datetime,
    usual_per_window: float = 0.0,
) -> Crossing | None:
    """Say which lane is crossed at ``now``, the ordinary one first.

    A customer counts once per window however often they write. ``usual_per_window`` is
    how many customers this problem has in an ordinary ``window`` (see ``usual``), 0 if
    not known; the fast lane scales it down to its own window.
    """
    seen = [sighting for sighting in sightings if sighting.at <= now]
    share = thresholds.fast_window / thresholds.window
    lanes = (
        ("threshold", thresholds.customers, thresholds.window, usual_per_window),
        (
            "fast",
            thresholds.fast_customers,
            thresholds.fast_window,
            usual_per_window * share,
        ),
    )
    for rule, needed, window, ordinary in lanes:
        inside = [sighting for sighting in seen if sighting.at > now - window]
        customers = len({sighting.customer for sighting in inside})
        if needed and customers >= max(needed, thresholds.usual_factor * ordinary):
            since = min(sighting.at for sighting in inside)
            reason = _reason(customers, window, usual_per_window, thresholds.window)
            return Crossing(rule, customers, len(inside), since, reason)
    return None


def usual(past: Iterable[Sighting], window: timedelta, now: datetime) -> float:
    """Return how many customers a problem has in an ordinary ``window``.

    The windows before the one that ends ``now``, since the oldest sighting, are
    compared; the one in the middle counts, so that an incident of the past is not
    taken for what is usual.
    """
    counts: dict[int, set[str]] = {}
    for sighting in past:
        if sighting.at <= now - window:
            counts.setdefault((now - sighting.at) // window, set()).add(
                sighting.customer
            )
    if not counts:
        return 0.0
    return float(median(len(counts.get(n, ())) for n in range(1, max(counts) + 1)))


def _reason(
    customers: int, window: timedelta, usual: float, usual_window: timedelta
) -> str:
    who = "1 customer" if customers == 1 else f"{customers} customers"
    said = f"{who} in {in_words(window)}"
    if not usual:
        return said
    scale = "" if window == usual_window else f" in {in_words(usual_window)}"
    return f"{said}, usually {usual:.2g}{scale}"


def in_words(span: timedelta) -> str:
    """Say a time as people say it."""
    hours = span / timedelta(hours=1)
    if hours < 1:
        return f"{hours * 60:g} min"
    return f"{hours:g} h" if hours < 48 else f"{hours / 24:g} days"
