"""The generic door for every source: verify the raw bytes, store, answer.

Nothing is parsed here, so nothing in a body can make the answer an error; vendors
switch endpoints off that answer errors.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from adapters.base import Adapter
from connector.errors import SignatureRejected, StoreUnavailable
from connector.metrics import ACCEPTED, REFUSED
from connector.models import WebhookRequest

_log = structlog.get_logger(__name__)

Accept = Callable[[Adapter, WebhookRequest, datetime], None]


def create_blueprint(
    adapters: Mapping[str, Adapter],
    accept: Accept,
    max_body_bytes: int,
    clock: Callable[[], datetime],
) -> Blueprint:
    """Make the route ``POST /webhooks/<source>``.

    404: no such source. 413: body too large, packed or unpacked. 401: not provably
    from the vendor. 503: cannot be stored now, come again. 200: stored for good.
    """
    blueprint = Blueprint("webhooks", __name__)

    @blueprint.post("/webhooks/<source>")
    def receive(source: str) -> Response:
        adapter = adapters.get(source)
        if adapter is None:
            # The name is a stranger's and stays out of the metric.
            return _refuse("unknown", "unknown_source", 404, "unknown source")
        try:
            body = _read_body(max_body_bytes)
        except (RequestEntityTooLarge, ClientDisconnected):
            return _refuse(source, "too_large", 413, "the body is too large")
        except UnknownEncoding:
            return _refuse(source, "encoding", 415, "unknown Content-Encoding")
        incoming = WebhookRequest(
            headers=_headers(request.environ),
            body=body,
            query=request.args.to_dict() if request.query_string else {},
        )
        now = clock()
        try:
            adapter.verify(incoming, now)
        except SignatureRejected as err:
            _log.warning("webhook.rejected", source=source, why=str(err))
            return _refuse(
                source, "signature", 401, "the signature is missing or wrong"
            )
        try:
            accept(adapter, incoming, now)
        except StoreUnavailable as err:
            _log.error("webhook.not_stored", source=source, why=str(err))
            response = _refuse(source, "database", 503, "cannot be stored now")
            response.headers["Retry-After"] = "10"
            return response
        ACCEPTED.labels(source).inc()
        return Response("accepted\n", 200, content_type="text/plain")

    return blueprint


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers by their lower-case names, as WSGI carries them."""
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    if "CONTENT_TYPE" in environ:
        headers["content-type"] = environ["CONTENT_TYPE"]
    if "CONTENT_LENGTH" in environ:
        headers["content-length"] = environ["CONTENT_LENGTH"]
    return headers


class UnknownEncoding(Exception):
    """The body is packed in a way we do not unpack."""


def _read_body(limit: int) -> bytes:
    """Read the body, and unpack it, without ever holding more than ``limit`` bytes."""
    if request.content_length is not None and request.content_length > limit:
        raise RequestEntityTooLarge
    body = request.stream.read(limit + 1)
    if len(body) > limit:
        raise RequestEntityTooLarge
    packed = request.environ.get("HTTP_CONTENT_ENCODING", "identity")
    encoding = packed.strip().lower()
    if encoding in ("", "identity"):
        return bytes(body)
    if encoding not in ("gzip", "deflate"):
        raise UnknownEncoding
    # 32: tell gzip and zlib apart by their headers.
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        plain = unpacker.decompress(body, limit + 1)
    except zlib.error as err:
        raise UnknownEncoding from err
    if len(plain) > limit:
        raise RequestEntityTooLarge
    return plain


def _refuse(source: str, why: str, status: int, words: str) -> Response:
    REFUSED.labels(source, why).inc()
    return Response(words + "\n", status, content_type="text/plain")
