"""The ``group`` command: its contract, line by line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from connector.cli.group import TicketLine, TicketStream, group
from rules.judge import default_judge
from rules.thresholds import Thresholds

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
CONFIG = """\
sources:
  support:
    kind: zendesk
    base_url: https://example.zendesk.com
    email: agent@example.com
    api_token: not-a-token
    webhook_secret: not-a-secret
problems:
  customers: 2
  fast_customers: 0
"""
LAMP = "the Nordlys lamp flickers all the time"


def line(number: int, **keys: Any) -> str:
    """A ticket; one every ten minutes, each from somebody else."""
    ticket = {
        "id": f"t{number}",
        "ts": (START + timedelta(minutes=10 * number)).isoformat(),
        "subject": "",
        "text": LAMP,
        "customer": f"c{number}",
        "lang": "en",
    }
    return json.dumps(ticket | keys)


def run(lines: list[str], *options: str) -> Result:
    return CliRunner().invoke(group, list(options), input="\n".join(lines) + "\n")


def alerts(
    tmp_path: Path, lines: list[str], *options: str, code: int = 0
) -> list[dict[str, Any]]:
    path = tmp_path / "alerts.jsonl"
    result = run(lines, "--alerts", str(path), *options)
    assert result.exit_code == code, result.output
    return [json.loads(text) for text in path.read_text().splitlines()]


def test_each_ticket_is_answered_in_order() -> None:
    result = run([line(0), line(1, text="the zip of the tent is stuck"), line(2)])
    answers = [json.loads(text) for text in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert [sorted(answer) for answer in answers] == [
        ["group", "id", "new", "reasons"]
    ] * 3
    assert [(a["id"], a["group"], a["new"]) for a in answers] == [
        ("t0", "g1", True),
        ("t1", "g2", True),
        ("t2", "g1", False),
    ]
    assert answers[2]["reasons"]


def test_an_alert_is_given_once_with_what_it_counts(tmp_path: Path) -> None:
    lines = [line(n, customer=f"c{max(1, n)}") for n in range(6)]
    assert alerts(tmp_path, lines, "--customers", "3", "--window", "24h") == [
        {
            "group": "g1",
            "ts": "2026-03-02T08:30:00Z",
            "id": "t3",
            "customers": 3,
            "tickets": 4,
            "rule": "threshold",
        }
    ]


@pytest.mark.parametrize(
    ("options", "rules"),
    [
        ((), ["fast"]),  # the defaults: 5 in 7 days, 4 in 4 hours
        (("--customers", "5"), ["threshold"]),
        (("--customers", "9"), []),
        (("--window", "7d"), ["threshold"]),
        (("--customers", "9", "--fast-customers", "4"), ["fast"]),
        (("--customers", "9", "--fast-window", "4h"), ["fast"]),
        (("--customers", "9", "--fast-customers", "0"), []),
        (("--customers", "0"), []),
        (("--fast-customers", "0"), ["threshold"]),
        (("--customers", "5", "--window", "30m"), []),
    ],
)
def test_the_fast_lane_is_off_when_only_the_other_is_asked_for(
    tmp_path: Path, options: tuple[str, ...], rules: list[str]
) -> None:
    given = alerts(tmp_path, [line(n) for n in range(6)], *options)
    assert [alert["rule"] for alert in given] == rules


def test_one_customer_who_writes_often_makes_no_alert(tmp_path: Path) -> None:
    lines = [line(n, customer="c1") for n in range(9)]
    assert alerts(tmp_path, lines, "--customers", "2") == []


def test_an_incident_in_other_words_makes_no_second_alert(tmp_path: Path) -> None:
    first = "the wallet page crashes since the update"
    second = "crash, crash, whenever I open wallet, terrible page of yours"
    lines = [line(n, text=(first, second)[n % 2]) for n in range(8)]
    answers = [json.loads(text) for text in run(lines).stdout.splitlines()]
    assert {answer["group"] for answer in answers} == {"g1", "g2"}
    given = alerts(tmp_path, lines, "--customers", "3")
    assert [alert["group"] for alert in given] == ["g1"]


def test_what_people_always_write_about_makes_no_alert(tmp_path: Path) -> None:
    often = "the alarm rings too early"
    lines = [
        line(
            number,
            ts=(START + timedelta(hours=4 * number)).isoformat(),
            text=often if number % 3 == 0 else f"thing{'abcdefgh'[number % 8]} is odd",
        )
        for number in range(200)
    ]
    few_know = ("--customers", "6", "--window", "72h")
    assert len(alerts(tmp_path, lines[:60], *few_know)) == 1
    known = [json.dumps(json.loads(text) | {"customer": "c"}) for text in lines[:60]]
    assert alerts(tmp_path, known + lines[60:], *few_know) == []


def test_tickets_of_nobody_known_count_each(tmp_path: Path) -> None:
    lines = [line(n, customer=None) for n in range(3)]
    assert len(alerts(tmp_path, lines, "--customers", "3")) == 1


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("no json", "JSON"),
        ('{"ts": "2026-03-02T08:00:00Z"}', "id: missing"),
        ('{"id": "x"}', "ts: missing"),
        ('{"id": "x", "ts": "yesterday"}', "ts: value error"),
        ('{"id": "x", "ts": null}', "ts: "),
        ('["a list"]', "JSON"),
    ],
)
def test_a_bad_line_is_named_and_the_rest_goes_on(bad: str, said: str) -> None:
    result = run([line(0), bad, line(1)])
    assert result.exit_code == 1
    assert [json.loads(t)["id"] for t in result.stdout.splitlines()] == ["t0", "t1"]
    assert result.stderr.startswith("line 2: ")
    assert said in result.stderr


def test_a_bad_line_never_shows_the_customers_words() -> None:
    result = run(['{"id": "x", "ts": "secret words", "text": 5}'])
    assert "secret" not in result.stderr


def test_no_subject_is_an_empty_one() -> None:
    result = run([line(0), line(1, subject=None), line(2, text=None)])
    assert result.exit_code == 0
    found = [json.loads(text)["group"] for text in result.stdout.splitlines()]
    assert found == ["g1", "g1", "g2"]


def test_empty_lines_are_skipped() -> None:
    result = run(["", line(0), "   "])
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 1


@pytest.mark.parametrize("ts", ["2026-03-02T08:00:00", "2026-03-02T09:00:00+01:00"])
def test_times_without_an_offset_are_utc(tmp_path: Path, ts: str) -> None:
    given = alerts(tmp_path, [line(0, ts=ts)], "--customers", "1")
    assert given[0]["ts"] == "2026-03-02T08:00:00Z"


def test_ids_come_back_as_they_were() -> None:
    result = run([line(0, id=17)])
    assert json.loads(result.stdout)["id"] == 17


def test_letters_are_written_as_letters() -> None:
    result = run([line(0, text="lampen på badet blinker", id="Å1", lang="nb")])
    assert '"Å1"' in result.stdout


@pytest.mark.parametrize(
    "options",
    [
        ("--customers", "-1"),
        ("--window", "soon"),
        ("--window", "0s"),
        ("--config", "no-such-file.yaml"),
    ],
)
def test_wrong_usage_exits_with_two(options: tuple[str, ...]) -> None:
    assert run([line(0)], *options).exit_code == 2


def test_thresholds_can_come_from_the_configuration(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    lines = [line(n) for n in range(6)]
    given = alerts(tmp_path, lines, "--config", str(config))
    assert [alert["id"] for alert in given] == ["t1"]


def test_words_of_the_house_can_come_from_the_configuration(tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.mkdir()
    pack = (
        "language: en\ngroups:\n  - {name: glad, effects: {praise: 5}, words: [zorp]}"
    )
    (words / "en.yaml").write_text(pack)
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    lines = [line(n, text="zorp, the Nordlys lamp") for n in range(4)]
    options = "--config", str(config)
    assert len(alerts(tmp_path, lines, *options)) == 1
    config.write_text(f"{CONFIG}judging:\n  packs: {words}\n")
    assert alerts(tmp_path, lines, *options) == []


def test_counts_outside_the_window_are_dropped() -> None:
    stream = TicketStream(Thresholds(window="1h", fast_window="1h"), default_judge())
    for number in range(50):
        text = f"thing{chr(97 + number % 26)} {chr(97 + number // 26)}ish is odd"
        ticket = line(number, text=text)
        stream.place(TicketLine.model_validate_json(ticket))
    assert len(stream) <= 6


def test_help_shows_an_example() -> None:
    result = run([], "--help")
    assert result.exit_code == 0
    assert "complaint-connector group --alerts" in result.stdout


GLAD = "I love the Nordlys lamp, thank you"


@pytest.mark.parametrize(
    ("case", "texts", "alerted"),
    [
        ("all are glad", [GLAD] * 4, 0),
        ("some only name it", [GLAD, "the Nordlys lamp"] * 2, 0),
        ("glad, and somebody who is not", [*[LAMP] * 3, GLAD], 1),
        ("no word of praise", [LAMP] * 4, 1),
    ],
)
def test_praise_is_no_problem(
    tmp_path: Path, case: str, texts: list[str], alerted: int
) -> None:
    lines = [line(n, text=text) for n, text in enumerate(texts)]
    given = alerts(tmp_path, lines, "--customers", "4", "--window", "24h")
    assert len(given) == alerted, case
