"""The page in the helpdesk's sidebar: who sees what of which ticket, and does what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from kit import Bench, settings
from loop_kit import file_issue

from connector.sidebar import words
from connector.sidebar.panel import Panel
from connector.sidebar.visits import LASTS
from connector.store import accounts
from rules.asking import FACTS
from rules.personas import HINTS
from rules.verdict import PERSONAS

DESK = "https://desk.example"
SCRIPT = "<script>alert(1)</script>"
CODE = "The discount code does not work and I am very disappointed."
FRAMED = {
    name: {"kind": "memory", "frame_origins": [DESK]} for name in ("support", "shop")
}


@pytest.fixture
def bench(blank_sqlite: str) -> Iterator[Bench]:
    vip = {"addresses": ["customer0@mail.example"]}
    changes = {"sources": FRAMED, "vip": vip, "clocks": {"pack": "plain"}}
    made = Bench(settings(blank_sqlite, **changes))
    yield made
    made.close()


def open_(client: FlaskClient, source: str = "support", **asked: str) -> Any:
    return client.get(f"/sidebar/{source}", query_string={"token": "memory", **asked})


def token_of(answer: Any) -> str:
    assert answer.status_code == 200
    found = re.search(r'name="visit" value="([^"]+)"', answer.text)
    assert found is not None
    return found[1]


def post(client: FlaskClient, what: str, visit: str, **form: Any) -> Any:
    source = form.pop("source", "support")
    return client.post(f"/sidebar/{source}/{what}", data={"visit": visit, **form})


def write(bench: Bench, text: str = CODE, email: str = "a@mail.example") -> None:
    bench.write("1", text, email, subject="Code")
    bench.settle()


def tags(bench: Bench) -> set[str]:
    return {tag for tag in bench.support.tickets["1"].tags if tag.startswith("cc-")}


# -- who may see it


@pytest.mark.parametrize("token", ["", "wrong"])
def test_nothing_is_shown_without_a_signature(
    bench: Bench, client: FlaskClient, token: str
) -> None:
    write(bench)
    answer = open_(client, ticket="1", token=token)
    assert answer.status_code == 403
    assert "not certain who asks" in answer.text
    assert "Discount" not in answer.text and "visit" not in answer.text
    assert client.post("/sidebar/support", data={"token": token}).status_code == 403


def test_source_that_is_not_set_up_has_no_page(client: FlaskClient) -> None:
    for source in ("tracker", "none"):
        assert open_(client, source, ticket="1").status_code == 404
        assert post(client, "types", "x", source=source).status_code == 404


def test_only_the_vendors_pages_may_hold_it(bench: Bench, client: FlaskClient) -> None:
    write(bench)
    for answer in (open_(client, ticket="1"), open_(client, ticket="1", token="")):
        policy = answer.headers["Content-Security-Policy"]
        assert policy.endswith(f"frame-ancestors {DESK}")
        assert "unsafe" not in policy and "default-src 'none'" in policy
        assert "X-Frame-Options" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in answer.headers
    missing = open_(client, "none", ticket="1")
    assert "frame-ancestors 'none'" in missing.headers["Content-Security-Policy"]
    own = client.get("/sign-in")
    assert "frame-ancestors 'none'" in own.headers["Content-Security-Policy"]


def test_proof_that_was_used_before_is_refused(
    bench: Bench, client: FlaskClient
) -> None:
    write(bench)
    assert open_(client, ticket="1", proof="p").status_code == 200
    assert open_(client, ticket="1", proof="p").status_code == 403
    assert open_(client, ticket="1", proof="q").status_code == 200


def test_visit_is_good_for_one_ticket_and_one_source(
    bench: Bench, client: FlaskClient
) -> None:
    write(bench)
    bench.write("2", "My parcel never arrived, I am very angry.", "b@mail.example")
    bench.settle()
    visit = token_of(open_(client))
    shown = post(client, "ticket", visit, ticket="1")
    assert "Discount pricing" in shown.text
    assert post(client, "ticket", visit, ticket="1").status_code == 200
    other = post(client, "ticket", visit, ticket="2")
    assert other.status_code == 403 and "Delivery" not in other.text
    assert post(client, "ticket", visit, ticket="1", source="shop").status_code == 403
    opened = token_of(open_(client, ticket="2"))
    assert post(client, "ticket", opened, ticket="1").status_code == 403


def test_page_without_a_ticket_knows_and_does_nothing(
    bench: Bench, client: FlaskClient
) -> None:
    write(bench)
    answer = open_(client)
    assert "Asking which ticket is open" in answer.text
    visit = token_of(answer)
    assert post(client, "types", visit, right="delivery").status_code == 403
    for strange in ("", "../1", "x" * 101):
        assert post(client, "ticket", visit, ticket=strange).status_code == 403


def test_visit_ends(bench: Bench, client: FlaskClient) -> None:
    write(bench)
    visit = token_of(open_(client, ticket="1"))
    bench.clock.now += LASTS
    assert post(client, "types", visit, right="delivery").status_code == 403
    for wrong in ("", "x"):
        assert post(client, "types", wrong, right="delivery").status_code == 403


# -- what is to be seen


def test_everything_known_of_a_ticket_is_there(
    bench: Bench, client: FlaskClient
) -> None:
    file_issue(bench)
    bench.write("0", "No answer?! This is outrageous!!", "customer0@mail.example")
    bench.settle()
    page = open_(client, ticket="0").text
    for said in (
        "<strong>Discount pricing</strong>",
        "<strong>VIP</strong> – the list of addresses",
        "First answer: <time>2026-03-02",
        "Problem 1",
        "Customers: 5, tickets: 5. Known, and not fixed yet.",
        "SHOP-1",
        "to do",
        "Not said yet",
        "When did it happen, or since when?",
    ):
        assert said in page, said
    assert page.count("<li>Wh") <= 3
    # No word of a customer, and nothing that says who they are.
    for theirs in ("customer0@", "AUTUMN20 does not work", "outrageous"):
        assert theirs not in page


def test_persona_comes_with_its_hint(bench: Bench, client: FlaskClient) -> None:
    write(bench, "The discount code is a SCAM!!! I will sue you, you thieves!!!")
    page = open_(client, ticket="1").text
    assert f"<strong>Outspoken</strong> – {HINTS['outspoken']}" in page


def test_ticket_that_was_never_read_says_so(client: FlaskClient) -> None:
    assert "has not read this ticket yet" in open_(client, ticket="7").text


def test_ticket_that_is_no_complaint_says_so(bench: Bench, client: FlaskClient) -> None:
    write(bench, "When do you open on Sunday?")
    page = open_(client, ticket="1").text
    assert "No complaint, as far as we see." in page and "It is a complaint?" in page


def test_late_clock_is_late(bench: Bench, client: FlaskClient) -> None:
    write(bench)
    bench.clock.pass_(hours=30)
    assert "(late)" in open_(client, ticket="1").text


def test_customers_words_are_nowhere_and_run_nowhere(
    bench: Bench, client: FlaskClient
) -> None:
    bench.write("1", f"{CODE} {SCRIPT}", "a@mail.example", subject=f"Code {SCRIPT}")
    bench.settle()
    assert SCRIPT not in open_(client, ticket="1").text
    strange = open_(client, ticket=SCRIPT, who=SCRIPT)
    assert SCRIPT not in strange.text
    refused = post(client, "types", token_of(open_(client, ticket="1")), right=SCRIPT)
    assert refused.status_code == 409 and SCRIPT not in refused.text


def test_legacy_app_gets_markup_without_buttons(
    bench: Bench, client: FlaskClient
) -> None:
    write(bench)
    answer = open_(client, ticket="1", markup="yes")
    html = answer.json["html"]
    assert "Discount pricing" in html
    assert "<form" not in html and "<html" not in html


@pytest.mark.parametrize(("asked", "said"), [("nb-NO", "Handler om"), ("fi", "Aihe")])
def test_page_speaks_the_agents_language(
    bench: Bench, client: FlaskClient, asked: str, said: str
) -> None:
    write(bench)
    query = {"token": "memory", "ticket": "1"}
    headers = {"Accept-Language": asked}
    page = client.get("/sidebar/support", query_string=query, headers=headers).text
    assert f"<h2>{said}</h2>" in page


def test_every_language_says_everything() -> None:
    known = words.all_words("en")
    parts = {name: set(one) for name, one in known.items() if isinstance(one, dict)}
    assert known["hints"] == HINTS
    assert parts["personas"] == set(PERSONAS)
    assert parts["facts"] == parts["questions"] == set(FACTS)
    for language in words.LANGUAGES:
        spoken = words.all_words(language)
        assert set(spoken) == set(known)
        assert {name: set(spoken[name]) for name in parts} == parts


# -- what agents do


def test_other_type_is_written_learnt_and_recorded(
    bench: Bench, client: FlaskClient
) -> None:
    write(bench)
    assert tags(bench) == {"cc-discount_pricing"}
    visit = token_of(open_(client, ticket="1", who="user 7"))
    said = {"wrong": "discount_pricing", "right": "delivery"}
    answer = post(client, "types", visit, **said)
    assert "<strong>Delivery</strong>" in answer.text and "Noted." in answer.text
    bench.settle()
    assert tags(bench) == {"cc-delivery"}
    with bench.store.read() as connection:
        (deed,) = accounts.recorded(connection, 5)
    assert (deed["who"], deed["subject"]) == ("support: user 7", "support:1")


def test_no_complaint_takes_every_type_off(bench: Bench, client: FlaskClient) -> None:
    write(bench, f"{CODE} My parcel never arrived either, and that is a shame.")
    assert len(tags(bench)) == 2
    page = open_(client, ticket="1")
    assert "Not this" in page.text
    kinds = [tag.removeprefix("cc-") for tag in tags(bench)]
    answer = post(client, "types", token_of(page), wrong=kinds)
    assert "No complaint, as far as we see." in answer.text
    bench.settle()
    assert tags(bench) == set()


def test_questions_are_few() -> None:
    assert Panel(missing=tuple(FACTS)).questions == FACTS[:3]
