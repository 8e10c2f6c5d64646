"""The Jira adapter against the look-alike: webhooks, history, moves, reopening."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from jira_kit import START, TOKEN, Site, opened

from adapters.jira import history
from connector.errors import NotFound, VendorRefused
from connector.models import IssueCategory, IssueChange, TicketLink
from connector.sandbox.jira_tracker import DONE, TO_DO, Transition

ADDRESS = "https://cc.nordvik.example/webhooks/jira"
EVENTS = {
    "jira:issue_created",
    "jira:issue_updated",
    "jira:issue_deleted",
    "comment_created",
    "comment_updated",
}


@pytest.fixture(params=["cloud", "data_center"])
def site(request):
    with opened(jira_flavour=request.param) as site:
        yield site


@pytest.fixture
def cloud():
    with opened() as site:
        yield site


@pytest.fixture
def data_center():
    with opened(jira_flavour="data_center") as site:
        yield site


# -- webhooks --


def only(site: Site) -> object:
    (webhook,) = site.tracker.webhooks.values()
    return webhook


def test_webhook_is_made_once_and_kept(site):
    assert site.adapter.subscriptions(ADDRESS) == []
    first = site.adapter.subscribe(ADDRESS)
    again = site.adapter.subscribe(ADDRESS)
    assert (len(first.changed), first.kept) == (1, ())
    assert (again.changed, again.kept) == ((), first.changed)
    assert set(only(site).events) == EVENTS
    (seen,) = site.adapter.subscriptions(ADDRESS)
    assert seen == first.changed[0]
    assert (seen.kind, seen.address, seen.enabled) == ("webhook", ADDRESS, True)
    assert (seen.missing, first.settings) == (frozenset(), {})


def test_webhook_is_signed_on_cloud(cloud):
    cloud.adapter.subscribe(ADDRESS)
    assert (only(cloud).secret, only(cloud).url) == ("s3cret", ADDRESS)


@pytest.mark.parametrize("version", [(10, 3, 0), (9, 12, 0)])
def test_token_is_in_the_address_on_data_center_and_is_never_shown(
    data_center, version
):
    data_center.tracker.version = version
    made = data_center.adapter.subscribe(ADDRESS)
    assert only(data_center).url == f"{ADDRESS}?token={TOKEN}"
    assert only(data_center).secret == ""
    assert TOKEN not in repr((made, data_center.adapter.subscriptions(ADDRESS)))
    assert data_center.adapter.unsubscribe(ADDRESS)[0].address == ADDRESS


@pytest.mark.parametrize(
    "spoil",
    [
        lambda hook: setattr(hook, "state", "disabled"),
        lambda hook: hook.events.remove("jira:issue_updated"),
        lambda hook: setattr(hook, "url", f"{ADDRESS}?token=old"),
        lambda hook: setattr(hook, "url", hook.url.replace("/jira", "/jira/")),
        lambda hook: hook.extra.update(
            excludeBody=True, configuration={"EXCLUDE_BODY": "true"}
        ),
    ],
    ids=["switched off", "event missing", "other token", "slash", "no body"],
)
def test_webhook_that_is_off_is_mended(site, spoil):
    site.adapter.subscribe(ADDRESS)
    spoil(only(site))
    mended = site.adapter.subscribe(ADDRESS)
    assert (len(mended.changed), mended.kept) == (1, ())
    assert site.adapter.subscribe(ADDRESS).kept == mended.changed
    assert only(site).state == "enabled"
    assert EVENTS <= set(only(site).events)


def test_webhook_that_jira_writes_a_little_differently_is_in_order(site):
    site.adapter.subscribe(ADDRESS)
    only(site).url = only(site).url.replace("cc.nordvik", "CC.Nordvik")
    assert len(site.adapter.subscribe(ADDRESS).kept) == 1


def test_disabled_or_incomplete_webhook_is_shown_as_that(site):
    site.adapter.subscribe(ADDRESS)
    only(site).state = "disabled"
    only(site).events.remove("comment_created")
    (seen,) = site.adapter.subscriptions(ADDRESS)
    assert (seen.enabled, seen.missing) == (False, {"comment_created"})


def test_webhook_without_a_signature_gets_our_secret(cloud):
    cloud.world.subscribe("jira", f"{ADDRESS}/", "", sorted(EVENTS))
    assert len(cloud.adapter.subscribe(ADDRESS).changed) == 1
    assert only(cloud).secret == "s3cret"


def test_new_secret_reaches_jira_while_the_old_one_is_still_good(cloud):
    cloud.adapter.subscribe(ADDRESS)
    changing = cloud.connect(webhook_secret=["n3w", "s3cret"])
    assert len(changing.subscribe(ADDRESS).changed) == 1
    assert only(cloud).secret == "n3w"


def test_secret_is_written_again_though_nothing_else_is_off(cloud):
    cloud.adapter.subscribe(ADDRESS)
    other = cloud.connect(webhook_secret="n3w").subscribe(ADDRESS)
    assert (other.changed, len(other.kept)) == ((), 1)
    assert only(cloud).secret == "n3w"


def test_new_token_reaches_jira_while_the_old_one_is_still_good(data_center):
    data_center.adapter.subscribe(ADDRESS)
    changing = data_center.connect(webhook_token=[TOKEN[::-1], TOKEN])
    assert len(changing.subscribe(ADDRESS).changed) == 1
    assert only(data_center).url == f"{ADDRESS}?token={TOKEN[::-1]}"
    assert changing.subscribe(ADDRESS).changed == ()


def test_what_a_person_narrowed_or_added_stays(cloud):
    jql = {"issue-related-events-section": "project = SHOP"}
    extra = {"name": "Ours, by hand", "filters": jql}
    events = ["jira:issue_created", "jira:version_released"]
    cloud.world.subscribe("jira", ADDRESS, "", events, extra=extra)
    cloud.adapter.subscribe(ADDRESS)
    assert (only(cloud).extra["name"], only(cloud).extra["filters"]) == (
        "Ours, by hand",
        jql,
    )
    assert set(only(cloud).events) == EVENTS | {"jira:version_released"}


@pytest.mark.parametrize(
    "other",
    [
        "https://cc.nordvik.example/webhooks/jira2",
        "https://cc-test.nordvik.example/webhooks/jira",
        "https://elsewhere.example/hook",
        "not an address [",
    ],
)
def test_webhooks_of_others_are_left_alone(site, other):
    site.world.subscribe("jira", other, "theirs", ["jira:issue_created"])
    before = only(site).as_json()
    assert site.adapter.subscriptions(ADDRESS) == []
    site.adapter.subscribe(ADDRESS)
    assert [each.address for each in site.adapter.unsubscribe(ADDRESS)] == [ADDRESS]
    assert only(site).as_json() == before


def test_second_installation_with_the_same_name_has_a_webhook_of_its_own(site):
    host = urlsplit(ADDRESS).netloc
    elsewhere = ADDRESS.replace(host, f"test.{host}")
    site.adapter.subscribe(ADDRESS)
    assert len(site.connect().subscribe(elsewhere).changed) == 1
    assert len(site.tracker.webhooks) == 2
    site.adapter.unsubscribe(elsewhere)
    assert [each.address for each in site.adapter.subscriptions(ADDRESS)] == [ADDRESS]


def test_webhook_whose_path_moved_is_known_by_its_name(site):
    site.adapter.subscribe(ADDRESS)
    moved = ADDRESS.replace("/webhooks", "/connector/webhooks")
    assert site.adapter.subscribe(moved).changed[0].address == moved
    assert len(site.tracker.webhooks) == 1


def test_removing_twice_removes_once(site):
    site.adapter.subscribe(ADDRESS)
    assert len(site.adapter.unsubscribe(ADDRESS)) == 1
    assert site.adapter.unsubscribe(ADDRESS) == []
    assert site.tracker.webhooks == {}


def test_webhooks_need_an_administrator_and_that_is_said(site):
    site.tracker.is_admin = False
    with pytest.raises(VendorRefused, match="403: You do not have permission"):
        site.adapter.subscribe(ADDRESS)


def test_app_with_dynamic_webhooks_is_told_that_it_makes_them_itself(cloud):
    dynamic = cloud.connect(webhook_secret=(), client_secret="s3cret-of-the-app")
    with pytest.raises(VendorRefused, match="set webhook_secret"):
        dynamic.subscribe(ADDRESS)


# -- history --


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(history, "PAGE", 3)
    monkeypatch.setattr(history, "STEP_BACK", 1)


def test_history_is_read_to_its_end_oldest_first(site, small_pages):
    made = []
    for number in range(10):
        made.append(site.file(number))
        site.clock.pass_(minutes=7)
    found, _ = site.sweep(START)
    assert list(dict.fromkeys(found)) == made


def test_issues_of_one_minute_are_read_page_by_page(site, small_pages):
    made = {site.file(number) for number in range(10)}
    found, _ = site.sweep(START)
    assert set(found) == made


def test_only_what_changed_later_is_read_again(site):
    old = site.file(1)
    site.clock.pass_(hours=5)
    new = site.file(2)
    found, cursor = site.sweep(START)
    assert found == [old, new]
    site.clock.pass_(hours=1)
    third = site.file(3)
    later, cursor = site.sweep(START, cursor)
    assert (old in later, third in later) == (False, True)
    site.clock.pass_(hours=1)
    assert third in site.sweep(START, cursor)[0]  # the overlap, and nothing before it


def test_cursor_goes_on_after_days_and_a_restart(site, small_pages):
    made = {site.file(number) for number in range(8)}
    page = site.adapter.changed(START, None)
    assert page.more
    site.clock.pass_(days=20)
    site.adapter = site.connect()
    found, _ = site.sweep(START, page.cursor)
    assert made <= {*page.ids, *found}


def test_issue_that_changes_between_two_pages_hides_no_other(site, small_pages):
    made = []
    for number in range(9):
        made.append(site.file(number))
        site.clock.pass_(minutes=1)
    page = site.adapter.changed(START, None)
    for external_id in page.ids:  # they move to the end, all others move up
        change = IssueChange(add_labels=frozenset({"seen"}))
        site.adapter.update_issue(external_id, change)
    found, _ = site.sweep(START, page.cursor)
    assert set(made) <= {*page.ids, *found}


def test_late_index_is_caught_up_with(site):
    site.file(1)
    _, cursor = site.sweep(START)
    late = site.file(2)
    site.tracker.issues[late].updated -= timedelta(minutes=9)
    assert late in site.sweep(START, cursor)[0]


@pytest.mark.parametrize(
    "zone",
    ["Pacific/Kiritimati", "America/Los_Angeles", "Asia/Kathmandu", "Europe/Oslo"],
)
def test_moments_are_asked_for_in_the_time_zone_of_our_account(site, small_pages, zone):
    site.tracker.time_zone = zone
    made = []
    for number in range(7):
        made.append(site.file(number))
        site.clock.pass_(hours=1)
    found, cursor = site.sweep(START)
    assert list(dict.fromkeys(found)) == made
    assert site.sweep(START, cursor)[0] == made[-1:]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_unknown_time_zone_leaves_nothing_out(site, small_pages, monkeypatch, zone):
    site.tracker.time_zone = zone
    monkeypatch.setattr(history, "_zone", lambda account: None)
    made = []
    for number in range(7):
        made.append(site.file(number))
        site.clock.pass_(hours=1)
    assert set(made) <= set(site.sweep(START)[0])


@pytest.mark.parametrize("cursor", ["", "x", "{}", "[]", '{"since": 3}', "null"])
def test_cursor_that_is_not_ours_begins_again(site, cursor):
    made = site.file()
    assert site.adapter.changed(START, cursor).ids == (made,)


def test_place_that_jira_forgot_is_found_again(cloud, small_pages):
    made = {cloud.file(number) for number in range(5)}
    stale = history.Position(START, START, "2026-11-03 09:00", "bm9uc2Vuc2U=")
    assert set(cloud.sweep(START, history.write(stale))[0]) == made


def test_nothing_new_keeps_the_cursor(site):
    site.file()
    _, first = site.sweep(START)
    assert site.sweep(START, first)[1] == first


OSLO = [
    # the hour from two to three comes twice on this day
    (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "2026-10-25 01:30"),
    (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "2026-10-25 01:30"),
    (datetime(2026, 10, 25, 2, 30, tzinfo=UTC), "2026-10-25 03:30"),
    (datetime(2026, 7, 1, 12, 0, 59, tzinfo=UTC), "2026-07-01 14:00"),
]


@pytest.mark.parametrize(("moment", "written"), OSLO)
def test_hour_that_comes_twice_is_asked_for_from_its_beginning(moment, written):
    assert history.minute(moment, history.ZoneInfo("Europe/Oslo")) == written


def test_moments_of_a_search_only_go_forward():
    moments = [START + timedelta(minutes=10 * step) for step in range(200)]
    written = [history.minute(m, history.ZoneInfo("Europe/Oslo")) for m in moments]
    assert all(a < b for a, b in pairwise(written))


# -- the life of an issue --


def test_moved_issue_is_followed_by_its_id(site):
    external_id = site.file()
    before = site.adapter.fetch_issue(external_id)
    project = site.tracker.projects["OPS"]
    site.tracker.transfer(site.tracker.issues[external_id], project, "agent")
    after = site.adapter.fetch_issue(external_id)
    assert (before.ref.key, after.ref.key) == ("SHOP-1", "OPS-1")
    assert after.ref.external_id == before.ref.external_id
    assert (after.project, after.ref.url[-5:]) == ("OPS", "OPS-1")


def test_deleted_issue_is_not_found(site):
    external_id = site.file()
    site.world.issue(external_id, "delete")
    with pytest.raises(NotFound):
        site.adapter.fetch_issue(external_id)


def test_reopened_issue_is_open_although_its_resolution_was_left_behind(site):
    external_id = site.file()
    site.world.issue(external_id, "done", resolution="Fixed")
    assert site.adapter.fetch_issue(external_id).category is IssueCategory.DONE
    site.world.issue(external_id, "reopen", keep_resolution=True)
    issue = site.adapter.fetch_issue(external_id)
    assert (issue.category, issue.resolution) == (IssueCategory.TODO, "Fixed")


def test_done_issue_is_reopened_and_twice_is_once(site):
    external_id = site.file()
    site.world.issue(external_id, "done")
    assert site.adapter.reopen_issue(external_id) is True
    assert site.adapter.reopen_issue(external_id) is True
    moves = [act for act in site.world.log() if act["act"] == "transition"]
    assert [act["actor"] for act in moves] == ["agent", "api"]


def test_way_back_that_asks_for_a_field_is_no_way_back(site):
    asking = Transition("61", "Reopen with reason", TO_DO, (DONE.id,), asks="reason")
    closing = Transition("31", "Done", DONE, (TO_DO.id,))
    site.tracker.workflow = (closing, asking)
    external_id = site.file()
    site.world.issue(external_id, "done")
    assert site.adapter.reopen_issue(external_id) is False


def test_ticket_linked_twice_is_one_link(site):
    external_id = site.file()
    link = TicketLink(
        global_id="system=desk&id=5", url="https://d.example/5", title="5"
    )
    site.adapter.link_ticket(external_id, link)
    site.adapter.link_ticket(external_id, replace(link, resolved=True))
    (shown,) = site.world.state()["jira"]["issues"][0]["remote_links"]
    assert shown["object"]["status"] == {"resolved": True}
    assert shown["relationship"] == "reported by customer"


def test_labels_of_people_survive_ours(site):
    external_id = site.file(labels=("cc-delivery",))
    site.tracker.issues[external_id].labels.append("theirs")
    for _ in range(2):
        change = IssueChange(
            add_labels=frozenset({"cc-new"}), remove_labels=frozenset({"cc-delivery"})
        )
        site.adapter.update_issue(external_id, change)
    labels = site.adapter.fetch_issue(external_id).labels
    assert labels == {"cc-group-1", "theirs", "cc-new"}


def test_fields_that_the_project_needs_are_filled_in(site):
    about = {"name": "Channel", "required": True, "schema": {"type": "option"}}
    site.tracker.extra_fields = {"customfield_10060": about}
    with pytest.raises(VendorRefused, match="customfield_10060: Channel is required"):
        site.file()
    fields = {"customfield_10060": {"id": "7"}}
    site.adapter = site.connect(projects={"SHOP": {"fields": fields}})
    assert site.tracker.issues[site.file()].fields == fields
