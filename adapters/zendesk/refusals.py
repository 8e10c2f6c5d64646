"""Zendesk's refusals in its own words, with nothing of a customer's. Pure.

Every shape of error body, what a finished job failed at, and what was dropped without
an error.
"""

from __future__ import annotations

import json
import re

from adapters.words import masked
from adapters.zendesk.values import DIGITS, Json, as_object, text, word

_PLAIN_WORDS = re.compile(r"[a-z]+(?: [a-z]+){0,11}")


def words(body: str) -> str:
    """Return Zendesk's own words from an error body, without anything quoted.

    Of fields that are wrong: their names, and what is wrong where that is said in
    words that cannot be a customer's.
    """
    document = _error_document(body)
    error = document.get("error")
    parts = [error if isinstance(error, str) else "", document.get("description")]
    parts += [document.get("error_description")]
    parts += [as_object(error).get("title"), as_object(error).get("message")]
    errors = document.get("errors")
    for each in errors if isinstance(errors, list) else ():
        parts += [as_object(each).get(key) for key in ("code", "title", "detail")]
    details = as_object(document.get("details"))
    if fields := sorted(_about_field(key, details[key]) for key in details):
        parts.append("fields: " + ", ".join(fields))
    said = [masked(part) for part in parts if isinstance(part, str) and part]
    return ": ".join(dict.fromkeys(said))


def _about_field(key: str, problems: object) -> str:
    name = _field_name(key)
    for problem in problems if isinstance(problems, list) else ():
        label, _, said = text(as_object(problem).get("description")).partition(": ")
        # "Status: closed prevents ticket update": the field's own label, plain words.
        if label.lower() == key and _PLAIN_WORDS.fullmatch(said):
            return f"{name} ({said})"
    return name


def _field_name(key: str) -> str:
    # A bare number would be taken for a customer's, and masked.
    return f"custom_fields_{key}" if DIGITS.fullmatch(key) else key


def says_closed(body: str) -> bool:
    """Tell whether a 422 means that the ticket is closed for good."""
    found = as_object(_error_document(body).get("details")).get("status")
    return "closed" in json.dumps(found).lower()


def says_no_endpoint(body: str) -> bool:
    """Tell a 404 for an address or feature that is not there from a missing record."""
    return _error_document(body).get("error") == "InvalidEndpoint"


def job_problem(job: Json) -> str:
    """Return what a finished job failed at, or nothing.

    ``completed`` may hold items that failed.
    """
    if job.get("status") != "completed":
        return f"job {word(text(job.get('status')))}"
    for item in job.get("results") or ():
        if item.get("error") or item.get("success") is False:
            return words(json.dumps(item)) or "an item of the job failed"
    return ""


def ignored_keys(warning: str) -> list[str]:
    """Return the names of fields that Zendesk dropped, from X-Zendesk-API-Warn."""
    # Two forms are in use: a Ruby hash, and "Removed restricted keys [...]".
    found = re.search(r"(?:unpermitted_keys=>|keys )\[([^\]]*)\]", warning)
    return re.findall(r"[\w.]+", found[1]) if found else []


def _error_document(body: str) -> Json:
    try:
        return as_object(json.loads(body))
    except (ValueError, RecursionError):
        return {}


def not_granted(asked: str, granted: str) -> str:
    """Return the scopes that were asked for and are not in what was granted.

    ``read`` covers ``tickets:read``. An answer that names none grants what was asked.
    """
    have = set(granted.replace(",", " ").split())
    if not have:
        return ""
    lacking = (
        scope for scope in asked.split() if not {scope, scope.partition(":")[2]} & have
    )
    return " ".join(sorted(lacking))
