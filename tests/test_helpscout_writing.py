"""Writing to the look-alike of Help Scout: tags, notes, messages now and later.

What is asserted comes from the look-alike: what it holds, and what its diary witnessed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from helpscout_kit import NOTE, acts, write
from kit import Clock

from adapters.helpscout import HelpScoutAdapter
from connector.errors import TicketGone, TicketLocked, VendorError, VendorRefused
from connector.models import Message, Written
from connector.sandbox import World

# -- tags --


def test_tags_of_people_survive_ours_in_any_order(
    world: World, helpscout: HelpScoutAdapter
) -> None:
    number = write(world, tags=("Angry Customer",))
    helpscout.change_tags(number, frozenset({"cc-delivery"}), frozenset())
    world.agent("helpscout", number, "add_tag", tag="vip")
    helpscout.change_tags(number, frozenset({"cc-new"}), frozenset({"cc-delivery"}))
    assert world.ticket("helpscout", number)["tags"] == [
        "Angry Customer",
        "vip",
        "cc-new",
    ]


def test_tag_that_a_person_spelled_in_their_own_way_is_not_taken_for_ours(
    world: World, helpscout: HelpScoutAdapter
) -> None:
    number = write(world, tags=("CC-VIP",))
    helpscout.change_tags(number, frozenset({"cc-vip", "cc-new"}), frozenset())
    helpscout.change_tags(number, frozenset(), frozenset({"cc-vip", "cc-new"}))
    assert world.ticket("helpscout", number)["tags"] == ["CC-VIP"]


def test_tags_that_are_there_already_cost_no_write(
    world: World, helpscout: HelpScoutAdapter
) -> None:
    number = write(world, tags=("CC-Delivery",))
    helpscout.change_tags(number, frozenset({"cc-delivery"}), frozenset({"cc-old"}))
    assert acts(world, "tags") == []


def test_a_tag_with_a_comma_is_refused_before_anything_is_asked(
    world: World, helpscout: HelpScoutAdapter
) -> None:
    number = write(world)
    with pytest.raises(VendorRefused, match="comma"):
        helpscout.change_tags(number, frozenset({"a,b"}), frozenset())
    assert set(helpscout.refused_tags(["a,b", "two words"])) == {"a,b"}
    assert world.ticket("helpscout", number)["tags"] == []


# -- notes and messages --


@pytest.mark.parametrize("status", ["active", "pending", "closed"])
def test_what_we_write_leaves_the_status_as_it_is(
    world: World, helpscout: HelpScoutAdapter, status: str
) -> None:
    number = write(world)
    world.agent("helpscout", number, "status", status=status)
    helpscout.add_note(number, NOTE)
    helpscout.send_message(number, Message(text="Sorry", mark="cc-m1", draft=False))
    helpscout.send_message(number, Message(text="Sorry", mark="cc-m2", draft=True))
    assert world.ticket("helpscout", number)["status"] == status
    assert [one["detail"]["status"] for one in acts(world, "note", "message")] == [
        status,
        status,
    ]


def test_a_draft_is_not_mailed_and_is_found_by_its_mark(
    world: World, helpscout: HelpScoutAdapter
) -> None:
    number = write(world)
    written = helpscout.send_message(
        number, Message(text="Hi", mark="cc-m1", draft=True)
    )
    (message,) = world.ticket("helpscout", number)["messages"]
    assert message["draft"]
    assert acts(world, "message") == []
    assert helpscout.find_mark(number, "cc-m1") == written


@pytest.mark.parametrize("draft", [False, True])
def test_a_full_conversation_is_carried_on_once_and_refers_back(
    world: World, helpscout: HelpScoutAdapter, draft: bool
) -> None:
    number = write(world)
    for _ in range(99):
        world.agent("helpscout", number, "note", text="n")
    with pytest.raises(TicketLocked):
        helpscout.add_note(number, NOTE)
    written = helpscout.send_message(
        number, Message(text="Hi", mark="cc-m1", draft=draft)
    )
    assert written.ticket is not None
    other = world.ticket("helpscout", written.ticket.external_id)
    shown = world.ticket("helpscout", number)["number"]
    assert other["subject"] == f"Late (#{shown})"
    assert other["messages"][0]["draft"] is draft
    assert helpscout.find_mark(number, "cc-m1") == written


def test_a_written_id_names_the_thread(
    world: World, helpscout: HelpScoutAdapter
) -> None:
    number = write(world)
    written = helpscout.add_note(number, NOTE)
    (note,) = world.ticket("helpscout", number)["notes"]
    assert written == Written(note["id"])


# -- scheduled messages --


def check_in(clock: Clock, **more: Any) -> Message:
    when = clock() + timedelta(days=3)
    values = {"text": "All well?", "mark": "cc-c1", "draft": False}
    return Message(scheduled_at=when, **{**values, **more})


def scheduled(world: World, number: str) -> list[dict[str, Any]]:
    one = world.helpscout.get(int(number))
    return [thread.scheduled for thread in one.threads if thread.scheduled]


def test_a_scheduled_message_is_a_draft_until_the_vendor_sends_it(
    world: World, helpscout: HelpScoutAdapter, clock: Clock
) -> None:
    number = write(world)
    world.agent("helpscout", number, "status", status="closed")
    written = helpscout.send_message(number, check_in(clock))
    (plan,) = scheduled(world, number)
    assert plan["scheduledFor"] == "2026-03-05T09:00:00Z"
    assert plan["unscheduleOnCustomerReply"] is True
    assert world.ticket("helpscout", number)["messages"][0]["draft"]
    assert helpscout.find_mark(number, "cc-c1") == written
    clock.pass_(days=3)
    (sent,) = [c for c in helpscout.fetch_ticket(number).comments if not c.draft][1:]
    assert (sent.external_id, sent.public) == (written.external_id, True)


def test_a_scheduled_message_stays_a_draft_if_the_customer_writes_before(
    world: World, helpscout: HelpScoutAdapter, clock: Clock
) -> None:
    number = write(world)
    written = helpscout.send_message(number, check_in(clock))
    write(world, ticket=number, text="It broke again")
    clock.pass_(days=4)
    (draft,) = [c for c in helpscout.fetch_ticket(number).comments if c.draft]
    assert draft.external_id == written.external_id
    assert acts(world, "message") == []


@pytest.mark.parametrize("kind", ["before", "after", "reset"])
def test_a_message_whose_time_was_not_taken_is_planned_again_and_not_twice(
    world: World, helpscout: HelpScoutAdapter, clock: Clock, kind: str
) -> None:
    number = write(world)
    world.fail(kind, vendor="helpscout", method="PUT", path="schedule$", times=1)
    with pytest.raises(VendorError) as caught:
        helpscout.send_message(number, check_in(clock))
    # Else the mark of the draft would be taken for the whole of it.
    assert (caught.value.retry, caught.value.uncertain) == (True, False)
    helpscout.send_message(number, check_in(clock))
    helpscout.send_message(number, check_in(clock))
    assert len(scheduled(world, number)) == 1
    assert len(world.ticket("helpscout", number)["messages"]) == 1


def test_a_message_that_was_sent_meanwhile_is_not_planned_again(
    world: World, helpscout: HelpScoutAdapter, clock: Clock
) -> None:
    number = write(world)
    written = helpscout.send_message(number, check_in(clock))
    one = world.helpscout.get(int(number))
    world.helpscout.publish(one, one.threads[-1], "agent")
    assert helpscout.send_message(number, check_in(clock)) == written
    assert scheduled(world, number) == []


def test_a_scheduled_message_of_a_full_conversation_is_planned_in_the_new_one(
    world: World, helpscout: HelpScoutAdapter, clock: Clock
) -> None:
    number = write(world)
    for _ in range(99):
        world.agent("helpscout", number, "note", text="n")
    written = helpscout.send_message(number, check_in(clock))
    assert written.ticket is not None
    assert len(scheduled(world, written.ticket.external_id)) == 1
    assert helpscout.send_message(number, check_in(clock)) == written
    assert len(world.state()["helpscout"]["tickets"]) == 2


@pytest.mark.parametrize("notes", [0, 99], ids=["with room", "full"])
def test_a_planned_message_can_be_taken_back_and_a_sent_one_stays(
    world: World, helpscout: HelpScoutAdapter, clock: Clock, notes: int
) -> None:
    number = write(world)
    for _ in range(notes):
        world.agent("helpscout", number, "note", text="n")
    written = helpscout.send_message(number, check_in(clock))
    place = written.ticket.external_id if written.ticket else number
    assert len(scheduled(world, place)) == 1
    for _ in range(2):  # safe to repeat
        helpscout.unplan_message(place, written.external_id)
        assert scheduled(world, place) == []
    helpscout.send_message(number, check_in(clock))
    clock.pass_(days=4)
    helpscout.fetch_ticket(place)
    helpscout.unplan_message(place, written.external_id)
    assert not world.ticket("helpscout", place)["messages"][-1]["draft"]
    with pytest.raises(TicketGone):
        helpscout.unplan_message("999999", "1")


def test_a_suggested_message_is_left_to_people_whatever_time_it_names(
    world: World, helpscout: HelpScoutAdapter, clock: Clock
) -> None:
    number = write(world)
    helpscout.send_message(number, check_in(clock, draft=True))
    assert world.ticket("helpscout", number)["messages"][0]["draft"]
    assert scheduled(world, number) == []


def test_a_time_that_has_passed_is_refused_in_the_vendors_words(
    world: World, helpscout: HelpScoutAdapter, clock: Clock
) -> None:
    number = write(world)
    message = check_in(clock)
    clock.pass_(days=5)
    with pytest.raises(VendorRefused, match="scheduledFor: must be in the future"):
        helpscout.send_message(number, message)
