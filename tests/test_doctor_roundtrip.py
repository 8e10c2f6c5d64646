"""The test delivery of ``doctor``: through a proxy that may spoil it, to any source."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from click.testing import CliRunner
from sandbox_kit import serving
from werkzeug.wrappers import Request, Response

from adapters.base import Pinger
from connector import roundtrip
from connector.app import Runtime
from connector.cli import cli
from connector.config import load
from connector.demo import free_port
from connector.models import DeliveryState
from connector.roundtrip import BETWEEN, ITSELF, REDIRECT, Answer, advice
from connector.store import deliveries

SECRET, OTHER = (
    f"whsec_{base64.b64encode(bytes([number]) * 32).decode()}" for number in (1, 2)
)
TAKEN = Answer(200, "accepted")

Change = Callable[[Request, str], Response]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(roundtrip, "PATIENCE", 2)
    return tmp_path


def write(
    folder: Path, port: int, public_url: str | None, secret: str = SECRET
) -> Path:
    raw = {
        "server": {"port": port, "public_url": public_url},
        "database": {"url": "sqlite:///c.db"},
        "sources": {"forms": {"kind": "generic", "webhook_secret": secret}},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    return path


def doctor(path: Path) -> list[dict[str, Any]]:
    """Return what doctor says of the test delivery."""
    result = CliRunner().invoke(cli, ["doctor", "--json", "--config", str(path)])
    # The server's log may stand in between.
    said = [json.loads(line) for line in result.output.splitlines() if line[:1] == "{"]
    return [one for one in said if one.get("subject") == "sources.forms"]


@contextmanager
def running(path: Path, roles: Iterable[str] = ("serve", "work")) -> Iterator[Runtime]:
    runtime = Runtime(load(path), frozenset(roles))
    runtime.start()
    try:
        with serving(runtime.create_app(), runtime.config.server.port):
            yield runtime
    finally:
        runtime.stop()


@contextmanager
def proxy(port: int, change: Change, target: int) -> Iterator[None]:
    """Serve as the proxy of a connector at ``target``."""

    @Request.application
    def answer(request: Request) -> Response:
        return change(request, f"http://127.0.0.1:{target}{request.path}")

    with serving(answer, port):
        yield


def passed_on(target: str, body: bytes, headers: dict[str, str]) -> Response:
    answer = requests.post(target, data=body, headers=headers, timeout=5)
    return Response(answer.content, answer.status_code)


def signed(request: Request) -> dict[str, str]:
    """Return the headers that a sender of this kind sets."""
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    return {name: request.headers[name] for name in names}


def faithful(request: Request, target: str) -> Response:
    return passed_on(target, request.get_data(), signed(request))


def rewrites(request: Request, target: str) -> Response:
    return passed_on(target, request.get_data() + b"\n", signed(request))


def drops_headers(request: Request, target: str) -> Response:
    return passed_on(target, request.get_data(), {})


def elsewhere(request: Request, target: str) -> Response:
    return passed_on(f"{target}/x", request.get_data(), signed(request))


def moved(request: Request, target: str) -> Response:
    return Response(status=301, headers={"Location": "https://www.example/"})


def finds_nobody(request: Request, target: str) -> Response:
    return Response("Bad Gateway", 502)


def home_page(request: Request, target: str) -> Response:
    return Response("<h1>Welcome</h1>")


# -- a source without webhooks of its own --


@pytest.mark.timeout(60)
def test_delivery_is_seen_in_the_inbox_as_ignored(folder: Path) -> None:
    port, before = free_port(0), free_port(0)
    path = write(folder, port, f"http://127.0.0.1:{before}")
    with running(path) as runtime, proxy(before, faithful, port):
        (said,) = doctor(path)
        with runtime.store.read() as connection:
            counted = deliveries.counts(connection)
            kept = deliveries.listing(connection, DeliveryState.IGNORED, 5)
    assert said["level"] == "ok"
    assert "ignored: a test delivery of doctor" in said["message"]
    assert counted == {"ignored": 1}
    assert kept[0]["reason"] == "a test delivery of doctor"


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        (rewrites, BETWEEN[401]),
        (drops_headers, BETWEEN[401]),
        (elsewhere, BETWEEN[404]),
        (finds_nobody, BETWEEN[502]),
        (moved, REDIRECT),
    ],
)
def test_proxy_that_spoils_deliveries_is_named(
    folder: Path, change: Change, remedy: str
) -> None:
    port, before = free_port(0), free_port(0)
    path = write(folder, port, f"http://127.0.0.1:{before}")
    with running(path), proxy(before, change, port):
        (said,) = doctor(path)
    assert (said["level"], said["remedy"]) == ("problem", remedy)
    assert (
        f"itself took it at http://127.0.0.1:{port}/webhooks/forms" in (said["message"])
    )


def test_page_of_somebody_else_is_no_connector(folder: Path) -> None:
    before = free_port(0)
    path = write(folder, free_port(0), f"http://127.0.0.1:{before}")
    with proxy(before, home_page, 0):
        (said,) = doctor(path)
    assert said["level"] == "problem"
    assert said["message"].startswith("something else than the connector answers")


def test_address_that_nothing_answers_at_is_told_apart(folder: Path) -> None:
    port = free_port(0)
    path = write(folder, port, f"http://127.0.0.1:{free_port(0)}")
    assert doctor(path)[0]["remedy"] == ITSELF[0]
    with running(path, ("serve",)):
        assert doctor(path)[0]["remedy"] == BETWEEN[0]


@pytest.mark.timeout(60)
def test_server_with_another_secret_is_told(folder: Path) -> None:
    port = free_port(0)
    address = f"http://127.0.0.1:{port}"
    with running(write(folder, port, address, OTHER), ("serve",)):
        (said,) = doctor(write(folder, port, address))
    assert (said["level"], said["remedy"]) == ("problem", ITSELF[401])


@pytest.mark.timeout(60)
def test_without_a_public_address_the_own_one_is_tried(folder: Path) -> None:
    path = write(folder, free_port(0), None)
    (said,) = doctor(path)
    assert (said["level"], said["remedy"]) == ("warning", roundtrip.START)
    with running(path):
        (said,) = doctor(path)
    assert (said["level"], "all the way" in said["message"]) == ("ok", True)


@pytest.mark.timeout(60)
def test_delivery_that_is_parked_did_not_go_all_the_way(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(folder, free_port(0), None)
    with running(path) as runtime:
        adapter = runtime.adapters["forms"]
        assert isinstance(adapter, Pinger)
        monkeypatch.setattr(
            type(adapter), "ping", lambda self, word: (f'["{word}"]'.encode(), None)
        )
        (said,) = doctor(path)
    assert said["level"] == "problem"
    assert "was not understood: parked" in said["message"]


# -- what follows from two answers --


@pytest.mark.parametrize(
    ("answer", "itself", "said"),
    [
        (0, Answer(0, ""), ITSELF[0]),
        (0, TAKEN, BETWEEN[0]),
        (401, Answer(401, ""), ITSELF[401]),
        (401, TAKEN, BETWEEN[401]),
        (401, Answer(0, ""), ITSELF[401]),
        (413, TAKEN, BETWEEN[413]),
        (418, TAKEN, BETWEEN[500]),
        (418, Answer(0, ""), ITSELF[500]),
        (502, Answer(0, ""), ITSELF[0]),
        (503, Answer(503, ""), ITSELF[503]),
        (504, TAKEN, BETWEEN[504]),
        (302, TAKEN, REDIRECT),
        # Something else answers at our own address: that proves nothing.
        (404, Answer(200, "<h1>Welcome</h1>"), ITSELF[404]),
    ],
)
def test_advice_follows_from_both_answers(
    answer: int, itself: Answer, said: str
) -> None:
    assert advice(Answer(answer, ""), itself) == said


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "[::1]"),
        ("10.0.0.7", "10.0.0.7"),
    ],
)
def test_own_address_can_be_called(folder: Path, host: str, shown: str) -> None:
    path = write(folder, 8123, None)
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    raw["server"]["host"] = host
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    address = roundtrip.own_address(load(path), "forms")
    assert address == f"http://{shown}:8123/webhooks/forms"
