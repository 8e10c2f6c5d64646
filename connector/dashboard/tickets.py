"""Tickets: finding one, and the page that says what was understood and written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, abort, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape

from connector.dashboard.desk import Desk
from connector.dashboard.guard import ensure_no_guest, needs
from connector.dashboard.pages import page
from connector.models import EventKind, Role, TicketRef, TicketStatus
from connector.store import accounts, checkins, clocks, deliveries, members, tickets
from connector.store import search as index
from rules.language import COVERED
from rules.verdict import TYPES

SHOWN = 50

#: Days that a database has room for.
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)

#: Deciding words stand in quotes in a reason.
_QUOTED = re.compile(r'"([^"]+)"')


def register(blueprint: Blueprint, desk: Desk) -> None:
    @blueprint.get("/tickets")
    def tickets_list() -> ResponseReturnValue:
        ensure_no_guest()
        asked = _asked(request.args)
        with desk.store.read() as connection:
            rows = index.find(connection, asked, SHOWN + 1)
        return page(
            "tickets.html",
            rows=rows[:SHOWN],
            more=_next_page(rows[SHOWN - 1].id) if len(rows) > SHOWN else None,
            asked=asked,
            sources=sorted(desk.config.sources),
            languages=COVERED,
            statuses=list(TicketStatus),
            types=TYPES,
        )

    @blueprint.get("/tickets/<source>/<path:external_id>")
    def tickets_one(source: str, external_id: str) -> ResponseReturnValue:
        ensure_no_guest()
        with desk.store.read() as connection:
            row = tickets.find(connection, TicketRef(source, external_id))
            if row is None:
                abort(404)
            found = tickets.decisions_of(connection, row.id)
            latest = found[-1] if found else None
            reasons = latest.verdict["reasons"] if latest is not None else ()
            shown: dict[str, Any] = {
                "t": row,
                "subject": highlighted(row.subject, reasons),
                "words": highlighted(row.text, reasons),
                "decision": latest,
                "decisions": len(found),
                "ledger": tickets.ledger(connection, row.id).values(),
                "member": members.find(connection, row.id),
                "clocks": clocks.of_ticket(connection, row.id),
                "checkins": checkins.of_ticket(connection, row.id),
                "writes": index.written(connection, row.id),
            }
        return page("ticket.html", replayed=request.args.get("replayed"), **shown)

    @blueprint.post("/tickets/<source>/<path:external_id>/replay")
    @needs(Role.AGENT)
    def tickets_replay(source: str, external_id: str) -> ResponseReturnValue:
        """Read the ticket again and decide anew; safe whenever."""
        now, who = desk.clock(), g.visitor.name
        ref = TicketRef(source, external_id)
        asked = (EventKind.TICKET_CHANGED, source, external_id)
        with desk.store.write(wake=deliveries.WAKE) as connection:
            row = tickets.find(connection, ref)
            if row is None:
                abort(404)
            deliveries.accept(connection, deliveries.refresh_rows([asked], now))
            accounts.record(connection, who, "tickets replay", str(ref), "", now)
        target = url_for(
            "dashboard.tickets_one", source=source, external_id=external_id
        )
        return redirect(f"{target}?replayed=1", 303)


def _asked(args: Mapping[str, str]) -> index.Asked:
    until = _day(args.get("until", ""))
    before = args.get("from", "")
    return index.Asked(
        words=args.get("q", "").strip()[:200],
        source=args.get("source", ""),
        language=args.get("language", "")[:10],
        status=args.get("status", "")[:20],
        kind=args.get("type", "")[:40],
        complaints=args.get("complaints") != "all",
        since=_day(args.get("since", "")),
        until=until and until + timedelta(days=1),
        before=int(before[:18]) if before.isascii() and before.isdecimal() else None,
    )


def _day(text: str) -> datetime | None:
    """Read a day of a form; nonsense is none."""
    try:
        found = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return found if EARLIEST < found < LATEST else None


def _next_page(after: int) -> str:
    """Return where the list goes on, with the same filters."""
    asked = {**request.args.to_dict(), "from": after}
    return f"{url_for('dashboard.tickets_list')}?{urlencode(asked)}"


def highlighted(text: str, reasons: Any) -> Markup:
    """Mark the deciding words in a text; everything is escaped."""
    words = {word for reason in reasons for word in _QUOTED.findall(reason)}
    if not words:
        return escape(text)
    longest = sorted(words, key=len, reverse=True)
    pattern = re.compile("|".join(_loose(word) for word in longest), re.IGNORECASE)
    parts: list[Markup] = []
    at = 0
    for match in pattern.finditer(text):
        parts.append(escape(text[at : match.start()]))
        parts.append(Markup('<mark class="mark">{}</mark>').format(match[0]))
        at = match.end()
    return Markup("").join([*parts, escape(text[at:])])


def _loose(word: str) -> str:
    """Match a word as the reasons give it: blanks for any white space."""
    return r"\s+".join(re.escape(part) for part in word.split()) or r"(?!)"
