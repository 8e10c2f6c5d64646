"""The rules in force: read from files, taken up when they change, kept when broken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from kit import START, Bench, Clock, settings
from rulebook_kit import RULE, going_by, judge, written
from structlog.testing import capture_logs

from connector.cli import cli
from connector.config import Judging, check, load
from connector.dashboard import status
from connector.errors import ConfigError
from connector.rulebook import LOOK, Rulebook, findings
from connector.store import tickets


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return written(tmp_path)


@pytest.fixture
def bench(place: Path, blank_sqlite: str) -> Iterator[Bench]:
    with going_by(place, blank_sqlite) as bench:
        yield bench


def rulebook(place: Path) -> Rulebook:
    base = settings("sqlite:///unused.db")
    return Rulebook(base.model_copy(update={"rules": place}), START)


def test_change_counts_for_the_next_ticket(bench: Bench, place: Path) -> None:
    assert judge(bench, "1") == {"lamp"}
    place.write_text(RULE.format(tag="light"))
    bench.clock.pass_(seconds=LOOK.total_seconds())
    assert judge(bench, "2") == {"light"}


def test_broken_file_leaves_the_old_rules_in_force_and_says_so(
    bench: Bench, place: Path
) -> None:
    judge(bench, "1")
    place.write_text(RULE.format(tag="light").replace("contains", "is"))
    bench.clock.pass_(seconds=LOOK.total_seconds())
    with capture_logs() as logs:
        assert judge(bench, "2") == {"lamp"}
    (told,) = [one for one in logs if one["event"] == "rules.broken"]
    assert told["mistakes"] == 1
    client = bench.runtime.create_app().test_client()
    (found,) = client.get("/status.json").json["findings"]
    assert "'is' does not fit text" in found["message"]
    assert client.get("/readyz").text == "ready, with the rules from before a mistake\n"
    assert "connector_rules_broken 1.0" in client.get("/metrics").text
    place.write_text(RULE.format(tag="light"))
    bench.clock.pass_(seconds=LOOK.total_seconds())
    assert judge(bench, "3") == {"light"}
    assert client.get("/status.json").json["findings"] == []
    assert client.get("/readyz").text == "ready\n"


def test_two_processes_agree_after_one_interval(place: Path) -> None:
    first, second = rulebook(place), rulebook(place)
    place.write_text(RULE.format(tag="light"))
    early = START + LOOK / 2
    assert first.look(early).version == second.look(early).version
    late = START + LOOK
    assert first.look(late).version == second.look(late).version
    assert first.book.rules.rules[0].id == "light"


def test_ticket_is_judged_and_decided_about_by_one_book(
    bench: Bench, place: Path
) -> None:
    before = bench.runtime.pipeline.book
    place.write_text(RULE.format(tag="light"))
    later = bench.clock.pass_(seconds=LOOK.total_seconds())
    # Another thread looks, as the status page does.
    shown = status(bench.store, bench.config, bench.runtime.rulebook, later)
    assert shown["rules"]["version"] != before.version
    assert bench.runtime.pipeline.book is before


def test_decision_names_the_version_in_force(bench: Bench) -> None:
    judge(bench, "1")
    ref = bench.support.fetch_ticket("1").ref
    with bench.store.read() as connection:
        row = tickets.find(connection, ref)
        assert row is not None
        (decision,) = {
            one.rules_version for one in tickets.decisions_of(connection, row.id)
        }
    assert decision == bench.runtime.rulebook.book.version


def test_version_changes_with_the_content_only(place: Path) -> None:
    book = rulebook(place)
    before = book.book
    place.write_text("# a remark\n" + RULE.format(tag="lamp"))
    assert book.look(START + LOOK) is before
    place.write_text(RULE.format(tag="lamp").replace("mode: act", "mode: observe"))
    assert book.look(START + 2 * LOOK).version != before.version


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "rules.yaml:1:1: error: has no list of rules; write"),
        ("tests: []\n", "has no list of rules"),
        ("rules: []\0", "rules.yaml:1:1: error: not valid YAML"),
        (
            "rules: []\nrule: []\n",
            "rules.yaml:2:1: error: 'rule' is no key of this file; did you",
        ),
        ("rules:\n  - id: a\n  id: b\n", "rules.yaml:3:3: error: not valid YAML"),
        (
            "rules: []\nrules: []\n",
            "rules.yaml:2:1: error: the key 'rules' is there twice",
        ),
        (
            "rules: [{id: a, when: {field: vip}, then: []}]\n",
            "rules.yaml:1:23: error: a: op: missing",
        ),
    ],
)
def test_what_cannot_be_used_changes_nothing(place: Path, text: str, said: str) -> None:
    book = rulebook(place)
    before = book.book
    place.write_text(text)
    assert book.look(START + LOOK) is before
    (found,) = findings(book)
    assert said in found.message


def test_missing_file_changes_nothing_either(place: Path) -> None:
    book = rulebook(place)
    before = book.book
    place.unlink()
    assert book.look(START + LOOK) is before
    assert "is not there" in findings(book)[0].message
    with pytest.raises(ConfigError):
        rulebook(place)


def test_folder_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("20-late.yaml", "10-lamp.yaml"):
        (tmp_path / name).write_text(RULE.format(tag=name[3:-5]))
    (tmp_path / "notes.txt").write_text("not read")
    book = rulebook(tmp_path)
    assert [rule.id for rule in book.book.rules.rules] == ["lamp", "late"]
    (tmp_path / "30-more.yaml").write_text(RULE.format(tag="more"))
    assert len(book.look(START + LOOK).rules.rules) == 3
    (tmp_path / "40-lamp.yaml").write_text(RULE.format(tag="lamp"))
    assert len(book.look(START + 2 * LOOK).rules.rules) == 3
    assert (
        "40-lamp.yaml:2:9: error: lamp: there is a rule of this id in 10-lamp.yaml:2"
        in findings(book)[0].message
    )


def test_configuration_names_a_file_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("sources: {support: {kind: memory}}\nrules: mine/rules.yaml\n")
    assert load(path, {}).rules == tmp_path / "mine" / "rules.yaml"


def test_rules_in_the_configuration_are_in_force_as_well() -> None:
    raw = json.loads('{"sources": {"support": {"kind": "memory"}}, "rules": []}')
    book = Rulebook(check(raw, "test"), Clock()())
    assert book.look(START + LOOK).rules.rules == ()


def test_own_words_count_at_once_and_broken_ones_leave_the_old_in_force(
    tmp_path: Path,
) -> None:
    file = tmp_path / "words.yaml"
    words = "language: en\ngroups:\n  - {name: broken, words: [%s]}\n"
    file.write_text(words % "kaput")
    base = settings("sqlite:///unused.db")
    judging = Judging(packs=str(tmp_path))
    book = Rulebook(base.model_copy(update={"judging": judging}), START)

    def complains(text: str) -> bool:
        return book.book.judge.judge("", text, "en").complaint

    first = book.book.version
    assert (complains("It is kaput."), complains("It is zonked.")) == (True, False)
    file.write_text(words % "'(kaput'")
    book.look(START + LOOK)
    assert complains("It is kaput.")
    (finding,) = findings(book)
    assert finding.subject == str(file)
    assert "groups.0.words.0" in finding.message
    file.write_text(words % "zonked")
    book.look(START + 2 * LOOK)
    assert (complains("It is kaput."), complains("It is zonked.")) == (False, True)
    assert book.book.version != first
    assert findings(book) == []


def test_start_with_a_broken_file_goes_on_with_the_last_rules(
    bench: Bench, place: Path
) -> None:
    place.write_text("rules: [")
    with pytest.raises(ConfigError, match=r"rules\.yaml:1:9"):
        Bench(bench.config)  # nothing was decided yet
    place.write_text(RULE.format(tag="lamp"))
    judge(bench, "1")
    place.write_text("rules: [")
    again = Bench(bench.config, bench.clock)
    try:
        book = again.runtime.rulebook
        assert book.trouble is not None
        assert [rule.id for rule in book.look(again.clock()).rules.rules] == ["lamp"]
        place.write_text(RULE.format(tag="light"))
        later = again.clock.pass_(seconds=LOOK.total_seconds())
        assert [rule.id for rule in book.look(later).rules.rules] == ["light"]
        assert book.trouble is None
    finally:
        again.close()


def test_start_with_broken_words_goes_on_with_the_last_words(
    blank_sqlite: str, tmp_path: Path
) -> None:
    words = "language: en\ngroups: [{name: own, effects: {complaint: 3}, words: [%s]}]"
    file = tmp_path / "en.yaml"
    file.write_text(words % "zonked")
    judging = Judging(packs=str(tmp_path))
    config = settings(blank_sqlite).model_copy(update={"judging": judging})
    first = Bench(config)
    judge(first, "1")
    version = first.runtime.rulebook.book.version
    first.close()
    file.write_text(words % "'(kaput'")
    again = Bench(config, first.clock)
    try:
        book = again.runtime.rulebook
        assert book.trouble is not None
        assert book.book.version == version
        assert book.book.judge.judge("", "It is zonked.", "en").complaint
        file.write_text(words % "kaput")
        later = again.clock.pass_(seconds=LOOK.total_seconds())
        assert book.look(later).judge.judge("", "It is kaput.", "en").complaint
        assert book.trouble is None
    finally:
        again.close()


def test_doctor_names_what_is_wrong_with_a_file_of_rules(place: Path) -> None:
    path = place.with_name("config.yaml")
    url = f"sqlite:///{place.parent}/connector.db"
    path.write_text(
        f"database: {{url: '{url}'}}\nsources: {{support: {{kind: memory}}}}\n"
        "rules: rules.yaml\n"
    )
    place.write_text(RULE.format(tag="light").replace("contains", "is"))
    done = CliRunner().invoke(cli, ["doctor", "--config", str(path)])
    assert done.exit_code == 1
    said = "rules.yaml:4:29: error: light: op: 'is' does not fit"
    assert f"PROBLEM  {place}: {said}" in done.output
    done = CliRunner().invoke(cli, ["run", "--config", str(path)])
    assert done.exit_code == 1
    assert "rules.yaml:4:29: error" in done.output
