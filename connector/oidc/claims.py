"""Who somebody is here by what a provider claims of them, once that is proven; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.config_oidc import Oidc
from connector.models import Role
from connector.vouching import Person

#: The one claim that is only as good as another says it is.
EMAIL = "email"


def person(claims: Mapping[str, Any], config: Oidc) -> Person:
    """Return who that is; ``claims`` hold a subject."""
    subject = str(claims["sub"])
    names = (claims.get("preferred_username"), _email(claims), subject)
    name = next(str(one) for one in names if one)
    said = _said(claims, config)
    return Person(config.issuer, subject, name, _role(said, config), tuple(said))


def claim(claims: Mapping[str, Any], path: str) -> Any:
    """Return a claim by its name, or one within another as ``a.b``; or None."""
    if path in claims:  # some names are addresses, and have dots of their own
        return claims[path]
    found: Any = claims
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _said(claims: Mapping[str, Any], config: Oidc) -> list[str]:
    """Return the values that may give a role."""
    if config.role_claim == EMAIL:
        email = _email(claims)
        return [email.casefold()] if email else []
    found = claim(claims, config.role_claim)
    values = found if isinstance(found, list) else [found]
    said = (str(one) for one in values if one not in (None, ""))
    # Half a sign, say, is in nobody's configuration, and could not be shown.
    return [one for one in said if one.isprintable()]


def _role(said: Sequence[str], config: Oidc) -> Role | None:
    """Return the highest role that values give."""
    for role in (Role.ADMIN, Role.AGENT, Role.VIEWER):
        giving = config.roles.get(role, ())
        if config.role_claim == EMAIL:
            giving = tuple(one.casefold() for one in giving)
        if set(giving).intersection(said):
            return role
    return config.others


def _email(claims: Mapping[str, Any]) -> str:
    """Return an address that the provider has proven; anybody can write one down."""
    is_verified = claims.get("email_verified") in (True, "true")
    return str(claims.get(EMAIL) or "") if is_verified else ""
