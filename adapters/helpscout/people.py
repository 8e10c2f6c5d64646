"""Who wrote, and whom we act as: customers, their organizations, users. Pure.

Who reads profiles, and how often, is decided in ``account``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from adapters.helpscout.shapes import (
    Json,
    as_object,
    embedded,
    full_name,
    identifier,
    objects,
    text_of,
)
from connector.models import Customer


def primary_customer(conversation: Json) -> str | None:
    """Return the id of the customer; it may be missing, or 0 for nobody."""
    return identifier(as_object(conversation.get("primaryCustomer")).get("id"))


def recipient(conversation: Json) -> dict[str, Any] | None:
    """Say whom a reply is for, as the vendor wants it said; None if there is nobody."""
    if ident := primary_customer(conversation):
        return {"id": int(ident)}
    email = text_of(as_object(conversation.get("primaryCustomer")).get("email"))
    return {"email": email} if email else None


def customer(
    conversation: Json, profile: Json, emails: Json, organization: Json
) -> Customer:
    """Put together who wrote, from the conversation and whatever else could be read."""
    person = as_object(conversation.get("primaryCustomer"))
    addresses = embedded(profile, "emails") or embedded(emails, "emails")
    listed = [text_of(one.get("value")).lower() for one in addresses]
    email = text_of(person.get("email")).lower() or next(iter(listed), "")
    company = text_of(organization.get("name")) or text_of(profile.get("organization"))
    return Customer(
        external_id=primary_customer(conversation) or "",
        email=email or None,
        name=full_name(person) or full_name(profile) or None,
        organization=company or None,
        emails=tuple(dict.fromkeys(one for one in listed if one not in ("", email))),
        fields={
            **_properties(embedded(profile, "properties"), ""),
            **_properties(_of_organization(organization), "organization."),
        },
    )


def describe_user(user: object) -> str:
    """Name the account we act as, for people."""
    person = as_object(user)
    role = text_of(person.get("role")) or "unknown"
    return f"{full_name(person) or 'a user without a name'}, role {role}"


def _of_organization(organization: Json) -> list[dict[str, Any]]:
    return objects(organization.get("properties")) or embedded(
        organization, "properties"
    )


def _properties(items: Iterable[Json], prefix: str) -> dict[str, str]:
    found = {}
    for item in items:
        slug = text_of(item.get("slug"))
        value = text_of(item.get("text")) or text_of(item.get("value"))
        if slug and value:
            found[prefix + slug] = value
    return found
