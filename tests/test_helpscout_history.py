"""Walking through the history of Help Scout while it moves."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from helpscout_kit import Build, write
from kit import Clock
from sandbox_kit import TYPE_TAG, complain, stepped

from adapters.helpscout import HelpScoutAdapter, history
from connector.models import ChangedPage
from connector.sandbox import World
from connector.sweep import sweep


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
    world: World, helpscout: HelpScoutAdapter, clock: Clock
) -> None:
    made = many(world, clock, 60)
    for number, status in zip(made, ("closed", "pending", "spam"), strict=False):
        world.agent("helpscout", number, "status", status=status)
        clock.pass_(minutes=1)
    found, _ = walk(helpscout, clock)
    # The three were changed last, and a page is never left out.
    assert found == [*made[3:], *made[:3]]


def test_a_walk_begins_a_little_before_the_time_it_is_asked_for(
    world: World, helpscout: HelpScoutAdapter, clock: Clock
) -> None:
    just_before = write(world)
    clock.pass_(minutes=4)
    assert helpscout.changed(clock(), None).ids == (just_before,)
    clock.pass_(minutes=4)
    assert helpscout.changed(clock(), None).ids == ()


def test_a_sweep_brings_what_has_changed_since_and_little_else(
    world: World, helpscout: HelpScoutAdapter, clock: Clock
) -> None:
    made = many(world, clock, 30)
    _, cursor = walk(helpscout, clock)
    clock.pass_(minutes=30)
    assert walk(helpscout, clock, cursor)[0] == []
    touch(world, made[4])
    clock.pass_(minutes=1)
    found, cursor = walk(helpscout, clock, cursor)
    assert found == [made[4]]
    clock.pass_(days=9)
    assert walk(helpscout, clock, cursor)[0] == [made[4]]


def test_what_the_list_shows_late_is_still_seen(
    world: World, helpscout: HelpScoutAdapter, clock: Clock
) -> None:
    many(world, clock, 3)
    late = write(world)
    hidden = world.helpscout.conversations.pop(int(late))
    _, cursor = walk(helpscout, clock)
    world.helpscout.conversations[int(late)] = hidden
    clock.pass_(minutes=4)
    assert late in walk(helpscout, clock, cursor)[0]


@pytest.mark.parametrize("moving", [1, 7, 25, 30])
@pytest.mark.parametrize("how", ["changed", "deleted"])
def test_nothing_is_left_out_when_pages_move_while_they_are_read(
    world: World, helpscout: HelpScoutAdapter, clock: Clock, moving: int, how: str
) -> None:
    made = many(world, clock, 90)

    def meanwhile(page: int) -> None:
        if page == 1:  # two pages are read, the third is not
            for number in made[:moving]:
                if how == "deleted":
                    world.agent("helpscout", number, "delete")
                else:
                    touch(world, number)

    found, _ = walk(helpscout, clock, between=meanwhile)
    assert set(found) == set(made)


def test_months_of_history_are_read_in_stretches_that_overlap(
    world: World,
    helpscout: HelpScoutAdapter,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(history, "PAGES_AT_ONCE", 2)
    made = many(world, clock, 110)
    since, cursor, found = clock() - timedelta(days=400), None, []
    deepest, more = 0, True
    while more:
        page = helpscout.changed(since, cursor)
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
    world: World, helpscout: HelpScoutAdapter, clock: Clock, cursor: str
) -> None:
    made = many(world, clock, 2)
    assert walk(helpscout, clock, cursor)[0] == made


def test_a_cursor_that_has_waited_for_days_goes_on(
    world: World, helpscout: HelpScoutAdapter, clock: Clock
) -> None:
    made = many(world, clock, 60)
    since = clock() - timedelta(days=400)
    first = helpscout.changed(since, None)
    clock.pass_(days=5)
    for number in made[:40]:
        touch(world, number)
    found, _ = walk(helpscout, clock, first.cursor)
    assert set(found) | set(first.ids) == set(made)


def test_a_conversation_that_was_moved_away_is_seen_but_not_foreign_history(
    world: World, make_helpscout: Build, clock: Clock
) -> None:
    adapter = make_helpscout(mailboxes=[31])
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
