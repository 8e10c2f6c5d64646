"""The webhook door: what it stores, what it refuses, and what it answers."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from typing import Any

import pytest
from flask.testing import FlaskClient
from kit import Bench
from prometheus_client import REGISTRY
from waitress import wasyncore
from waitress.server import create_server

from connector.app import waitress_settings
from connector.config import Server
from connector.errors import StoreUnavailable
from connector.store import deliveries

GOOD = {"X-Memory-Token": "memory"}


@pytest.fixture
def open_bench(make_bench: Callable[..., Bench]) -> Iterator[Bench]:
    bench = make_bench(server={"max_body_bytes": 2000})
    bench.runtime.acceptor.start()
    yield bench
    bench.runtime.acceptor.stop()


@pytest.fixture
def client(open_bench: Bench) -> FlaskClient:
    return open_bench.runtime.create_app().test_client()


def stored(bench: Bench) -> list[dict[str, Any]]:
    with bench.store.read() as connection:
        return [dict(row) for row in deliveries.listing(connection, None, 100)]


def test_signed_delivery_is_stored_before_the_answer(
    client: FlaskClient, open_bench: Bench
) -> None:
    answer = client.post("/webhooks/support", data=b'{"ticket": "1"}', headers=GOOD)
    assert answer.status_code == 200
    assert [row["state"] for row in stored(open_bench)] == ["pending"]


def counted(what: str, **labels: str) -> float:
    name = f"connector_deliveries_{what}_total"
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_what_is_accepted_and_refused_is_counted_by_source(client: FlaskClient) -> None:
    def counts() -> list[float]:
        refused = counted("refused", source="shop", why="signature")
        accepted = [counted("accepted", source=one) for one in ("shop", "support")]
        return [*accepted, refused]

    before = counts()
    client.post("/webhooks/shop", data=b"{}", headers=GOOD)
    assert counts() == [before[0] + 1, before[1], before[2]]
    client.post("/webhooks/shop", data=b"{}")
    assert counts() == [before[0] + 1, before[1], before[2] + 1]


def test_repeated_delivery_is_stored_once(
    client: FlaskClient, open_bench: Bench
) -> None:
    headers = {**GOOD, "X-Memory-Id": "abc"}
    for _ in range(3):
        answer = client.post("/webhooks/support", data=b"{}", headers=headers)
        assert answer.status_code == 200
    assert len(stored(open_bench)) == 1


@pytest.mark.parametrize(
    ("source", "headers", "status"),
    [
        ("nobody", GOOD, 404),
        ("support", {}, 401),
        ("support", {"X-Memory-Token": "wrong"}, 401),
        ("support", {"X-Memory-Token": ""}, 401),
        ("support", {**GOOD, "Content-Encoding": "br"}, 415),
        ("support", {**GOOD, "Content-Encoding": "gzip"}, 415),
    ],
)
def test_refused_request_is_not_stored(
    client: FlaskClient,
    open_bench: Bench,
    source: str,
    headers: dict[str, str],
    status: int,
) -> None:
    answer = client.post(f"/webhooks/{source}", data=b"{}", headers=headers)
    assert answer.status_code == status
    assert stored(open_bench) == []


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"x" * 2001, GOOD),
        (gzip.compress(b"x" * 2001), {**GOOD, "Content-Encoding": "gzip"}),
        (zlib.compress(b"x" * 1_000_000), {**GOOD, "Content-Encoding": "deflate"}),
    ],
    ids=["plain", "gzip", "bomb"],
)
def test_too_large_body_is_413(
    client: FlaskClient, open_bench: Bench, body: bytes, headers: dict[str, str]
) -> None:
    answer = client.post("/webhooks/support", data=body, headers=headers)
    assert answer.status_code == 413
    assert stored(open_bench) == []


def test_packed_body_is_stored_unpacked(client: FlaskClient, open_bench: Bench) -> None:
    headers = {**GOOD, "Content-Encoding": "gzip"}
    body = b'{"ticket": "7"}'
    answer = client.post("/webhooks/support", data=gzip.compress(body), headers=headers)
    assert answer.status_code == 200
    with open_bench.store.read() as connection:
        row = deliveries.get(connection, 1)
    assert row is not None and row["body"] == body


@pytest.mark.parametrize(
    "body", [b"{not json", b"", b"[]", b"\xff\xfe", b'"text"', b"null"]
)
def test_broken_body_with_good_signature_is_accepted_and_parked(
    client: FlaskClient, open_bench: Bench, body: bytes
) -> None:
    assert client.post("/webhooks/support", data=body, headers=GOOD).status_code == 200
    open_bench.settle()
    row = stored(open_bench)[0]
    assert row["state"] == "parked"
    assert "cannot be read" in row["reason"]


def test_database_that_is_down_is_503(
    client: FlaskClient, open_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise StoreUnavailable("down")

    monkeypatch.setattr(deliveries, "accept", refuse)
    answer = client.post("/webhooks/support", data=b"{}", headers=GOOD)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    monkeypatch.undo()
    assert client.post("/webhooks/support", data=b"{}", headers=GOOD).status_code == 200


PAGES = ("/", "/status.json", "/metrics")


@pytest.mark.parametrize("path", PAGES)
def test_status_is_for_this_machine_only(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 200
    strange = {"REMOTE_ADDR": "192.0.2.7"}
    assert client.get(path, environ_base=strange).status_code == 403


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Forwarded-For", "192.0.2.7"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Anything", "1"),
        ("Forwarded", "for=192.0.2.7"),
        ("Via", "1.1 proxy"),
        ("X-Real-Ip", "192.0.2.7"),
        ("CF-Connecting-IP", "192.0.2.7"),
        ("CF-Ray", "1"),
        ("True-Client-Ip", "192.0.2.7"),
    ],
)
def test_status_is_not_shown_through_a_proxy(
    client: FlaskClient, name: str, value: str
) -> None:
    for path in PAGES:
        answer = client.get(path, headers={name: value})
        assert (answer.status_code, "proxy" in answer.text) == (403, True)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8800", 200),
        ("LOCALHOST", 200),
        ("[::1]:8800", 200),
        ("connector.example", 403),
        ("127.0.0.1.attacker.example", 403),
        ("localhost@attacker.example", 403),
        ("127.0.0.1:8800:1", 403),
    ],
)
def test_status_is_shown_under_the_machines_own_names(
    client: FlaskClient, host: str, status: int
) -> None:
    for path in PAGES:
        assert client.get(path, headers={"Host": host}).status_code == status


@contextmanager
def served(bench: Bench, **changes: int) -> Iterator[tuple[str, int]]:
    """Serve with waitress as it is set up in ``run``, with few threads."""
    given = waitress_settings(Server(port=0, threads=2, max_body_bytes=2000))
    server = create_server(bench.runtime.create_app(), **{**given, **changes})
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield "127.0.0.1", server.effective_port
    # Its loop ends when it has nothing left to watch.
    with suppress(OSError):  # it may wake by itself and have closed what wakes it
        server.trigger.pull_trigger(lambda: wasyncore.close_all(server._map))
    thread.join(10)
    assert not thread.is_alive()
    server.task_dispatcher.shutdown()


@pytest.fixture
def waitress(open_bench: Bench) -> Iterator[tuple[str, int]]:
    with served(open_bench) as address:
        yield address


def ask(address: tuple[str, int], path: str, headers: dict[str, str]) -> int:
    connection = HTTPConnection(*address, timeout=10)
    method, body = ("POST", b"{}") if "webhooks" in path else ("GET", None)
    connection.request(method, path, body, {**headers, "Connection": "close"})
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize("path", PAGES)
def test_waitress_lets_the_page_see_the_proxy(
    waitress: tuple[str, int], path: str
) -> None:
    assert ask(waitress, path, {}) == 200
    assert ask(waitress, path, {"X-Forwarded-For": "192.0.2.7"}) == 403
    assert ask(waitress, path, {"X-Forwarded-Proto": "https"}) == 403
    assert ask(waitress, path, {"Host": "connector.example"}) == 403


STALLED = b"POST /webhooks/support HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\nx"


def test_stalled_senders_do_not_block_waitress(waitress: tuple[str, int]) -> None:
    with ExitStack() as stalled:
        for _ in range(120):
            client = stalled.enter_context(socket.create_connection(waitress, 10))
            client.sendall(STALLED)
        assert ask(waitress, "/webhooks/support", GOOD) == 200


def test_sender_that_stalls_in_a_body_is_cut_off_by_waitress(open_bench: Bench) -> None:
    """With shorter times than in ``run``, so that it can be waited for."""
    given = waitress_settings(Server())
    assert given["channel_timeout"] + given["cleanup_interval"] <= 40
    with served(open_bench, channel_timeout=1, cleanup_interval=1) as address:
        with socket.create_connection(address, 15) as client:
            client.sendall(STALLED)
            assert client.recv(100) == b""


def test_status_page_shows_no_words_of_a_customer(
    client: FlaskClient, open_bench: Bench
) -> None:
    open_bench.write(
        "1",
        "My parcel <script>alert(1)</script> never arrived, terrible service!",
        "olga@private.example",
        subject="Secretive subject",
    )
    open_bench.settle()
    for path in ("/", "/status.json", "/metrics"):
        page = client.get(path).get_data(as_text=True)
        assert "olga" not in page
        assert "Secretive" not in page
        assert "parcel <script>" not in page
    status = json.loads(client.get("/status.json").get_data())
    assert status["tickets"] == {"tickets": 1, "complaints": 1}


def test_health_needs_no_database(client: FlaskClient) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200


def test_status_page_brings_its_style(client: FlaskClient) -> None:
    page = client.get("/").get_data(as_text=True)
    address = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/css")
    answer.close()
