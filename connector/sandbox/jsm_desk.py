"""A service desk's state: customers, organisations, and what makes an issue a request.

The issues themselves, their comments, labels and webhooks are the tracker's. No HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connector.sandbox.jira_shapes import is_internal
from connector.sandbox.jira_text import as_string
from connector.sandbox.jira_tracker import (
    Comment,
    Issue,
    JiraTracker,
    Project,
    Status,
    Transition,
)
from connector.sandbox.stage import AGENT, API, Json, stamp

VENDOR = "jira"  # its acts are in the diary of the site

WAITING_FOR_SUPPORT = Status("10100", "Waiting for support", "new")
WAITING_FOR_CUSTOMER = Status("10101", "Waiting for customer", "indeterminate")
RESOLVED = Status("10102", "Resolved", "done")
CLOSED = Status("10103", "Closed", "done")  # its workflow step lets nobody edit
STATUSES = {
    status.name: status
    for status in (WAITING_FOR_SUPPORT, WAITING_FOR_CUSTOMER, RESOLVED, CLOSED)
}

ORGANIZATIONS, SATISFACTION, SATISFACTION_DATE = (
    "customfield_10002",
    "customfield_10070",
    "customfield_10071",
)
VISIBILITY = "sd.public.comment"
FIRST_RESPONSE = timedelta(hours=4)


#: The site's list of fields has these too; their numbers differ from site to site.
FIELDS = {
    ORGANIZATIONS: ("Organizations", "array", "sd-customer-organizations"),
    SATISFACTION: ("Satisfaction", "sd-feedback", "sd-request-feedback"),
    SATISFACTION_DATE: ("Satisfaction date", "datetime", "sd-request-feedback-date"),
}


@dataclass
class Customer:
    """``account`` is how Jira names a person who can only use the portal."""

    account: str
    email: str
    name: str
    language: str = ""
    organization: str = ""


@dataclass
class Request:
    issue: Issue
    customer: Customer
    desk: str
    participants: list[str] = field(default_factory=list)
    rating: int | None = None
    rating_comment: str = ""


class ServiceDesk:
    """The service projects of the site."""

    def __init__(self, tracker: JiraTracker) -> None:
        self.tracker = tracker
        self.clear()

    def clear(self) -> None:
        self.customers: dict[str, Customer] = {}
        self.organizations: dict[str, str] = {}
        self.requests: dict[str, Request] = {}
        self.is_agent = True  # whether the account of the connector has a licence
        self.closed: set[str] = set()  # projects that it was taken out of
        self.keeps_internal = True  # False: as if every comment were for customers
        self.desks: dict[str, Project] = {}
        for place, key in enumerate(self.tracker.stage.settings.jsm_projects):
            project = Project(str(11_000 + place), key, f"{key} desk", "service_desk")
            self.tracker.projects[key] = self.desks[str(place + 1)] = project

    # -- looking up

    def get(self, id_or_key: str) -> Request | None:
        issue = self.tracker.get(id_or_key)
        return self.requests.get(issue.id) if issue else None

    def ensure_customer(
        self, email: str, name: str = "", language: str = "", organization: str = ""
    ) -> Customer:
        for known in self.customers.values():
            if known.email == email:
                return known
        number = len(self.customers) + 1
        account = f"qm:00000000-0000-4000-8000-000000000000:{number:024d}"
        if not self.tracker.cloud:
            account = f"customer{number}"
        shown = name or email.partition("@")[0]
        made = Customer(account, email, shown, language, organization)
        self.customers[account] = made
        self.tracker.people[account] = self._person(made)
        if organization and organization not in self.organizations.values():
            self.organizations[str(len(self.organizations) + 1)] = organization
        return made

    def _person(self, customer: Customer) -> Json:
        shape: Json = {"displayName": customer.name, "active": True}
        if self.tracker.cloud:
            return {
                **shape,
                "accountId": customer.account,
                "accountType": "customer",
            }
        login = {"name": customer.account, "key": customer.account}
        return {**shape, **login, "emailAddress": customer.email}

    def organization_shapes(self, name: str) -> list[Json]:
        return [
            {"id": number, "name": known}
            for number, known in self.organizations.items()
            if known == name
        ]

    # -- what can happen

    def customer_writes(
        self,
        customer: Customer,
        subject: str,
        text: str,
        known: Request | None = None,
        tags: Sequence[str] = (),
    ) -> Request:
        """Open a request, or answer in one."""
        if known is not None:
            if known.issue.status is not WAITING_FOR_SUPPORT:
                self.set_status(known, WAITING_FOR_SUPPORT, customer.account)
            self.comment(known, text, customer.account, public=True)
            return known
        desk, project = next(iter(self.desks.items()))
        given = {
            "issuetype": "10002",
            "summary": subject,
            "description": text,
            "labels": list(tags),
            "status": WAITING_FOR_SUPPORT,
            "fields": self._fields(customer),
            "properties": {"request.channel.type": {"value": "portal"}},
        }
        issue = self.tracker.create(project, given, customer.account)
        self.requests[issue.id] = Request(issue, customer, desk)
        return self.requests[issue.id]

    def _fields(self, customer: Customer) -> Json:
        shared = self.organization_shapes(customer.organization)
        empty = {SATISFACTION: None, SATISFACTION_DATE: None}
        return {ORGANIZATIONS: shared, **empty}

    def comment(
        self, request: Request, text: str, actor: str, *, public: bool
    ) -> Comment:
        said = {VISIBILITY: {"internal": not public and self.keeps_internal}}
        return self.tracker.comment(request.issue, text, actor, said)

    def set_status(self, request: Request, status: Status, actor: str) -> None:
        step = Transition("901", status.name, status, (request.issue.status.id,))
        self.tracker.move(request.issue, step, actor)

    def rate(self, request: Request, rating: int, comment: str) -> None:
        """Let the customer rate. No webhook tells of it."""
        request.rating, request.rating_comment = rating, comment
        at = self.tracker.stage.clock().strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        shown = {SATISFACTION: {"rating": rating}, SATISFACTION_DATE: at}
        request.issue.fields = {**request.issue.fields, **shown}

    def act(self, request: Request, act: str, given: Mapping[str, Any]) -> None:
        """Let a human agent act."""
        issue, labels = request.issue, request.issue.labels
        if act in ("reply", "note"):
            self.comment(request, given["text"], AGENT, public=act == "reply")
        elif act == "status":
            self.set_status(request, STATUSES[given["status"]], AGENT)
        elif act == "add_tag":
            self.tracker.edit(issue, {"labels": [*labels, given["tag"]]}, AGENT)
        elif act == "remove_tag":
            kept = [label for label in labels if label != given["tag"]]
            self.tracker.edit(issue, {"labels": kept}, AGENT)
        elif act == "move":
            self._move(request, given["into"])
        elif act == "delete":
            self.tracker.delete(issue, AGENT)
        else:
            raise KeyError(f"an act other than {act}")

    def _move(self, request: Request, project: str) -> None:
        """Move to another project, where it may be no request any more."""
        target = self.tracker.projects[project]
        if target not in self.desks.values():
            del self.requests[request.issue.id]
        self.tracker.transfer(request.issue, target, AGENT)

    # -- what it amounts to

    def first_response(self, request: Request) -> tuple[datetime, datetime | None]:
        """Return when the first answer is due, and when it was given."""
        answers = [
            comment.created
            for comment in request.issue.comments
            if comment.author in (AGENT, API) and is_public(comment)
        ]
        due = request.issue.created + FIRST_RESPONSE
        return due, min(answers, default=None)

    def ticket(self, request: Request) -> Json:
        """Show a request as the witness does those of other helpdesks."""
        issue, customer = request.issue, request.customer
        opening = {
            "id": "0",
            "text": as_string(issue.description) or "",
            "actor": "person",
            "at": stamp(issue.created),
        }
        said = [(comment, _said(comment)) for comment in issue.comments]
        words = [one for comment, one in said if comment.author == customer.account]
        staff = [pair for pair in said if pair[0].author != customer.account]
        return {
            "id": issue.id,
            "number": issue.key,
            "subject": issue.summary,
            "status": issue.status.name,
            "merged_into": None,
            "tags": list(issue.labels),
            "url": f"{self.tracker.stage.base_url}/jira/browse/{issue.key}",
            "customer": {
                "email": customer.email,
                "name": customer.name,
                "language": customer.language,
                "organization": customer.organization,
            },
            "words": [opening, *words],
            "notes": [one for comment, one in staff if not is_public(comment)],
            "messages": [
                {**one, "draft": False} for comment, one in staff if is_public(comment)
            ],
            "followup_of": None,
        }


def field_shapes() -> list[Json]:
    return [
        {
            "id": key,
            "key": key,
            "name": name,
            "custom": True,
            "schema": {
                "type": kind,
                "custom": f"com.atlassian.servicedesk:{custom}",
                "customId": int(key.rpartition("_")[2]),
            },
        }
        for key, (name, kind, custom) in FIELDS.items()
    ]


def is_public(comment: Comment) -> bool:
    """Tell whether a customer reads a comment: all do that do not say otherwise."""
    return not is_internal(comment)


def rendered(comment_or_text: Any) -> str:
    """Show wiki markup as people see it, near enough."""
    # What looks like HTML is text: wiki markup knows no tags.
    return (as_string(comment_or_text) or "").replace("\\", "").replace("&#58;", ":")


def _said(comment: Comment) -> Json:
    return {
        "id": comment.id,
        "text": rendered(comment.body),
        "actor": API if comment.author == API else "person",
        "at": stamp(comment.created),
    }
