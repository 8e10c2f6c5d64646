"""What is known after a broken connection, seen with a real socket."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import pytest

from adapters.jira.adapter import JiraAdapter, JiraConfig
from adapters.jira.client import JiraClient
from connector.errors import VendorRefused, VendorUnavailable, VendorUnreachable
from connector.models import Block, BlockKind, IssueDraft

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
DRAFT = IssueDraft(
    project="SHOP",
    issue_type="Bug",
    summary="Pakken kommer ikke frem",
    description=(Block(BlockKind.PARAGRAPH, "Fem kunder"),),
    mark="cc-group-7f",
)


class Server:
    """Reads whole requests, then does with each connection what ``answer`` says."""

    def __init__(self, answer: bytes | None, pause: float = 0.0) -> None:
        self.requests: list[str] = []
        self._answer = answer
        self._pause = pause
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(10)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/jira"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                if not (line := self._read(connection)):
                    return
                self.requests.append(line)
                time.sleep(self._pause)
                if self._answer is not None:
                    connection.sendall(self._answer)

    def _read(self, connection: socket.socket) -> str:
        data = b""
        while b"\r\n\r\n" not in data:
            if not (more := connection.recv(65536)):
                return ""
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        lengths = [x.split(":")[1] for x in lines if x.startswith("content-length")]
        missing = int(lengths[0]) - len(body) if lengths else 0
        while missing > 0:
            missing -= len(connection.recv(65536))
        return head.decode().split("\r\n")[0]

    def close(self) -> None:
        # An empty connection ends the loop; closing alone would not wake it.
        with closing(socket.create_connection(self._socket.getsockname(), 5)):
            pass
        self._thread.join(10)
        self._socket.close()


@contextmanager
def serving(answer: bytes | None, pause: float = 0.0) -> Iterator[Server]:
    server = Server(answer, pause)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def jira(url: str, read_timeout: float = 5.0) -> Iterator[JiraAdapter]:
    config = JiraConfig(
        flavour="cloud",
        site_url=url,
        email="connector@nordvik.example",
        api_token="s3cret-token",
        webhook_secret="hook",
    )
    adapter = JiraAdapter("jira", config)
    adapter._client.close()
    adapter._client = JiraClient(
        "jira", url, cloud=True, basic=("a", "s3cret-token"), timeout=(5, read_timeout)
    )
    try:
        yield adapter
    finally:
        adapter.close()


def http(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    return "\r\n".join([*lines, *headers]).encode() + b"\r\n\r\n" + body


CUT = b"HTTP/1.1 201 Created\r\nContent-Length: 900\r\nConnection: close\r\n\r\n{"


LOST = {
    "closed": (None, 0.0),
    "silent": (None, 1.0),
    "half a head": (b"HTTP/1.1 2", 0.0),
    "half a body": (CUT, 0.0),
    "a page": (http("201 Created", b"<html>ok</html>"), 0.0),
    "empty": (http("201 Created", b""), 0.0),
    "a list": (http("201 Created", b"[]"), 0.0),
    "no id": (http("201 Created", b'{"key": "SHOP-1"}'), 0.0),
    "500": (http("500 Oops", b"broken"), 0.0),
    "503": (http("503 Later", b"", "Retry-After: 1"), 0.0),
    "408": (http("408 Slow", b""), 0.0),
}


@pytest.mark.parametrize(("answer", "pause"), LOST.values(), ids=LOST.keys())
def test_create_is_sent_once_and_doubted_when_its_answer_is_lost(answer, pause):
    with serving(answer, pause) as server, jira(server.url, 0.5) as adapter:
        with pytest.raises(VendorUnavailable) as caught:
            adapter.create_issue(DRAFT)
        assert server.requests == ["POST /jira/rest/api/3/issue HTTP/1.1"]
    assert caught.value.uncertain
    assert "s3cret-token" not in str(caught.value)


def test_redirect_is_refused_and_never_followed():
    with serving(http("200 OK", b"{}")) as other:
        moved = http("302 Found", b"", f"Location: {other.url}/rest/api/3/issue")
        with serving(moved) as server, jira(server.url) as adapter:
            with pytest.raises(VendorRefused, match="check api_base"):
                adapter.create_issue(DRAFT)
            with pytest.raises(VendorRefused, match="check api_base"):
                adapter.fetch_issue("7")
            assert len(server.requests) == 2
        assert other.requests == []


def test_host_that_is_down_is_said_at_once():
    with closing(socket.create_server(("127.0.0.1", 0))) as placeholder:
        port = placeholder.getsockname()[1]
    started = time.monotonic()
    with jira(f"http://127.0.0.1:{port}") as adapter:
        with pytest.raises(VendorUnreachable) as caught:
            adapter.create_issue(DRAFT)
        assert [finding.level for finding in adapter.check(NOW)] == ["problem"]
    assert not caught.value.uncertain
    assert caught.value.retry
    assert time.monotonic() - started < 30  # the library alone would wait for 100


def test_making_an_adapter_calls_nobody():
    with serving(None) as server:
        with jira(server.url):
            pass
        assert server.requests == []
