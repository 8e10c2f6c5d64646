"""Real payloads and real texts through a running connector: nothing is lost."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from kit import Bench, settings, shared
from sqlalchemy import func, select
from waitress.server import create_server

from connector.app import Runtime
from connector.config import check
from connector.demo import sandbox_config
from connector.sandbox import SandboxSettings, World, serve
from connector.store import deliveries
from connector.store.schema import tickets

pytestmark = pytest.mark.shared

ENDED = {"handled", "ignored", "parked"}


class Running:
    """A connector behind a real port, worked by the test."""

    def __init__(self, folder: Path, database: str, sandbox_url: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        raw = sandbox_config(sandbox_url, SandboxSettings(), database, port)
        self.config_path = folder / "config.yaml"
        self.config_path.write_text(yaml.safe_dump(raw), encoding="utf-8")
        self.runtime = Runtime(check(raw, "test"), frozenset({"serve"}))
        self.runtime.start()
        self.server = create_server(
            self.runtime.create_app(), host="127.0.0.1", port=port, threads=4
        )
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        # Closing the sockets under the loop is how waitress is ended.
        try:
            self.server.run()
        except OSError:
            pass

    def close(self) -> None:
        self.server.close()
        self.thread.join(timeout=10)
        self.runtime.worker.close()
        self.runtime.stop()


@pytest.fixture
def running(database_url: str, tmp_path: Path) -> Iterator[Running]:
    with serve(World(SandboxSettings()), port=0) as sandbox:
        one = Running(tmp_path, database_url, sandbox.url)
        yield one
        one.close()


@pytest.mark.parametrize(
    ("vendor", "source"),
    [("helpscout", "support"), ("zendesk", "desk"), ("jira", "tracker")],
)
def test_every_recorded_payload_can_be_sent_and_ends_with_a_reason(
    running: Running, vendor: str, source: str
) -> None:
    files = sorted(shared("vendors", "fixtures", vendor).glob("*.json"))
    assert files
    sent = subprocess.run(
        [sys.executable, "-m", "connector", "send", "--json"]
        + ["--source", source, "--config", str(running.config_path)]
        + [str(file) for file in files],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    lines = [json.loads(line) for line in sent.stdout.splitlines()]
    assert [line["status"] for line in lines] == [200] * len(files), sent.stderr
    while running.runtime.worker.run_once():
        pass
    with running.runtime.store.read() as connection:
        rows = deliveries.listing(connection, None, 1000)
    assert len(rows) == len(files)
    for row in rows:
        assert row["state"] in ENDED, (row["state"], row["reason"])
        assert row["reason"] or row["state"] == "handled"


SETS = ["airline", "complaints_tweets", "reviews_sv", "handwritten"]


def real_texts(limit: int) -> list[tuple[str, str]]:
    """Return up to ``limit`` texts of each set, spread over it."""
    found = []
    for name in SETS:
        with gzip.open(
            shared("data", "classification", f"{name}.jsonl.gz"), "rt", encoding="utf-8"
        ) as lines:
            rows = [json.loads(line) for line in lines]
        step = max(1, len(rows) // limit)
        chosen = itertools.islice(rows[::step], limit)
        found += [(row["subject"] or "", row["text"]) for row in chosen]
    return found


def test_real_texts_go_through_the_loop_without_an_error(database_url: str) -> None:
    # A few thousand on the machine that decides; enough to find surprises elsewhere.
    # What a text can upset is seldom the database.
    many = os.environ.get("CI") and database_url.startswith("sqlite")
    texts = real_texts(1000 if many else 100)
    bench = Bench(settings(database_url))
    try:
        for number, (subject, text) in enumerate(texts):
            bench.write(
                str(number), text, f"c{number}@mail.example", subject=subject or "-"
            )
        while bench.runtime.worker.run_once():
            pass
        with bench.store.read() as connection:
            counts = deliveries.counts(connection)
            known = connection.scalar(select(func.count()).select_from(tickets))
        # Tickets of a problem that was filed are read again on top.
        assert counts.keys() == {"handled"} and counts["handled"] >= len(texts)
        assert known == len(texts)
        while sum(sender.run_once() for sender in bench.runtime.senders):
            pass
        tagged = sum(bool(ticket.tags) for ticket in bench.support.tickets.values())
        assert tagged > len(texts) / 10
    finally:
        bench.close()
