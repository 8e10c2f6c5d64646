"""What ``check`` concludes from what it was shown, each with what to click. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from adapters.helpscout import filling
from adapters.helpscout.shapes import Json, identifier, strings, text_of
from adapters.helpscout.subscriptions import (
    NEEDED_EVENTS,
    calls_source,
    is_off,
    label,
)
from connector.models import Finding, Level, Topic

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
NAME_FIELD = (
    "Make it under Manage > Inbox > Custom Fields, or correct it in fields; a name "
    "fits several inboxes, an id only one."
)
OTHER_KIND = "Take a field that is a dropdown or a single line of text."
ISSUE_KIND = "Take a field that is a single line of text: issues have any key."
ADD_OPTIONS = "Add these options under Manage > Inbox > Custom Fields: {words}."
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


def judge_fields(
    subject: str,
    inboxes: Mapping[str, object],
    kept: filling.Kept,
    possible: Mapping[Topic, Collection[str]],
) -> list[Finding]:
    """Say of each field to be filled in where it is, and whether our words fit.

    ``inboxes`` are the definitions of their fields, by what people call them.
    """
    found = []
    for topic, named in kept.items():
        fields = {
            inbox: filling.definition(definitions, named)
            for inbox, definitions in inboxes.items()
        }
        found += _judge_field(subject, topic, named, fields, possible.get(topic, ()))
    return found + _shared(subject, inboxes, kept)


def _shared(
    subject: str, inboxes: Mapping[str, object], kept: filling.Kept
) -> list[Finding]:
    """Say which field is named twice, by its name and by its id."""
    found = []
    for inbox, definitions in inboxes.items():
        topics: dict[str, list[str]] = {}
        for topic, place in filling.places(
            {"customFields": []}, definitions, kept
        ).items():
            topics.setdefault(place.external_id, []).append(topic)
        found += [
            Finding(
                Level.PROBLEM,
                subject,
                f"{' and '.join(both)}: the same field in {inbox}",
                "Give each its own.",
            )
            for both in topics.values()
            if len(both) > 1
        ]
    return found


def _judge_field(
    subject: str,
    topic: Topic,
    named: str | int,
    fields: Mapping[str, Json | None],
    words: Collection[str],
) -> list[Finding]:
    what = f"{topic}, field {named}"
    there = {inbox: field for inbox, field in fields.items() if field is not None}
    if not there:
        said = f"{what}: no inbox has it"
        return [Finding(Level.PROBLEM, subject, said, NAME_FIELD)]
    found = []
    if missing := ", ".join(inbox for inbox in fields if inbox not in there):
        said = f"{what}: not in {missing}; tickets there go without"
        found.append(Finding(Level.WARNING, subject, said, NAME_FIELD))
    for inbox, field in there.items():
        misfit = _misfit(field, words)
        if misfit is not None:
            level, why, remedy = misfit
            said = f"{what} in {inbox}: {why}"
            found.append(Finding(level, subject, said, remedy))
    said = f"{what}: in {', '.join(there)}"
    return found or [Finding(Level.OK, subject, said)]


def _misfit(field: Json, words: Collection[str]) -> tuple[Level, str, str] | None:
    """Say what of a field does not fit; without ``words`` it may have to say any."""
    kind = filling.kind_of(field)
    if not words and kind not in filling.LONGEST:
        return Level.PROBLEM, f"a {kind} holds no issue's key", ISSUE_KIND
    lacking = filling.lacking(field, words)
    if not lacking:
        return None
    if kind == filling.DROPDOWN:
        remedy = ADD_OPTIONS.format(words=", ".join(lacking))
        return Level.WARNING, f"{len(lacking)} options are missing", remedy
    return Level.PROBLEM, f"a {kind} cannot say it", OTHER_KIND


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
