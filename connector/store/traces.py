"""Where somebody's addresses stand in what is held, and taking them out of it.

An address is found in any column of any table, however JSON or a link writes it; so
what is added to the schema is looked through too. What hangs on a person's tickets is
taken out by ``connector.store.erasing``, whatever it says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Select,
    String,
    Table,
    Text,
    cast,
    or_,
    select,
    tuple_,
    update,
)

from connector.models import Delivery
from connector.store import Store
from connector.store.deliveries import REFRESH
from connector.store.dialects import GROUPING_LOCK, serialise
from connector.store.schema import (
    AnyRow,
    Words,
    carried,
    customers,
    deliveries,
)
from connector.store.tables import metadata

#: Bodies looked through at a time.
CHUNK = 200

#: Whoever is called like that is not found by it: the words are anybody's.
SHORTEST_NAME = 2

_ASCII = re.compile(r"[!-~]+")
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")


class Traces:
    """What tells of one person: their ``keys``, and in raw bodies their ``names``.

    ``mark`` stands in the place of what is taken out.
    """

    def __init__(
        self, keys: Iterable[str], names: Iterable[str] = (), mark: str = "erased"
    ) -> None:
        self._mark = mark
        self.keys = [form for key in keys for form in _forms(key)]
        full = [name for name in names if len(name.split()) >= SHORTEST_NAME]
        self._names = [form for name in full for form in _forms(name)]
        self._theirs = _pattern(self.keys)
        self._told = _pattern([*self.keys, *self._names])

    def are_in(self, body: bytes) -> bool:
        """Tell whether a raw body names the person."""
        text = body.decode("utf-8", "replace")
        if self._told is None:
            return False
        if "\\u" in text:  # JSON has no other way to write what is not ASCII
            text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
        return self._told.search(text) is not None

    def out_of(self, value: Any) -> Any:
        """Return a value of a row without the keys."""
        if self._theirs is None:
            return value
        if isinstance(value, str):
            return self._theirs.sub(self._mark, value)
        if isinstance(value, list):
            return [self.out_of(one) for one in value]
        if isinstance(value, dict):
            return {self.out_of(key): self.out_of(one) for key, one in value.items()}
        return value

    @property
    def fragments(self) -> list[str]:
        """Return pieces of the keys, by which a database finds rows to look at."""
        pieces = {max(_ASCII.findall(key) or [""], key=len) for key in self.keys}
        return sorted(piece for piece in pieces if piece)


def _forms(word: str) -> set[str]:
    """Return how a word may be written: as it is, or in a link, in either case."""
    cases = (word, word.upper())
    return {word, *map(quote, cases), *(quote(one, safe="@") for one in cases)}


def _pattern(words: Iterable[str]) -> re.Pattern[str] | None:
    """Match these words where they are not part of somebody else's."""
    spelled = "|".join(sorted((re.escape(word) for word in words if word), key=len))
    if not spelled:
        return None
    return re.compile(rf"(?i)(?<![\w.+-])(?:{spelled})(?![\w-]|\.\w)")


def bodies(connection: Connection, after: int) -> Iterator[Delivery]:
    """Return the deliveries of vendors after one that still say something."""
    table = deliveries.c
    query = select(table.id, table.source, table.received_at, table.headers, table.body)
    while True:
        chunk = query.where(table.id > after).order_by(table.id).limit(CHUNK)
        rows = connection.execute(chunk).mappings().all()
        for row in rows:
            if row["body"] and REFRESH not in row["headers"]:
                yield Delivery(**row)
        if len(rows) < CHUNK:
            return
        after = rows[-1]["id"]


def take_out(store: Store, traces: Traces) -> dict[str, list[Any]]:
    """Take the keys out of every table; return by table which rows had them.

    People themselves are left alone: whose keys these are, its caller knows. Nobody
    waits meanwhile, for only what was found is written.
    """
    changed: dict[str, list[Any]] = {}
    for table in metadata.sorted_tables:
        query = _holding(table, traces.fragments)
        if query is None or table is customers:
            continue
        with store.read() as connection:
            rows = connection.execute(query).all()
        if not rows:
            continue
        with store.write() as connection:
            serialise(connection, GROUPING_LOCK)
            had = [row[0] for row in rows if _rewrite(connection, table, row, traces)]
        if had:
            changed[table.name] = had
    _take_out_of_kept(store, traces)
    return changed


def _take_out_of_kept(store: Store, traces: Traces) -> None:
    """Take the keys out of tickets that are kept whole, which are read again."""
    place = tuple_(carried.c.source, carried.c.external_id)
    query = select(carried.c.source, carried.c.external_id, carried.c.body)
    with store.read() as connection:
        found = [row for row in connection.execute(query) if traces.are_in(row.body)]
    for row in found:
        without = traces.out_of(row.body.decode("utf-8", "replace")).encode()
        with store.write() as connection:
            connection.execute(
                update(carried)
                .where(place == tuple_(*row[:2]), carried.c.body == row.body)
                .values(body=without)
            )


def _holding(table: Table, fragments: Iterable[str]) -> Select[Any] | None:
    """Ask for the rows of a table that have one of these pieces in a column of words.

    None if there is no such column.
    """
    found = [
        cast(column, Text).icontains(piece, autoescape=True)
        for column in _worded(table)
        for piece in fragments
    ]
    return select(*table.primary_key).where(or_(*found)) if found else None


def _worded(table: Table) -> list[Column[Any]]:
    return [
        column
        for column in table.c
        if isinstance(column.type, String | Text | Words | JSON)
        and not column.primary_key
    ]


def _rewrite(
    connection: Connection, table: Table, found: AnyRow, traces: Traces
) -> bool:
    """Write a row without the keys, as it is by now; tell whether it had any."""
    where = [
        column == value for column, value in zip(table.primary_key, found, strict=True)
    ]
    columns = _worded(table)
    row = connection.execute(select(*columns).where(*where)).one_or_none()
    if row is None:
        return False
    without = {
        column.name: traces.out_of(value)
        for column, value in zip(columns, row, strict=True)
    }
    changes = {
        name: value
        for (name, value), old in zip(without.items(), row, strict=True)
        if value != old
    }
    if changes:
        connection.execute(update(table).where(*where).values(**changes))
    return bool(changes)
