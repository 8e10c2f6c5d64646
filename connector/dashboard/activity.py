"""Deliveries and writes as they come and go, and what people did."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from flask import Blueprint, abort, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from connector.dashboard import acting
from connector.dashboard.desk import Desk
from connector.dashboard.guard import needs
from connector.dashboard.pages import page, row_number
from connector.models import DeliveryState, OutboxState, Role
from connector.store import accounts, backlog, deliveries, outbox

SHOWN = 100


def register(blueprint: Blueprint, desk: Desk) -> None:
    @blueprint.get("/activity")
    def activity() -> ResponseReturnValue:
        box = request.args.get("box", "outbox")
        if box not in ("outbox", "inbox", "people"):
            abort(404)
        wanted = request.args.get("state", "")
        states = [str(one) for one in (OutboxState, DeliveryState)[box == "inbox"]]
        state = wanted if wanted in states else ""
        with desk.store.read() as connection:
            if box == "people":
                rows: Any = accounts.recorded(connection, SHOWN)
                counts = {}
            elif box == "outbox":
                rows = map(_write, outbox.listing(connection, state or None, SHOWN))
                counts = _unfinished(outbox.counts, connection, backlog.OUTBOX)
            else:
                found = deliveries.listing(connection, state or None, SHOWN)
                rows = map(_delivery, found)
                counts = _unfinished(deliveries.counts, connection, backlog.INBOX)
        return page(
            "activity.html",
            rows=list(rows),
            box=box,
            state=state,
            states=states,
            counts=counts,
            did=acting.deed(desk, request.args.get("did")),
        )

    @blueprint.post("/activity/<box>")
    @needs(Role.AGENT)
    def activity_rows(box: str) -> ResponseReturnValue:
        ids = [one for one in map(row_number, request.form.getlist("row")) if one]
        what = request.form.get("do", "")
        if box not in ("outbox", "inbox") or what not in ("retry", "discard"):
            abort(404)
        number = _do(desk, box, what, ids)
        back = url_for(
            "dashboard.activity", box=box, state=request.form.get("state", "")
        )
        return redirect(f"{back}&did={number}", 303)


def _unfinished(
    count: Callable[[Connection, Collection[str]], dict[str, int]],
    connection: Connection,
    states: Collection[str],
) -> dict[str, int]:
    """Count what is not done yet; what is done is too much to be counted each time."""
    return dict.fromkeys(states, 0) | count(connection, states)


def _do(desk: Desk, box: str, what: str, ids: list[int]) -> int:
    """Try rows again or discard them; return the number of the entry about it."""
    now, who = desk.clock(), g.visitor.name
    wake = (outbox.WAKE if box == "outbox" else deliveries.WAKE) * (what == "retry")
    with desk.store.write(wake=wake) as connection:
        if box == "outbox":
            done = (
                outbox.retry(connection, ids, now)
                if what == "retry"
                else outbox.discard(connection, ids, f"discarded by {who}", now)
            )
        elif what == "retry":
            done = deliveries.replay(connection, ids, now)
        else:
            done = deliveries.discard(connection, ids, now)
        rows = ", ".join(map(str, ids[:20])) + (", …" if len(ids) > 20 else "")
        said = f"{done} of {len(ids)} rows: {rows}"
        return accounts.record(connection, who, f"{box} {what}", box, said, now)


def _write(row: Any) -> dict[str, Any]:
    """Show a write without its reason: that quotes the customer's deciding words."""
    what = f"{row['operation'].replace('_', ' ')} · {row['source']} {row['target']}"
    return {
        "id": row["id"],
        "what": what,
        "state": row["state"],
        "attempts": row["attempts"],
        "at": row["created_at"],
        "why": row["error"],
    }


def _delivery(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "what": row["source"],
        "state": row["state"],
        "attempts": row["attempts"],
        "at": row["received_at"],
        "why": row["reason"],
    }
