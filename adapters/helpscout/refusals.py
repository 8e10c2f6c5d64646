"""The vendor's own words in an answer that is not the one asked for. Pure."""

from __future__ import annotations

import requests

from adapters.helpscout.shapes import (
    as_object,
    embedded,
    text_of,
)


def words(document: object) -> str:
    """Return the vendor's own words from any of its error shapes.

    ``rejectedValue`` is left out: it repeats what was sent, so it may be a customer's.
    """
    body = as_object(document)
    said = [text_of(body.get("message") or body.get("error_description"))]
    said += [
        ": ".join(
            filter(None, (text_of(error.get("path")), text_of(error.get("message"))))
        )
        for error in embedded(body, "errors")
    ]
    if not any(said):
        said = [text_of(body.get("error"))]
    if log_ref := text_of(body.get("logRef")):
        said.append(f"logRef {log_ref}")
    return "; ".join(filter(None, said))


def explain(response: requests.Response) -> str:
    """Return what an answer says about itself, and what support needs to find it."""
    try:
        said = words(response.json())
    except (ValueError, RecursionError):
        return ""  # a proxy's page, or a body that may quote a customer
    correlation = response.headers.get("Correlation-Id")
    return f"{said} (Correlation-Id {correlation})" if correlation else said
