"""Fields of tickets in the whole loop: filled in, kept up, and left to people.

Help Scout's look-alike is the witness; both databases keep the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from sandbox_kit import (
    THRESHOLD,
    Stepped,
    Writer,
    complain,
    configuration,
    issues,
    stepped,
    writes,
)

from adapters.base import FieldWriter
from connector.cli import cli
from connector.config import load
from connector.doctor import findings_of
from connector.errors import VendorUnavailable
from connector.models import Level, OutboxState, TicketRef
from connector.sandbox import SandboxSettings, World, serve
from connector.store import fields, outbox, schema, tickets

CARRIER, TYPE, PERSONA, VIP, ISSUE, HISTORY = 104, 105, 106, 107, 108, 111
DISCOUNT, DELIVERY, YES, NO = "175", "171", "191", "192"

KEPT = {"type": "Complaint type", "persona": PERSONA, "vip": "VIP", "problem": "Issue"}
OPTION = {"support": {"fields": KEPT}}


@pytest.fixture
def scene(database_url: str) -> Iterator[Stepped]:
    with stepped(database_url, sources=OPTION) as opened:
        yield opened


def held_up(scene: Stepped) -> Writer:
    """Let a customer complain whose fields Help Scout does not take yet."""
    one = complain(scene.world, 0, "helpscout")
    scene.world.fail("503", vendor="helpscout", method="PUT", path="/fields$")
    for _ in range(3):
        scene.step()
    return one


def said(scene: Stepped, one: Writer) -> dict[int, str]:
    return dict(scene.world.ticket(one.vendor, one.ticket)["fields"])


def enter(scene: Stepped, one: Writer, field: int, value: str) -> None:
    """Let a person fill in a field, and something be heard of the ticket."""
    scene.world.agent(one.vendor, one.ticket, "field", field=field, value=value)
    scene.world.agent(one.vendor, one.ticket, "note", text="Called the customer.")


def write_again(scene: Stepped, one: Writer) -> None:
    scene.world.write(
        one.vendor,
        email=one.email,
        subject="",
        text="The discount code HARVEST30 still does not work. Terrible!",
        ticket=one.ticket,
    )


def ledger(scene: Stepped, one: Writer) -> dict[str, str]:
    with scene.runtime.store.read() as connection:
        ticket = tickets.find(connection, TicketRef("support", one.ticket))
        assert ticket is not None
        found = fields.ledger(connection, ticket.id)
    return {str(topic): line.state for topic, line in found.items()}


def field_writes(scene: Stepped, after: int = 0) -> int:
    return sum(act["act"] == "fields" for act in writes(scene.world, after))


def test_complaint_has_its_fields_and_other_mail_has_none(scene: Stepped) -> None:
    one = complain(scene.world, 0, "helpscout")
    calm = scene.world.write(
        "helpscout", email="calm@mail.example", subject="Thanks", text="Thank you!"
    )
    scene.settle()
    filled = said(scene, one)
    assert (filled[TYPE], filled[VIP]) == (DISCOUNT, NO)
    assert ISSUE not in filled
    assert scene.world.ticket("helpscout", calm)["fields"] == {}
    assert field_writes(scene) == 1
    scene.assert_nothing_parked()


def test_nothing_is_filled_in_unless_it_is_asked_for(database_url: str) -> None:
    with stepped(database_url) as scene:
        one = complain(scene.world, 0, "helpscout")
        scene.settle()
        assert said(scene, one) == {}


def test_issue_stands_in_a_field_once_it_is_filed_and_follows_a_move(
    scene: Stepped,
) -> None:
    writers = [complain(scene.world, number) for number in range(THRESHOLD)]
    scene.settle()
    scene.settle(minutes=1)
    (issue,) = issues(scene.world)
    ours = [one for one in writers if one.vendor == "helpscout"]
    assert {said(scene, one)[ISSUE] for one in ours} == {issue["key"]}
    late = complain(scene.world, 6, "helpscout")
    scene.settle()
    assert said(scene, late)[ISSUE] == issue["key"]

    tracker = scene.world.jira
    filed = tracker.get(issue["key"])
    assert filed is not None
    filed.key = "OPS-77"
    scene.world.issue("OPS-77", "comment", text="Ours from now on.")
    scene.settle(minutes=16)
    assert {said(scene, one)[ISSUE] for one in [*ours, late]} == {"OPS-77"}
    scene.assert_nothing_parked()


def test_field_follows_what_is_true_of_the_ticket(scene: Stepped) -> None:
    one = complain(scene.world, 0, "helpscout")
    scene.world.agent("helpscout", one.ticket, "add_tag", tag="vip")
    scene.settle()
    assert said(scene, one)[VIP] == YES
    scene.world.agent("helpscout", one.ticket, "remove_tag", tag="vip")
    scene.world.agent("helpscout", one.ticket, "note", text="No VIP any more.")
    scene.settle()
    assert said(scene, one)[VIP] == NO


def test_what_no_longer_holds_is_emptied(database_url: str) -> None:
    calm = {"email": "a@mail.example", "subject": "Size", "text": "Which size is it?"}
    with stepped(database_url, sources=OPTION) as scene:
        number = scene.world.write("helpscout", tags=("vip",), **calm)
        one = Writer("helpscout", number, calm["email"], "en")
        scene.world.agent("helpscout", number, "field", field=CARRIER, value="168")
        scene.settle()
        assert said(scene, one) == {CARRIER: "168", VIP: YES}
        scene.world.agent("helpscout", number, "remove_tag", tag="vip")
        scene.world.agent("helpscout", number, "note", text="No VIP any more.")
        scene.settle()
        assert said(scene, one) == {CARRIER: "168"}


@pytest.mark.parametrize(
    ("field", "value"),
    [(TYPE, DELIVERY), (TYPE, ""), (VIP, YES)],
    ids=["changed", "emptied", "another"],
)
def test_what_a_person_changed_stands_for_ever(
    scene: Stepped, field: int, value: str
) -> None:
    one = complain(scene.world, 0, "helpscout")
    scene.settle()
    enter(scene, one, field, value)
    scene.settle()
    assert said(scene, one).get(field, "") == value
    # Not even emptied again is it ours.
    enter(scene, one, field, "")
    write_again(scene, one)
    scene.settle(minutes=30)
    assert field not in said(scene, one)
    topic = "type" if field == TYPE else "vip"
    assert ledger(scene, one)[topic] == "vetoed"
    scene.restart()
    write_again(scene, one)
    scene.settle()
    assert field not in said(scene, one)


def test_what_a_person_entered_before_us_stands(scene: Stepped) -> None:
    one = complain(scene.world, 0, "helpscout")
    scene.world.agent("helpscout", one.ticket, "field", field=TYPE, value=DELIVERY)
    scene.world.agent("helpscout", one.ticket, "field", field=HISTORY, value=" a\n b ")
    scene.settle()
    filled = said(scene, one)
    assert (filled[TYPE], filled[HISTORY], filled[VIP]) == (DELIVERY, " a\n b ", NO)
    enter(scene, one, TYPE, "")
    scene.settle()
    assert TYPE not in said(scene, one)


def test_person_who_is_quicker_than_the_outbox_is_not_overwritten(
    scene: Stepped,
) -> None:
    one = held_up(scene)
    enter(scene, one, TYPE, DELIVERY)
    scene.world.faults.clear()
    scene.settle()
    filled = said(scene, one)
    assert (filled[TYPE], filled[VIP]) == (DELIVERY, NO)
    assert ledger(scene, one) == {"type": "vetoed", "vip": "written"}
    # What the person entered is kept nowhere.
    with scene.runtime.store.read() as connection:
        rows = connection.execute(schema.outbox.select()).all()
    (result,) = [row.result for row in rows if row.operation == "change_fields"]
    assert result["found"]["type"] == [str(TYPE), "", False]


def test_persons_other_field_survives_each_of_our_writes(scene: Stepped) -> None:
    one = complain(scene.world, 0, "helpscout")
    scene.settle()
    enter(scene, one, CARRIER, "169")
    scene.world.agent("helpscout", one.ticket, "add_tag", tag="vip")
    enter(scene, one, HISTORY, "Called twice")
    scene.settle()
    filled = said(scene, one)
    assert (filled[CARRIER], filled[HISTORY]) == ("169", "Called twice")
    assert filled[VIP] == YES
    assert field_writes(scene) == 2


@pytest.mark.parametrize("kind", ["after", "reset_after"])
def test_lost_answer_is_written_once_and_stays_ours(scene: Stepped, kind: str) -> None:
    one = complain(scene.world, 0, "helpscout")
    path = {"vendor": "helpscout", "method": "PUT", "path": "/fields$"}
    scene.world.fail(kind, times=1, **path)
    scene.settle()
    assert said(scene, one)[VIP] == NO
    assert field_writes(scene) == 1
    # Had it been taken for a person's, this would not be written.
    scene.world.agent("helpscout", one.ticket, "add_tag", tag="vip")
    scene.world.agent("helpscout", one.ticket, "note", text="A VIP.")
    scene.settle()
    assert said(scene, one)[VIP] == YES
    scene.assert_nothing_parked()


def test_lost_answer_that_is_out_of_date_meanwhile_is_still_ours(
    scene: Stepped, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter: Any = scene.runtime.adapters["support"]
    assert isinstance(adapter, FieldWriter)
    real, lost = adapter.change_fields, [True, True]

    def lose(external_id: str, wanted: Any) -> Any:
        if len(lost) == 2:
            lost.pop()
            real(external_id, wanted)
            raise VendorUnavailable("lost")
        if lost:
            raise VendorUnavailable("lost again")
        return real(external_id, wanted)

    monkeypatch.setattr(adapter, "change_fields", lose)
    one = complain(scene.world, 0, "helpscout")
    for _ in range(4):
        scene.step()
    assert said(scene, one)[VIP] == NO
    scene.world.agent("helpscout", one.ticket, "add_tag", tag="vip")
    scene.world.agent("helpscout", one.ticket, "note", text="A VIP.")
    for _ in range(4):
        scene.step()
    lost.clear()
    scene.settle(minutes=5)
    assert said(scene, one)[VIP] == YES
    assert set(ledger(scene, one).values()) == {"written"}


def test_our_own_writes_and_more_news_change_nothing(scene: Stepped) -> None:
    one = complain(scene.world, 0, "helpscout")
    scene.settle()
    mark = len(scene.world.log())
    scene.world.agent("helpscout", one.ticket, "note", text="Waiting for the depot.")
    write_again(scene, one)
    scene.settle(minutes=30)
    assert writes(scene.world, mark) == []


def test_ticket_in_another_inbox_has_the_fields_of_that_one(scene: Stepped) -> None:
    one = complain(scene.world, 0, "helpscout")
    scene.settle()
    desk = scene.world.helpscout
    conversation = desk.get(int(one.ticket))
    assert conversation is not None
    desk.change(conversation, "fields", {}, "agent", "")
    desk.change(conversation, "mailbox_id", 32, "agent", "")
    scene.world.agent("helpscout", one.ticket, "note", text="Moved to trade.")
    scene.settle()
    assert said(scene, one) == {205: "275"}
    assert ledger(scene, one)["type"] == "written"
    scene.assert_nothing_parked()


def test_merged_ticket_leaves_the_fields_of_the_other_one_alone(
    scene: Stepped,
) -> None:
    one = held_up(scene)
    other = scene.world.write(
        "helpscout", email=one.email, subject="Size", text="Which size is it?"
    )
    scene.world.agent("helpscout", other, "field", field=PERSONA, value="a friend")
    scene.world.agent("helpscout", one.ticket, "merge", into=other)
    scene.world.faults.clear()
    scene.settle(minutes=5)
    assert scene.world.ticket("helpscout", other)["fields"][PERSONA] == "a friend"
    assert field_writes(scene) == 1  # of the one that is left
    scene.assert_nothing_parked()


def test_nothing_is_filled_in_while_tags_are_observed(database_url: str) -> None:
    observe = {"tags": "observe"}
    with stepped(database_url, sources=OPTION, autonomy=observe) as scene:
        one = complain(scene.world, 0, "helpscout")
        scene.settle()
        write_again(scene, one)
        scene.settle()
        assert said(scene, one) == {}
        with scene.runtime.store.read() as connection:
            rows = outbox.listing(connection, OutboxState.OBSERVED, 10)
        assert [row["operation"] for row in rows].count("change_fields") == 1

        # What was only observed is done once it may be.
        scene.restart(autonomy={"tags": "act"})
        write_again(scene, one)
        scene.settle()
        assert said(scene, one)[TYPE] == DISCOUNT


def test_what_was_withdrawn_is_asked_for_again(database_url: str) -> None:
    with stepped(database_url, sources=OPTION) as scene:
        one = held_up(scene)
        scene.world.faults.clear()
        scene.restart(autonomy={"tags": "observe"})
        scene.settle()
        assert said(scene, one) == {}
        scene.restart(autonomy={"tags": "act"})
        write_again(scene, one)
        scene.settle()
        assert said(scene, one)[TYPE] == DISCOUNT


def test_option_that_does_not_exist_leaves_the_field_empty(scene: Stepped) -> None:
    kept = scene.world.helpscout.field_definitions[31][1]
    kept["options"] = [one for one in kept["options"] if str(one["id"]) != DISCOUNT]
    one = complain(scene.world, 0, "helpscout")
    scene.settle()
    write_again(scene, one)
    scene.settle(minutes=30)
    filled = said(scene, one)
    assert (TYPE in filled, filled[VIP]) == (False, NO)
    assert field_writes(scene) == 1
    scene.assert_nothing_parked()


def test_every_field_is_explained(scene: Stepped) -> None:
    one = complain(scene.world, 0, "helpscout")
    scene.settle()
    enter(scene, one, TYPE, DELIVERY)
    scene.settle()
    with scene.runtime.store.read() as connection:
        traces = [row.trace for row in connection.execute(schema.decisions.select())]
    told = [
        {field["topic"]: field["outcome"] for field in trace["fields"]}
        for trace in traces
    ]
    assert told[0] == {"type": "filled", "vip": "filled"}
    assert told[-1] == {"type": "vetoed", "vip": "kept"}
    (kind, _) = traces[0]["fields"]
    assert kind["words"].startswith("discount pricing")
    assert "discount" in kind["reason"].casefold()


def test_doctor_and_explain_speak_of_fields(database_url: str, tmp_path: Path) -> None:
    with serve(World(SandboxSettings()), port=0) as sandbox:
        raw = configuration(sandbox, database_url, 8800, {"sources": OPTION})
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(raw), encoding="utf-8")
        sandbox.world.helpscout.field_definitions[31][1]["options"].pop()
        types = [
            f for f in findings_of(path, load(path), False) if "type," in f.message
        ]
        assert [(one.level, one.remedy.partition(": ")[2]) for one in types] == [
            (Level.WARNING, "other.")
        ]

    with stepped(database_url, sources=OPTION) as scene:
        one = complain(scene.world, 0, "helpscout")
        scene.settle()
        shown = CliRunner().invoke(
            cli, ["explain", f"support:{one.ticket}", "--config", str(path)]
        )
        assert "kept field vip no: nothing says that" in shown.output
