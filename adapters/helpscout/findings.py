"""What ``check`` concludes from what it was shown, each with what to click. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.helpscout.shapes import (
    Json,
    identifier,
    strings,
    text_of,
)
from connector.models import Finding, Level

#: What has to be subscribed so that no complaint, answer or end of one is missed.
NEEDED_EVENTS = (
    "convo.created",
    "convo.customer.reply.created",
    "convo.agent.reply.created",
    "convo.status",
    "convo.merged",
    "convo.deleted",
    "satisfaction.ratings",
)

NO_WEBHOOK = (
    "there is none, so nothing will arrive",
    "Make one, as under Set up.",
)

TURN_ON = (
    "Help Scout turns a webhook off when deliveries keep failing. Check the secret and "
    "that the address answers, then delete the webhook and make it again."
)

WHOLE = "Make the webhook again with notification set to false."
SHOW_INBOX = "Check the ids in mailboxes, and give the app's user these inboxes."
SUBSCRIBE = "Add the events to the webhook, as under Set up."


def judge_webhooks(subject: str, hooks: Sequence[Json]) -> list[Finding]:
    """Say whether the account's webhooks are on and bring what is needed."""
    found = [Finding(Level.PROBLEM, subject, *NO_WEBHOOK)] if not hooks else []
    for hook in hooks:
        label = text_of(hook.get("label")) or "without a label"
        which = f"webhook {text_of(hook.get('id'))} ({label})"
        if hook.get("state") == "disabled":
            found.append(Finding(Level.PROBLEM, subject, f"{which} is off", TURN_ON))
        elif hook.get("notification") is True:
            found.append(
                Finding(Level.WARNING, subject, f"{which} sends addresses only", WHOLE)
            )
    on = [hook for hook in hooks if hook.get("state") != "disabled"]
    events = {event for hook in on for event in strings(hook.get("events"))}
    missing = [event for event in NEEDED_EVENTS if event not in events]
    if on and missing:
        said = f"no webhook is subscribed to {', '.join(missing)}"
        found.append(Finding(Level.WARNING, subject, said, SUBSCRIBE))
    return found or [Finding(Level.OK, subject, f"{len(on)} on, nothing is missing")]


def judge_mailboxes(
    subject: str, seen: Sequence[Json], wanted: Sequence[int]
) -> list[Finding]:
    """Say which of the configured inboxes the account can really see."""
    names = {identifier(one.get("id")): text_of(one.get("name")) for one in seen}
    hidden = [str(ident) for ident in wanted if str(ident) not in names]
    if hidden:
        said = f"not to be seen: {', '.join(hidden)}"
        return [Finding(Level.PROBLEM, subject, said, SHOW_INBOX)]
    listed = ", ".join(f"{ident} {names[str(ident)]}".strip() for ident in wanted)
    return [Finding(Level.OK, subject, f"listening to {listed}")]
