"""The part of the configuration about problems: thresholds, issues in a tracker."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from connector.models import Count
from connector.section import Section
from connector.spans import Duration, Moment
from rules.thresholds import Span, Thresholds
from rules.verdict import TYPES


def one_word(label: str) -> str:
    """Refuse what a tracker takes for no label, or for several."""
    if len(label.split()) != 1 or label != label.strip():
        raise ValueError("a label is one word; put hyphens in place of spaces")
    return label


Label = Annotated[str, AfterValidator(one_word)]


class Route(Section):
    """Where problems of one type are filed, where that differs from the rest."""

    project: str | None = Field(None, description="Left out: that of all others.")
    issue_type: str | None = Field(None, description="Left out: that of all others.")
    components: tuple[str, ...] = Field((), description="By name or id.")
    assignee: str = Field("", description="Account id on Cloud, name on Data Center.")
    watchers: tuple[str, ...] = Field((), description="As for the assignee.")
    labels: tuple[Label, ...] = Field((), description="Beside those of every issue.")


def known_type(kind: str) -> str:
    """Refuse what is no type of complaint."""
    if kind not in TYPES:
        raise ValueError(f"{kind}: no type of complaint; use {', '.join(TYPES)}")
    return kind


KnownType = Annotated[str, AfterValidator(known_type)]


class MutedType(Section):
    """A type of complaint that is counted, and not filed until some time."""

    type: KnownType = Field(description="The type of complaint.")
    until: Moment = Field(description="From then on it is filed again.")
    reason: str = Field("", description="For who looks at the list.")


class Launch(Section):
    """Something new, and what customers are expected to complain of after it."""

    name: str = Field(min_length=1, description="What is new.")
    since: Moment = Field(description="When it came.")
    until: Moment = Field(description="When it is new no more.")
    types: tuple[KnownType, ...] = Field((), description="Types that may come of it.")
    words: tuple[str, ...] = Field((), description="Words that may come of it.")
    customers: int = Field(2, ge=1, description="So many are enough meanwhile.")
    window: Span = Field(timedelta(hours=24), description="Within this time.")

    @model_validator(mode="after")
    def _expects_something(self) -> Launch:
        if self.until <= self.since:
            raise ValueError("until has to be later than since")
        if not self.types and not self.words:
            raise ValueError("name types or words that are expected after it")
        return self


class Problems(Thresholds):
    """When a pile of complaints becomes an issue, and what happens to it then."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tracker: str | None = Field(
        None, description="The source that takes issues; none: problems are only shown."
    )
    project: str = Field("", description="Project key for new issues.")
    issue_type: str = Field("Bug", description="Issue type for new issues.")
    routes: Mapping[str, Route] = Field(
        default_factory=dict, description="Other places by complaint type."
    )
    labels: tuple[Label, ...] = Field(
        ("complaint-connector",), description="Labels on every issue."
    )
    language: Literal["en", "nb", "nn", "fi", "sv", "da", "de"] = Field(
        "en", description="Language of the team: what issues say is written in it."
    )
    fields: Mapping[Count, str] = Field(
        default_factory=dict, description="Fields (their ids) kept at what is counted."
    )
    counts_every: Duration = Field(
        timedelta(minutes=10),
        description="How often at most the counts on an issue are written.",
    )
    priorities: Mapping[int, str] = Field(
        default_factory=dict,
        description="Priorities of the issue, by the number of customers they begin "
        "with.",
    )
    settle: Duration = Field(
        timedelta(minutes=10), description="Time a problem may grow before filing."
    )
    new_per_hour: int = Field(
        10, ge=0, description="Issues filed within an hour; the rest wait. 0: all."
    )
    launches: tuple[Launch, ...] = Field(
        (), description="Launches after which fewer customers make a problem."
    )
    muted: tuple[MutedType, ...] = Field(
        (), description="Types that are counted, and not filed before a time."
    )
    share: float = Field(
        0.4,
        ge=0,
        le=1,
        description="Share of all complaints above which a type gives alarm; 0: none.",
    )
    share_window: Span = Field(
        timedelta(hours=24), description="Time over which shares are counted."
    )
    share_least: int = Field(
        30, ge=1, description="Complaints below which no share means anything."
    )
    fix_settle: Duration = Field(
        timedelta(minutes=10),
        description="Time an issue must stay done before customers are told.",
    )
    fixed_resolutions: tuple[str, ...] = Field(
        ("done", "fixed", "resolved", "complete", "completed", "ferdig", "valmis"),
        description="Resolutions that mean: it works again.",
    )
    fixed_without_resolution: bool = Field(
        False, description="Whether done without a resolution counts as fixed."
    )
    watch: Duration = Field(
        timedelta(days=14),
        description="Time after a fix in which a single complaint reopens the issue.",
    )
    reopen_within: Duration = Field(
        timedelta(days=30),
        description="Time after a fix in which a return reopens the issue; later it is "
        "a new one, linked to the old.",
    )
    return_customers: int = Field(
        3,
        ge=1,
        description="Customers within `window` that make a return, after the watch.",
    )
    cannot_reproduce_needs: int = Field(
        3,
        ge=1,
        description="New customers that reopen what could not be reproduced.",
    )
    search_lag: Duration = Field(
        timedelta(minutes=10),
        description="How long the tracker's search may not show a new issue.",
    )
    reread: Duration = Field(
        timedelta(minutes=15), description="How often open issues are read again."
    )
    steps: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (5, 10, 20, 50, 100, 200, 500, 1000),
        description="Numbers of customers at which the issue gets a comment.",
    )
    daily: bool = Field(
        False, description="Whether it also gets one a day while more customers write."
    )

    @model_validator(mode="after")
    def _lanes_differ(self) -> Problems:
        # Who only shortens the window says nothing about the fast lane.
        said = self.fast_customers and "fast_window" in self.model_fields_set
        if said and self.fast_window > self.window:
            raise ValueError(
                "fast_window is longer than window; shorten it, or switch the fast "
                "lane off by 'fast_customers: 0'"
            )
        return self

    @field_validator("priorities")
    @classmethod
    def _rises(cls, value: Mapping[int, str]) -> Mapping[int, str]:
        if any(step < 1 for step in value):
            raise ValueError("a priority begins with 1 customer or more")
        if len(set(value.values())) < len(value):
            raise ValueError("each priority may be named once")
        return value

    @field_validator("routes")
    @classmethod
    def _names_types(cls, value: Mapping[str, Route]) -> Mapping[str, Route]:
        strange = sorted(set(value) - set(TYPES))
        if strange:
            raise ValueError(
                f"{', '.join(strange)}: no type of complaint; use {', '.join(TYPES)}"
            )
        return value
