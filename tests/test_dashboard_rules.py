"""The page of the rules: how they go, switching them, and trying them on any words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dashboard_kit import SCRIPT, post, signed_in
from flask.testing import FlaskClient
from kit import Bench, settings
from sqlalchemy import func, select
from structlog.testing import capture_logs

from connector import accounts
from connector.models import Mode, Role
from connector.store import demotions, labels
from connector.store.demotions import Unit
from connector.store.labels import Label
from connector.store.tables import metadata

RULES = {
    "rules": [
        {
            "id": "lamp",
            "mode": "observe",
            "when": {"field": "text", "op": "contains", "value": "lamp"},
            "then": [{"add_tag": "lamp"}, {"priority": "high"}],
        }
    ]
}


@pytest.fixture
def bench(blank_sqlite: str) -> Iterator[Bench]:
    made = Bench(settings(blank_sqlite, rules=RULES, vip={"domains": ["gold.example"]}))
    yield made
    made.close()


def counts(bench: Bench) -> dict[str, int]:
    """Return how many rows each table has."""
    with bench.store.read() as connection:
        return {
            table.name: connection.execute(
                select(func.count()).select_from(table)
            ).scalar_one()
            for table in metadata.sorted_tables
        }


def test_words_are_judged_and_nothing_of_them_is_kept(
    bench: Bench, client: FlaskClient
) -> None:
    code = signed_in(bench, client, Role.VIEWER)
    before = counts(bench)
    words = f"I am furious, this lamp arrived broken {SCRIPT}"
    with capture_logs() as logs:
        said = client.post(
            "/rules/try",
            data={"csrf": code, "text": words, "email": "a@gold.example"},
            headers={"HX-Request": "true"},
        ).text
    assert "<strong>A complaint</strong>" in said and "<html" not in said
    assert '<mark class="mark">furious</mark>' in said
    assert SCRIPT not in said and "&lt;script&gt;" in said
    assert "VIP by the domain gold.example" in said
    assert "<strong>lamp</strong> (observe): tag lamp, priority high" in said
    assert counts(bench) == before
    assert not any("furious" in str(line) for line in logs)
    whole = post(client, "/rules/try", code, text=words).text
    assert "<html" in whole and "<strong>A complaint</strong>" in whole
    assert "None of your rules" in post(client, "/rules/try", code, text="Hi").text


@pytest.mark.parametrize("text", ["", "🔥", "x" * 200_000, "\x00\u202e"])
def test_whatever_is_typed_has_an_answer(
    bench: Bench, client: FlaskClient, text: str
) -> None:
    code = signed_in(bench, client)
    assert post(client, "/rules/try", code, text=text).status_code == 200


def test_rule_is_switched_by_admins_and_that_is_taken_back(
    bench: Bench, client: FlaskClient
) -> None:
    code = signed_in(bench, client)
    form = {"rule": "lamp", "mode": "act"}
    done = post(client, "/rules/switch", code, **form)
    page = client.get(done.headers["Location"]).text
    assert "rule lamp went from observe to act" in page
    assert "admin says so since" in page and "the file says observe" in page
    assert bench.runtime.rulebook.book.rules.rules[0].mode is Mode.ACT
    again = post(client, "/rules/switch", code, **form)
    assert again.status_code == 409 and "is in act already" in again.text
    number = done.headers["Location"].rpartition("=")[2]
    agents = signed_in(bench, client, Role.AGENT)
    assert post(client, "/rules/switch", agents, **form).status_code == 403
    assert post(client, f"/undo/{number}", agents).status_code == 403
    client.delete_cookie("cc_session")
    with bench.store.write() as connection:
        token = accounts.begin(connection, 1, "admin", bench.clock())
    client.set_cookie("cc_session", token)
    back = post(client, f"/undo/{number}", accounts.csrf(token))
    assert back.headers["Location"].startswith("/rules?did=")
    assert client.get("/rules").status_code == 200
    assert bench.runtime.rulebook.book.rules.rules[0].mode is Mode.OBSERVE


def test_what_rules_did_and_what_people_said_is_counted(
    bench: Bench, client: FlaskClient
) -> None:
    for number in range(3):
        words = "My lamp arrived broken, I am very disappointed"
        bench.write(str(number), words, f"{number}@mail.example")
    bench.settle()
    version = bench.runtime.rulebook.book.judge.version
    unit = Unit("pack.type", "cc-product_quality", "en", version)
    with bench.store.write() as connection:
        rows = [
            {
                "ticket_id": ticket,
                "tag": unit.tag,
                "rule": unit.rule,
                "rule_version": version,
                "label": label,
                "at": bench.clock(),
            }
            for ticket, label in ((1, Label.KEPT), (2, Label.REMOVED))
        ]
        labels.put(connection, rows)
        demotions.demote(connection, unit, 1, 2, bench.clock())
    code = signed_in(bench, client)
    assert "Count what they did" in client.get("/rules").text
    bench.clock.pass_(minutes=1)
    page = " ".join(client.get("/rules?counted=1").text.split())
    assert '<td>tag lamp, priority high</td><td class="n">3</td>' in page
    assert "cc-product_quality (en): 50 % (9–91 %) · 1 kept, 1 removed" in page
    assert "only suggested, because people took it off" in page
    form = {"rule": unit.rule, "tag": unit.tag}
    done = post(client, "/rules/promote", code, **form)
    assert (
        "writes cc-product_quality in en again"
        in client.get(done.headers["Location"]).text
    )
    assert "only suggested" not in client.get("/rules").text
    assert post(client, "/rules/promote", code, **form).status_code == 409
    number = done.headers["Location"].rpartition("=")[2]
    undone = post(client, f"/undo/{number}", code)
    assert "only suggests cc-product" in client.get(undone.headers["Location"]).text
    assert "only suggested, because" in client.get("/rules").text
    assert post(client, f"/undo/{number}", code).status_code == 409


def test_what_packs_find_is_said_in_the_readers_words(client: FlaskClient) -> None:
    norwegian = client.get("/rules", headers={"Accept-Language": "nb"}).text
    assert '<span title="product_quality">Produktkvalitet</span>, ' in norwegian
    assert '<span title="frequent">klager ofte</span>' in norwegian
    page = client.get("/rules").text
    assert ">product_quality<" not in page
    assert page.count("<td></td>") >= 3  # where a dash stands


def test_undo_takes_back_what_was_said_then_and_nothing_later(
    bench: Bench, client: FlaskClient
) -> None:
    code = signed_in(bench, client)
    english = Unit("pack.type", "cc-delivery", "en", "1")
    norwegian = english._replace(language="nb")
    form = {"rule": "pack.type", "tag": "cc-delivery"}
    numbers = []
    for unit in (english, norwegian):
        with bench.store.write() as connection:
            demotions.demote(connection, unit, 1, 20, bench.clock())
        bench.clock.pass_(minutes=1)
        done = post(client, "/rules/promote", code, **form)
        numbers.append(done.headers["Location"].rpartition("=")[2])
    assert post(client, f"/undo/{numbers[0]}", code).status_code == 303
    with bench.store.read() as connection:
        assert demotions.demoted(connection) == {english}
    bench.clock.pass_(minutes=1)
    post(client, "/rules/promote", code, **form)
    assert post(client, f"/undo/{numbers[1]}", code).status_code == 303
    with bench.store.read() as connection:
        assert demotions.demoted(connection) == {norwegian}
