"""A ticket with what its customer's own words say. Pure; no state is needed for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.config import Config
from connector.models import Author, Comment, Ticket, TicketStatus
from connector.store.customers import Person
from rules.features import Features, features
from rules.judge import Judge
from rules.personas import Persona
from rules.verdict import Verdict
from rules.words import Words, customer_words

#: Channels whose words are not a customer's, whoever the helpdesk thinks wrote them.
ROBOT_CHANNELS = frozenset({"jira"})

#: A score below these would cost agents' trust, so it leads to no tag and no note.
TRUSTED_BANDS = frozenset({"high", "medium"})

#: Longer than any address that can receive mail.
LONGEST_KEY = 400

NO_WORDS = Words("", False, "")


@dataclass(frozen=True, slots=True)
class Judged:
    """A ticket and its verdict. ``text`` are the words judged, ``language`` what the
    customer last wrote in, ``features`` what it is about if it is a complaint."""

    ticket: Ticket
    verdict: Verdict
    text: str
    language: str
    features: Features | None
    complained_at: datetime | None  # the latest complaint on it

    @property
    def is_live(self) -> bool:
        """Whether the ticket is one that is worked on at all."""
        return self.ticket.status not in (TicketStatus.SPAM, TicketStatus.DELETED)

    @property
    def wrote_at(self) -> datetime:
        """When the customer last wrote; of one without words, when it was opened."""
        written = [one.created_at for one in self.ticket.comments if _is_customers(one)]
        return max(written, default=self.ticket.created_at)

    @property
    def is_trusted(self) -> bool:
        """Whether it is a complaint surely enough to say so to an agent."""
        return self.verdict.complaint and self.verdict.band in TRUSTED_BANDS


def judge_ticket(ticket: Ticket, judge: Judge) -> Judged:
    """Judge a ticket by all its customer's messages, the strongest complaint first."""
    judged: list[tuple[Verdict, Words]] = []
    complained_at: datetime | None = None
    for comment in ticket.comments:
        if _is_customers(comment):
            # Later messages repeat the subject; only with the first is it theirs.
            subject = "" if judged else ticket.subject
            words = customer_words(comment.body, comment.is_html, subject)
            verdict = judge.judge_words(subject, words)
            judged.append((verdict, words))
            if verdict.complaint:
                complained_at = comment.created_at
    if not judged:
        return Judged(ticket, judge.judge_words("", NO_WORDS), "", "", None, None)
    verdict, words = max(judged, key=lambda pair: (pair[0].complaint, pair[0].score))
    own = [one.lang for one, _ in judged if one.lang and not one.auto_reply]
    about = (
        features(ticket.subject, words.text, verdict.lang, verdict.types)
        if verdict.complaint
        else None
    )
    language = own[-1] if own else verdict.lang
    return Judged(ticket, verdict, words.text, language, about, complained_at)


def _is_customers(comment: Comment) -> bool:
    return (
        comment.author is Author.CUSTOMER
        and comment.public
        and not comment.draft
        and comment.channel not in ROBOT_CHANNELS
    )


def customer_key(ticket: Ticket) -> str:
    """Return what makes a person one person across helpdesks."""
    customer = ticket.customer
    if customer.email:
        return _address(customer.email)
    if customer.external_id:
        return f"{ticket.ref.source}:{customer.external_id}"
    # Nobody known: each such ticket is somebody of its own.
    return f"{ticket.ref.source}:ticket:{ticket.ref.external_id}"


def person(ticket: Ticket) -> Person:
    """Return who a ticket's customer is, by all the addresses their profile shows.

    The profile itself joins nobody: forms send all their guests under one id.
    """
    customer = ticket.customer
    key = customer_key(ticket)
    others = {_address(one): None for one in customer.emails if one}
    company = customer.organization or next(iter(customer.organizations), "")
    return Person(
        key=key,
        others=tuple(one for one in others if one != key),
        name=customer.name or "",
        organization=company,
    )


def _address(email: str) -> str:
    return email.casefold()[:LONGEST_KEY]


def vip_source(ticket: Ticket, config: Config) -> str:
    """Return where it says that the customer is a VIP, or an empty string."""
    vip, customer = config.vip, ticket.customer
    for email in filter(None, (customer.email, *customer.emails)):
        if email in vip.addresses:
            return "the list of addresses"
        domain = email.rpartition("@")[2]
        if domain in vip.domains:
            return f"the domain {domain}"
    for name in filter(None, (customer.organization, *customer.organizations)):
        if name.casefold() in vip.organizations:
            return f"the organisation {name}"
    marks = {tag.casefold() for tag in customer.tags | ticket.tags}
    named = sorted(marks & set(vip.tags))
    return f"the tag {named[0]}" if named else ""


def facts(judged: Judged, found: Sequence[Persona], vip: bool) -> dict[str, Any]:
    """Lay out everything that rules may look at."""
    ticket, verdict = judged.ticket, judged.verdict
    email = ticket.customer.email or ""
    return {
        "source": ticket.ref.source,
        "subject": ticket.subject,
        "text": judged.text,
        "lang": judged.language,
        "complaint": verdict.complaint,
        "types": list(verdict.types),
        "score": verdict.score,
        "emotion": verdict.emotion,
        "urgency": verdict.urgency,
        "praise": verdict.praise,
        "personas": [persona.name for persona in found],
        "vip": vip,
        "tags": sorted(ticket.tags),
        "channel": ticket.channel,
        "status": str(ticket.status),
        "customer.email": email,
        "customer.domain": email.rpartition("@")[2],
        "customer.organization": ticket.customer.organization or "",
        **{f"fields.{key}": value for key, value in ticket.fields.items()},
    }
