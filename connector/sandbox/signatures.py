"""Headers a vendor sends with a webhook, written from the vendors' documents. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime

from connector.sandbox.stage import stamp


def helpscout_signature(secret: str, body: bytes) -> str:
    digest = hmac.new(secret.encode(), body, hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def zendesk_signature(secret: str, timestamp: str, body: bytes) -> str:
    # The secret looks like base64, but is used exactly as shown.
    message = timestamp.encode() + body
    digest = hmac.new(secret.encode(), message, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def jira_signature(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def helpscout_headers(secret: str, event: str, body: bytes) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "User-Agent": "Help Scout/Webhooks",
        "X-HelpScout-Event": event,
        "X-HelpScout-Signature": helpscout_signature(secret, body),
    }


def zendesk_headers(
    secret: str, webhook: str, invocation: str, body: bytes, now: datetime
) -> dict[str, str]:
    """The timestamp is that of the attempt; the invocation stays the same."""
    timestamp = stamp(now)
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Zendesk Webhook",
        "X-Zendesk-Account-Id": "2000000",
        "X-Zendesk-Webhook-Id": webhook,
        "X-Zendesk-Webhook-Invocation-Id": invocation,
        "X-Zendesk-Webhook-Signature": zendesk_signature(secret, timestamp, body),
        "X-Zendesk-Webhook-Signature-Timestamp": timestamp,
    }


def jira_headers(
    secret: str, identifier: str, attempt: int, body: bytes, *, cloud: bool
) -> dict[str, str]:
    """Data Center signs nothing and numbers nothing."""
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Atlassian HttpClient sandbox",
    }
    if not cloud:
        return headers
    headers["X-Atlassian-Webhook-Identifier"] = identifier
    headers["X-Atlassian-Webhook-Flow"] = "Primary"
    if attempt > 1:
        headers["X-Atlassian-Webhook-Retry"] = str(attempt - 1)
    if secret:
        headers["X-Hub-Signature"] = jira_signature(secret, body)
    return headers
