"""The Help Scout adapter and the look-alike, which keeps the vendor's traps.

What is asserted comes from the look-alike: what it holds, and what its diary witnessed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from helpscout_kit import Build, adapters_on
from kit import Clock
from sandbox_kit import TYPE_TAG, complain, stepped
from signing_kit import is_let_in

from adapters.helpscout import HelpScoutAdapter, history
from adapters.helpscout.subscriptions import NEEDED_EVENTS
from connector.errors import (
    TicketGone,
    TicketLocked,
    TicketMerged,
    TicketOutside,
    VendorError,
    VendorRefused,
    VendorUnavailable,
)
from connector.models import (
    Author,
    ChangedPage,
    Level,
    Message,
    Note,
    Subscription,
    TicketRef,
    TicketStatus,
    WebhookRequest,
    Written,
)
from connector.sandbox import Running, SandboxSettings, World, serve
from connector.sandbox.signatures import helpscout_headers
from connector.sweep import sweep

ADDRESS = "https://connector.example/webhooks/desk"
NOTE = Note(text="Seen before", mark="cc-n1")


@pytest.fixture
def running(clock: Clock, request: pytest.FixtureRequest) -> Iterator[Running]:
    settings = getattr(request, "param", SandboxSettings())
    with serve(World(settings, clock), port=0) as server:
        yield server


@pytest.fixture
def world(running: Running) -> World:
    return running.world


@pytest.fixture
def build(running: Running) -> Iterator[Build]:
    with adapters_on(running) as make:
        yield make


@pytest.fixture
def desk(build: Build) -> HelpScoutAdapter:
    return build()


def write(world: World, **given: Any) -> str:
    words = {"email": "ann@shop.example", "subject": "Late", "text": "Where is it?"}
    return world.write("helpscout", **{**words, **given})


def acts(world: World, *kinds: str) -> list[dict[str, Any]]:
    """Return what our account did, of these kinds."""
    diary = world.log()
    return [one for one in diary if one["actor"] == "api" and one["act"] in kinds]


# -- credentials --


def test_a_token_is_fetched_anew_when_the_vendor_ends_it(
    world: World, desk: HelpScoutAdapter, clock: Clock
) -> None:
    number = write(world)
    desk.fetch_ticket(number)
    clock.pass_(seconds=world.settings.token_life + 1)
    assert desk.fetch_ticket(number).ref == TicketRef("desk", number)


# -- reading --


def test_a_long_conversation_is_read_to_its_first_word(
    world: World, desk: HelpScoutAdapter
) -> None:
    number = write(world, text="the first word")
    for place in range(60):
        write(world, ticket=number, text=f"word {place}")
    words = [comment.body for comment in desk.fetch_ticket(number).comments]
    assert words == ["the first word", *(f"word {place}" for place in range(60))]


def test_threads_of_a_chat_are_read_although_embedding_cuts_them(
    world: World, desk: HelpScoutAdapter
) -> None:
    vendor = world.helpscout
    customer = vendor.ensure_customer("ann@shop.example")
    chat = vendor.open(customer, "Chat", actor="customer", type="chat")
    for place in range(5):
        vendor.customer_writes(customer, "", f"line {place}", chat)
    words = [comment.body for comment in desk.fetch_ticket(str(chat.id)).comments]
    assert words == [f"line {place}" for place in range(5)]


def test_a_merged_conversation_redirects_for_sixty_days_and_is_gone_then(
    world: World, desk: HelpScoutAdapter, clock: Clock
) -> None:
    old, new = write(world), write(world, email="bo@shop.example")
    world.agent("helpscout", old, "merge", into=new)
    with pytest.raises(TicketMerged) as caught:
        desk.fetch_ticket(old)
    assert caught.value.into == new
    with pytest.raises(TicketMerged):
        desk.add_note(old, NOTE)
    clock.pass_(days=61)
    with pytest.raises(TicketGone):
        desk.fetch_ticket(old)


def test_words_that_a_merge_brought_in_stay_with_who_wrote_them(
    world: World, desk: HelpScoutAdapter, clock: Clock
) -> None:
    old = write(world, text="first")
    clock.pass_(minutes=1)
    new = write(world, email="bo@shop.example", text="second")
    world.agent("helpscout", old, "merge", into=new)
    ticket = desk.fetch_ticket(new)
    assert ticket.customer.email == "bo@shop.example"
    whose = {one.body: one.author_id for one in ticket.comments}
    assert whose["first"] != ticket.customer.external_id == whose["second"]


def test_a_conversation_that_was_moved_away_is_left_alone(
    world: World, build: Build
) -> None:
    number = write(world)
    adapter = build(mailboxes=[31])
    assert adapter.fetch_ticket(number).fields["mailbox"] == "31"
    one = world.helpscout.get(int(number))
    world.helpscout.change(one, "mailbox_id", 32, "agent", "convo.moved")
    with pytest.raises(TicketOutside):
        adapter.fetch_ticket(number)


def test_a_deleted_conversation_is_gone(world: World, desk: HelpScoutAdapter) -> None:
    number = write(world)
    world.agent("helpscout", number, "delete")
    with pytest.raises(TicketGone):
        desk.fetch_ticket(number)


def test_a_chosen_option_has_its_label_although_only_its_id_is_sent(
    world: World, desk: HelpScoutAdapter
) -> None:
    number = write(world)
    one = world.helpscout.get(int(number))
    world.helpscout.change(one, "fields", {104: "169", 7: "12"}, "agent", "")
    fields = desk.fetch_ticket(number).fields
    assert (fields["Carrier"], fields["Field 7"]) == ("Matkahuolto", "12")


@pytest.mark.parametrize("rating", ["great", "okay", "not_good"])
def test_a_rating_and_the_words_beside_it_are_read_with_the_conversation(
    world: World, desk: HelpScoutAdapter, rating: str
) -> None:
    number = write(world)
    world.agent("helpscout", number, "reply", text="On its way.")
    world.rate("helpscout", number, rating, "Two weeks!")
    ticket = desk.fetch_ticket(number)
    assert ticket.fields["satisfaction"] == rating
    (said,) = [one for one in ticket.comments if one.channel == "rating"]
    assert (said.author, said.body) == (Author.CUSTOMER, "Two weeks!")


# -- tags --


def test_tags_of_people_survive_ours_in_any_order(
    world: World, desk: HelpScoutAdapter
) -> None:
    number = write(world, tags=("Angry Customer",))
    desk.change_tags(number, frozenset({"cc-delivery"}), frozenset())
    world.agent("helpscout", number, "add_tag", tag="vip")
    desk.change_tags(number, frozenset({"cc-new"}), frozenset({"cc-delivery"}))
    assert world.ticket("helpscout", number)["tags"] == [
        "Angry Customer",
        "vip",
        "cc-new",
    ]


def test_tag_that_a_person_spelled_in_their_own_way_is_not_taken_for_ours(
    world: World, desk: HelpScoutAdapter
) -> None:
    number = write(world, tags=("CC-VIP",))
    desk.change_tags(number, frozenset({"cc-vip", "cc-new"}), frozenset())
    desk.change_tags(number, frozenset(), frozenset({"cc-vip", "cc-new"}))
    assert world.ticket("helpscout", number)["tags"] == ["CC-VIP"]


def test_tags_that_are_there_already_cost_no_write(
    world: World, desk: HelpScoutAdapter
) -> None:
    number = write(world, tags=("CC-Delivery",))
    desk.change_tags(number, frozenset({"cc-delivery"}), frozenset({"cc-old"}))
    assert acts(world, "tags") == []


def test_a_tag_with_a_comma_is_refused_before_anything_is_asked(
    world: World, desk: HelpScoutAdapter
) -> None:
    number = write(world)
    with pytest.raises(VendorRefused, match="comma"):
        desk.change_tags(number, frozenset({"a,b"}), frozenset())
    assert set(desk.refused_tags(["a,b", "two words"])) == {"a,b"}
    assert world.ticket("helpscout", number)["tags"] == []


# -- notes and messages --


@pytest.mark.parametrize("status", ["active", "pending", "closed"])
def test_what_we_write_leaves_the_status_as_it_is(
    world: World, desk: HelpScoutAdapter, status: str
) -> None:
    number = write(world)
    world.agent("helpscout", number, "status", status=status)
    desk.add_note(number, NOTE)
    desk.send_message(number, Message(text="Sorry", mark="cc-m1", draft=False))
    desk.send_message(number, Message(text="Sorry", mark="cc-m2", draft=True))
    assert world.ticket("helpscout", number)["status"] == status
    assert [one["detail"]["status"] for one in acts(world, "note", "message")] == [
        status,
        status,
    ]


def test_a_draft_is_not_mailed_and_is_found_by_its_mark(
    world: World, desk: HelpScoutAdapter
) -> None:
    number = write(world)
    written = desk.send_message(number, Message(text="Hi", mark="cc-m1", draft=True))
    (message,) = world.ticket("helpscout", number)["messages"]
    assert message["draft"]
    assert acts(world, "message") == []
    assert desk.find_mark(number, "cc-m1") == written


@pytest.mark.parametrize("draft", [False, True])
def test_a_full_conversation_is_carried_on_once_and_refers_back(
    world: World, desk: HelpScoutAdapter, draft: bool
) -> None:
    number = write(world)
    for _ in range(99):
        world.agent("helpscout", number, "note", text="n")
    with pytest.raises(TicketLocked):
        desk.add_note(number, NOTE)
    written = desk.send_message(number, Message(text="Hi", mark="cc-m1", draft=draft))
    assert written.ticket is not None
    other = world.ticket("helpscout", written.ticket.external_id)
    shown = world.ticket("helpscout", number)["number"]
    assert other["subject"] == f"Late (#{shown})"
    assert other["messages"][0]["draft"] is draft
    assert desk.find_mark(number, "cc-m1") == written


# -- scheduled messages --


def check_in(clock: Clock, **more: Any) -> Message:
    when = clock() + timedelta(days=3)
    values = {"text": "All well?", "mark": "cc-c1", "draft": False}
    return Message(scheduled_at=when, **{**values, **more})


def scheduled(world: World, number: str) -> list[dict[str, Any]]:
    one = world.helpscout.get(int(number))
    return [thread.scheduled for thread in one.threads if thread.scheduled]


def test_a_scheduled_message_is_a_draft_until_the_vendor_sends_it(
    world: World, desk: HelpScoutAdapter, clock: Clock
) -> None:
    number = write(world)
    world.agent("helpscout", number, "status", status="closed")
    written = desk.send_message(number, check_in(clock))
    (plan,) = scheduled(world, number)
    assert plan["scheduledFor"] == "2026-03-05T09:00:00Z"
    assert plan["unscheduleOnCustomerReply"] is True
    assert world.ticket("helpscout", number)["messages"][0]["draft"]
    assert desk.find_mark(number, "cc-c1") == written
    clock.pass_(days=3)
    (sent,) = [c for c in desk.fetch_ticket(number).comments if not c.draft][1:]
    assert (sent.external_id, sent.public) == (written.external_id, True)


def test_a_scheduled_message_stays_a_draft_if_the_customer_writes_before(
    world: World, desk: HelpScoutAdapter, clock: Clock
) -> None:
    number = write(world)
    written = desk.send_message(number, check_in(clock))
    write(world, ticket=number, text="It broke again")
    clock.pass_(days=4)
    (draft,) = [c for c in desk.fetch_ticket(number).comments if c.draft]
    assert draft.external_id == written.external_id
    assert acts(world, "message") == []


@pytest.mark.parametrize("kind", ["before", "after", "reset"])
def test_a_message_whose_time_was_not_taken_is_planned_again_and_not_twice(
    world: World, desk: HelpScoutAdapter, clock: Clock, kind: str
) -> None:
    number = write(world)
    world.fail(kind, vendor="helpscout", method="PUT", path="schedule$", times=1)
    with pytest.raises(VendorError) as caught:
        desk.send_message(number, check_in(clock))
    # Else the mark of the draft would be taken for the whole of it.
    assert (caught.value.retry, caught.value.uncertain) == (True, False)
    desk.send_message(number, check_in(clock))
    desk.send_message(number, check_in(clock))
    assert len(scheduled(world, number)) == 1
    assert len(world.ticket("helpscout", number)["messages"]) == 1


def test_a_message_that_was_sent_meanwhile_is_not_planned_again(
    world: World, desk: HelpScoutAdapter, clock: Clock
) -> None:
    number = write(world)
    written = desk.send_message(number, check_in(clock))
    one = world.helpscout.get(int(number))
    world.helpscout.publish(one, one.threads[-1], "agent")
    assert desk.send_message(number, check_in(clock)) == written
    assert scheduled(world, number) == []


def test_a_scheduled_message_of_a_full_conversation_is_planned_in_the_new_one(
    world: World, desk: HelpScoutAdapter, clock: Clock
) -> None:
    number = write(world)
    for _ in range(99):
        world.agent("helpscout", number, "note", text="n")
    written = desk.send_message(number, check_in(clock))
    assert written.ticket is not None
    assert len(scheduled(world, written.ticket.external_id)) == 1
    assert desk.send_message(number, check_in(clock)) == written
    assert len(world.state()["helpscout"]["tickets"]) == 2


@pytest.mark.parametrize("notes", [0, 99], ids=["with room", "full"])
def test_a_planned_message_can_be_taken_back_and_a_sent_one_stays(
    world: World, desk: HelpScoutAdapter, clock: Clock, notes: int
) -> None:
    number = write(world)
    for _ in range(notes):
        world.agent("helpscout", number, "note", text="n")
    written = desk.send_message(number, check_in(clock))
    place = written.ticket.external_id if written.ticket else number
    assert len(scheduled(world, place)) == 1
    for _ in range(2):  # safe to repeat
        desk.unplan_message(place, written.external_id)
        assert scheduled(world, place) == []
    desk.send_message(number, check_in(clock))
    clock.pass_(days=4)
    desk.fetch_ticket(place)
    desk.unplan_message(place, written.external_id)
    assert not world.ticket("helpscout", place)["messages"][-1]["draft"]
    with pytest.raises(TicketGone):
        desk.unplan_message("999999", "1")


def test_a_suggested_message_is_left_to_people_whatever_time_it_names(
    world: World, desk: HelpScoutAdapter, clock: Clock
) -> None:
    number = write(world)
    desk.send_message(number, check_in(clock, draft=True))
    assert world.ticket("helpscout", number)["messages"][0]["draft"]
    assert scheduled(world, number) == []


def test_a_time_that_has_passed_is_refused_in_the_vendors_words(
    world: World, desk: HelpScoutAdapter, clock: Clock
) -> None:
    number = write(world)
    message = check_in(clock)
    clock.pass_(days=5)
    with pytest.raises(VendorRefused, match="scheduledFor: must be in the future"):
        desk.send_message(number, message)


# -- history --


def walk(
    adapter: HelpScoutAdapter,
    clock: Clock,
    cursor: str | None = None,
    between: Callable[[int], None] = lambda page: None,
    **back: float,
) -> tuple[list[str], str]:
    """Read to the end; return all ids in the order they came, and the cursor."""
    since, found = clock() - timedelta(**(back or {"days": 400})), []
    for number in range(200):
        page = adapter.changed(since, cursor)
        found += page.ids
        cursor = page.cursor
        if not page.more:
            return found, cursor
        between(number)
    raise AssertionError("it does not come to an end")


def many(world: World, clock: Clock, count: int, **apart: float) -> list[str]:
    made = []
    for place in range(count):
        made.append(write(world, email=f"c{place}@shop.example"))
        clock.pass_(**(apart or {"hours": 7}))
    return made


def touch(world: World, number: str) -> None:
    """Change a conversation in a way that no time of it tells."""
    world.agent("helpscout", number, "add_tag", tag="looked-at")


def test_history_is_read_page_by_page_whatever_the_status(
    world: World, desk: HelpScoutAdapter, clock: Clock
) -> None:
    made = many(world, clock, 60)
    for number, status in zip(made, ("closed", "pending", "spam"), strict=False):
        world.agent("helpscout", number, "status", status=status)
        clock.pass_(minutes=1)
    found, _ = walk(desk, clock)
    # The three were changed last, and a page is never left out.
    assert found == [*made[3:], *made[:3]]


def test_a_walk_begins_a_little_before_the_time_it_is_asked_for(
    world: World, desk: HelpScoutAdapter, clock: Clock
) -> None:
    just_before = write(world)
    clock.pass_(minutes=4)
    assert desk.changed(clock(), None).ids == (just_before,)
    clock.pass_(minutes=4)
    assert desk.changed(clock(), None).ids == ()


def test_a_sweep_brings_what_has_changed_since_and_little_else(
    world: World, desk: HelpScoutAdapter, clock: Clock
) -> None:
    made = many(world, clock, 30)
    _, cursor = walk(desk, clock)
    clock.pass_(minutes=30)
    assert walk(desk, clock, cursor)[0] == []
    touch(world, made[4])
    clock.pass_(minutes=1)
    found, cursor = walk(desk, clock, cursor)
    assert found == [made[4]]
    clock.pass_(days=9)
    assert walk(desk, clock, cursor)[0] == [made[4]]


def test_what_the_list_shows_late_is_still_seen(
    world: World, desk: HelpScoutAdapter, clock: Clock
) -> None:
    many(world, clock, 3)
    late = write(world)
    hidden = world.helpscout.conversations.pop(int(late))
    _, cursor = walk(desk, clock)
    world.helpscout.conversations[int(late)] = hidden
    clock.pass_(minutes=4)
    assert late in walk(desk, clock, cursor)[0]


@pytest.mark.parametrize("moving", [1, 7, 25, 30])
@pytest.mark.parametrize("how", ["changed", "deleted"])
def test_nothing_is_left_out_when_pages_move_while_they_are_read(
    world: World, desk: HelpScoutAdapter, clock: Clock, moving: int, how: str
) -> None:
    made = many(world, clock, 90)

    def meanwhile(page: int) -> None:
        if page == 1:  # two pages are read, the third is not
            for number in made[:moving]:
                if how == "deleted":
                    world.agent("helpscout", number, "delete")
                else:
                    touch(world, number)

    found, _ = walk(desk, clock, between=meanwhile)
    assert set(found) == set(made)


def test_months_of_history_are_read_in_stretches_that_overlap(
    world: World,
    desk: HelpScoutAdapter,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(history, "PAGES_AT_ONCE", 2)
    made = many(world, clock, 110)
    since, cursor, found = clock() - timedelta(days=400), None, []
    deepest, more = 0, True
    while more:
        page = desk.changed(since, cursor)
        found += page.ids
        cursor, more = page.cursor, page.more
        deepest = max(deepest, json.loads(cursor)["page"])
    assert set(found) == set(made)
    assert deepest == 2
    assert len(found) < 2 * len(made)


@pytest.mark.parametrize(
    "cursor",
    ["", "junk", "[]", '{"since": "yesterday", "page": 1, "seen": []}', '{"page": 3}'],
)
def test_a_cursor_that_is_not_understood_begins_again(
    world: World, desk: HelpScoutAdapter, clock: Clock, cursor: str
) -> None:
    made = many(world, clock, 2)
    assert walk(desk, clock, cursor)[0] == made


def test_a_cursor_that_has_waited_for_days_goes_on(
    world: World, desk: HelpScoutAdapter, clock: Clock
) -> None:
    made = many(world, clock, 60)
    since = clock() - timedelta(days=400)
    first = desk.changed(since, None)
    clock.pass_(days=5)
    for number in made[:40]:
        touch(world, number)
    found, _ = walk(desk, clock, first.cursor)
    assert set(found) | set(first.ids) == set(made)


def test_a_conversation_that_was_moved_away_is_seen_but_not_foreign_history(
    world: World, build: Build, clock: Clock
) -> None:
    adapter = build(mailboxes=[31])
    old, moved = many(world, clock, 2)
    for number in (old, moved):
        one = world.helpscout.get(int(number))
        world.helpscout.change(one, "mailbox_id", 32, "agent", "")
    assert walk(adapter, clock)[0] == []
    assert walk(adapter, clock, hours=1)[0] == [old, moved]


def test_where_to_go_on_is_told_by_the_vendors_clock() -> None:
    page = {"page": {"totalPages": 1}, "_embedded": {"conversations": [{"id": 5}]}}
    now = Clock()()
    start = history.Walk(now - timedelta(days=1))
    for vendor_now, wanted in (
        (now + timedelta(hours=1), now + timedelta(minutes=55)),
        (now - timedelta(days=2), start.since),
        (None, start.since),
    ):
        found = history.step(start, page, None, vendor_now, ())
        assert found == ChangedPage(("5",), history.Walk(wanted).cursor, False)


def test_a_list_that_does_not_count_its_pages_is_read_until_it_is_empty() -> None:
    start = history.Walk(Clock()())
    full = {"_embedded": {"conversations": [{"id": 5}, {"id": 0}, {"id": 5}]}}
    found = history.step(start, full, None, None, ())
    assert (found.ids, found.more) == (("5",), True)
    then = history.begin(start.since, found.cursor)
    assert history.step(then, {}, full, None, ()).more is False


def test_a_sweep_finds_what_webhooks_never_told(database_url: str) -> None:
    with stepped(database_url) as scene:
        adapter = scene.runtime.adapters["support"]

        def sweep_after(minutes: float) -> int:
            scene.clock.pass_(minutes=minutes)
            runtime = scene.runtime
            return sweep(runtime.store, adapter, runtime.config, scene.clock())

        assert sweep_after(0) == 0
        for webhook in scene.world.helpscout.webhooks.values():
            webhook.state = "disabled"
        unheard = complain(scene.world, 1, "helpscout")
        assert sweep_after(6) == 1
        scene.settle()
        assert TYPE_TAG in scene.world.ticket("helpscout", unheard.ticket)["tags"]
        # A tag that a person took away is seen too, and stays away.
        given = {"act": "remove_tag", "tag": TYPE_TAG}
        scene.world.agent("helpscout", unheard.ticket, **given)
        assert sweep_after(6) == 1
        scene.settle()
        assert TYPE_TAG not in scene.world.ticket("helpscout", unheard.ticket)["tags"]


# -- webhooks --


def hooks(world: World) -> list[dict[str, Any]]:
    return [
        {**one.as_json(), **one.extra, "secret": one.secret}
        for one in world.helpscout.webhooks.values()
    ]


def test_a_webhook_is_made_once_with_all_it_needs(world: World, build: Build) -> None:
    adapter = build(webhook_secret=["new", "old"], mailboxes=[32, 31])
    made = adapter.subscribe(ADDRESS)
    (hook,) = hooks(world)
    assert (hook["url"], hook["secret"]) == (ADDRESS, "new")
    assert set(hook["events"]) == set(NEEDED_EVENTS)
    assert hook["label"] == "Complaint Connector: desk"
    assert hook["mailboxIds"] == [31, 32]
    wanted = Subscription(
        kind="webhook", external_id=hook["id"], address=ADDRESS, enabled=True
    )
    assert (made.changed, made.kept) == ((wanted,), ())
    again = adapter.subscribe(ADDRESS)
    assert (again.changed, again.kept) == ((), (wanted,))
    assert adapter.subscriptions(ADDRESS) == [wanted]
    assert len(hooks(world)) == 1


def test_what_a_webhook_of_ours_brings_is_accepted(
    world: World, desk: HelpScoutAdapter, clock: Clock
) -> None:
    desk.subscribe(ADDRESS)
    (hook,) = hooks(world)
    body = b'{"id":5,"subject":"\\/ \\u00e5"}'
    headers = helpscout_headers(hook["secret"], "convo.created", body)
    lowered = {name.lower(): value for name, value in headers.items()}
    assert is_let_in(desk.verify, WebhookRequest(lowered, body), clock())
    assert not is_let_in(desk.verify, WebhookRequest(lowered, body + b" "), clock())


def test_the_secret_is_written_again_because_it_cannot_be_read(
    world: World, build: Build
) -> None:
    build(webhook_secret="old").subscribe(ADDRESS)
    changed = build(webhook_secret=["new", "old"]).subscribe(ADDRESS).changed
    assert changed == ()
    assert [hook["secret"] for hook in hooks(world)] == ["new"]


@pytest.mark.parametrize("put_enables", [True, False])
def test_a_webhook_that_was_switched_off_is_on_again(
    world: World, desk: HelpScoutAdapter, put_enables: bool
) -> None:
    world.helpscout.put_enables = put_enables
    desk.subscribe(ADDRESS)
    (webhook,) = world.helpscout.webhooks.values()
    webhook.state = "disabled"
    (seen,) = desk.subscriptions(ADDRESS)
    assert not seen.enabled
    (mended,) = desk.subscribe(ADDRESS).changed
    assert mended.enabled
    assert [hook["state"] for hook in hooks(world)] == ["enabled"]
    assert (mended.external_id == seen.external_id) is put_enables


def test_events_that_are_missing_are_added_and_those_of_people_kept(
    world: World, desk: HelpScoutAdapter
) -> None:
    world.subscribe("helpscout", ADDRESS + "/", "old", ["convo.created", "convo.tags"])
    (seen,) = desk.subscriptions(ADDRESS)
    assert seen.missing == set(NEEDED_EVENTS) - {"convo.created"}
    (mended,) = desk.subscribe(ADDRESS).changed
    assert mended.missing == frozenset()
    (hook,) = hooks(world)
    assert set(hook["events"]) == {*NEEDED_EVENTS, "convo.tags"}


def test_a_webhook_for_other_inboxes_is_opened_to_ours(
    world: World, build: Build
) -> None:
    build(mailboxes=[31]).subscribe(ADDRESS)
    (changed,) = build(mailboxes=[31, 32]).subscribe(ADDRESS).changed
    assert hooks(world)[0]["mailboxIds"] == [31, 32]
    assert build().subscribe(ADDRESS).changed != ()
    assert "mailboxIds" not in hooks(world)[0]
    assert changed.enabled


def test_webhooks_of_others_are_not_touched(world: World, build: Build) -> None:
    label = {"label": "Complaint Connector: desk"}
    elsewhere = "https://staging.example/webhooks/desk"
    world.subscribe("helpscout", "https://other.example/x", "theirs", ["convo.tags"])
    world.subscribe("helpscout", elsewhere, "theirs", ["convo.tags"], extra=label)
    before = hooks(world)
    adapter = build()
    assert adapter.subscriptions(ADDRESS) == []
    adapter.subscribe(ADDRESS)
    assert hooks(world)[:2] == before
    (removed,) = adapter.unsubscribe(ADDRESS)
    assert removed.address == ADDRESS
    assert hooks(world) == before
    assert adapter.unsubscribe(ADDRESS) == []


def test_one_of_ours_that_was_left_behind_switched_off_is_cleared_away(
    world: World, desk: HelpScoutAdapter
) -> None:
    old = "https://old.example/webhooks/desk"
    desk.subscribe(old)
    (left,) = world.helpscout.webhooks.values()
    desk.subscribe(ADDRESS)
    left.state = "disabled"
    desk.subscribe(ADDRESS)
    assert [hook["url"] for hook in hooks(world)] == [ADDRESS]


def test_one_of_ours_that_was_switched_off_moves_to_the_new_address(
    world: World, desk: HelpScoutAdapter
) -> None:
    desk.subscribe("https://old.example/webhooks/desk")
    (left,) = world.helpscout.webhooks.values()
    left.state = "disabled"
    desk.subscribe(ADDRESS)
    assert [hook["url"] for hook in hooks(world)] == [ADDRESS]


def test_an_address_is_shown_without_what_may_be_a_secret(
    world: World, desk: HelpScoutAdapter
) -> None:
    url = "https://user:hush@Connector.example/webhooks/desk?token=hush"
    world.subscribe("helpscout", url, "s", ["convo.created"])
    (seen,) = desk.subscriptions(ADDRESS)
    assert seen.address == ADDRESS


@pytest.mark.parametrize("kind", ["after", "reset_after"])
def test_a_webhook_whose_answer_was_lost_is_not_made_twice(
    world: World, desk: HelpScoutAdapter, kind: str
) -> None:
    world.fail(kind, vendor="helpscout", method="POST", path="webhooks$", times=1)
    with pytest.raises(VendorUnavailable):
        desk.subscribe(ADDRESS)
    desk.subscribe(ADDRESS)
    assert len(hooks(world)) == 1


def test_a_check_names_what_is_wrong_with_our_webhook_and_what_to_click(
    world: World, desk: HelpScoutAdapter, clock: Clock
) -> None:
    world.subscribe("helpscout", "https://other.example/x", "s", list(NEEDED_EVENTS))
    none = desk.check(clock())[1]
    assert (none.level, "/webhooks/desk" in none.remedy) == (Level.PROBLEM, True)
    desk.subscribe(ADDRESS)
    assert [one.level for one in desk.check(clock())] == [Level.OK, Level.OK]
    ours = world.helpscout.webhooks["2"]
    ours.events.remove("convo.merged")
    found = desk.check(clock())[1]
    assert (found.level, "convo.merged" in found.message) == (Level.WARNING, True)
    ours.state = "disabled"
    found = desk.check(clock())[1]
    assert (found.level, "is off" in found.message) == (Level.PROBLEM, True)
    assert "Manage > Apps > Webhooks" in found.remedy


@pytest.mark.parametrize(
    "running", [SandboxSettings(time_scale=1e-6)], indirect=True, ids=["quick"]
)
def test_failing_deliveries_switch_a_webhook_off_and_the_check_sees_it(
    world: World, desk: HelpScoutAdapter, clock: Clock
) -> None:
    closed = "http://127.0.0.1:9/webhooks/desk"
    desk.subscribe(closed)
    for _ in range(10):
        write(world)
    assert world.deliveries.wait_quiet(20)
    assert desk.check(clock())[1].level is Level.PROBLEM
    assert not desk.subscriptions(closed)[0].enabled


# -- status --


def test_a_status_that_is_not_told_is_never_guessed(
    world: World, desk: HelpScoutAdapter
) -> None:
    number = write(world)
    world.helpscout.get(int(number)).status = "snoring"
    with pytest.raises(VendorUnavailable, match="nothing was written"):
        desk.add_note(number, NOTE)
    with pytest.raises(VendorUnavailable, match="nothing was written"):
        desk.send_message(number, Message(text="x", mark="m", draft=False))
    assert acts(world, "note", "message") == []
    assert desk.fetch_ticket(number).status is TicketStatus.UNKNOWN


def test_a_written_id_names_the_thread(world: World, desk: HelpScoutAdapter) -> None:
    number = write(world)
    written = desk.add_note(number, NOTE)
    (note,) = world.ticket("helpscout", number)["notes"]
    assert written == Written(note["id"])
