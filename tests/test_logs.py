"""What never gets into a log line."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from kit import Bench
from sqlalchemy import text

from connector import logs
from connector.models import DeliveryState
from connector.store import Store, deliveries


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    out = io.StringIO()
    monkeypatch.setattr("sys.stderr", out)
    logs.configure()
    yield out
    structlog.reset_defaults()


def test_exception_is_logged_without_message_and_variables(lines: io.StringIO) -> None:
    words = "my parcel never came"
    try:
        raise ValueError(f"cannot read {words!r}")
    except ValueError:
        structlog.get_logger("test").exception("broken", row=7)
    logged = json.loads(lines.getvalue())
    assert words not in lines.getvalue()
    assert (logged["exception"], logged["row"]) == ("ValueError", 7)
    assert "test_logs.py" in logged["at"][-1]


def test_database_error_names_no_parameter(store: Store) -> None:
    query = text("SELECT * FROM no_such_table WHERE x = :x")
    words = r"missing|does not exist"
    with pytest.raises(Exception, match=words) as caught, store.read() as connection:
        connection.execute(query, {"x": "private"})
    assert "private" not in str(caught.value)


def test_ticket_that_breaks_the_rules_is_parked_and_not_quoted(
    make_bench: Callable[..., Bench],
    lines: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = make_bench()
    real = bench.runtime.pipeline.decide

    def decide(connection: Any, batch: Any, judged: Any, *rest: Any) -> None:
        if "private" in judged.text:
            raise RuntimeError(judged.text)
        real(connection, batch, judged, *rest)

    monkeypatch.setattr(bench.runtime.pipeline, "decide", decide)
    bench.write("1", "This private thing is broken!", "a@mail.example")
    bench.write("2", "My parcel never arrived, terrible!", "b@mail.example")
    bench.settle()
    with bench.store.read() as connection:
        assert deliveries.counts(connection) == {
            DeliveryState.PARKED: 1,
            DeliveryState.HANDLED: 1,
        }
    assert bench.support.tickets["2"].tags
    assert "RuntimeError" in lines.getvalue()
    assert "private" not in lines.getvalue()
