"""Failures on purpose: which request fails, and how, as WSGI around one look-alike.

Everything that was refused or broken goes into the diary here, whoever caused it.
"""

from __future__ import annotations

import json
import os
import random
import re
import socket
import struct
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, get_args

from connector.sandbox.stage import API, Json, Stage

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Kind = Literal[
    "before",
    "after",
    "stall",
    "reset",
    "reset_after",
    "200",
    "401",
    "429",
    "500",
    "503",
]
KINDS: tuple[str, ...] = get_args(Kind)

#: Only calls of the interface fail; the pages for people always answer.
INTERFACE = re.compile(r"/(v2|v3|api|oauth|rest)/")


@dataclass
class Fault:
    """``before`` and ``500``: not performed. ``after``: performed, then 500. ``reset``
    and ``reset_after``: the connection is torn down instead of an answer. ``200``: not
    performed, and a page as if all were well. ``stall``: ``seconds`` late. Without
    ``times`` it lasts until it is cleared."""

    kind: str
    vendor: str = ""
    method: str = ""
    path: str = ""
    times: int | None = None
    probability: float = 1.0
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        try:
            re.compile(self.path)
        except re.error as err:
            raise ValueError(f"path is no regular expression: {err}") from err

    def concerns(self, vendor: str, method: str, path: str) -> bool:
        return (
            self.vendor in ("", vendor)
            and self.method.upper() in ("", method)
            and re.search(self.path, path) is not None
            and self.times != 0
        )


class Faults:
    """The failures that are switched on, oldest first; the first that fits happens."""

    def __init__(self, seed: int) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def listed(self) -> list[Json]:
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def pick(self, vendor: str, method: str, path: str) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if not fault.concerns(vendor, method, path):
                    continue
                if self._random.random() >= fault.probability:
                    continue
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None


class Gate:
    """Stand in front of one look-alike: break what is to be broken, note refusals."""

    def __init__(
        self, app: WSGIApplication, vendor: str, stage: Stage, faults: Faults
    ) -> None:
        self._app = app
        self._vendor = vendor
        self._stage = stage
        self._faults = faults

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if not INTERFACE.match(path):
            return self._app(environ, start_response)
        fault = self._faults.pick(self._vendor, method, path)
        if fault is None:
            return self._watched(environ, start_response, method, path)
        self._note("fault", method, path, kind=fault.kind)
        if fault.kind == "stall":
            time.sleep(fault.seconds or 0)
            return self._watched(environ, start_response, method, path)
        if fault.kind in ("after", "reset_after"):
            self._perform(environ)
        if fault.kind in ("reset", "reset_after"):
            tear_down(environ["werkzeug.socket"])
        return _broken(fault, self._vendor, start_response)

    def _watched(
        self,
        environ: WSGIEnvironment,
        start_response: StartResponse,
        method: str,
        path: str,
    ) -> Iterable[bytes]:
        def watching(status, headers, exc_info=None):  # type: ignore[no-untyped-def]
            if int(status[:3]) >= 400:
                self._note("refused", method, path, status=int(status[:3]))
            return start_response(status, headers, exc_info)

        return self._app(environ, watching)

    def _perform(self, environ: WSGIEnvironment) -> None:
        """Carry the request out and throw its answer away."""

        def deaf(status, headers, exc_info=None):  # type: ignore[no-untyped-def]
            return lambda data: None

        answer = self._app(environ, deaf)
        for _ in answer:
            pass
        if hasattr(answer, "close"):
            answer.close()

    def _note(self, act: str, method: str, path: str, **detail: object) -> None:
        self._stage.witness(
            self._vendor, act, path, API, method=method, path=path, **detail
        )


def tear_down(connection: socket.socket) -> None:
    """Send RST instead of an answer, and end the request without one."""
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    # Readers of the request still hold the socket object: close what is below it.
    os.close(connection.detach())
    raise ConnectionResetError("torn down on purpose")


def _broken(
    fault: Fault, vendor: str, start_response: StartResponse
) -> Iterable[bytes]:
    status = int(fault.kind) if fault.kind.isdigit() else 500
    seconds = fault.seconds if fault.seconds is not None else 1.0
    headers = [("Content-Type", "application/json")]
    if status == 429 and vendor == "helpscout":
        headers.append(("X-RateLimit-Retry-After", f"{seconds:g}"))
    elif status == 429 or (status == 503 and fault.seconds is not None):
        headers.append(("Retry-After", f"{seconds:g}"))
    body = json.dumps({"message": f"sandbox fault {fault.kind}"}).encode()
    if status in (200, 500):
        # What stands in front of a vendor answers with a page, not with JSON.
        headers[0] = ("Content-Type", "text/html")
        body = b"<html><body><h1>Something went wrong</h1></body></html>"
    headers.append(("Content-Length", str(len(body))))
    start_response(f"{status} Sandbox Fault", headers)
    return [body]
