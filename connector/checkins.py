"""Asking whether a solution helped: once, some working days after, and only if nothing
else came first.

A vendor that shows agents what is going to be sent gets the message at once, with its
time; elsewhere it waits in the outbox. What speaks against it is looked for again and
again until then, and once more at the moment of sending.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from connector import replies, texts
from connector.case import Case
from connector.config import Config
from connector.config_messages import Checkins
from connector.models import (
    Comment,
    Mode,
    Operation,
    OutboxState,
    TicketStatus,
)
from connector.ratings import rating
from connector.recipients import is_nobodys
from connector.store import checkins as rows
from connector.store import locks, outbox
from connector.store.checkins import CheckinState
from connector.store.schema import AnyRow
from connector.workdays import days_after
from rules import phrases
from rules.words import customer_words

RULE = "checkins"

ENDED = (TicketStatus.RESOLVED, TicketStatus.CLOSED)

#: What can still be taken back of a row of the outbox.
OPEN = (OutboxState.PENDING, OutboxState.PARKED)

#: Whose customer wrote longer ago than this is not asked, nor who is away for longer:
#: they have moved on.
FRESH = timedelta(days=30)

#: How late it may be asked, when nobody was there to send it or everything was stopped.
LATEST = timedelta(days=5)

WROTE, RATED = "the customer wrote again", "the customer rated it"
STOPPED, SWITCHED_OFF = "everything was stopped", "it was switched off"
MERGED = "the ticket was merged into another"
REOPENED = "the ticket is not solved any more"
INQUIRED = "an agent asked the same already"
TOLD = "the customer was told meanwhile that it is fixed"
NEWER = "the customer has a newer complaint"
TWIN = "the customer is asked on another ticket"
MISSED = "its time was missed"
UNWANTED = "the customer is not to be written to"

#: How the reason begins why it is asked later than was planned.
AWAY = "the customer is away until"


def plan(case: Case) -> None:
    """Plan the check-in of a solved complaint, or take back one that is not needed."""
    settings = case.config.checkins
    if not settings.enabled or not case.config.takes_writes(case.ticket.ref.source):
        return
    for row in rows.planned(case.connection, ticket_id=case.ticket_id):
        why = (
            _said_on_ticket(case, row)
            or _against(row, case.now)
            or _postponed(case, row)
        )
        if why:
            _withdraw(case.connection, row, why, case.now)
    usual = _due(settings, None, case.now)
    due_at = _due(settings, case.judged.away_until, case.now)
    if not _is_solved_complaint(case) or due_at - usual > FRESH:
        return
    if case.config.autonomy.messages is Mode.OBSERVE:
        key = f"observed:checkin:{case.ticket_id}:{_spoke_at(case).timestamp():.0f}"
        case.effects.append(_effect(case, key, due_at, OutboxState.OBSERVED))
        return
    _plan_next(case, due_at)


def _plan_next(case: Case, due_at: datetime) -> None:
    """Plan the one check-in after the customer's words, or again if it may be."""
    spoke_at = _spoke_at(case)
    before = [
        row
        for row in rows.of_ticket(case.connection, case.ticket_id)
        if row.wrote_at == spoke_at
    ]
    if not all(_may_be_asked_later(row.reason) for row in before):
        return
    made = rows.plan(
        case.connection, case.ticket_id, spoke_at, len(before), due_at, case.now
    )
    if made is None:
        return
    asked = _is_asked_by_an_agent(case)
    why = INQUIRED if asked else against(case.connection, case.config, made, case.now)
    if why:
        rows.end(case.connection, [made], CheckinState.CANCELLED, why)
        return
    effect = _effect(case, _key(made), due_at, OutboxState.PENDING)
    effect.payload["checkin"] = made
    case.effects.append(effect)


def review(connection: Connection, config: Config, now: datetime) -> int:
    """Take back what something else came before, and note what went out.

    So is each of them once that is switched off, and what a vendor is to send by itself
    when nothing may be sent any more. Returns how many check-ins ended. May be called
    as often as one likes.
    """
    ended = 0
    stopped = config.autonomy.stop or locks.is_stopped(connection)
    may_send = config.autonomy.messages is Mode.ACT
    for row in rows.planned(connection):
        sent = outbox.by_key(connection, _key(row.id))
        why = _against(row, now) or ("" if config.checkins.enabled else SWITCHED_OFF)
        if not why and sent is not None and "scheduled_at" in sent.payload:
            why = STOPPED if stopped else "" if may_send else SWITCHED_OFF
        if why:
            ended += _withdraw(connection, row, why, now)
        elif sent is None or sent.state == OutboxState.DISCARDED:
            reason = sent.error if sent else "taken out of the outbox"
            rows.end(connection, [row.id], CheckinState.CANCELLED, reason)
            ended += 1
        elif sent.state == OutboxState.DONE and row.due_at <= now:
            rows.end(connection, [row.id], CheckinState.ASKED)
            ended += 1
    return ended


def against(
    connection: Connection, config: Config, checkin_id: int, now: datetime
) -> str:
    """Say why a check-in is not to be sent, now that it would be; empty if it is."""
    if not config.checkins.enabled:
        return SWITCHED_OFF
    found = rows.planned(connection, checkin_id=checkin_id)
    return _against(found[0], now) if found else "it was taken back"


def _said_on_ticket(case: Case, row: AnyRow) -> str:
    """Say what of the ticket itself speaks against it."""
    if rating(case.ticket) is not None:
        return RATED
    if row.wrote_at != _spoke_at(case):
        return WROTE
    return INQUIRED if _is_asked_by_an_agent(case) else ""


def _against(row: AnyRow, now: datetime) -> str:
    """Say what of everything else speaks against it."""
    if row.merged_into is not None:
        return MERGED
    reasons = {
        REOPENED: row.status not in ENDED,
        UNWANTED: row.unwanted,
        TOLD: row.told,
        NEWER: row.newer,
        TWIN: row.twin,
        MISSED: now > row.due_at + LATEST,
    }
    return next((why for why, holds in reasons.items() if holds), "")


def _postponed(case: Case, row: AnyRow) -> str:
    """Say why it is asked later: the customer is away when it was to be sent."""
    away = case.judged.away_until
    if away is None or row.due_at >= _back(case.config.checkins, away):
        return ""
    return f"{AWAY} {away}"


def _may_be_asked_later(reason: str) -> bool:
    return reason == REOPENED or reason.startswith(AWAY)


def _withdraw(connection: Connection, row: AnyRow, why: str, now: datetime) -> bool:
    """Take a check-in back, also from the vendor; False while it is being handed over.

    Whatever the vendor sent by its time is sent.
    """
    effect = outbox.by_key(connection, _key(row.id))
    if effect is not None and effect.state == OutboxState.SENDING:
        return False
    if effect is not None and effect.state == OutboxState.DONE:
        if row.due_at <= now:
            rows.end(connection, [row.id], CheckinState.ASKED)
            return True
        outbox.enqueue(connection, [_unplan(effect, why)], now)
    elif effect is not None and effect.state in OPEN:
        if effect.uncertain_since is not None:
            return False  # it may be at the vendor; the next try finds out
        if not outbox.discard(connection, [effect.id], why, now):
            return False  # taken by its sender just now
    rows.end(connection, [row.id], CheckinState.CANCELLED, why)
    return True


def _is_solved_complaint(case: Case) -> bool:
    return (
        case.ticket.status in ENDED
        and case.judged.is_trusted
        and not case.verdict.auto_reply
        and not is_nobodys(case.ticket.customer.email or "")
        and rating(case.ticket) is None
        and _spoke_at(case) >= case.now - FRESH
        and bool(_answers(case))
    )


def _spoke_at(case: Case) -> datetime:
    return case.judged.spoke_at


def _answers(case: Case) -> list[Comment]:
    """Return what people wrote after the customer's last words.

    Without any there is no solution; who wrote "thanks" after it, or again without an
    answer, is not asked.
    """
    written = replies.answering(case)
    return [one for one in written if one.created_at >= _spoke_at(case)]


def _is_asked_by_an_agent(case: Case) -> bool:
    """Whether an agent asked, since the customer's last words, what we would ask."""
    return any(
        phrases.find("asked", customer_words(comment.body, comment.is_html).text)
        for comment in _answers(case)
    )


def _due(settings: Checkins, away: date | None, now: datetime) -> datetime:
    zone, hour = ZoneInfo(settings.timezone), time(settings.hour)
    due_at = days_after(now, settings.after, hour, zone, settings.holidays)
    return due_at if away is None else max(due_at, _back(settings, away))


def _back(settings: Checkins, away: date) -> datetime:
    """Return when a customer can be asked who is away until that day."""
    zone, hour = ZoneInfo(settings.timezone), time(settings.hour)
    last = datetime.combine(away, hour, zone)
    return days_after(last, 1, hour, zone, settings.holidays)


def _key(checkin_id: int) -> str:
    return f"checkin:{checkin_id}"


def _effect(
    case: Case, key: str, due_at: datetime, state: OutboxState
) -> outbox.Effect:
    config, source = case.config, case.ticket.ref.source
    suggested = config.autonomy.messages is Mode.SUGGEST
    payload = _payload(config, case, suggested)
    at_vendor = config.plans_messages(source) and not suggested
    if at_vendor:
        payload["scheduled_at"] = due_at.isoformat()
    return outbox.Effect(
        source=source,
        operation=Operation.SEND_MESSAGE,
        target=case.ticket.ref.external_id,
        dedup_key=key,
        # Of its own: what waits for days must not hold up what is written meanwhile.
        ordering_key=f"checkin:{case.ticket_id}",
        payload=payload,
        state=state,
        due_at=None if at_vendor else due_at,
        ticket_id=case.ticket_id,
        delivery_id=case.delivery_id,
        rule=RULE,
        reason=f"solved; {config.checkins.after} working days later",
        note="autonomy.messages is observe" if state is OutboxState.OBSERVED else "",
    )


def _payload(config: Config, case: Case, suggested: bool) -> dict[str, Any]:
    language = texts.text_language(case.judged.language)
    text = texts.fill(
        config.texts,
        "checkin",
        language,
        [persona["name"] for persona in case.trace.personas],
        subject=case.ticket.subject,
        number=case.ticket.number,
        signature=config.messages.signature,
    )
    return {
        "text": text.words,
        "text_version": text.version,
        "draft": suggested,
        "language": language,
    }


def _unplan(effect: AnyRow, why: str) -> outbox.Effect:
    written = effect.result or {}
    return outbox.Effect(
        source=effect.source,
        operation=Operation.UNPLAN_MESSAGE,
        target=written.get("ticket") or effect.target,
        dedup_key=f"un{effect.dedup_key}",
        ordering_key=effect.ordering_key,
        payload={"message": written.get("id", "")},
        ticket_id=effect.ticket_id,
        rule=RULE,
        reason=why,
    )


def planned_time(payload: dict[str, Any], now: datetime) -> datetime | None:
    """Return when the vendor shall send a message; None: it is sent by us, now."""
    said = payload.get("scheduled_at")
    when = datetime.fromisoformat(said).astimezone(UTC) if said else None
    return when if when and when > now else None
