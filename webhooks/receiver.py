"""The generic door for every source: verify the raw bytes, store, answer.

Nothing is parsed here, so nothing in a body can make the answer an error; vendors
switch endpoints off that answer errors.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Protocol

import structlog
from flask import Blueprint, request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.wrappers import Response

from adapters.base import Adapter
from connector.errors import SignatureRejected, StoreUnavailable
from connector.metrics import ACCEPTED, REFUSED
from connector.models import WebhookRequest

_log = structlog.get_logger(__name__)

#: Below this path is the door.
PATH = "/webhooks/"

#: In the request's environment: an ``Open`` where an event loop serves the request.
OPEN = "connector.open"


class Receipt(Protocol):
    """What was handed in for storing, and may not be on the disk yet."""

    def wait(self) -> None:
        """Block until it is stored. Raises ``StoreUnavailable``."""

    async def settled(self) -> None:
        """Like ``wait``, without blocking."""


HandIn = Callable[[Adapter, WebhookRequest, datetime, Any], Receipt]


Finish = Callable[[Response, StoreUnavailable | None], Response]


class Open:
    """A request that an event loop keeps open until its receipt is settled.

    The view leaves ``receipt``, and ``finish`` for the time when it is settled: that
    counts, and gives the view's answer back, or another one if something went wrong.
    """

    __slots__ = ("finish", "loop", "receipt")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.receipt: Receipt | None = None
        self.finish: Finish


def create_blueprint(
    adapters: Mapping[str, Adapter],
    hand_in: HandIn,
    max_body_bytes: int,
    clock: Callable[[], datetime],
) -> Blueprint:
    """Make the route ``POST /webhooks/<source>``; ``hand_in`` takes what is verified.

    404: no such source. 413: body too large, packed or unpacked. 401: not provably
    from the vendor. 503: cannot be stored now, come again. 200: stored for good.
    """
    receiver = Receiver(adapters, hand_in, max_body_bytes, clock)
    blueprint = Blueprint("webhooks", __name__)
    blueprint.post(f"{PATH}<source>")(receiver.receive)
    for name in adapters:
        # Looked up as it is, which is faster than the pattern.
        view = partial(receiver.receive, name)
        blueprint.add_url_rule(PATH + name, f"receive-{name}", view, methods=["POST"])
    return blueprint


class Receiver:
    """Answers deliveries of every source."""

    def __init__(
        self,
        adapters: Mapping[str, Adapter],
        hand_in: HandIn,
        max_body_bytes: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._adapters = adapters
        self._hand_in = hand_in
        self._limit = max_body_bytes
        self._clock = clock
        self._accepted = {name: ACCEPTED.labels(name) for name in adapters}

    def receive(self, source: str) -> Response:
        """Read and verify the current request, then have it stored."""
        adapter = self._adapters.get(source)
        if adapter is None:
            # The name is a stranger's and stays out of the metric.
            return _refuse("unknown", "unknown_source", 404, "unknown source")
        environ = request.environ
        try:
            body = _read_body(environ, self._limit)
        except (RequestEntityTooLarge, ClientDisconnected):
            return _refuse(source, "too_large", 413, "the body is too large")
        except UnknownEncoding:
            return _refuse(source, "encoding", 415, "unknown Content-Encoding")
        incoming = WebhookRequest(
            headers=Headers(environ),
            body=body,
            query=request.args.to_dict() if environ.get("QUERY_STRING") else {},
        )
        now = self._clock()
        try:
            adapter.verify(incoming, now)
        except SignatureRejected as err:
            _log.warning("webhook.rejected", source=source, why=str(err))
            return _refuse(
                source, "signature", 401, "the signature is missing or wrong"
            )
        return self._store(adapter, incoming, now, environ.get(OPEN))

    def _store(
        self,
        adapter: Adapter,
        incoming: WebhookRequest,
        now: datetime,
        kept: Open | None,
    ) -> Response:
        """Hand it in and wait; where an event loop keeps the request, that waits."""
        source = adapter.name
        answer = Response("accepted\n", 200, content_type="text/plain")
        try:
            receipt = self._hand_in(adapter, incoming, now, kept.loop if kept else None)
            if kept is None:
                receipt.wait()
        except StoreUnavailable as err:
            return self._finish(source, answer, err)
        if kept is None:
            return self._finish(source, answer, None)
        kept.receipt, kept.finish = receipt, partial(self._finish, source)
        return answer

    def _finish(
        self, source: str, answer: Response, err: StoreUnavailable | None
    ) -> Response:
        if err is None:
            self._accepted[source].inc()
            return answer
        _log.error("webhook.not_stored", source=source, why=str(err))
        response = _refuse(source, "database", 503, "cannot be stored now")
        response.headers["Retry-After"] = "10"
        return response


class Headers(Mapping[str, str]):
    """A request's headers by their lower-case names, looked up only when asked for."""

    __slots__ = ("_environ",)

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        key = name.upper().replace("-", "_")
        value: str = self._environ[key if key in _PLAIN else f"HTTP_{key}"]
        return value

    def get(self, name: str, default: Any = None) -> Any:
        # The mixin's raises and catches for each that is not there.
        key = name.upper().replace("-", "_")
        return self._environ.get(key if key in _PLAIN else f"HTTP_{key}", default)

    def __iter__(self) -> Iterator[str]:
        for key in self._environ:
            name = key[5:] if key.startswith("HTTP_") else key
            if name is not key or key in _PLAIN:
                yield name.replace("_", "-").lower()

    def __len__(self) -> int:
        return sum(1 for _ in self)


#: What WSGI carries without "HTTP_" in front.
_PLAIN = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})


class UnknownEncoding(Exception):
    """The body is packed in a way we do not unpack."""


def _read_body(environ: Mapping[str, Any], limit: int) -> bytes:
    """Read the body, and unpack it, without ever holding more than ``limit`` bytes."""
    announced: str = environ.get("CONTENT_LENGTH", "")
    if announced.isdecimal() and int(announced) > limit:
        raise RequestEntityTooLarge
    body = request.stream.read(limit + 1)
    if len(body) > limit:
        raise RequestEntityTooLarge
    packed = environ.get("HTTP_CONTENT_ENCODING")
    if not packed:
        return bytes(body)
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
