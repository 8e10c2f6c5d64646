"""Our own adapters pass the kit that others are asked to pass; the kit finds faults."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any

import pytest
import responses
from conformance_stages import (
    Ahead,
    FormsStage,
    HelpScoutStage,
    JiraStage,
    MemoryDesk,
    MemoryTracker,
    SandboxStage,
    ServiceDeskStage,
    ZendeskStage,
)

from adapters.conformance import (
    HelpdeskConformance,
    HistorianConformance,
    IssueLinkerConformance,
    ShowerConformance,
    SubscriberConformance,
    TrackerConformance,
)
from adapters.stages import Failure, Stage
from connector.errors import (
    CredentialsRejected,
    VendorBusy,
    VendorError,
    VendorRefused,
    VendorUnavailable,
)
from connector.models import (
    ChangedPage,
    EventKind,
    Finding,
    IssueChange,
    Level,
    Message,
    Note,
    Ticket,
    TicketEvent,
    TicketStatus,
    Written,
)
from connector.sandbox import Running, SandboxSettings, World, serve

QUICK = SandboxSettings(time_scale=0.0001, jsm_projects=("SUP",))


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serve(World(QUICK, Ahead()), port=0) as made:
        yield made


@pytest.fixture(scope="module")
def data_center() -> Iterator[Running]:
    settings = QUICK.model_copy(update={"jira_flavour": "data_center"})
    with serve(World(settings, Ahead()), port=0) as made:
        yield made


class LookAlike(SubscriberConformance):
    """A vendor on loopback. Named first among bases, or its stage would not count."""

    vendor: type[SandboxStage]

    @pytest.fixture
    def stage(self, running: Running) -> Iterator[Stage]:
        made = self.vendor(running)
        yield made
        made.adapter.close()

    def other_webhooks(self, stage: Stage) -> Collection[str]:
        assert isinstance(stage, SandboxStage)
        return stage.webhooks()


class DataCenter(LookAlike):
    """A look-alike of a Jira that a company runs itself."""

    @pytest.fixture
    def running(self, data_center: Running) -> Running:
        return data_center


class TestHelpScout(LookAlike, HelpdeskConformance, HistorianConformance):
    vendor = HelpScoutStage


class TestZendesk(
    LookAlike, HelpdeskConformance, ShowerConformance, HistorianConformance
):
    vendor = ZendeskStage


class TestJiraCloud(
    LookAlike, TrackerConformance, IssueLinkerConformance, HistorianConformance
):
    vendor = JiraStage


class TestJiraDataCenter(
    DataCenter, TrackerConformance, IssueLinkerConformance, HistorianConformance
):
    vendor = JiraStage


class TestServiceDeskCloud(LookAlike, HelpdeskConformance, HistorianConformance):
    vendor = ServiceDeskStage


class TestServiceDeskDataCenter(DataCenter, HelpdeskConformance, HistorianConformance):
    vendor = ServiceDeskStage


class TestMemoryHelpdesk(HelpdeskConformance, ShowerConformance, HistorianConformance):
    @pytest.fixture
    def stage(self) -> MemoryDesk:
        return MemoryDesk()


class TestMemoryTracker(TrackerConformance, IssueLinkerConformance):
    @pytest.fixture
    def stage(self) -> MemoryTracker:
        return MemoryTracker()


class TestGeneric(HelpdeskConformance):
    finds_marks = False

    @pytest.fixture
    def stage(self) -> Iterator[FormsStage]:
        with responses.RequestsMock(assert_all_requests_are_fired=False) as web:
            yield FormsStage(web)


# -- the kit itself --


def _let_all_in(adapter: Any) -> None:
    adapter.verify = lambda request, now: None


def _one_id(adapter: Any) -> None:
    adapter.delivery_id = lambda request: "1"


def _say(events: tuple[TicketEvent, ...]) -> Sabotage:
    def sabotage(adapter: Any) -> None:
        adapter.parse = lambda delivery: events

    return sabotage


def _find(findings: list[Finding]) -> Sabotage:
    def sabotage(adapter: Any) -> None:
        adapter.check = lambda now: findings

    return sabotage


def _replace_tags(adapter: Any) -> None:
    def change_tags(
        external_id: str, add: frozenset[str], remove: frozenset[str]
    ) -> frozenset[str]:
        ticket = adapter.tickets[external_id]
        adapter.tickets[external_id] = replace(ticket, tags=add)
        return add

    adapter.change_tags = change_tags


def _always_write(adapter: Any) -> None:
    once = adapter.change_tags

    def change_tags(*given: Any) -> frozenset[str]:
        adapter.calls.append(("change_tags", given[0], None))
        tags: frozenset[str] = once(*given)
        return tags

    adapter.change_tags = change_tags


def _tell_the_customer(adapter: Any) -> None:
    adapter.add_note = lambda external_id, note: adapter.send_message(
        external_id, Message(text=note.text, mark=note.mark, draft=False)
    )


def _open_again(adapter: Any) -> None:
    once = adapter.add_note

    def add_note(external_id: str, note: Note) -> Written:
        written: Written = once(external_id, note)
        ticket = adapter.tickets[external_id]
        pending = replace(ticket, status=TicketStatus.PENDING)
        adapter.tickets[external_id] = pending
        return written

    adapter.add_note = add_note


def _send_drafts(adapter: Any) -> None:
    once = adapter.send_message
    adapter.send_message = lambda external_id, message: once(
        external_id, replace(message, draft=False)
    )


def _find_no_mark(adapter: Any) -> None:
    adapter.find_mark = lambda external_id, mark: None


def _find_any_mark(adapter: Any) -> None:
    adapter.find_mark = lambda external_id, mark: Written("1")


def _forget_the_last(adapter: Any) -> None:
    adapter.changed = lambda since, cursor: ChangedPage((), "0", False)


def _never_end(adapter: Any) -> None:
    adapter.changed = lambda since, cursor: ChangedPage((), "0", True)


def _replace_labels(adapter: Any) -> None:
    def update_issue(external_id: str, change: IssueChange) -> None:
        issue = adapter.issues[external_id]
        adapter.issues[external_id] = replace(issue, labels=change.add_labels)

    adapter.update_issue = update_issue


def _only_say_so(adapter: Any) -> None:
    adapter.reopen_issue = lambda external_id: True


IGNORED = TicketEvent(EventKind.IGNORED, "memory")
Sabotage = Callable[[Any], None]
DESK: list[tuple[str, tuple[Any, ...], Sabotage]] = [
    ("test_unsigned_delivery_is_refused", (), _let_all_in),
    ("test_second_delivery_is_not_taken_for_the_first", (), _one_id),
    ("test_delivery_says_what_to_read_again", (), _say(())),
    ("test_foreign_event_is_ignored_with_a_reason", (), _say((IGNORED,))),
    ("test_malformed_body_is_said_to_be", (b"{",), _say((IGNORED,))),
    ("test_check_finds_nothing_wrong_where_nothing_is", (), _find([])),
    (
        "test_check_finds_nothing_wrong_where_nothing_is",
        (),
        _find([Finding(Level.WARNING, "memory", "something")]),
    ),
    ("test_tags_are_changed_beside_those_of_people", (), _replace_tags),
    ("test_tags_that_are_right_are_not_written", (), _always_write),
    ("test_note_is_for_agents_and_keeps_the_status", (), _tell_the_customer),
    ("test_note_is_for_agents_and_keeps_the_status", (), _open_again),
    ("test_draft_reaches_no_customer", (), _send_drafts),
    ("test_write_is_found_by_its_mark", ("note",), _find_no_mark),
    ("test_write_is_found_by_its_mark", ("note",), _find_any_mark),
    ("test_history_has_everything_and_ends", (), _forget_the_last),
    ("test_history_has_everything_and_ends", (), _never_end),
]
TRACKER: list[tuple[str, tuple[Any, ...], Sabotage]] = [
    ("test_labels_of_people_stay", (), _replace_labels),
    ("test_done_issue_is_opened_again", (), _only_say_so),
]
CASES = [(TestMemoryHelpdesk, MemoryDesk, *case) for case in DESK]
CASES += [(TestMemoryTracker, MemoryTracker, *case) for case in TRACKER]


@pytest.mark.parametrize(("tests", "make", "name", "given", "sabotage"), CASES)
def test_kit_finds_an_adapter_that_breaks_its_promise(
    tests: type[Any],
    make: Callable[[], Any],
    name: str,
    given: tuple[Any, ...],
    sabotage: Sabotage,
) -> None:
    getattr(tests(), name)(make(), *given)
    stage = make()
    sabotage(stage.adapter)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        getattr(tests(), name)(stage, *given)


@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        (Failure.BUSY, VendorUnavailable("too many")),
        (Failure.BUSY, VendorBusy("too many", retry_after=60)),
        (Failure.CREDENTIALS, VendorRefused("no")),
        (Failure.DOWN, VendorUnavailable("down; the token is forms-token")),
    ],
)
def test_kit_finds_an_error_that_says_the_wrong_thing(
    failure: Failure, raised: Exception
) -> None:
    expected = {Failure.BUSY: VendorBusy, Failure.CREDENTIALS: CredentialsRejected}
    error = expected.get(failure, VendorUnavailable)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as web:
        stage = FormsStage(web)

        def fetch_ticket(external_id: str) -> Ticket:
            raise raised

        stage.adapter.fetch_ticket = fetch_ticket  # type: ignore[method-assign]
        with pytest.raises((AssertionError, pytest.fail.Exception, VendorError)):
            TestGeneric().test_failure_says_whether_to_try_again(stage, failure, error)
