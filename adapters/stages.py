"""Stages for ``adapters.conformance``: a vendor to play with, and the adapter on it.

Here is what an author of an adapter fills in. What is then asked of the adapter is in
``adapters.conformance``; only tests import either.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import SecretStr

from adapters import AdapterKind
from adapters.base import Adapter, Helpdesk, Tracker
from connector.models import Block, BlockKind, IssueDraft, WebhookRequest

#: Seconds that a busy vendor of a stage asks us to wait.
WAIT = 7

WORDS = "The parcel 1 < 2 & <b>never</b> came; søndag, äiti!"
EMAIL = "kari.holm@customer.example"


class Missing(Exception):
    """Raised by a stage whose vendor has no such thing: the test is skipped."""


class Failure(StrEnum):
    BUSY = "busy"  #: 429 to every call, which asks to wait ``WAIT`` seconds
    DOWN = "down"  #: 503 to every call
    CREDENTIALS = "credentials"  #: 401 to every call, also for a new token
    NONSENSE = "nonsense"  #: 200 to every call, and a page of HTML
    CUT = "cut"  #: a write's connection breaks before it was carried out
    LOST = "lost"  #: a write is carried out, and its connection breaks then


class Stage(ABC):
    """A vendor to play with, and the adapter under test.

    Everything but the adapter's own methods goes past the adapter: it is what a
    customer, an agent or the vendor does, and what a person sees there.
    """

    kind: AdapterKind
    adapter: Adapter
    settings: Mapping[str, Any]  #: what the adapter was built with, as in the file
    secrets: Collection[str]  #: keys of settings whose secrets sign deliveries
    unknown_id: str = "999999999"  #: of a thing that was never there
    signs_body: bool = True  #: False where a token proves who sent it

    def now(self) -> datetime:
        """Return the time at the vendor."""
        return datetime.now(UTC)

    def set_up(self) -> None:  # noqa: B027
        """Make what set-up makes there, such as webhooks: nothing shall be missing."""

    def pass_time(self) -> None:  # noqa: B027
        """Let pass what the vendor needs until its history shows a change."""

    @abstractmethod
    def make(self) -> str:
        """Let a ticket (of a tracker: an issue of ours) come to be; return its id."""

    @abstractmethod
    def read(self, external_id: str) -> object:
        """Read it through the adapter."""

    @abstractmethod
    def delivery(self, external_id: str) -> WebhookRequest:
        """Return a new delivery saying that it changed, signed as the vendor does."""

    @abstractmethod
    def strange_delivery(self) -> WebhookRequest:
        """Return a signed delivery that is none of our business."""

    @abstractmethod
    def writes(self) -> int:
        """Count what was written through the adapter's account so far."""

    @abstractmethod
    def fail(self, failure: Failure) -> None:
        """Let calls fail in this way until ``heal``."""

    @abstractmethod
    def heal(self) -> None:
        """Let everything work again."""

    def secret_values(self) -> list[str]:
        """Return every secret in the settings."""
        model = self.kind.config.model_validate(self.settings)
        return [value for _, field in model for value in _secrets_in(field)]


class HelpdeskStage(Stage):
    """A helpdesk with customers and agents."""

    adapter: Helpdesk

    def make(self) -> str:
        return self.make_ticket(WORDS, EMAIL)

    def read(self, external_id: str) -> object:
        return self.adapter.fetch_ticket(external_id)

    @abstractmethod
    def make_ticket(self, text: str, email: str) -> str:
        """Let a customer write a new ticket; return its id."""

    @abstractmethod
    def tags(self, external_id: str) -> Collection[str]:
        """Return the ticket's tags as agents see them."""

    @abstractmethod
    def add_tag(self, external_id: str, tag: str) -> None:
        """Let an agent put a tag on the ticket."""

    @abstractmethod
    def status(self, external_id: str) -> str:
        """Return the ticket's status in the vendor's word."""

    @abstractmethod
    def notes(self, external_id: str) -> Sequence[str]:
        """Return what only agents can read, as text, without words of customers."""

    @abstractmethod
    def messages(self, external_id: str) -> Sequence[str]:
        """Return what the customer was sent, as text."""

    def delete(self, external_id: str) -> None:
        """Let an agent delete the ticket."""
        raise Missing("tickets cannot be deleted")

    def merge(self, external_id: str, into: str) -> None:
        """Let an agent merge the ticket into another."""
        raise Missing("tickets cannot be merged")


class TrackerStage(Stage):
    """A tracker with developers."""

    adapter: Tracker
    project: str
    issue_type: str

    def make(self) -> str:
        return self.adapter.create_issue(self.draft(new_mark())).external_id

    def read(self, external_id: str) -> object:
        return self.adapter.fetch_issue(external_id)

    def draft(self, mark: str) -> IssueDraft:
        return IssueDraft(
            project=self.project,
            issue_type=self.issue_type,
            summary="Discount code is refused",
            description=(Block(BlockKind.PARAGRAPH, "Five customers wrote."),),
            mark=mark,
            labels=("complaint-connector",),
        )

    @abstractmethod
    def issues(self) -> int:
        """Count the issues that are there."""

    @abstractmethod
    def labels(self, external_id: str) -> Collection[str]:
        """Return the issue's labels as people see them."""

    @abstractmethod
    def add_label(self, external_id: str, label: str) -> None:
        """Let a developer put a label on the issue."""

    @abstractmethod
    def comments(self, external_id: str) -> Sequence[str]:
        """Return the issue's comments as text."""

    @abstractmethod
    def links(self, external_id: str) -> int:
        """Count the issue's links to tickets."""

    @abstractmethod
    def finish(self, external_id: str) -> None:
        """Let a developer resolve the issue."""

    @abstractmethod
    def delete(self, external_id: str) -> None:
        """Let a developer delete the issue."""


def new_mark() -> str:
    """Make a mark as the outbox does."""
    return f"cc-{secrets.token_hex(6)}"


def _secrets_in(value: object) -> list[str]:
    if isinstance(value, SecretStr):
        return [value.get_secret_value()] if value.get_secret_value() else []
    if isinstance(value, tuple | list | frozenset):
        return [secret for one in value for secret in _secrets_in(one)]
    return []
