"""A ticket with what its customer's own words say. Pure; no state is needed for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Any, NamedTuple

from connector.config import Config
from connector.config_clocks import WEEKDAYS
from connector.models import Author, Comment, DirectoryEntry, Ticket, TicketStatus
from connector.ratings import rating
from connector.store.customers import Person
from rules.absence import away_until
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

#: A field that agents choose from says no more.
LONGEST_DETAIL = 200

#: Fewer words do not say for sure which language they are in.
TELLING = 4

NO_WORDS = Words("", False, "")


class Looked(NamedTuple):
    """What a directory said of a ticket's customer, and what is to be kept of it.

    ``is_silent``: it gave no answer; what it said before that counts, if anything.
    """

    directory: str
    entry: DirectoryEntry | None
    is_silent: bool
    news: tuple[dict[str, Any], ...]

    @property
    def title(self) -> str:
        """Return its name in the configuration."""
        return self.directory.partition(":")[2]

    def as_dict(self) -> dict[str, str]:
        said = "not known" if self.entry is None else "known"
        silent = "no answer" + (", what it said before counts" if self.entry else "")
        return {"directory": self.title, "said": silent if self.is_silent else said}


@dataclass(frozen=True, slots=True)
class Judged:
    """A ticket and its verdict. ``text`` are the words judged, ``language`` what the
    customer last wrote in, ``features`` what it is about if it is a complaint."""

    ticket: Ticket
    verdict: Verdict
    text: str
    language: str
    features: Features | None
    complaints: tuple[datetime, ...]  # when it was complained, oldest first
    emotion: int  # the strongest in any of the customer's messages
    spoke_at: datetime  # when the customer last wrote, but automatic replies
    away_until: date | None  # as their automatic replies say
    looked: tuple[Looked, ...] = ()  # what directories say of the customer

    @property
    def is_live(self) -> bool:
        """Whether the ticket is one that is worked on at all."""
        return self.ticket.status not in (TicketStatus.SPAM, TicketStatus.DELETED)

    @property
    def complained_at(self) -> datetime | None:
        """When it was last complained."""
        return max(self.complaints, default=None)

    @property
    def spoken(self) -> list[datetime]:
        """When the customer wrote."""
        return [one.created_at for one in self.ticket.comments if _is_customers(one)]

    @property
    def began_at(self) -> datetime | None:
        """When the customer first wrote; None: there are no words of theirs."""
        return min(self.spoken, default=None)

    @property
    def wrote_at(self) -> datetime:
        """When the customer last wrote; of one without words, when it was opened."""
        return max(self.spoken, default=self.ticket.created_at)

    @property
    def is_trusted(self) -> bool:
        """Whether it is a complaint surely enough to say so to an agent."""
        return self.verdict.complaint and self.verdict.band in TRUSTED_BANDS


def judge_ticket(ticket: Ticket, judge: Judge) -> Judged:
    """Judge a ticket by all its customer's messages, the strongest complaint first."""
    judged: list[tuple[Comment, Words, Verdict]] = []
    for comment in filter(_is_customers, ticket.comments):
        # Later messages repeat the subject; only with the first is it theirs.
        subject = "" if judged else ticket.subject
        words = customer_words(comment.body, comment.is_html, subject)
        judged.append((comment, words, judge.judge_words(subject, words)))
    if not judged:
        nothing = judge.judge_words("", NO_WORDS)
        return Judged(ticket, nothing, "", "", None, (), 0, ticket.created_at, None)
    _, words, verdict = max(judged, key=lambda one: (one[2].complaint, one[2].score))
    about = (
        features(ticket.subject, words.text, verdict.lang, verdict.types)
        if verdict.complaint
        else None
    )
    own = [one for one in judged if not one[1].auto_reply]
    return Judged(
        ticket,
        verdict,
        words.text,
        _language([(said.lang, words.text) for _, words, said in own]) or verdict.lang,
        about,
        tuple(one.created_at for one, _, said in judged if said.complaint),
        max(said.emotion for _, _, said in judged),
        max((one.created_at for one, _, _ in own), default=ticket.created_at),
        _away([(one, words) for one, words, _ in judged if words.auto_reply]),
    )


def _language(own: Sequence[tuple[str, str]]) -> str:
    """Return what a customer last wrote in, given their messages with their languages.

    "Se vedlegg" is nearly Finnish: a few words count only where there are no more.
    """
    known = [(lang, words) for lang, words in own if lang]
    telling = [lang for lang, words in known if len(words.split()) >= TELLING]
    return (telling or [lang for lang, _ in known] or [""])[-1]


def _away(replies: Sequence[tuple[Comment, Words]]) -> date | None:
    """Return the last day that automatic replies name as one of an absence."""
    days = (away_until(words.text, one.created_at.date()) for one, words in replies)
    return max(filter(None, days), default=None)


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
        return address(customer.email)
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
    others = {address(one): None for one in customer.emails if one}
    company = customer.organization or next(iter(customer.organizations), "")
    return Person(
        key=key,
        others=tuple(one for one in others if one != key),
        name=customer.name or "",
        organization=company,
    )


def address(email: str) -> str:
    """Return an address as customers are known by it."""
    return email.casefold()[:LONGEST_KEY]


def details(ticket: Ticket, config: Config) -> dict[str, str]:
    """Return what custom fields say of a complaint that only agents know."""
    wanted = config.reports.fields.get(ticket.ref.source)
    found = {
        name: ticket.fields.get(field_id, "").strip()[:LONGEST_DETAIL]
        for name, field_id in (wanted.model_dump() if wanted else {}).items()
    }
    return {name: said for name, said in found.items() if said}


def key_of(word: str) -> str:
    """Return the key of a customer as somebody writes it: an address, or SOURCE:ID."""
    word = word.strip()
    return address(word) if "@" in word else word


def vip_source(ticket: Ticket, config: Config, looked: Sequence[Looked] = ()) -> str:
    """Return where it says that the customer is a VIP, or an empty string.

    One yes is enough: the first is named, and nobody else's no takes it away.
    """
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
    for name, values in vip.properties.items():
        if customer.fields.get(name, "").strip().casefold() in values:
            return f"the property {name}"
    marks = {tag.casefold() for tag in customer.tags | ticket.tags}
    if named := sorted(marks & set(vip.tags)):
        return f"the tag {named[0]}"
    for one in looked:
        if one.entry and one.entry.vip:
            return f"the directory {one.title}"
    return ""


def properties(judged: Judged) -> dict[str, str]:
    """Return the fields of a customer: the first directory's that has one, or else the
    helpdesk's own."""
    found = dict(judged.ticket.customer.fields)
    for one in reversed(judged.looked):
        found |= one.entry.fields if one.entry else {}
    return found


def facts(
    judged: Judged,
    found: Sequence[Persona],
    vip: str,
    zone: tzinfo = UTC,
    problem: Mapping[str, Any] | None = None,
    imported: bool = False,
) -> dict[str, Any]:
    """Lay out everything that rules may look at.

    ``vip`` says by what somebody is one; of a ``problem`` state and customers count.
    """
    ticket, verdict = judged.ticket, judged.verdict
    email = ticket.customer.email or ""
    opened = ticket.created_at.astimezone(zone)
    return {
        "source": ticket.ref.source,
        "subject": ticket.subject,
        "text": judged.text,
        "lang": judged.language,
        "complaint": verdict.complaint,
        "types": list(verdict.types),
        "score": verdict.score,
        "band": verdict.band,
        "emotion": verdict.emotion,
        "sentiment": verdict.sentiment,
        "urgency": verdict.urgency,
        "origin": verdict.origin,
        "praise": verdict.praise,
        "auto_reply": verdict.auto_reply,
        "personas": [persona.name for persona in found],
        "vip": bool(vip),
        "vip.source": vip,
        "problem.state": str(problem["state"]) if problem else None,
        "problem.customers": problem["customers"] if problem else None,
        "tags": sorted(ticket.tags),
        "channel": ticket.channel,
        "status": str(ticket.status),
        "messages": len(judged.spoken),
        "rating": rating(ticket) or "",
        "imported": imported,
        "created.weekday": WEEKDAYS[opened.weekday()],
        "created.hour": opened.hour,
        **{f"customer.{key}": value for key, value in properties(judged).items()},
        "customer.email": email,
        "customer.domain": email.rpartition("@")[2],
        "customer.organization": ticket.customer.organization or "",
        **{f"fields.{key}": value for key, value in ticket.fields.items()},
    }
