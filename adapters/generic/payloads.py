"""Documents read and built. Pure: values in, values out.

Here: deliveries and answers turned into our words, and what is sent to a callback. Not
here: the shape of a document (``document``), signatures (``signing``), calls.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import AwareDatetime, BaseModel, TypeAdapter, ValidationError

from adapters.generic.document import (
    Message,
    Person,
    Pointer,
    Rating,
    TicketDocument,
    Value,
)
from adapters.words import plain
from connector.errors import MalformedPayload
from connector.models import (
    Author,
    Carried,
    Comment,
    Customer,
    Ticket,
    TicketRef,
    TicketStatus,
)

CHANGED = "ticket.changed"
TEST = "connector.test"  #: ours, by which ``doctor`` tries the way to us
MISTAKES = 5  #: of one document that are named
WORD = 40  #: longest name of a key that is repeated

_MOMENT: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)
_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Opened:
    """An envelope whose ``data`` was not looked at yet."""

    kind: str
    timestamp: datetime | None
    data: Any


# -- reading --


def open_envelope(body: bytes) -> Opened:
    """Read the outside of a delivery."""
    try:
        said = _cleaned(json.loads(body))
    except (ValueError, RecursionError) as err:
        raise MalformedPayload("not JSON") from err
    if not isinstance(said, dict) or not isinstance(said.get("type"), str):
        raise MalformedPayload('expected {"type": "ticket.changed", "data": {…}}')
    try:
        written = said.get("timestamp")
        timestamp = None if written is None else _MOMENT.validate_python(written)
    except ValidationError as err:
        raise MalformedPayload(_mistakes(err, ("timestamp",))) from None
    return Opened(said["type"], timestamp, said.get("data"))


def ticket_id(opened: Opened) -> str:
    """Return which ticket a delivery is about, whatever else it holds."""
    return str(_checked(Pointer, opened.data, ("data",)).id)


def carried(opened: Opened, source: str, received_at: datetime) -> Carried:
    """Read the ticket that a delivery holds."""
    document = _checked(TicketDocument, opened.data, ("data",))
    at = document.updated_at or opened.timestamp or received_at
    # A clock that runs ahead would make every later delivery look like an older one.
    ticket = to_ticket(document, source, min(at, received_at), received_at)
    return Carried(ticket, document.tags is not None)


def fetched(answer: Any, source: str, now: datetime) -> Ticket:
    """Read the document that a sender's own address answered with."""
    document = _checked(TicketDocument, _cleaned(answer), ())
    return to_ticket(document, source, document.updated_at or now, now)


def to_ticket(
    document: TicketDocument, source: str, updated_at: datetime, seen_at: datetime
) -> Ticket:
    """Turn a document into a ticket."""
    customer = _customer(document.customer)
    moments = [message.at for message in document.messages if message.at]
    created_at = document.created_at or min(moments, default=min(updated_at, seen_at))
    comments = [
        _comment(message, number, customer, created_at)
        for number, message in enumerate(_messages(document), 1)
    ]
    return Ticket(
        ref=TicketRef(source, str(document.id)),
        number=str(document.id),
        subject=document.subject,
        status=TicketStatus(document.status),
        customer=customer,
        comments=tuple(sorted(comments, key=lambda comment: comment.created_at)),
        tags=frozenset(document.tags or ()),
        created_at=created_at.astimezone(UTC),
        updated_at=updated_at.astimezone(UTC),
        url=document.url,
        channel=document.channel,
        fields=_fields(document),
    )


def _messages(document: TicketDocument) -> tuple[Message, ...]:
    if document.text is not None:
        return (Message(text=document.text),)
    return document.messages


def _comment(
    message: Message, number: int, customer: Customer, created_at: datetime
) -> Comment:
    author = Author(message.author)
    return Comment(
        external_id=message.id or str(number),
        author=author,
        author_id=customer.external_id if author is Author.CUSTOMER else None,
        public=not message.internal,
        body=message.text or message.html or "",
        is_html=message.text is None,
        created_at=(message.at or created_at).astimezone(UTC),
    )


def _customer(person: Person) -> Customer:
    email = (person.email or "").strip().lower()
    if not _is_address(email):
        email = ""  # people type anything into a form; the complaint still counts
    return Customer(
        external_id=str(person.id) if person.id is not None else email,
        email=email or None,
        name=person.name or None,
        organization=person.organization or None,
        tags=frozenset(person.tags),
        fields=_texts(person.fields),
    )


def _is_address(email: str) -> bool:
    local, at, domain = email.rpartition("@")
    return bool(local and at and domain) and not any(sign.isspace() for sign in email)


def _fields(document: TicketDocument) -> dict[str, str]:
    found = _texts(document.fields)
    if document.language:
        found["language"] = document.language
    if document.rating is not None:
        found |= _rating(document.rating)
    return found


def _rating(rating: Rating) -> dict[str, str]:
    share = (rating.score - rating.worst) / (rating.best - rating.worst)
    return {"rating": f"{rating.score:g}", "rating_percent": f"{share * 100:.0f}"}


def _texts(fields: Mapping[str, Value]) -> dict[str, str]:
    return {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in fields.items()
    }


def _cleaned(value: Any) -> Any:
    """Drop characters that no database takes, wherever they are."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, list):
        return [_cleaned(one) for one in value]
    if isinstance(value, dict):
        return {plain(key): _cleaned(one) for key, one in value.items()}
    return value


# -- mistakes --


def _checked(model: type[_Model], value: Any, place: tuple[str, ...]) -> _Model:
    try:
        return model.model_validate(value)
    except ValidationError as err:
        raise MalformedPayload(_mistakes(err, place)) from None


def _mistakes(err: ValidationError, place: tuple[str, ...]) -> str:
    """Name each mistake by its place; never what stood there."""
    found = err.errors(include_url=False, include_input=False, include_context=False)
    lines = [f"{_path((*place, *one['loc']))}: {one['msg']}" for one in found]
    more = [f"and {len(lines) - MISTAKES} more"] if len(lines) > MISTAKES else []
    return "; ".join([*lines[:MISTAKES], *more])


def _path(parts: tuple[int | str, ...]) -> str:
    words = (str(part)[:WORD] for part in parts)
    return ".".join("".join(filter(str.isprintable, word)) for word in words)


# -- what goes out --


def envelope(kind: str, now: datetime, data: Mapping[str, Any]) -> bytes:
    """Build the body of a call to the callback."""
    said = {
        "type": kind,
        "timestamp": f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "data": data,
    }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def words(answer: str) -> str:
    """Return what an error answer says, from the keys that are usual for it."""
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError):
        return ""
    return "; ".join(_said(said))


def _said(said: object) -> Iterator[str]:
    if not isinstance(said, dict):
        return
    for key in ("error", "message", "title", "detail"):
        value = said.get(key)
        if isinstance(value, dict):
            yield from _said(value)
        elif isinstance(value, str) and value:
            yield value
