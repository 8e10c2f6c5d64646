"""Tickets that come whole in a delivery, on the whole road and on both databases."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import responses
from click.testing import CliRunner
from kit import Bench
from sandbox_kit import serving
from sqlalchemy import delete

from adapters.generic import signing
from connector.cli import cli
from connector.models import EventKind, TicketRef, WebhookRequest
from connector.store import carried, deliveries, outbox, schema, tickets
from connector.store.schema import AnyRow

SECRET, BACK = (
    f"whsec_{base64.b64encode(bytes([number]) * 32).decode()}" for number in (1, 2)
)
KEYS = [signing.key_of(SECRET)]
CALLBACK = "https://forms.example.com/complaints"
WRITES = {"callback_url": CALLBACK, "callback_secret": BACK}
COMPLAINT = "The discount code HARVEST30 does not work, error E-7041. Really annoying!"
TAG = "cc-discount_pricing"


class Forms:
    """A web form in front of a connector."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.adapter = bench.runtime.adapters["forms"]

    def send(
        self, ticket: str = "7", text: str = COMPLAINT, key: str = "", **data: Any
    ) -> None:
        """Post one delivery, signed, and let the connector work it off."""
        said = {"id": ticket, "subject": "", "text": text, **data}
        said.setdefault("customer", {"email": "kari@example.com"})
        body = json.dumps({"type": "ticket.changed", "data": said}).encode()
        signed = dict(self.adapter.sign(body, None, self.bench.clock()).headers)
        if key:
            signed["webhook-id"] = key
        request = WebhookRequest(signed, body)
        if not key:
            self.adapter.verify(request, self.bench.clock())
        row = deliveries.new(
            "forms",
            self.adapter.delivery_id(request),
            {},
            body,
            self.bench.clock(),
        )
        with self.bench.store.write() as connection:
            deliveries.accept(connection, [row])
        self.bench.settle()

    def ticket(self, number: str = "7") -> AnyRow:
        with self.bench.store.read() as connection:
            found = tickets.find(connection, TicketRef("forms", number))
        assert found is not None
        return found

    def tag(self) -> str | None:
        """Return what the ledger says of the tag for the complaint's type."""
        with self.bench.store.read() as connection:
            line = tickets.ledger(connection, self.ticket().id).get(TAG)
        return line.state if line else None

    def rows(self, state: str) -> list[tuple[str, str]]:
        with self.bench.store.read() as connection:
            listed = outbox.listing(connection, state, 50)
        return sorted((row["operation"], row["error"]) for row in listed)

    def reread(self) -> None:
        """Let the ticket be read again, as a sweep or a merge asks for it."""
        again = (EventKind.TICKET_CHANGED, "forms", "7")
        with self.bench.store.write() as connection:
            rows = deliveries.refresh_rows([again], self.bench.clock())
            deliveries.accept(connection, rows)
        self.bench.settle()


MakeForms = Callable[..., Forms]


@pytest.fixture
def make_forms(make_bench: Callable[..., Bench]) -> MakeForms:
    def make(**settings: Any) -> Forms:
        source = {"kind": "generic", "webhook_secret": SECRET, **settings}
        return Forms(make_bench(sources={"forms": source}))

    return make


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.post(CALLBACK)
        yield mock


def posted(web: responses.RequestsMock) -> list[str]:
    return [json.loads(call.request.body)["type"] for call in web.calls]


def test_form_becomes_a_judged_ticket_and_writes_are_only_recorded(
    make_forms: MakeForms,
) -> None:
    forms = make_forms()
    forms.send()
    assert forms.ticket().complaint
    why = "this source takes no writes: it has no callback_url"
    assert forms.rows("observed") == [("add_note", why), ("change_tags", why)]
    assert forms.rows("parked") == forms.rows("pending") == []


def test_complaints_of_forms_and_mails_are_one_problem(make_forms: MakeForms) -> None:
    forms = make_forms()
    for number in range(3):
        customer = {"email": f"form{number}@example.com"}
        forms.send(str(number), customer=customer)
        forms.bench.write(f"m{number}", COMPLAINT, f"mail{number}@example.com")
        forms.bench.settle()
    forms.bench.clock.pass_(minutes=11)
    forms.bench.settle()
    tracker = forms.bench.tracker
    assert len(tracker.issues) == 1
    links = [value for what, _, value in tracker.calls if what == "link_ticket"]
    # A form has no page of its own to link to.
    assert sorted(link.title for link in links) == [  # type: ignore[attr-defined]
        "support m0",
        "support m1",
        "support m2",
    ]


def test_callback_gets_tags_and_note_once(
    make_forms: MakeForms, web: responses.RequestsMock
) -> None:
    forms = make_forms(**WRITES)
    forms.send()
    assert sorted(posted(web)) == ["ticket.note", "ticket.tags"]
    forms.reread()
    assert len(web.calls) == 2
    assert forms.rows("done") == [("add_note", ""), ("change_tags", "")]


def test_repeated_delivery_changes_nothing(make_forms: MakeForms) -> None:
    forms = make_forms()
    forms.send(key="msg_1")
    forms.send(text="Thank you so much!", key="msg_1")
    assert forms.ticket().complaint


def test_late_delivery_changes_nothing(make_forms: MakeForms) -> None:
    forms = make_forms()
    forms.send(subject="new", updated_at="2026-03-02T08:30:00Z")
    forms.send(subject="old", updated_at="2026-03-02T08:00:00Z")
    assert forms.ticket().subject == "new"
    forms.send(subject="newest", updated_at="2026-03-02T08:30:00Z")
    assert forms.ticket().subject == "newest"


def test_newest_of_several_that_wait_counts(make_forms: MakeForms) -> None:
    forms = make_forms()
    forms.bench.settle = lambda: None  # type: ignore[method-assign]
    for hour in (3, 1, 5, 2):
        forms.send(subject=str(hour), updated_at=f"2026-03-02T0{hour}:00:00Z")
    del forms.bench.settle
    forms.bench.settle()
    assert forms.ticket().subject == "5"


def test_ticket_is_read_again_from_what_is_kept(make_forms: MakeForms) -> None:
    """Also when the inbox's rows were cleared away."""
    forms = make_forms()
    forms.send(subject="kept")
    before = forms.ticket()
    with forms.bench.store.write() as connection:
        connection.execute(delete(schema.deliveries))
    forms.bench.clock.pass_(days=30)
    forms.reread()
    after = forms.ticket()
    assert after.version > before.version
    assert (after.subject, after.updated_at) == ("kept", before.updated_at)


def test_ticket_that_is_not_kept_is_looked_at_by_a_person(
    make_forms: MakeForms,
) -> None:
    forms = make_forms()
    forms.reread()
    with forms.bench.store.read() as connection:
        (row,) = deliveries.listing(connection, "parked", 10)
    assert "come in deliveries only" in row["reason"]


def test_sender_without_tags_vetoes_nothing(
    make_forms: MakeForms, web: responses.RequestsMock
) -> None:
    forms = make_forms(**WRITES)
    forms.send()
    assert forms.tag() == "written"
    forms.bench.clock.pass_(hours=1)
    forms.send()
    forms.reread()
    assert forms.tag() == "written"
    assert posted(web).count("ticket.tags") == 1


def test_tags_that_stood_before_ours_veto_nothing(
    make_forms: MakeForms, web: responses.RequestsMock
) -> None:
    """The kept delivery is older than our write, and is read again after it."""
    forms = make_forms(**WRITES)
    forms.send(tags=["checkout"])
    forms.reread()
    assert forms.tag() == "written"


def test_tag_that_a_person_removed_stays_away(
    make_forms: MakeForms, web: responses.RequestsMock
) -> None:
    forms = make_forms(**WRITES)
    forms.send(tags=[])
    forms.bench.clock.pass_(hours=1)
    forms.send(tags=[TAG])
    assert forms.tag() == "written"
    forms.bench.clock.pass_(hours=1)
    forms.send(tags=["checkout"])
    assert forms.tag() == "vetoed"
    forms.send(tags=["checkout"], text=f"{COMPLAINT} Again!")
    assert posted(web).count("ticket.tags") == 1


def test_tag_of_ours_that_no_longer_holds_is_taken_off(
    make_forms: MakeForms, web: responses.RequestsMock
) -> None:
    forms = make_forms(**WRITES)
    forms.send()
    forms.bench.clock.pass_(hours=1)
    forms.send(text="Thank you so much, it works now!")
    said = [json.loads(call.request.body) for call in web.calls]
    removed = [one["data"]["remove"] for one in said if one["type"] == "ticket.tags"]
    assert [TAG in tags for tags in removed] == [False, True]
    assert forms.tag() is None


def test_deleted_ticket_is_written_nothing(
    make_forms: MakeForms, web: responses.RequestsMock
) -> None:
    forms = make_forms(**WRITES)
    forms.send(status="deleted")
    assert (forms.ticket().status, len(web.calls)) == ("deleted", 0)


def test_body_that_cannot_be_read_is_parked_with_its_place(
    make_forms: MakeForms,
) -> None:
    forms = make_forms()
    forms.send(text=None)
    with forms.bench.store.read() as connection:
        (row,) = deliveries.listing(connection, "parked", 10)
    assert "give text, messages or a rating" in row["reason"]


def test_ticket_is_fetched_where_it_can_be(make_forms: MakeForms) -> None:
    url = "https://forms.example.com/tickets/"
    forms = make_forms(ticket_url=f"{url}{{id}}")
    with responses.RequestsMock() as web:
        web.get(f"{url}7", json={"id": 7, "subject": "fetched", "text": COMPLAINT})
        forms.send(subject="sent")
    assert forms.ticket().subject == "fetched"
    with forms.bench.store.read() as connection:
        assert carried.find(connection, TicketRef("forms", "7")) is None


def test_recorded_bodies_can_be_sent_to_a_running_connector(
    make_forms: MakeForms, tmp_path: Path
) -> None:
    bench = make_forms().bench
    bench.clock.now = datetime.now(UTC)  # what is signed is signed at the real time
    runtime = bench.runtime
    config = tmp_path / "config.yaml"
    source = f"{{kind: generic, webhook_secret: {SECRET}}}"
    config.write_text(f"sources: {{forms: {source}}}\n", encoding="utf-8")
    body = tmp_path / "form.json"
    data = {"id": "7", "text": COMPLAINT}
    body.write_text(json.dumps({"type": "ticket.changed", "data": data}))
    runtime.acceptor.start()
    try:
        with serving(runtime.create_app(), 0) as port:
            words = ["send", str(body), "--source", "forms", "--config", str(config)]
            to = f"http://127.0.0.1:{port}"
            shown = CliRunner().invoke(cli, [*words, "--to", to])
    finally:
        runtime.acceptor.stop()
    assert (shown.exit_code, shown.output.split()[:2]) == (0, ["200", "form.json"])
    runtime.worker.run_once()
    with runtime.store.read() as connection:
        assert tickets.find(connection, TicketRef("forms", "7")) is not None


def test_door_takes_a_delivery_once_by_its_id(make_forms: MakeForms) -> None:
    bench = make_forms().bench
    bench.runtime.acceptor.start()
    client = bench.runtime.create_app().test_client()
    try:
        for body in (b"{}", b"[]", b"[]"):
            signed = signing.headers(KEYS, "msg_1", bench.clock(), body)
            answer = client.post("/webhooks/forms", data=body, headers=signed)
            assert answer.status_code == 200
        forged = client.post("/webhooks/forms", data=b"{ }", headers=signed)
        assert forged.status_code == 401
    finally:
        bench.runtime.acceptor.stop()
    with bench.store.read() as connection:
        assert sum(deliveries.counts(connection).values()) == 1
