"""People who sign in, their sessions, and the record of what they did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, func, insert, or_, select, update

from connector.models import Role
from connector.store.account_tables import audit, failed_sign_ins, sessions, users
from connector.store.schema import AnyRow


def add(
    connection: Connection,
    name: str,
    role: Role,
    now: datetime,
    *,
    password: str = "",
    issuer: str | None = None,
    subject: str | None = None,
) -> int:
    """Add a user with a password, or one who signs in elsewhere; return their id."""
    values = {"name": name, "role": role, "password": password, "created_at": now}
    query = insert(users).values(**values, issuer=issuer, subject=subject)
    return int(connection.execute(query.returning(users.c.id)).scalar_one())


def named(connection: Connection, name: str) -> AnyRow | None:
    return connection.execute(select(users).where(users.c.name == name)).one_or_none()


def of_subject(connection: Connection, issuer: str, subject: str) -> AnyRow | None:
    """Return whom an issuer calls by this name of its own."""
    query = select(users).where(users.c.issuer == issuer, users.c.subject == subject)
    return connection.execute(query).one_or_none()


def change(connection: Connection, user_id: int, **values: object) -> None:
    connection.execute(update(users).where(users.c.id == user_id).values(**values))


def listing(connection: Connection) -> Sequence[RowMapping]:
    """Return all users, with when they were last here and never with a hash."""
    seen = select(func.max(sessions.c.seen_at)).where(sessions.c.user_id == users.c.id)
    query = select(
        users.c.id,
        users.c.name,
        users.c.role,
        users.c.issuer,
        users.c.created_at,
        users.c.disabled_at,
        seen.scalar_subquery().label("seen_at"),
    ).order_by(users.c.name)
    return connection.execute(query).mappings().all()


def is_anybody(connection: Connection) -> bool:
    """Tell whether there ever was a user, whether they may still sign in or not."""
    return connection.scalar(select(users.c.id).limit(1)) is not None


def admins(connection: Connection) -> int:
    query = select(func.count()).where(
        users.c.role == Role.ADMIN, users.c.disabled_at.is_(None)
    )
    return int(connection.scalar(query) or 0)


# -- sessions


def begin(connection: Connection, token_hash: str, user_id: int, now: datetime) -> None:
    connection.execute(
        insert(sessions).values(
            token_hash=token_hash, user_id=user_id, created_at=now, seen_at=now
        )
    )


def session(
    connection: Connection, token_hash: str, begun: datetime, seen: datetime
) -> AnyRow | None:
    """Return the user of a session that began and was used after these times."""
    query = (
        select(
            users.c.id,
            users.c.name,
            users.c.role,
            users.c.issuer,
            sessions.c.seen_at,
        )
        .join(sessions, sessions.c.user_id == users.c.id)
        .where(
            sessions.c.token_hash == token_hash,
            sessions.c.created_at > begun,
            sessions.c.seen_at > seen,
            users.c.disabled_at.is_(None),
        )
    )
    return connection.execute(query).one_or_none()


def touch(connection: Connection, token_hash: str, now: datetime) -> None:
    connection.execute(
        update(sessions).where(sessions.c.token_hash == token_hash).values(seen_at=now)
    )


def end(connection: Connection, token_hash: str) -> None:
    connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))


def end_all(connection: Connection, user_id: int) -> int:
    """End every session of a user; return how many there were."""
    done = connection.execute(delete(sessions).where(sessions.c.user_id == user_id))
    return done.rowcount


def end_stale(connection: Connection, begun: datetime, seen: datetime) -> None:
    stale = or_(sessions.c.created_at <= begun, sessions.c.seen_at <= seen)
    connection.execute(delete(sessions).where(stale))


# -- sign-ins that failed


def failed(connection: Connection, name: str, address: str, now: datetime) -> None:
    connection.execute(
        insert(failed_sign_ins).values(name=name, address=address, at=now)
    )


def failures(
    connection: Connection, name: str, address: str, since: datetime
) -> tuple[int, int]:
    """Return how many failed since then for this name, and from this address."""
    count = select(func.count()).where(failed_sign_ins.c.at > since)
    by_name = connection.scalar(count.where(failed_sign_ins.c.name == name))
    by_address = connection.scalar(count.where(failed_sign_ins.c.address == address))
    return int(by_name or 0), int(by_address or 0)


def forget_failures(connection: Connection, name: str, before: datetime) -> None:
    """Forget the failures of who signed in now, and everybody's of long ago."""
    old = or_(failed_sign_ins.c.name == name, failed_sign_ins.c.at <= before)
    connection.execute(delete(failed_sign_ins).where(old))


# -- what people did


def record(
    connection: Connection,
    who: str,
    action: str,
    subject: str,
    said: str,
    now: datetime,
    undo: str = "",
) -> int:
    """Write down that somebody did something, in our words; return the row's id.

    ``undo`` is the command that takes it back, if there is one.
    """
    values = {"at": now, "who": who, "action": action, "subject": subject}
    query = insert(audit).values(**values, said=said, undo=undo).returning(audit.c.id)
    return int(connection.execute(query).scalar_one())


def deed(connection: Connection, audit_id: int) -> RowMapping | None:
    query = select(audit).where(audit.c.id == audit_id)
    return connection.execute(query).mappings().one_or_none()


def undone(connection: Connection, audit_id: int, now: datetime) -> bool:
    """Note that something was taken back; False if it was already."""
    query = (
        update(audit)
        .where(audit.c.id == audit_id, audit.c.undone_at.is_(None))
        .values(undone_at=now)
    )
    return connection.execute(query).rowcount == 1


def recorded(
    connection: Connection, limit: int, subject: str | None = None
) -> Sequence[RowMapping]:
    """Return what people did, the latest first."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if subject is not None:
        query = query.where(audit.c.subject == subject)
    return connection.execute(query).mappings().all()
