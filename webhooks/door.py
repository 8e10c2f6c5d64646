"""The asynchronous front of the Flask application: one event loop, no waiting threads.

Every request is collected here, within a size and a time. One to the webhook door is
then answered by Flask on the event loop's own thread: verifying takes a fraction of a
millisecond, and what takes longer, the disk, is awaited. With a thread for each waiting
request the interpreter lock changes hands so often that most of the time goes there.
All other pages may take their time and go to threads, which none who sends slowly
holds. What is decided about a request is the receiver's part.
"""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import TYPE_CHECKING, Any

from a2wsgi import WSGIMiddleware
from a2wsgi.wsgi import Body, build_environ
from werkzeug.wrappers import Response

from connector.errors import StoreUnavailable
from webhooks.receiver import OPEN, PATH, Open

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from a2wsgi.asgi_typing import HTTPScope, Receive, ReceiveEvent, Scope, Send

#: Seconds a sender has for its whole body.
BODY_TIME = 20.0
#: Bytes of unfinished bodies held at a time, over all senders.
HELD = 64_000_000


class Stalled(Exception):
    """The body did not come in time."""


class Crowded(Exception):
    """Too much is being sent at the same time."""


class Door:
    """An ASGI application around ``app``, which accepts ``max_body_bytes``."""

    def __init__(
        self, app: WSGIApplication, max_body_bytes: int, threads: int, held: int = HELD
    ) -> None:
        self._app = app
        self._limit = max_body_bytes
        self._room = held
        self._pages = WSGIMiddleware(app, workers=threads)  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
            return
        try:
            body = await self._collect(receive)
        except Stalled:
            await _send(Response("the body took too long\n", 408, _CLOSE), send)
        except Crowded:
            headers = {**_CLOSE, **_AGAIN}
            await _send(Response("too much at a time\n", 503, headers), send)
        else:
            if body is None:
                return
            if scope["path"].startswith(PATH):
                await _send(await self._answer(scope, body), send)
            elif len(body) > self._limit:
                await _send(Response("the body is too large\n", 413, _CLOSE), send)
            else:
                await self._show(scope, body, send)

    async def _show(self, scope: HTTPScope, body: bytes, send: Send) -> None:
        async def whole() -> ReceiveEvent:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._pages(scope, whole, send)

    async def _collect(self, receive: Receive) -> bytes | None:
        """Return the body, or its first bytes if it is too long; None: hung up."""
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(BODY_TIME):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        return None
                    part = message.get("body", b"")
                    parts.append(part)
                    size += len(part)
                    self._room -= len(part)
                    if not message.get("more_body") or size > self._limit:
                        return b"".join(parts)
                    if self._room < 0:
                        raise Crowded
        except TimeoutError as err:
            raise Stalled from err
        finally:
            self._room += size

    async def _answer(self, scope: HTTPScope, body: bytes) -> Response:
        loop = asyncio.get_running_loop()
        environ: dict[str, Any] = {**build_environ(scope, Body(loop, _nothing))}
        environ["wsgi.input"] = BytesIO(body)
        environ["wsgi.input_terminated"] = True  # whole, also without a length
        kept = environ[OPEN] = Open(loop)
        response = Response.from_app(self._app, environ, buffered=True)
        if kept.receipt is None:
            return response
        try:
            await kept.receipt.settled()
        except StoreUnavailable as err:
            return kept.finish(response, err)
        return kept.finish(response, None)


async def _nothing() -> ReceiveEvent:
    return {"type": "http.disconnect"}


_CLOSE = {"Content-Type": "text/plain", "Connection": "close"}
_AGAIN = {"Retry-After": "10"}


async def _send(response: Response, send: Send) -> None:
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in response.headers
    ]
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": headers,
        }
    )
    await send({"type": "http.response.body", "body": response.get_data()})
