"""Who may sign in to the dashboard, and how a sign-in is checked and remembered.

Those for whom a provider vouches have no password of ours, and come in by
``connector.vouching``.

Passwords are kept as scrypt hashes (werkzeug), sessions as hashes of the random token
that only the browser has; so nobody who reads the database can sign in. A session ends
for all processes at once when its row goes. Time is an argument.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection
from werkzeug.security import check_password_hash, generate_password_hash

from connector.errors import ConnectorError
from connector.models import Role
from connector.store import accounts, dialects
from connector.store.schema import AnyRow

#: A session ends after so long without a page, and after so long in any case.
IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)

#: A seen session is written down again after this time, not with each page.
_SEEN_EVERY = timedelta(minutes=1)

#: Failed sign-ins within this time slow down the next: of one name, from one address.
#: An address may be that of a whole office, a name is one person's.
FAILURES_WITHIN = timedelta(minutes=15)
FAILURES_OF_NAME = 10
FAILURES_FROM_ADDRESS = 50

#: Passwords checked at a time, each of which takes 32 MB; and seconds that others wait.
_TURNS = threading.BoundedSemaphore(4)
PATIENCE = 2.0

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1000

_NAME = re.compile(r"[\w.@+-]{1,80}")

#: Checked where there is no such user, so that the answer takes as long.
_NOBODY = generate_password_hash(secrets.token_hex())


class NotAccepted(ConnectorError):
    """A name, password or change of users that cannot be taken; the text says why."""


class Signed(NamedTuple):
    """Who has signed in. ``csrf`` is what each of their forms has to send back."""

    name: str
    role: Role
    csrf: str

    def may(self, role: Role) -> bool:
        return _RANK[self.role] >= _RANK[role]


class Attempt(NamedTuple):
    """A sign-in under way. ``kept`` is the hash to check; empty: nobody may sign in."""

    name: str
    address: str
    kept: str


_RANK = {Role.VIEWER: 0, Role.AGENT: 1, Role.ADMIN: 2}


def add(
    connection: Connection,
    name: str,
    role: Role,
    password: str,
    who: str,
    now: datetime,
) -> str:
    """Add a user; return the name as it is kept. Raises ``NotAccepted``."""
    folded = name.strip().casefold()
    if not _NAME.fullmatch(folded):
        raise NotAccepted(
            "name: expected up to 80 letters, digits or one of . _ - + @, such as kari"
        )
    if accounts.named(connection, folded) is not None:
        raise NotAccepted(f"name: there is a user {folded} already; take another")
    accounts.add(connection, folded, role, now, password=_hashed(password))
    accounts.record(connection, who, "user add", folded, f"role {role}", now)
    return folded


def ensure_first(connection: Connection) -> None:
    """Raise ``NotAccepted`` if there is a user already; two may ask at once."""
    dialects.serialise(connection, dialects.ACCOUNTS_LOCK)
    if accounts.is_anybody(connection):
        raise NotAccepted("somebody was faster: there is a user now; sign in")


def set_password(
    connection: Connection, name: str, password: str, who: str, now: datetime
) -> None:
    """Give a user another password; all their sessions end."""
    user = _known(connection, name)
    if user.issuer is not None:
        raise NotAccepted(f"{user.name} signs in at {user.issuer}: change it there")
    accounts.change(connection, user.id, password=_hashed(password))
    accounts.end_all(connection, user.id)
    accounts.forget_failures(connection, user.name, now - FAILURES_WITHIN)
    accounts.record(connection, who, "user password", user.name, "", now)


def set_role(
    connection: Connection, name: str, role: Role, who: str, now: datetime
) -> None:
    user = _known(connection, name)
    if user.issuer is not None:
        raise NotAccepted(
            f"{user.name} has the role that {user.issuer} gives them at each sign-in: "
            "change it there, or oidc.roles in the configuration"
        )
    if role is not Role.ADMIN:
        _ensure_other_admin(connection, user)
    accounts.change(connection, user.id, role=role)
    accounts.record(connection, who, "user role", user.name, str(role), now)


def disable(connection: Connection, name: str, who: str, now: datetime) -> None:
    """End a user's sessions and let them sign in no more; what they did stays."""
    user = _known(connection, name)
    _ensure_other_admin(connection, user)
    accounts.change(connection, user.id, disabled_at=now)
    accounts.end_all(connection, user.id)
    accounts.record(connection, who, "user disable", user.name, "", now)


def enable(connection: Connection, name: str, who: str, now: datetime) -> None:
    user = _known(connection, name)
    accounts.change(connection, user.id, disabled_at=None)
    accounts.record(connection, who, "user enable", user.name, "", now)


def attempt(connection: Connection, name: str, address: str, now: datetime) -> Attempt:
    """Begin to sign somebody in. Raises ``NotAccepted`` after too many failures."""
    folded = name.strip().casefold()[:80]
    ensure_few_failures(connection, address, now, folded)
    user = accounts.named(connection, folded)
    is_known = user is not None and user.disabled_at is None
    return Attempt(folded, address, user.password if user and is_known else "")


def ensure_few_failures(
    connection: Connection, address: str, now: datetime, name: str | None = None
) -> None:
    """Raise ``NotAccepted`` after too many failures from an address, or of a name."""
    since = now - FAILURES_WITHIN
    of_name, from_address = accounts.failures(connection, name or "", address, since)
    if name is None:
        of_name = 0
    if of_name >= FAILURES_OF_NAME or from_address >= FAILURES_FROM_ADDRESS:
        minutes = int(FAILURES_WITHIN.total_seconds() // 60)
        raise NotAccepted(
            f"too many sign-ins failed; try again in {minutes} minutes, or let an "
            "admin set another password"
        )


def is_right(one: Attempt, password: str) -> bool:
    """Check a password. It takes a while: never within a transaction.

    Raises ``NotAccepted`` if too many are being checked.
    """
    if not _TURNS.acquire(timeout=PATIENCE):
        raise NotAccepted("too many sign in at this moment; try again")
    try:
        found = check_password_hash(one.kept or _NOBODY, password[:LONGEST_PASSWORD])
    finally:
        _TURNS.release()
    return found and bool(one.kept)


def settle(
    connection: Connection, one: Attempt, right: bool, now: datetime
) -> str | None:
    """End a sign-in: return the token of a new session, or None if it failed."""
    user = accounts.named(connection, one.name) if right else None
    # The password may have been changed while it was checked.
    if user is None or user.password != one.kept or user.disabled_at is not None:
        accounts.failed(connection, one.name, one.address, now)
        return None
    return begin(connection, user.id, user.name, now)


def begin(
    connection: Connection,
    user_id: int,
    name: str,
    now: datetime,
    where: str = "here, by a password",
) -> str:
    """Begin a session of somebody who has proven who they are; return its token."""
    accounts.end_stale(connection, now - LONGEST, now - IDLE)
    accounts.forget_failures(connection, name, now - FAILURES_WITHIN)
    token = secrets.token_urlsafe(32)
    accounts.begin(connection, _hash(token), user_id, now)
    accounts.record(connection, name, "sign in", name, where, now)
    return token


def signed(
    connection: Connection, token: str, now: datetime, issuer: str = ""
) -> Signed | None:
    """Return who a session is of, or None if it has ended.

    ``issuer`` vouches for people now; whoever came from another one is out.
    """
    row = accounts.session(connection, _hash(token), now - LONGEST, now - IDLE)
    if row is None or row.issuer not in (None, issuer):
        return None
    return Signed(row.name, Role(row.role), csrf(token))


def is_to_touch(connection: Connection, token: str, now: datetime) -> bool:
    """Tell whether it is time to write down that a session is still used."""
    row = accounts.session(connection, _hash(token), now - LONGEST, now - IDLE)
    return row is not None and row.seen_at < now - _SEEN_EVERY


def touch(connection: Connection, token: str, now: datetime) -> None:
    accounts.touch(connection, _hash(token), now)


def sign_out(connection: Connection, token: str) -> None:
    accounts.end(connection, _hash(token))


def csrf(token: str) -> str:
    """Return what shows that a form is ours: another site cannot read the token."""
    return hmac.new(token.encode(), b"form", hashlib.sha256).hexdigest()


def _hash(token: str) -> str:
    # A random token of 256 bits needs no slow hash.
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _hashed(password: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        raise NotAccepted(
            f"password: expected {SHORTEST_PASSWORD} characters or more; several words "
            "in a row are easy to keep in mind"
        )
    if len(password) > LONGEST_PASSWORD:
        raise NotAccepted(
            f"password: expected {LONGEST_PASSWORD} characters at most; shorten it"
        )
    return generate_password_hash(password)


def _known(connection: Connection, name: str) -> AnyRow:
    user = accounts.named(connection, name.strip().casefold())
    if user is None:
        raise NotAccepted(f"{name}: there is no such user; `user list` shows them")
    return user


def _ensure_other_admin(connection: Connection, user: AnyRow) -> None:
    is_admin = user.role == Role.ADMIN and user.disabled_at is None
    if is_admin and accounts.admins(connection) < 2:
        raise NotAccepted(
            f"{user.name} is the last admin; add another with "
            "`user add NAME --role admin` first"
        )
