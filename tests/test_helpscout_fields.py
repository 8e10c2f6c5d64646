"""Custom fields at Help Scout: read, merged, written as a whole, and looked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from helpscout_kit import Build, adapters_on
from pydantic import ValidationError

from adapters.helpscout import HelpScoutAdapter
from adapters.helpscout.filling import fitting, kind_of, merge, places, values_of
from connector.errors import (
    TicketGone,
    VendorConflict,
    VendorError,
    VendorRefused,
    VendorUnavailable,
)
from connector.filling import possible_words
from connector.models import Filled, Filling, Level, Place, Topic
from connector.sandbox import Running, World, serve
from connector.sandbox.helpscout_fields import definitions, wrong_with

KEPT: dict[Topic, str | int] = {
    Topic.TYPE: "complaint type",
    Topic.PERSONA: 106,
    Topic.VIP: "VIP",
    Topic.PROBLEM: "Issue",
}
DEFINED = {"_embedded": {"fields": definitions()[31]}}
DELIVERY, QUALITY = "171", "172"  # options of the field 105


@pytest.fixture
def running() -> Iterator[Running]:
    with serve(World(), port=0) as server:
        yield server


@pytest.fixture
def world(running: Running) -> World:
    return running.world


@pytest.fixture
def build(running: Running) -> Iterator[Build]:
    fields = {str(topic): name for topic, name in KEPT.items()}
    with adapters_on(running, fields=fields) as make:
        yield make


@pytest.fixture
def desk(build: Build) -> HelpScoutAdapter:
    return build()


@pytest.fixture
def number(world: World) -> str:
    return world.write(
        "helpscout", email="ann@shop.example", subject="Late", text="Where is it?"
    )


def fields(world: World, number: str) -> dict[int, str]:
    return dict(world.ticket("helpscout", number)["fields"])


def writes(world: World) -> int:
    return sum(one["act"] == "fields" and one["actor"] == "api" for one in world.log())


def first(*words: str) -> Filling:
    return Filling(words)


# -- what goes into which field


def field(kind: str, *labels: str) -> dict[str, Any]:
    options = [{"id": 9 + place, "label": label} for place, label in enumerate(labels)]
    return {"id": 1, "type": kind, "options": options}


@pytest.mark.parametrize(
    ("kind", "labels", "words", "value"),
    [
        ("dropdown", ("Other", "Delivery"), ("delivery", "other"), "10"),
        ("dropdown", ("Billing / invoice",), ("billing invoice",), "9"),
        ("dropdown", ("product_quality",), ("product quality",), "9"),
        ("dropdown", ("TOIMITUS ÄÖ",), ("toimitus äö",), "9"),
        # The second word is no substitute for the first.
        ("dropdown", ("Other",), ("delivery", "other"), ""),
        ("dropdown", ("", "-"), (), ""),
        ("singleline", (), ("delivery", "other"), "delivery, other"),
        ("multiline", (), ("delivery",), "delivery"),
        ("singleline", (), ("a" * 200, "b" * 80), "a" * 200),
        ("singleline", (), ("a" * 256,), ""),
        ("multiline", (), ("a" * 256,), "a" * 256),
        ("SINGLE_LINE", (), ("delivery",), "delivery"),
        ("number", (), ("yes",), "1"),
        ("number", (), ("no",), "0"),
        ("number", (), ("delivery",), ""),
        ("date", (), ("delivery",), ""),
        ("hologram", (), ("delivery",), ""),
        ("singleline", (), (), ""),
    ],
)
def test_words_become_what_the_field_can_hold(
    kind: str, labels: tuple[str, ...], words: tuple[str, ...], value: str
) -> None:
    assert fitting(field(kind, *labels), words) == value


def test_every_value_that_is_written_is_one_the_vendor_takes() -> None:
    for kept in definitions()[31]:
        for words in possible_words().values():
            value = fitting(kept, words or ("SHOP-1",))
            said = [{"id": kept["id"], "value": value}] if value else []
            assert wrong_with(definitions()[31], said) == "", kind_of(kept)


@pytest.mark.parametrize(
    ("now", "known", "written", "is_ours"),
    [
        ("", None, DELIVERY, True),
        ("", Place("105", ""), DELIVERY, True),
        (QUALITY, Place("105", QUALITY), DELIVERY, True),
        # It is there already: a try whose answer was lost.
        (DELIVERY, None, None, True),
        # A person's: before us, changed, or taken away.
        (QUALITY, None, None, False),
        (QUALITY, Place("105", "173"), None, False),
        ("", Place("105", QUALITY), None, False),
        # What we left in another inbox's field says nothing about this one.
        (QUALITY, Place("205", QUALITY), None, False),
        ("", Place("205", "271"), DELIVERY, True),
    ],
)
def test_a_field_is_written_only_while_it_holds_what_we_left_there(
    now: str, known: Place | None, written: str | None, is_ours: bool
) -> None:
    values = {"104": "168", "105": now}
    wanted = {Topic.TYPE: Filling(("delivery",), known)}
    change = merge(values, DEFINED, KEPT, wanted)
    left = DELIVERY if is_ours else now
    assert change.filled == {Topic.TYPE: Filled(Place("105", left), is_ours)}
    others = [{"id": 104, "value": "168"}]
    body = [*others, {"id": 105, "value": written}] if written else None
    assert change.body == body


def test_others_go_back_exactly_as_they_were_read() -> None:
    text = "  two lines\n kept \t as they are "
    conversation = {
        "customFields": [
            {"id": 111, "name": "History", "value": text},
            {"id": 110, "name": "Parcels", "value": 7},
            {"id": 109, "name": "Ordered on", "value": None, "text": ""},
            {"id": 99, "name": "Of another inbox", "value": "x"},
        ]
    }
    values = values_of(conversation)
    assert values is not None
    change = merge(values, DEFINED, KEPT, {Topic.PERSONA: first("quiet")})
    assert change.body == [
        {"id": 111, "value": text},
        {"id": 110, "value": "7"},
        {"id": 99, "value": "x"},
        {"id": 106, "value": "quiet"},
    ]


def test_what_we_left_is_emptied_and_nothing_else() -> None:
    values = {"104": "168", "106": "quiet", "107": "191"}
    nothing = Filling((), Place("106", "quiet"))
    change = merge(values, DEFINED, KEPT, {Topic.PERSONA: nothing})
    assert change.body == [{"id": 104, "value": "168"}, {"id": 107, "value": "191"}]


@pytest.mark.parametrize(
    "listed",
    [
        None,
        {},
        ["x"],
        [{"value": "x"}],
        [{"id": 1, "value": ["x"]}],
        [{"id": 1, "value": True}],
        [{"id": 1, "value": 1.5}],
    ],
)
def test_fields_that_are_not_understood_stop_a_write(listed: object) -> None:
    conversation = {"id": 1, "customFields": listed}
    assert values_of(conversation) is None
    assert places(conversation, DEFINED, KEPT) == {}


def test_a_name_goes_before_an_id_and_the_inbox_decides() -> None:
    other = {"_embedded": {"fields": definitions()[32]}}
    conversation = {"customFields": [{"id": 205, "value": "271"}]}
    assert places(conversation, other, KEPT) == {
        Topic.TYPE: Place("205", "271"),
        Topic.PROBLEM: Place("208", ""),
    }
    named = {
        "_embedded": {"fields": [{"id": 106, "name": "x"}, {"id": 5, "name": 106}]}
    }
    assert places(conversation, named, KEPT) == {Topic.PERSONA: Place("5", "")}


# -- at the look-alike


def test_a_ticket_shows_the_fields_to_be_kept_and_what_stands_there(
    world: World, desk: HelpScoutAdapter, build: Build, number: str
) -> None:
    world.agent("helpscout", number, "field", field=107, value="191")
    assert desk.fetch_ticket(number).places == {
        Topic.TYPE: Place("105", ""),
        Topic.PERSONA: Place("106", ""),
        Topic.VIP: Place("107", "191"),
        Topic.PROBLEM: Place("108", ""),
    }
    assert build(fields={}).fetch_ticket(number).places == {}


def test_a_write_keeps_what_people_entered_and_is_seen_as_it_was_told(
    world: World, desk: HelpScoutAdapter, number: str
) -> None:
    world.agent("helpscout", number, "field", field=104, value="169")
    world.agent("helpscout", number, "field", field=111, value=" first\nsecond ")
    filled = desk.change_fields(
        number,
        {
            Topic.TYPE: first("delivery", "other"),
            Topic.PERSONA: first("outspoken", "frequent"),
            Topic.VIP: first("no"),
        },
    )
    assert fields(world, number) == {
        104: "169",
        111: " first\nsecond ",
        105: DELIVERY,
        106: "outspoken, frequent",
        107: "192",
    }
    assert all(one.is_ours for one in filled.values())
    shown = desk.fetch_ticket(number).places
    assert {topic: one.place for topic, one in filled.items()} == {
        topic: place for topic, place in shown.items() if topic in filled
    }


def test_what_stands_there_already_costs_no_write(
    world: World, desk: HelpScoutAdapter, number: str
) -> None:
    wanted = {Topic.TYPE: first("delivery")}
    once = desk.change_fields(number, wanted)
    assert desk.change_fields(number, wanted) == once
    assert writes(world) == 1


def test_a_person_who_is_quicker_is_not_overwritten(
    world: World, desk: HelpScoutAdapter, number: str
) -> None:
    world.agent("helpscout", number, "field", field=105, value=QUALITY)
    filled = desk.change_fields(
        number, {Topic.TYPE: first("delivery"), Topic.PERSONA: first("quiet")}
    )
    assert fields(world, number) == {105: QUALITY, 106: "quiet"}
    assert filled[Topic.TYPE] == Filled(Place("105", QUALITY), is_ours=False)


def test_a_field_that_the_inbox_does_not_have_is_left_out(
    world: World, desk: HelpScoutAdapter, number: str
) -> None:
    one = world.helpscout.get(int(number))
    assert one is not None
    world.helpscout.change(one, "mailbox_id", 32, "agent", "")
    wanted = {Topic.TYPE: first("delivery"), Topic.VIP: first("yes")}
    assert desk.change_fields(number, wanted).keys() == {Topic.TYPE}
    assert fields(world, number) == {205: "271"}


def test_a_lost_answer_is_found_to_have_been_written(
    world: World, desk: HelpScoutAdapter, number: str
) -> None:
    world.fail("after", vendor="helpscout", method="PUT", path="/fields$", times=1)
    with pytest.raises(VendorError) as caught:
        desk.change_fields(number, {Topic.TYPE: first("delivery")})
    assert caught.value.uncertain
    filled = desk.change_fields(number, {Topic.TYPE: first("delivery")})
    assert filled == {Topic.TYPE: Filled(Place("105", DELIVERY), is_ours=True)}
    assert writes(world) == 1


def test_a_write_that_somebody_undoes_at_once_is_repeated_once_and_given_up(
    monkeypatch: pytest.MonkeyPatch, world: World, desk: HelpScoutAdapter, number: str
) -> None:
    change = world.helpscout.change

    def undo(one: Any, what: str, value: Any, actor: str, event: str) -> None:
        change(one, what, value, actor, event)
        change(one, what, {}, "agent", "")

    monkeypatch.setattr(world.helpscout, "change", undo)
    with pytest.raises(VendorConflict):
        desk.change_fields(number, {Topic.TYPE: first("delivery")})
    assert writes(world) == 2


def test_nothing_is_written_where_fields_are_not_told(
    monkeypatch: pytest.MonkeyPatch, world: World, desk: HelpScoutAdapter, number: str
) -> None:
    real = desk._account.living
    monkeypatch.setattr(
        desk._account, "living", lambda key: {**real(key), "customFields": None}
    )
    with pytest.raises(VendorUnavailable, match="nothing was written"):
        desk.change_fields(number, {Topic.TYPE: first("delivery")})
    assert writes(world) == 0


def test_nothing_is_written_where_definitions_may_not_be_read(
    monkeypatch: pytest.MonkeyPatch, world: World, desk: HelpScoutAdapter, number: str
) -> None:
    monkeypatch.setattr(desk._account, "field_definitions", lambda _: {})
    with pytest.raises(VendorRefused, match="may not be read"):
        desk.change_fields(number, {Topic.TYPE: first("delivery")})
    assert writes(world) == 0


def test_fields_of_a_deleted_conversation_are_gone(
    world: World, desk: HelpScoutAdapter, number: str
) -> None:
    world.agent("helpscout", number, "delete")
    with pytest.raises(TicketGone):
        desk.change_fields(number, {Topic.TYPE: first("delivery")})


# -- settings and doctor


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "Complaint type"},
        {"type": " "},
        {"type": 0},
        {"type": True},
        {"type": ["a"]},
        {"type": "VIP", "vip": "vip"},
    ],
)
def test_fields_that_cannot_be_meant_are_refused(build: Build, given: object) -> None:
    with pytest.raises(ValidationError):
        build(fields=given)


def found(desk: HelpScoutAdapter) -> list[tuple[Level, str, str]]:
    return [
        (one.level, one.message, one.remedy)
        for one in desk.check_fields(possible_words())
    ]


def test_a_check_finds_fields_that_are_there_and_fit(build: Build) -> None:
    assert [level for level, *_ in found(build(mailboxes=[31]))] == [Level.OK] * 4
    assert found(build(fields={})) == []


def test_a_check_names_inboxes_without_the_field(desk: HelpScoutAdapter) -> None:
    said = {message: level for level, message, _ in found(desk)}
    lacking = "not in Trade customers (32); tickets there go without"
    assert said[f"vip, field VIP: {lacking}"] is Level.WARNING
    assert said[f"persona, field 106: {lacking}"] is Level.WARNING


def test_a_check_names_the_options_to_add(world: World, build: Build) -> None:
    types = world.helpscout.field_definitions[31][1]
    types["options"] = types["options"][:3]
    desk = build(mailboxes=[31], fields={"type": "Complaint type"})
    ((level, message, remedy),) = found(desk)
    assert level is Level.WARNING
    assert message.endswith("Customer care (31): 6 options are missing")
    assert "billing invoice, discount pricing, returns refunds" in remedy
    assert "product quality" not in remedy


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"type": "Complaints"}, "no inbox has it"),
        ({"type": "Ordered on"}, "a date cannot say it"),
        ({"persona": "Parcels"}, "a number cannot say it"),
        ({"problem": "Complaint type"}, "a dropdown holds no issue's key"),
        ({"problem": "Parcels"}, "a number holds no issue's key"),
    ],
)
def test_a_check_finds_fields_that_cannot_do(
    build: Build, given: dict[str, str], said: str
) -> None:
    ((level, message, remedy),) = found(build(mailboxes=[31], fields=given))
    assert (level, bool(remedy)) == (Level.PROBLEM, True)
    assert message.endswith(said)


def test_a_check_finds_a_field_that_is_named_twice(build: Build) -> None:
    desk = build(mailboxes=[31], fields={"persona": "History", "problem": 111})
    said = [(level, message) for level, message, _ in found(desk)]
    twice = "persona and problem: the same field in Customer care (31)"
    assert [one for one in said if one[0] is not Level.OK] == [(Level.PROBLEM, twice)]


def test_a_check_that_is_not_answered_is_a_finding(world: World, build: Build) -> None:
    world.fail("503", vendor="helpscout", path="/v2/mailboxes")
    ((level, message, _),) = found(build(mailboxes=[31]))
    assert (level, "503" in message) == (Level.PROBLEM, True)


# -- the look-alike itself


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"id": 105, "value": "Delivery"}, "is not a value of this field"),
        ({"id": 105, "value": 171}, "must be a string"),
        ({"id": 999, "value": "x"}, "is no field of this inbox"),
        ({"id": 109, "value": "2.3.2026"}, "is not a value of this field"),
        ({"id": 110, "value": "7.5"}, "is not a value of this field"),
        ({"id": 106, "value": "x" * 256}, "is not a value of this field"),
        ({"id": 106, "value": ""}, "is not a value of this field"),
        ({"id": 109, "value": "2026-03-02"}, ""),
        ({"id": 110, "value": "-7"}, ""),
    ],
)
def test_the_look_alike_is_as_strict_as_the_vendor(
    given: dict[str, object], said: str
) -> None:
    assert wrong_with(definitions()[31], [given]) == said
