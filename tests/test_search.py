"""Finding tickets: by words, number and address, on both databases alike."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from kit import START
from sqlalchemy import text, update

from connector.models import TicketStatus
from connector.store import Store, dialects, erasing, search
from connector.store import tickets as rows
from connector.store.schema import customer_keys, customers, tickets
from connector.store.search import Asked

SAID = {
    "1": ("Package late", "Where is ORD-4711? I ordered on shop.example."),
    "2": ("FØRSTE PURRING", "Pakken er forsinket. Får jeg svar?"),
    "3": ("Lähetys", "Paketti on myöhässä, sano 'anteeksi' \"heti\""),
    "4": ("Invoice", "You charged me twice (7 EUR) & said nothing."),
}


def fill(store: Store) -> None:
    with store.write() as connection:
        who = {"id": 1, "key": "kari@shop.example", "created_at": START}
        connection.execute(customers.insert(), {**who, "name": ""})
        connection.execute(customer_keys.insert(), {"key": "k@x.no", "customer_id": 1})
        for number, (subject, said) in SAID.items():
            put(store, connection, number, subject=subject, text=said)


def put(store: Store, connection: Any, number: str, **values: Any) -> int:
    day = START + timedelta(days=int(number))
    given = {
        "source": "support",
        "external_id": number,
        "customer_id": 1,
        "number": f"10{number}",
        "status": TicketStatus.OPEN,
        "url": "",
        "language": "en",
        "complaint": True,
        "verdict": {"types": ["delivery"]},
        "tags": [],
        "created_at": day,
        "updated_at": day,
        "decided_at": day,
    }
    return rows.put(connection, {**given, **values}).id


def found(store: Store, words: str = "", limit: int = 50, **asked: Any) -> str:
    with store.read() as connection:
        rows = search.find(connection, Asked(words, **asked), limit)
    return "".join(row.external_id for row in rows)


@pytest.fixture
def filled(store: Store) -> Store:
    fill(store)
    return store


WORDS = {
    "": "4321",
    "package": "1",
    "pack late": "1",
    "pak": "32",  # beginnings of words
    "late twice": "",  # all of them
    "4711": "1",
    "ord-4711": "1",
    "example": "1",
    "shop.example": "1",
    "første": "2",
    "PURRING får": "2",
    "forste": "",  # letters of other languages are letters of their own
    "LÄHETYS": "3",
    "101": "1",
    "#104": "4",
    "10": "",  # a number is the whole of it
    "kari@shop.example": "4321",
    "K@x.no": "4321",
    "kari": "",  # and so is an address
    "ari@shop.example": "",
    # What means something to a database means nothing here.
    "'anteeksi' \"heti": "3",
    '"': "",
    "' OR 1=1 --": "",
    "twice & (said | !nothing) <-> *": "4",
    "invoice NOT charged": "4",  # "nothing" begins with it
    "subject:invoice": "",
    "NEAR(twice, 2)": "",
    "invoice*": "4",
    "%": "",
    "_": "",
    ":*\\'": "",
    "\u19b0\u19c8": "",
    "\0": "",
}


def test_words_find_tickets_and_none_is_an_error(filled: Store) -> None:
    assert {words: found(filled, words) for words in WORDS} == WORDS


def test_filters_narrow_what_is_found(filled: Store) -> None:
    with filled.write() as connection:
        put(
            filled,
            connection,
            "5",
            subject="Package",
            text="Lost",
            complaint=False,
            status=TicketStatus.CLOSED,
            language="fi",
            source="sales",
            verdict={"types": ["billing_invoice"]},
        )
    some = {
        "complaints": ({"complaints": False}, "51"),
        "status": ({"complaints": False, "status": "closed"}, "5"),
        "language": ({"complaints": False, "language": "fi"}, "5"),
        "source": ({"complaints": False, "source": "support"}, "1"),
        "kind": ({"complaints": False, "kind": "billing_invoice"}, "5"),
        "since": ({"complaints": False, "since": START + timedelta(days=2)}, "5"),
        "until": ({"complaints": False, "until": START + timedelta(days=2)}, "1"),
    }
    for name, (asked, wanted) in some.items():
        assert found(filled, "package", **asked) == wanted, name


@pytest.mark.parametrize("few", [0, 1, 9])
def test_rare_filters_find_the_same_by_either_way(
    filled: Store, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(search, "FEW", few)
    with filled.write() as connection:
        for number, subject in (("5", "Package"), ("6", "Letter"), ("7", "Packages")):
            words = {"subject": subject, "text": ""}
            put(filled, connection, number, status=TicketStatus.CLOSED, **words)
    assert found(filled, "package", status="closed") == "75"
    assert found(filled, "package", 1, status="closed") == "7"
    assert found(filled, "package", status="spam") == ""


@pytest.mark.parametrize("words", ["", "k@x.no", "e"])
def test_pages_follow_each_other(store: Store, words: str) -> None:
    fill(store)
    with store.write() as connection:
        connection.execute(update(tickets).values(subject="e"))
    seen, before = "", None
    while page := found(store, words, 2, before=before):
        seen += page
        before = int(page[-1])
    assert seen == "4321"


def test_tickets_of_a_time_come_in_its_order_page_by_page(filled: Store) -> None:
    with filled.write() as connection:  # imported later than they were opened
        for number, day in (("5", 2), ("6", 2), ("7", 1)):
            opened = START + timedelta(days=day)
            words = {"subject": "", "text": ""}
            put(filled, connection, number, created_at=opened, **words)
    for since, until, wanted in ((1, 9, "4365271"), (2, 3, "652"), (None, 2, "71")):
        asked = {
            name: None if days is None else START + timedelta(days=days)
            for name, days in (("since", since), ("until", until))
        }
        seen, before = "", None
        while page := found(filled, limit=2, before=before, **asked):
            seen += page
            before = int(page[-1])
        assert seen == wanted


def test_words_that_are_gone_or_new_are_found_no_more_or_at_once(
    filled: Store,
) -> None:
    with filled.write() as connection:
        erasing.take_words(connection, [1])
        put(filled, connection, "4", subject="Receipt", text="None came.")
    left = {one: found(filled, one) for one in ("package", "late", "twice", "receipt")}
    assert left == {"package": "", "late": "", "twice": "", "receipt": "4"}


def test_deleted_row_takes_its_words_along(filled: Store) -> None:
    with filled.write() as connection:
        connection.execute(tickets.delete().where(tickets.c.id == 1))
        put(filled, connection, "9", id=1, subject="Other", text="words")
    assert found(filled, "late") == ""
    assert found(filled, "words") == "9"


def test_index_has_the_words_that_are_asked_for(filled: Store) -> None:
    if filled.is_sqlite:
        with filled.write() as connection:  # raises if it is not what the rows say
            check = "INSERT INTO tickets_words(tickets_words, rank) VALUES"
            connection.execute(text(f"{check} ('integrity-check', 1)"))
        return
    with filled.read() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        connection.execute(text("SET LOCAL enable_indexscan = off"))
        query = dialects.saying(connection, tickets.select(), ["late"])
        plan = query.compile(connection, compile_kwargs={"literal_binds": True})
        said = connection.exec_driver_sql(f"EXPLAIN {plan}")
        assert "ix_tickets_words" in str(said.all())
