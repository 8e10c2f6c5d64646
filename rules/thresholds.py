"""When a problem is worth an issue: distinct customers in a sliding window.

Pure: sightings, settings and the time in, a crossing or nothing out. What a crossing
leads to is decided elsewhere, and which tickets belong together in
``rules.duplicates``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from connector.spans import Duration, in_words

Span = Annotated[Duration, Field(gt=timedelta(0))]


class Thresholds(BaseModel):
    """Settings of the two lanes; a number of customers of 0 switches a lane off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    customers: int = Field(
        default=5, ge=0, description="Customers within `window` that make an issue."
    )
    window: Span = Field(
        default=timedelta(days=7), description="The time of the ordinary lane."
    )
    usual_factor: float = Field(
        default=2.0, ge=0, description="How many times the usual it has to be; 0: any."
    )
    fast_customers: int = Field(
        default=4, ge=0, description="The same within `fast_window`."
    )
    fast_window: Span = Field(
        default=timedelta(hours=4), description="The time of the fast lane."
    )
    count: Literal["customers", "companies"] = Field(
        default="customers", description="What is counted."
    )
    vip_weight: float = Field(
        default=1.0, ge=1, description="As how many customers a VIP counts."
    )
    company_cap: int = Field(
        default=0, ge=0, description="As how many a company counts at most; 0: all."
    )


class Sighting(NamedTuple):
    """One ticket of a group: whose it is and when it was written.

    ``company`` is empty for a private person, who is a company by themselves.
    """

    customer: str
    at: datetime
    company: str = ""
    vip: bool = False


class Crossing(NamedTuple):
    """A threshold that is crossed now; ``since`` is the oldest sighting counted.

    ``customers`` are so many people, whatever counts; what counts is ``times`` as much
    as was needed. ``rule`` is ``threshold``, ``fast``, or what else led to it in one
    word.
    """

    rule: str
    customers: int
    tickets: int
    since: datetime
    reason: str
    times: float


def crossed(
    sightings: Iterable[Sighting],
    thresholds: Thresholds,
    now: datetime,
    usual_per_window: float = 0.0,
) -> Crossing | None:
    """Say which lane is crossed at ``now``, the ordinary one first.

    A customer counts once per window however often they write, a VIP for ``vip_weight``
    of them, and what one company adds is at most ``company_cap``, if there is one; or
    companies count instead of customers. ``usual_per_window`` is
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
        tally = _tally(inside, thresholds)
        least = max(needed, thresholds.usual_factor * ordinary)
        if needed and tally.counted >= least:
            since = min(sighting.at for sighting in inside)
            reason = _reason(tally, thresholds, window, usual_per_window)
            times = tally.counted / least
            return Crossing(rule, tally.customers, len(inside), since, reason, times)
    return None


class _Tally(NamedTuple):
    """Who is in a window; ``full`` is what would count if no company had a cap."""

    customers: int
    vips: int
    companies: int
    full: float
    counted: float


def _tally(inside: Sequence[Sighting], thresholds: Thresholds) -> _Tally:
    vips = {one.customer for one in inside if one.vip}
    heads: dict[str, dict[str, float]] = {}
    for one in inside:
        weight = thresholds.vip_weight if one.customer in vips else 1.0
        heads.setdefault(one.company or f"{one.customer} alone", {})[one.customer] = (
            weight
        )
    if thresholds.count == "companies":
        full = counted = sum(max(people.values()) for people in heads.values())
    else:
        full = sum(sum(people.values()) for people in heads.values())
        cap = thresholds.company_cap or full
        counted = sum(min(cap, sum(people.values())) for people in heads.values())
    customers = len({one.customer for one in inside})
    return _Tally(customers, len(vips), len(heads), full, counted)


def usual(past: Iterable[Sighting], thresholds: Thresholds, now: datetime) -> float:
    """Return how many customers, or companies, a problem has in an ordinary window.

    The windows before the one that ends ``now``, since the oldest sighting, are
    compared; the one in the middle counts, so that an incident of the past is not
    taken for what is usual.
    """
    by_company = thresholds.count == "companies"
    counts: dict[int, set[str]] = {}
    for one in past:
        if one.at <= now - thresholds.window:
            ago = (now - one.at) // thresholds.window
            who = (by_company and one.company) or one.customer
            counts.setdefault(ago, set()).add(who)
    if not counts:
        return 0.0
    return float(median(len(counts.get(n, ())) for n in range(1, max(counts) + 1)))


def _reason(
    tally: _Tally, thresholds: Thresholds, window: timedelta, usual: float
) -> str:
    who = _some(tally.customers, "customer", "customers")
    if thresholds.count == "companies":
        who = f"{_some(tally.companies, 'company', 'companies')} ({who})"
    said = [who]
    if thresholds.vip_weight > 1 and tally.vips:
        weight = f"counts {thresholds.vip_weight:g}"
        several = f"{tally.vips} of them VIPs (each {weight})"
        said.append(f"one of them VIP ({weight})" if tally.vips == 1 else several)
    if tally.counted < tally.full:
        cap = f"no company counts for more than {thresholds.company_cap}"
        said.append(f"counted as {tally.counted:g} ({cap})")
    text = f"{', '.join(said)}{',' if len(said) > 1 else ''} in {in_words(window)}"
    if not usual:
        return text
    is_other = window != thresholds.window
    scale = f" in {in_words(thresholds.window)}" if is_other else ""
    return f"{text}, usually {usual:.2g}{scale}"


def _some(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"
