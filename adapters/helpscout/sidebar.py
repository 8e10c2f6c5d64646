"""Our page in Help Scout's sidebar: who opens it beside which conversation. Pure.

Help Scout signs the query of the page in the frame, or, for a legacy dynamic app, the
body of a call whose answer it shows. Neither says when: what is signed once stays so.
https://developer.helpscout.com/apps/guides/signature-validation
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from adapters.helpscout.deliveries import sign
from adapters.helpscout.shapes import as_object, identifier, load
from adapters.signatures import matches
from connector.errors import MalformedPayload, SignatureRejected
from connector.models import Finding, Level, Opened, WebhookRequest

SIGNATURE = "X-HelpScout-Signature"


def opened(request: WebhookRequest, secrets: Sequence[str]) -> Opened:
    """Say who opens the page; raise ``SignatureRejected`` if nobody provably does."""
    secrets = [secret for secret in secrets if secret]  # anybody has an empty one
    if request.body:
        return _dynamic(request, secrets)
    query = dict(request.query)
    # A form's way of writing a blank is base64's way of writing 62.
    presented = query.pop(SIGNATURE, "").replace(" ", "+")
    expected = [sign(secret, text) for secret in secrets for text in _signed(query)]
    if not presented or not matches(presented, expected):
        raise SignatureRejected(f"{SIGNATURE} is missing or does not match")
    return _opened(query.get("conversation-id"), query.get("user-id"))


def _signed(query: Mapping[str, str]) -> tuple[bytes, bytes]:
    """Return what is signed, as PHP writes it; its slashes may be written plainly."""
    plain = json.dumps(query, separators=(",", ":"))
    return plain.replace("/", "\\/").encode(), plain.encode()


def _dynamic(request: WebhookRequest, secrets: Sequence[str]) -> Opened:
    presented = request.headers.get(SIGNATURE.lower(), "")
    if not matches(presented, [sign(secret, request.body) for secret in secrets]):
        raise SignatureRejected(f"{SIGNATURE} is missing or does not match")
    try:
        body = load(request.body)
    except MalformedPayload as err:
        raise SignatureRejected("what is signed is not the context of an app") from err
    ticket, user = as_object(body.get("ticket")), as_object(body.get("user"))
    found = _opened(ticket.get("id"), user.get("id"))
    return found._replace(is_markup=True)


def _opened(conversation: object, user: object) -> Opened:
    ticket, who = identifier(conversation), identifier(user)
    if not ticket:
        raise SignatureRejected("no conversation is open, or it is a draft")
    return Opened(ticket, f"user {who}" if who else "")


def check(name: str, origins: Sequence[str]) -> list[Finding]:
    if not origins:
        said = "agents have no sidebar: sidebar_secret is not set"
        return [Finding(Level.OK, f"{name}: sidebar", said)]
    said = f"agents can open the sidebar in {origins[0]}"
    return [Finding(Level.OK, f"{name}: sidebar", said)]
