"""What ``doctor`` tries at Help Scout: harmless reads, and what became of them.

What is concluded from the answers is decided in ``findings``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from adapters.helpscout import findings, people
from adapters.helpscout.account import Account, date_of
from adapters.helpscout.shapes import identifier, text_of
from adapters.helpscout.webhooks import Webhooks
from connector.errors import CredentialsRejected, NotFound, VendorError, VendorRefused
from connector.models import Finding, Level, Topic

#: What to do about an error; the first kind that fits.
REMEDIES: tuple[tuple[type[VendorError], str], ...] = (
    (
        CredentialsRejected,
        "Check app_id, app_secret and api_base; the app is listed under Your Profile > "
        "My Apps, and the user who made it has to be active.",
    ),
    (NotFound, "Check the id, and that the app's user may see it."),
    (VendorRefused, "Give the app's user the rights listed under Permissions."),
    (VendorError, "Check that this machine reaches api_base, and try again."),
)


def check(account: Account, webhooks: Webhooks, now: datetime) -> list[Finding]:
    """Try credentials, webhooks and inboxes; never raise."""
    found = _try(account, "credentials", lambda: _user(account, now))
    if found and found[0].level is Level.PROBLEM:
        return found  # everything else would only repeat it
    found += _try(account, "webhooks", lambda: _webhooks(account, webhooks))
    if account.config.mailboxes:
        found += _try(account, "inboxes", lambda: _mailboxes(account))
    return found


def check_fields(
    account: Account, possible: Mapping[Topic, Collection[str]]
) -> list[Finding]:
    """Look for the fields to be filled in, in every inbox; never raise."""
    if not account.config.fields:
        return []
    return _try(account, "fields", lambda: _fields(account, possible))


def _fields(
    account: Account, possible: Mapping[Topic, Collection[str]]
) -> list[Finding]:
    chosen = account.config.mailboxes
    inboxes = {
        f"{text_of(one.get('name'))} ({one['id']})": account.client.read(
            f"/v2/mailboxes/{one['id']}/fields"
        )
        for one in account.items("/v2/mailboxes", "mailboxes", "inboxes")
        if identifier(one.get("id")) and (not chosen or int(one["id"]) in chosen)
    }
    subject = _subject(account, "fields")
    return findings.judge_fields(subject, inboxes, account.config.fields, possible)


def _try(
    account: Account, part: str, look: Callable[[], list[Finding]]
) -> list[Finding]:
    try:
        return look()
    except VendorError as err:
        remedy = next(text for kind, text in REMEDIES if isinstance(err, kind))
        subject = _subject(account, part)
        return [Finding(Level.PROBLEM, subject, str(err), remedy)]


def _user(account: Account, now: datetime) -> list[Finding]:
    response = account.client.call("GET", "/v2/users/me")
    who = people.describe_user(account.client.decode(response))
    subject = _subject(account, "credentials")
    found = [Finding(Level.OK, subject, f"connected as {who}")]
    vendor_now = date_of(response)
    if vendor_now is not None:
        found += findings.judge_clock(_subject(account, "clock"), now - vendor_now)
    return found


def _webhooks(account: Account, webhooks: Webhooks) -> list[Finding]:
    subject = _subject(account, "webhooks")
    return findings.judge_webhooks(subject, account.name, webhooks.all())


def _mailboxes(account: Account) -> list[Finding]:
    seen = list(account.items("/v2/mailboxes", "mailboxes", "inboxes"))
    subject = _subject(account, "inboxes")
    return findings.judge_mailboxes(subject, seen, account.config.mailboxes)


def _subject(account: Account, part: str) -> str:
    return f"{account.name}: {part}"
