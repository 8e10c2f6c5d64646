"""What ``check`` concludes from what it was shown, each with what to click. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from adapters.helpscout.shapes import Json, identifier, strings, text_of
from adapters.helpscout.subscriptions import (
    NEEDED_EVENTS,
    calls_source,
    is_off,
    label,
)
from connector.models import Finding, Level

MAX_SKEW = timedelta(seconds=60)

#: What mends any webhook; by hand where the command is not let in.
REGISTER = (
    "complaint-connector webhooks register {name}; or in Help Scout open Manage > Apps "
    "> Webhooks, "
)
TURN_ON = (
    "Help Scout turns a webhook off when deliveries keep failing. Check that its "
    f"address answers from outside. Then {REGISTER}delete it and make it again with "
    "webhook_secret, as under Set up."
)
WHOLE = f"{REGISTER}delete it, and make it again without notification."
SUBSCRIBE = f"{REGISTER}choose ours, and tick these events."
SHOW_INBOX = "Check the ids in mailboxes, and give the app's user these inboxes."


def judge_webhooks(subject: str, name: str, hooks: Sequence[Json]) -> list[Finding]:
    """Say whether the webhooks for the source ``name`` are on and bring what is needed.

    Those of other tools on the same account are nobody's business here.
    """
    ours = [hook for hook in hooks if calls_source(hook, name)]
    if not ours:
        return [_no_webhook(subject, name, len(hooks))]
    found = [finding for hook in ours for finding in _judge(subject, name, hook)]
    on = [hook for hook in ours if not is_off(hook)]
    events = {event for hook in on for event in strings(hook.get("events"))}
    lacking = [event for event in NEEDED_EVENTS if event not in events]
    if on and lacking:
        said = f"no webhook is subscribed to {', '.join(lacking)}"
        remedy = SUBSCRIBE.format(name=name)
        found.append(Finding(Level.WARNING, subject, said, remedy))
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


def judge_clock(subject: str, ahead: timedelta) -> list[Finding]:
    """Say so if our clock and the vendor's are far apart."""
    if abs(ahead) <= MAX_SKEW:
        return []
    which = "ahead of" if ahead > timedelta(0) else "behind"
    seconds = abs(ahead).total_seconds()
    said = f"this machine's clock is {seconds:.0f} s {which} Help Scout's"
    remedy = "Let the machine keep time by NTP."
    return [Finding(Level.WARNING, subject, said, remedy)]


def _judge(subject: str, name: str, hook: Json) -> list[Finding]:
    named = text_of(hook.get("label")) or "without a label"
    which = f"webhook {text_of(hook.get('id'))} ({named})"
    if is_off(hook):
        remedy = TURN_ON.format(name=name)
        return [Finding(Level.PROBLEM, subject, f"{which} is off", remedy)]
    if hook.get("notification") is True:
        said = f"{which} sends addresses only"
        return [Finding(Level.WARNING, subject, said, WHOLE.format(name=name))]
    return []


def _no_webhook(subject: str, name: str, others: int) -> Finding:
    said = f"none of {others} calls this source" if others else "there is none"
    remedy = (
        f"complaint-connector webhooks register {name}; or make one by hand, as under "
        f"Set up. Its address ends with /webhooks/{name}; if a proxy changes that, "
        f"give it the label “{label(name)}”."
    )
    return Finding(Level.PROBLEM, subject, f"{said}, so nothing will arrive", remedy)
