"""One HTTP server in front of it all: keep-alive, threads, loopback only."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.test import run_wsgi_app

from connector.sandbox import control, helpscout, jira, pages, zendesk
from connector.sandbox.faults import Gate
from connector.sandbox.stage import VENDORS
from connector.sandbox.world import World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

BODILESS = (204, 304)
HARMLESS = ("GET", "HEAD", "OPTIONS")


class Handler(WSGIRequestHandler):
    """Requests with keep-alive.

    Werkzeug's own handler closes every connection because it does not know whether the
    body was read; this one reads it first and writes the answer in one piece.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        _open_connections(self.server).add(self.connection)

    def finish(self) -> None:
        _open_connections(self.server).discard(self.connection)
        super().finish()

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        length = int(self.headers.get("Content-Length") or 0)
        environ["wsgi.input"] = BytesIO(self.rfile.read(length))
        try:
            parts, status, headers = run_wsgi_app(
                self.server.app, environ, buffered=True
            )
        except ConnectionError:
            # Torn down on purpose: nothing can be said on this connection any more.
            self.close_connection = True
            return
        self._answer(status, list(headers.items()), b"".join(parts))

    def _answer(
        self, status: str, headers: Iterable[tuple[str, str]], body: bytes
    ) -> None:
        code = int(status[:3])
        lines = [f"HTTP/1.1 {status}"]
        lines += [f"{k}: {v}" for k, v in headers if k.lower() != "content-length"]
        if code not in BODILESS:
            lines.append(f"Content-Length: {len(body)}")
        if self.close_connection:
            lines.append("Connection: close")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        said = b"" if self.command == "HEAD" or code in BODILESS else body
        try:
            self.wfile.write(head + said)
        except OSError:
            self.close_connection = True

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing: the diary knows what happened."""


def _open_connections(server: BaseWSGIServer) -> set[socket.socket]:
    connections: set[socket.socket] = server.__dict__.setdefault("connections", set())
    return connections


class Running:
    """A sandbox that answers. Close it, or use it in a ``with``."""

    def __init__(self, world: World, server: BaseWSGIServer) -> None:
        self.world = world
        self._server = server
        host, port = server.server_address[:2]
        self.url = f"http://{host!s}:{port}"
        world.stage.base_url = self.url
        self._thread = threading.Thread(
            target=server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="sandbox-server",
            daemon=True,
        )
        self._thread.start()

    def close(self) -> None:
        """Stop answering and delivering; connections that are open are cut."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        for connection in list(_open_connections(self._server)):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it ended by itself
        self.world.close()

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class SameOrigin:
    """Turns away what a page of another site lets a browser send.

    Programs name no origin; forms of the sandbox's own pages name its own.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in HARMLESS or not _is_foreign(environ):
            return self._app(environ, start_response)
        start_response("403 FORBIDDEN", [("Content-Type", "text/plain")])
        return [b"this request comes from a page of another site\n"]


def _is_foreign(environ: WSGIEnvironment) -> bool:
    fetched_by = environ.get("HTTP_SEC_FETCH_SITE", "none")
    if fetched_by not in ("same-origin", "none"):
        return True
    named = environ.get("HTTP_ORIGIN") or environ.get("HTTP_REFERER")
    if named is None:
        return False
    try:
        return urlsplit(named).netloc != environ.get("HTTP_HOST")
    except ValueError:
        return True


def create_app(world: World) -> WSGIApplication:
    """Put the three look-alikes, their pages and the control together."""
    apps = {
        "helpscout": helpscout.create_app(world),
        "zendesk": zendesk.create_app(world),
        "jira": jira.create_app(world),
    }
    front = pages.create_app(world)
    for vendor in VENDORS:
        pages.add_vendor(apps[vendor], vendor, world)
    mounts: dict[str, WSGIApplication] = {
        f"/{vendor}": Gate(app, vendor, world.stage, world.faults)
        for vendor, app in apps.items()
    }
    mounts["/control"] = control.create_app(world)
    return SameOrigin(DispatcherMiddleware(front, mounts))


def serve(world: World, host: str = "127.0.0.1", port: int = 8820) -> Running:
    """Serve ``world`` in threads of its own; ``port`` 0 takes any free one."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server(
        host, port, create_app(world), threaded=True, request_handler=Handler
    )
    return Running(world, server)
