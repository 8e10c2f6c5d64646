"""Databases that tests have one after the other: as new each time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from database_kit import Lender, upgraded
from kit import START
from sqlalchemy import Connection, text

from connector.errors import StoreUnavailable
from connector.store import Store, deliveries


def use(lender: Lender, act: Callable[[Connection], object]) -> str:
    """Borrow a database, do something in it, and bring it back."""
    with lender.lend() as url:
        store = Store(url)
        with store.write() as connection:
            act(connection)
        store.close()
    return url


def accept(connection: Connection) -> None:
    deliveries.accept(
        connection, [deliveries.new("support", None, {}, b"{}", START)] * 2
    )


def numbers(connection: Connection) -> list[int]:
    accept(connection)
    return [row["id"] for row in deliveries.listing(connection, "pending", 9)]


def test_database_that_comes_back_is_lent_again_as_new(lender: Lender) -> None:
    url = use(lender, accept)
    with pytest.raises(StoreUnavailable):  # nobody who still knows it gets in
        upgraded(url)
    seen: list[int] = []
    use(lender, lambda connection: seen.extend(numbers(connection)))
    assert sorted(seen) == [1, 2]


def test_database_comes_back_while_somebody_is_still_connected(lender: Lender) -> None:
    with lender.lend() as url:
        store = Store(url)
        connection = store.engine.connect()
        accept(connection)
    connection.invalidate()
    connection.close()
    store.close()
    seen: list[int] = []
    use(lender, lambda connection: seen.extend(numbers(connection)))
    assert sorted(seen) == [1, 2]


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE deliveries ADD COLUMN more integer",
        "ALTER TABLE deliveries RENAME TO elsewhere",
        "DROP INDEX ix_tickets_words",
        "ANALYZE deliveries",
    ],
)
def test_database_whose_schema_was_changed_is_not_lent_again(
    lender: Lender, change: str
) -> None:
    def spoil(connection: Connection) -> None:
        accept(connection)
        connection.execute(text(change))
        connection.execute(text("COMMENT ON TABLE facts IS 'spoilt'"))

    use(lender, spoil)
    seen: list[str | None] = []
    asked = text("SELECT obj_description('facts'::regclass)")
    use(lender, lambda connection: seen.append(connection.scalar(asked)))
    assert seen == [None]
