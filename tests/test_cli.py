"""The commands that look into a connector, as a person types them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
import yaml
from click.testing import CliRunner, Result
from kit import Bench
from loop_kit import complain, file_issue

from connector.cli import cli
from connector.store.schema import tickets


@pytest.fixture
def told(
    make_bench: Callable[..., Bench], tmp_path: Path, database_url: str
) -> Iterator[tuple[Bench, Callable[..., Result]]]:
    """Give a connector that has filed an issue, and a way to type commands at it."""
    bench = make_bench()
    config = tmp_path / "config.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "database": {"url": database_url},
                "sources": {
                    name: {"kind": "memory"} for name in ("support", "shop", "tracker")
                },
                "problems": {"tracker": "tracker", "project": "SHOP"},
            }
        ),
        encoding="utf-8",
    )

    def type_(*words: str) -> Result:
        return CliRunner().invoke(cli, [*words, "--config", str(config)])

    yield bench, type_
    structlog.reset_defaults()


Told = tuple[Bench, Callable[..., Result]]


def test_explain_tells_every_tag_with_its_rule_and_reason(told: Told) -> None:
    bench, type_ = told
    complain(bench, 1)
    bench.settle()
    shown = type_("explain", "support:0")
    assert shown.exit_code == 0, shown.output
    assert "added cc-discount_pricing by pack.type" in shown.output
    assert "problem 1: the first of its kind" in shown.output
    assert "tag cc-discount_pricing: written" in shown.output
    plain = json.loads(type_("explain", "support:0", "--json").output)
    assert plain["verdict"]["complaint"] is True
    assert plain["rules_version"]


def test_explain_knows_a_ticket_by_the_number_that_agents_see(told: Told) -> None:
    bench, type_ = told
    complain(bench, 1)
    bench.settle()
    with bench.store.write() as connection:
        first = tickets.update().where(tickets.c.external_id == "0")
        connection.execute(first.values(number="1042"))
    shown = type_("explain", "support:1042").output
    assert shown.startswith("support:0 (number 1042), decided ")


def test_explain_keeps_what_was_decided_before(told: Told) -> None:
    bench, type_ = told
    bench.write("1", "What are your opening hours?", "a@mail.example")
    bench.settle()
    bench.write("1", "My parcel never arrived, terrible service!", "a@mail.example")
    bench.settle()
    lines = type_("explain", "support:1", "--all", "--json").output.splitlines()
    judged = [json.loads(line)["verdict"]["complaint"] for line in lines]
    assert judged == [False, True]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("explain", "support:404"), 1, "never decided"),
        (("explain", "nonsense"), 2, "SOURCE:ID"),
        (("inbox", "show", "404"), 1, "no delivery 404"),
        (("outbox", "show", "404"), 1, "no outbox row 404"),
        (("groups", "show", "404"), 1, "no problem 404"),
        (("outbox", "retry", "404"), 1, "left alone"),
        (("inbox", "discard", "404"), 1, "left alone"),
    ],
)
def test_what_is_not_there_is_said(
    told: Told, words: tuple[str, ...], code: int, said: str
) -> None:
    _, type_ = told
    shown = type_(*words)
    assert (shown.exit_code, said in shown.output) == (code, True), shown.output


def test_lists_and_details(told: Told) -> None:
    bench, type_ = told
    file_issue(bench)
    groups = json.loads(type_("groups", "list", "--json").output.splitlines()[0])
    assert (groups["state"], groups["customers"]) == ("filed", 5)
    shown = type_("groups", "show", str(groups["id"])).output
    assert "SHOP-" in shown
    members = type_("groups", "show", str(groups["id"]), "--json").output.splitlines()
    assert "same code E-4012" in json.loads(members[2])["because"]
    assert "create_issue" in type_("outbox", "list").output
    row = type_("outbox", "show", "1", "--json").output
    assert json.loads(row)["operation"]
    assert "handled" in type_("inbox", "list").output
    assert '"ticket"' in type_("inbox", "show", "1").output


def test_parked_delivery_is_replayed_or_discarded(told: Told) -> None:
    bench, type_ = told
    for _ in range(2):
        bench.changed("shop", 'not"json')
    bench.settle()
    parked = type_("inbox", "list", "--state", "parked", "--json").output.splitlines()
    first, second = (str(json.loads(line)["id"]) for line in parked)
    assert "1 discarded" in type_("inbox", "discard", first).output
    assert "1 will be handled" in type_("inbox", "retry", second).output


def test_doctor_is_content_with_a_working_connector(told: Told) -> None:
    _, type_ = told
    shown = type_("doctor")
    assert shown.exit_code == 0, shown.output
    assert "has our schema" in shown.output
    findings = [
        json.loads(line) for line in type_("doctor", "--json").output.splitlines()
    ]
    assert {finding["level"] for finding in findings} == {"ok"}


def test_doctor_finds_a_database_that_is_not_there(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "database: {url: 'postgresql://nobody@127.0.0.1:1/none'}\n"
        "sources: {support: {kind: memory}}\n",
        encoding="utf-8",
    )
    shown = CliRunner().invoke(cli, ["doctor", "--config", str(config)])
    structlog.reset_defaults()
    assert shown.exit_code == 1
    assert "PROBLEM  database" in shown.output
    assert "start the database" in shown.output


def test_send_says_when_nobody_answers(told: Told, tmp_path: Path) -> None:
    _, type_ = told
    body = tmp_path / "event.json"
    body.write_text('{"ticket": "1"}', encoding="utf-8")
    shown = type_("send", str(body), "--source", "shop", "--to", "http://127.0.0.1:1")
    assert shown.exit_code == 1
    assert "is it running?" in shown.output
    wrong = type_("send", str(body), "--source", "nobody")
    assert wrong.exit_code == 2
    assert "no source 'nobody'" in wrong.output
