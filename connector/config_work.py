"""How the connector goes about its own work: worker, sweeps, the list of the quiet."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from connector.section import Section
from connector.spans import Duration


class Quiet(Section):
    """The weekly list of customers who may be unhappy and say nothing."""

    after: Duration = Field(
        timedelta(days=14),
        gt=timedelta(0),
        description="How long after a solution a silence is one.",
    )
    most: int = Field(
        20, ge=0, le=1000, description="Customers on the list; 0: there is none."
    )


class Work(Section):
    """How the worker and the senders go about it; the defaults suit most."""

    batch: int = Field(64, ge=1, le=1000, description="Deliveries taken at a time.")
    readers: int = Field(8, ge=1, le=64, description="Tickets read at a time.")
    lease: Duration = Field(
        timedelta(seconds=60),
        gt=timedelta(0),
        description="A claim of a dead process ends after this.",
    )
    tick: Duration = Field(
        timedelta(seconds=5),
        gt=timedelta(0),
        description="How often the scheduler looks for due work.",
    )
    attempts: int = Field(
        20, ge=1, description="Tries before something is parked for a person."
    )
    backoff: Duration = Field(
        timedelta(seconds=2), description="First pause after a failure; it doubles."
    )
    lost_answer: Duration = Field(
        timedelta(minutes=5),
        ge=timedelta(0),
        description="How long a write whose answer was lost may take to show up.",
    )
    backoff_limit: Duration = Field(
        timedelta(minutes=30), description="Longest pause between tries."
    )
    writes_per_ticket: int = Field(
        10,
        ge=1,
        description="Writes to one ticket in ten minutes; more wait for a person.",
    )


class Sweep(Section):
    """Asking vendors what changed, to find what webhooks missed."""

    every: Duration = Field(
        timedelta(minutes=5),
        ge=timedelta(minutes=1),
        description="How often each source that can be asked is asked.",
    )
    without: tuple[str, ...] = Field((), description="Sources that are not asked.")
