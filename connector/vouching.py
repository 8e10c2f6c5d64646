"""Users for whom a provider vouches: who comes in, as whom, and with which role.

They have no password of ours, so that whoever leaves there is out here. What a provider
says is read and proven in ``connector.oidc.provider``.
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import Enum
from itertools import count
from typing import NamedTuple

from sqlalchemy import Connection

from connector.accounts import begin
from connector.errors import ConnectorError
from connector.models import Role
from connector.store import accounts, dialects
from connector.store.schema import AnyRow

_NOT_IN_A_NAME = re.compile(r"[^\w.@+-]+")

#: Who is written down for what a provider decided; a blank is in nobody's name.
_PROVIDER = "the provider"


class Person(NamedTuple):
    """Who a provider vouches for. Only issuer and subject say who that is."""

    issuer: str
    subject: str
    name: str  #: what to call a new user; no proof of anything
    role: Role | None  #: by what the provider says; None: nothing of it gives one
    said: tuple[str, ...] = ()  #: that is, the values of the claim for it


class Refusal(Enum):
    """Why somebody did not get in whom a provider sent, or was to send."""

    STALE = "stale"  #: it took too long, was used already, or began elsewhere
    DENIED = "denied"  #: the provider did not let them in
    UNREACHABLE = "unreachable"  #: the provider gives no answer
    UNPROVEN = "unproven"  #: what it said does not hold, or is not for us
    NO_ROLE = "no role"  #: nothing that it said gives a role here
    NOT_FIRST = "not first"  #: nobody is here yet, and they are no admin
    DISABLED = "disabled"  #: an admin shut them out here


class SignInFailed(ConnectorError):
    """Somebody was not signed in; ``detail`` is for the log, and holds nothing of them.

    ``code`` is the provider's own word for it, if it said one.
    """

    def __init__(self, refusal: Refusal, detail: str, code: str = "") -> None:
        super().__init__(f"{refusal.value}: {detail}")
        self.refusal = refusal
        self.detail = detail
        self.code = code


def welcome(connection: Connection, person: Person, now: datetime) -> str | Refusal:
    """Let somebody in: return the token of a new session, or why not.

    Nobody takes over a user by having that name, or that address, at a provider.
    """
    dialects.serialise(connection, dialects.ACCOUNTS_LOCK)
    user = accounts.of_subject(connection, person.issuer, person.subject)
    role = _role(connection, person, user)
    if isinstance(role, Refusal):
        _refuse(connection, person, user, role, now)
        return role
    if user is None:
        user_id, name = _add(connection, person, role, now)
    else:
        user_id, name = user.id, user.name
        if user.role != role:
            accounts.change(connection, user_id, role=role)
            accounts.record(connection, _PROVIDER, "user role", name, str(role), now)
    return begin(connection, user_id, name, now, person.issuer)


def _role(
    connection: Connection, person: Person, user: AnyRow | None
) -> Role | Refusal:
    """Return the role somebody has from now on, or why they have none."""
    if user is not None and user.disabled_at is not None:
        return Refusal.DISABLED
    if person.role is None:
        return Refusal.NO_ROLE
    # Before anybody else can sign in there has to be somebody who can add them.
    if person.role is not Role.ADMIN and not accounts.is_anybody(connection):
        return Refusal.NOT_FIRST
    return person.role


def _refuse(
    connection: Connection,
    person: Person,
    user: AnyRow | None,
    refusal: Refusal,
    now: datetime,
) -> None:
    """Write down who was not let in; whoever lost their role is out everywhere."""
    name = _called(person) if user is None else user.name
    if user is not None:
        accounts.end_all(connection, user.id)
    said = f"{refusal.value}; {person.subject} of {person.issuer}"
    accounts.record(connection, _PROVIDER, "sign in refused", name, said, now)


def _add(
    connection: Connection, person: Person, role: Role, now: datetime
) -> tuple[int, str]:
    """Add a user by a name that nobody has: it stands beside all that they do."""
    wanted = _called(person)
    numbered = (f"{wanted}-{number}" for number in count(2))
    name = wanted
    while accounts.named(connection, name) is not None:
        name = next(numbered)
    user_id = accounts.add(
        connection, name, role, now, issuer=person.issuer, subject=person.subject
    )
    said = f"role {role}, {person.subject} of {person.issuer}"
    accounts.record(connection, _PROVIDER, "user add", name, said, now)
    return user_id, name


def _called(person: Person) -> str:
    """Make a name of ours of one that a provider uses."""
    name = _NOT_IN_A_NAME.sub("-", person.name.casefold()).strip("-")
    return name[:70] or "user"
