"""How far rules go by people's word, whatever their files say.

A switch is of the rule as it read then: who changes the file has the last word again.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, select

from connector.models import Mode
from connector.store.dialects import insert
from connector.store.rule_tables import rule_switches as table


class Switch(NamedTuple):
    rule: str
    rule_version: str  #: as its file has it
    mode: Mode
    at: datetime
    who: str


def listing(connection: Connection) -> list[Switch]:
    rows = connection.execute(select(table).order_by(table.c.rule))
    return [Switch(**{**row._mapping, "mode": Mode(row.mode)}) for row in rows]


def put(connection: Connection, switch: Switch) -> None:
    """Let a rule go so far, in place of what somebody said before."""
    values = switch._asdict()
    statement = insert(connection.dialect.name, table).values(**values)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["rule"], set_=values)
    )


def drop(connection: Connection, rule: str) -> bool:
    """Let a rule go as far as its file says; False if it does already."""
    return connection.execute(delete(table).where(table.c.rule == rule)).rowcount > 0
