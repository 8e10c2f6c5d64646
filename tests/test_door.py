"""The asynchronous front: the same answers, no thread held by a slow sender."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from kit import Bench

from connector.errors import StoreUnavailable
from connector.store import deliveries
from webhooks import door
from webhooks.door import Door

GOOD = {"X-Memory-Token": "memory"}
LIMIT = 2000


@pytest.fixture
def open_bench(make_bench: Callable[..., Bench]) -> Iterator[Bench]:
    bench = make_bench(server={"max_body_bytes": LIMIT})
    bench.runtime.acceptor.start()
    yield bench
    bench.runtime.acceptor.stop()


def make_door(bench: Bench, **settings: Any) -> Door:
    return Door(bench.runtime.create_app().wsgi_app, LIMIT, 2, **settings)


def http(path: str, headers: dict[str, str], method: str = "POST") -> dict[str, Any]:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": b"",
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 40000),
        "headers": [
            (name.lower().encode(), value.encode())
            for name, value in {"Host": "localhost", **headers}.items()
        ],
    }


class Wire:
    """One request, sent in ``parts``; then silence, or the end of the connection."""

    def __init__(self, parts: Sequence[bytes], then: str = "end") -> None:
        self._parts = list(parts)
        self._then = then
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""

    async def receive(self) -> dict[str, Any]:
        if self._parts:
            part = self._parts.pop(0)
            more = bool(self._parts) or self._then != "end"
            return {"type": "http.request", "body": part, "more_body": more}
        if self._then == "silence":
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            pairs = message["headers"]
            self.headers = {name.decode(): value.decode() for name, value in pairs}
        else:
            self.body += message.get("body", b"")


def ask(
    given: Door,
    parts: Sequence[bytes],
    headers: dict[str, str] = GOOD,
    path: str = "/webhooks/support",
    then: str = "end",
) -> Wire:
    wire = Wire(parts, then)
    asyncio.run(given(http(path, headers), wire.receive, wire.send))
    return wire


def stored(bench: Bench) -> list[bytes]:
    with bench.store.read() as connection:
        rows = deliveries.listing(connection, None, 100)
        found = [deliveries.get(connection, row["id"]) for row in rows]
    return [row["body"] for row in found if row is not None]


def test_delivery_in_pieces_is_stored_before_the_answer(open_bench: Bench) -> None:
    wire = ask(make_door(open_bench), [b'{"tic', b'ket": ', b'"1"}'])
    assert (wire.status, wire.body) == (200, b"accepted\n")
    assert stored(open_bench) == [b'{"ticket": "1"}']


@pytest.mark.parametrize(
    ("path", "headers", "parts", "status"),
    [
        ("/webhooks/nobody", GOOD, [b"{}"], 404),
        ("/webhooks/", GOOD, [b"{}"], 404),
        ("/webhooks/support/more", GOOD, [b"{}"], 404),
        ("/webhooks/support", {}, [b"{}"], 401),
        ("/webhooks/support", {"X-Memory-Token": "wrong"}, [b"{}"], 401),
        ("/webhooks/support", {**GOOD, "Content-Encoding": "br"}, [b"{}"], 415),
        ("/webhooks/support", GOOD, [b"x" * (LIMIT + 1)], 413),
        ("/webhooks/support", GOOD, [b"x" * 900] * 3, 413),
        ("/webhooks/support", {**GOOD, "Content-Length": "9000000"}, [b"x"], 413),
        (
            "/webhooks/support",
            {**GOOD, "Content-Encoding": "gzip"},
            [gzip.compress(b"x" * 100_000)],
            413,
        ),
    ],
)
def test_refused_request_is_not_stored(
    open_bench: Bench,
    path: str,
    headers: dict[str, str],
    parts: list[bytes],
    status: int,
) -> None:
    assert ask(make_door(open_bench), parts, headers, path).status == status
    assert stored(open_bench) == []


def test_only_post_is_a_delivery(open_bench: Bench) -> None:
    wire = Wire([b""])
    asked = http("/webhooks/support", GOOD, "GET")
    asyncio.run(make_door(open_bench)(asked, wire.receive, wire.send))
    assert wire.status == 405


def test_too_long_body_is_not_read_to_its_end(open_bench: Bench) -> None:
    wire = ask(make_door(open_bench), [b"x" * 900] * 3, then="silence")
    assert wire.status == 413


def test_database_that_is_down_is_503(
    open_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **named: object) -> None:
        raise StoreUnavailable("down")

    monkeypatch.setattr(deliveries, "accept", refuse)
    wire = ask(make_door(open_bench), [b"{}"])
    assert (wire.status, wire.headers["retry-after"]) == (503, "10")
    monkeypatch.undo()
    assert ask(make_door(open_bench), [b"{}"]).status == 200


def test_sender_that_stalls_is_cut_off(
    open_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "BODY_TIME", 0.05)
    wire = ask(make_door(open_bench), [b'{"ticket"'], then="silence")
    assert (wire.status, wire.headers["connection"]) == (408, "close")
    assert stored(open_bench) == []


@pytest.mark.parametrize(
    ("parts", "status"),
    [([b"name="], 408), ([b"x" * 900] * 3, 413)],
)
def test_form_that_stalls_or_has_no_end_holds_no_thread(
    open_bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    parts: list[bytes],
    status: int,
) -> None:
    monkeypatch.setattr(door, "BODY_TIME", 0.05)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": "9000000",
        "Origin": "http://localhost",
    }
    given = make_door(open_bench)
    monkeypatch.setattr(given, "_pages", None)  # no thread is asked
    assert ask(given, parts, headers, "/sign-in", "silence").status == status


def test_sender_that_hangs_up_leaves_nothing(open_bench: Bench) -> None:
    wire = ask(make_door(open_bench), [b'{"ticket"'], then="hang up")
    assert wire.status == 0
    assert stored(open_bench) == []


def test_bodies_in_flight_are_bounded_over_all_senders(open_bench: Bench) -> None:
    small = make_door(open_bench, held=1000)
    first = [Wire([b"x" * 600], "silence") for _ in range(2)]
    last = Wire([b"{}"])

    async def crowd() -> None:
        waiting = asyncio.create_task(
            small(http("/webhooks/support", GOOD), first[0].receive, first[0].send)
        )
        await asyncio.sleep(0)
        await small(http("/webhooks/support", GOOD), first[1].receive, first[1].send)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await small(http("/webhooks/support", GOOD), last.receive, last.send)

    asyncio.run(crowd())
    assert (first[1].status, first[1].headers["retry-after"]) == (503, "10")
    assert last.status == 200  # what was held is given back


def test_other_pages_go_through(open_bench: Bench) -> None:
    async def page(given: Callable[..., Awaitable[None]]) -> Wire:
        wire = Wire([b""])
        await given(http("/status.json", {}, "GET"), wire.receive, wire.send)
        return wire

    wire = asyncio.run(page(make_door(open_bench)))
    assert wire.status == 200
    assert "outbox" in json.loads(wire.body)


def test_form_is_read_from_a_server_whose_receive_is_no_coroutine(
    open_bench: Bench,
) -> None:
    class Awaited:
        def __init__(self, wire: Wire) -> None:
            self._wire = wire

        def __await__(self) -> Any:
            return self._wire.receive().__await__()

    wire = Wire([b"next=", b"/problems&language=nb"])
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": "26",
        "Origin": "http://localhost",
    }

    async def send() -> None:
        given = make_door(open_bench)
        await given(http("/preferences", headers), lambda: Awaited(wire), wire.send)

    asyncio.run(send())
    assert (wire.status, wire.headers["location"]) == (303, "/problems")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[int]:
    """The product's own server, in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    path = tmp_path / "config.yaml"
    settings = {
        "server": {"port": port},
        "database": {"url": f"sqlite:///{tmp_path}/c.db"},
        "sources": {"support": {"kind": "memory"}},
    }
    path.write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML
    command = [sys.executable, "-m", "connector", "serve", "--config", str(path)]
    process = subprocess.Popen(
        command,
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until_open(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(60)


def _until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "the server ended"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            asyncio.run(asyncio.sleep(0.1))
    pytest.fail("the server did not start")


@pytest.mark.timeout(120)
def test_stalled_senders_do_not_block_the_server(served: int) -> None:
    start = b"POST /webhooks/support HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"
    with ExitStack() as stalled:
        for _ in range(200):
            address = ("127.0.0.1", served)
            client = stalled.enter_context(socket.create_connection(address, 10))
            client.sendall(start)
        asked = HTTPConnection("127.0.0.1", served, timeout=60)
        asked.request("POST", "/webhooks/support", b'{"ticket": "1"}', GOOD)
        assert asked.getresponse().status == 200
        asked.close()
