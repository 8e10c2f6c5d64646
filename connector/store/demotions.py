"""Which tags rules only suggest, because people took them off too often.

When that is so is decided in ``connector.demotion``. A line is of one version of a
rule: the next one starts anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select, update

from connector.store.dialects import insert
from connector.store.rule_tables import demotions, labels
from connector.store.schema import AnyRow, tickets

KEY = ("rule", "tag", "language", "rule_version")


class Unit(NamedTuple):
    """What is right or wrong as one: empty ``language``: the same in all of them."""

    rule: str
    tag: str
    language: str
    rule_version: str


def language_of(rule: str, language: str) -> str:
    """Return by what language a rule is judged: packs are one for each of them."""
    return language if rule.startswith("pack.") else ""


def demoted(connection: Connection) -> frozenset[Unit]:
    """Return what only suggests."""
    return frozenset(Unit(*row[:4]) for row in standing(connection))


def standing(connection: Connection) -> Sequence[AnyRow]:
    query = select(demotions).where(demotions.c.promoted_at.is_(None))
    return connection.execute(query.order_by(*(demotions.c[k] for k in KEY))).all()


def since(connection: Connection, since: datetime, until: datetime) -> Sequence[AnyRow]:
    """Return what became a suggestion in a time, and still is one."""
    return [row for row in standing(connection) if since <= row.demoted_at < until]


def promotions(connection: Connection) -> Mapping[Unit, datetime]:
    """Return what a person let write again, and when."""
    query = select(*(demotions.c[name] for name in KEY), demotions.c.promoted_at)
    rows = connection.execute(query.where(demotions.c.promoted_at.is_not(None)))
    return {Unit(*row[:4]): row.promoted_at for row in rows}


def demote(
    connection: Connection, unit: Unit, good: int, labels: int, now: datetime
) -> bool:
    """Let a unit only suggest; False if it does so already."""
    statement = insert(connection.dialect.name, demotions)
    said: dict[str, Any] = {
        "demoted_at": now,
        "good": good,
        "labels": labels,
        "promoted_at": None,
        "promoted_by": "",
    }
    statement = (
        statement.values(**unit._asdict(), **said)
        .on_conflict_do_update(
            index_elements=list(KEY),
            set_=said,
            where=demotions.c.promoted_at.is_not(None),
        )
        .returning(demotions.c.rule)
    )
    return connection.execute(statement).one_or_none() is not None


def promote(
    connection: Connection, rule: str, tag: str | None, who: str, now: datetime
) -> list[Unit]:
    """Let a rule write again; with ``tag`` only that. Returns what only suggested."""
    which = [demotions.c.rule == rule, demotions.c.promoted_at.is_(None)]
    if tag is not None:
        which.append(demotions.c.tag == tag)
    found = connection.execute(
        update(demotions)
        .where(*which)
        .values(promoted_at=now, promoted_by=who)
        .returning(*(demotions.c[name] for name in KEY))
    )
    return sorted(Unit(*row) for row in found)


def hold(
    connection: Connection, rule: str, tag: str | None, at: datetime | None = None
) -> list[Unit]:
    """Take back what a person let a rule write again, of this tag or of all.

    That is, what was said ``at`` a time and stands, or what was said last.
    """
    which = [demotions.c.rule == rule]
    if tag is not None:
        which.append(demotions.c.tag == tag)
    last = select(func.max(demotions.c.promoted_at)).where(*which).scalar_subquery()
    found = connection.execute(
        update(demotions)
        .where(*which, demotions.c.promoted_at == (last if at is None else at))
        .values(promoted_at=None, promoted_by="")
        .returning(*(demotions.c[name] for name in KEY))
    )
    return sorted(Unit(*row) for row in found)


def contradicted(
    connection: Connection, unit: Unit, label: str, limit: int
) -> Sequence[AnyRow]:
    """Return the tickets where people last gave a unit this label."""
    which = [
        labels.c.rule == unit.rule,
        labels.c.rule_version == unit.rule_version,
        labels.c.tag == unit.tag,
        labels.c.label == label,
    ]
    if unit.language:
        which.append(tickets.c.language == unit.language)
    query = (
        select(tickets.c.source, tickets.c.number, tickets.c.url)
        .select_from(labels.join(tickets, tickets.c.id == labels.c.ticket_id))
        .where(*which)
        .order_by(labels.c.at.desc(), tickets.c.id.desc())
        .limit(limit)
    )
    return connection.execute(query).all()
