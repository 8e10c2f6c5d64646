"""What only a person can do: who is asked to do it, once, and until when."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from kit import Bench
from loop_kit import COMPLAINTS

from connector.cli import cli
from connector.store import deliveries, tasks
from connector.store.tasks import TaskState

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def rate(bench: Bench, how: str, ticket: str = "1", words: str = "") -> None:
    known = bench.support.tickets[ticket]
    beside = replace(known.comments[0], external_id="r", channel="rating", body=words)
    bench.support.tickets[ticket] = replace(
        known,
        fields={"satisfaction": how} if how else {},
        comments=(*known.comments, beside) if words else known.comments,
    )
    bench.changed("support", ticket)
    bench.settle()


def listed(bench: Bench, state: TaskState | None = None) -> list[dict[str, Any]]:
    with bench.store.read() as connection:
        return [dict(row) for row in tasks.listing(connection, state, 50)]


@pytest.fixture(autouse=True)
def complaint(bench: Bench) -> None:
    bench.write("1", COMPLAINTS[0], "kari@mail.example")
    bench.settle()


def test_bad_rating_without_words_is_one_task(bench: Bench) -> None:
    rate(bench, "great")
    assert listed(bench) == []
    rate(bench, "not_good")
    rate(bench, "not_good")
    (task,) = listed(bench)
    assert (task["kind"], task["state"]) == ("bad_rating", "open")
    assert (task["source"], task["ticket"]) == ("support", "1")
    assert not [call for call in bench.support.calls if call[0] == "send_message"]


def test_status_page_shows_open_tasks_and_no_words(bench: Bench) -> None:
    rate(bench, "bad")
    app = bench.runtime.create_app()
    get = app.test_client().get
    first = get("/", base_url="http://localhost").get_data(True)
    assert "1 task for a person" in first
    page = get("/follow-ups", base_url="http://localhost").get_data(True)
    assert "rated bad without a word" in page
    assert COMPLAINTS[0] not in first + page
    rate(bench, "good")
    assert "task for a person" not in get("/", base_url="http://localhost").text


def test_bad_rating_with_words_is_judged_and_no_task(bench: Bench) -> None:
    rate(bench, "not_good", words="You sent me the same code that does not work!")
    assert listed(bench) == []


def test_task_is_settled_when_the_rating_changes_or_gets_words(bench: Bench) -> None:
    rate(bench, "bad")
    rate(bench, "good")
    assert [task["state"] for task in listed(bench)] == ["settled"]
    rate(bench, "bad")
    assert [task["state"] for task in listed(bench)] == ["open"]
    rate(bench, "bad", words="Still the wrong size.")
    assert [task["state"] for task in listed(bench)] == ["settled"]


def test_what_a_person_did_is_not_asked_again(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "sources: {support: {kind: memory}}\n"
        f"database: {{url: '{bench.config.database.url}'}}\n"
    )

    def call(*words: str) -> Result:
        return CliRunner().invoke(cli, ["tasks", *words, "--config", str(file)])

    rate(bench, "bad")
    (line,) = call("list", "--json").output.splitlines()
    number = str(json.loads(line)["id"])
    assert "was done by olga" in call("done", number, "--by", "olga").output
    again = call("done", number)
    assert (again.exit_code, "is open" in again.output) == (1, True)
    rate(bench, "good")
    rate(bench, "bad")
    assert [(task["state"], task["done_by"]) for task in listed(bench)] == [
        ("done", "olga")
    ]
    assert "nothing here" in call("list").output


def test_task_goes_along_when_two_customers_are_one(bench: Bench) -> None:
    bench.write("2", COMPLAINTS[0], "kari@old.example")
    bench.settle()
    rate(bench, "bad", ticket="2")
    known = bench.support.tickets["1"]
    customer = replace(known.customer, emails=("kari@old.example",))
    bench.support.tickets["1"] = replace(known, customer=customer)
    bench.changed("support", "1")
    bench.settle()
    with bench.store.read() as connection:
        assert deliveries.listing(connection, "parked", 1) == []
    assert [task["ticket"] for task in listed(bench)] == ["2"]
