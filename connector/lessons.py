"""Where lessons come from: what people did with tags, or a file of labelled tickets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from heapq import merge
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import Connection

from connector.errors import MalformedPayload
from connector.samples import Lesson
from connector.store import labels
from connector.store.labels import Example, Label
from rules.verdict import TYPES


def of_tickets(
    connection: Connection, prefix: str, since: datetime
) -> Iterator[Lesson]:
    """Return what people said of tickets since then by their tags, the newest last.

    A tag of a type that was left, set or found there says that it is a complaint; all
    of them taken off, that it is none. So does a ticket that an agent answered and
    ended without any, which we took for none either.
    """
    both = (_tagged(connection, prefix, since), _untagged(connection, since))
    for _, lesson in merge(*both, key=itemgetter(0)):
        yield lesson


def _tagged(
    connection: Connection, prefix: str, since: datetime
) -> Iterator[tuple[int, Lesson]]:
    said = labels.examples(connection, since)
    for ticket_id, of_ticket in groupby(said, attrgetter("ticket_id")):
        if lesson := _lesson(list(of_ticket), prefix):
            yield ticket_id, lesson


def _untagged(connection: Connection, since: datetime) -> Iterator[tuple[int, Lesson]]:
    for row in labels.untagged(connection, since):
        lesson = Lesson(row.subject, row.text, str(row.customer_id), False, "")
        yield row.id, lesson


def _lesson(said: Sequence[Example], prefix: str) -> Lesson | None:
    labelled = {
        one.tag.removeprefix(prefix): one.label
        for one in said
        if one.tag.startswith(prefix)
    }
    kinds = {kind: label for kind, label in labelled.items() if kind in TYPES}
    if not kinds:
        return None
    right = [kind for kind, label in kinds.items() if label is not Label.REMOVED]
    one = said[0]
    return Lesson(
        one.subject,
        one.text,
        str(one.customer_id),
        bool(right),
        _main(right, one.types),
    )


def _main(right: Sequence[str], judged: Sequence[str]) -> str:
    """Return the main one of some types; empty if nobody can tell."""
    if len(right) == 1:
        return right[0]
    return next((kind for kind in judged if kind in right), "")


def of_file(lines: Iterable[bytes]) -> Iterator[Lesson]:
    """Read labelled tickets, one JSON object a line.

    Each needs a ``text`` and ``labels`` with ``complaint``, ``types`` or both; it may
    have a ``subject``, and a ``customer`` (else it is somebody's of their own). Raises
    ``MalformedPayload`` with the number of the line and none of its words.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield _read(json.loads(line), number)
        except (ValueError, RecursionError) as err:
            raise MalformedPayload(f"line {number}: not JSON in UTF-8") from err
        except (KeyError, TypeError, AttributeError) as err:
            raise MalformedPayload(
                f'line {number}: expected "text", and "labels" with "complaint" (true '
                'or false) or "types" (a list, the main one first)'
            ) from err


def _read(ticket: Mapping[str, Any], number: int) -> Lesson:
    said = ticket["labels"]
    kinds = said.get("types") or [""]
    if not isinstance(kinds, list):
        raise TypeError
    complaint = said.get("complaint")
    subject, text = ticket.get("subject") or "", ticket["text"]
    if not all(isinstance(one, str) for one in (subject, text, kinds[0])):
        raise TypeError
    if complaint is not None and not isinstance(complaint, bool):
        raise TypeError
    customer = ticket.get("customer")
    who = f"line {number}" if customer is None else str(customer)
    return Lesson(subject, text, who, complaint, kinds[0] if kinds[0] in TYPES else "")
