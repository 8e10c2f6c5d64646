"""The vendor's own words in an answer that is not the one asked for. Pure."""

from __future__ import annotations

import requests

from adapters.helpscout.shapes import (
    Json,
    as_object,
    embedded,
    objects,
    text_of,
)


def words(document: object) -> str:
    """Return the vendor's own words from any of its error shapes.

    ``rejectedValue`` is left out: it repeats what was sent, so it may be a customer's.
    """
    body = as_object(document)
    said = [text_of(body.get("message") or body.get("error_description"))]
    said += [_detail(error) for error in embedded(body, "errors")]
    if not any(said):
        said = [text_of(body.get("error"))]
    if log_ref := text_of(body.get("logRef")):
        said.append(f"logRef {log_ref}")
    return "; ".join(filter(None, said))


def _detail(error: Json) -> str:
    parts = (text_of(error.get("path")), text_of(error.get("message")))
    said, code = ": ".join(filter(None, parts)), _code(error)
    return f"{said} ({code})" if said and code else said or code


def _code(error: Json) -> str:
    """Return the code of an error, which is only the end of a link."""
    about = as_object(as_object(error.get("_links")).get("about"))
    links = [about, *objects(error.get("links"))]
    codes = [text_of(link.get("href")).rpartition("#") for link in links]
    return next((code for _, mark, code in codes if mark), "")


def explain(response: requests.Response) -> str:
    """Return what an answer says about itself, and what support needs to find it."""
    try:
        said = words(response.json())
    except (ValueError, RecursionError):
        return ""  # a proxy's page, or a body that may quote a customer
    correlation = response.headers.get("Correlation-Id")
    return f"{said} (Correlation-Id {correlation})" if correlation else said
