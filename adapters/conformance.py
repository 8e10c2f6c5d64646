"""Tests that every adapter has to pass: ours, and that of any other package.

An author writes a stage (``adapters.stages``), which is one vendor (a sandbox, a fake)
with one adapter on it, and inherits the classes that fit. It needs pytest.
What a vendor means by its words is tested beside its adapter, not here.

    class TestAcme(HelpdeskConformance, HistorianConformance):
        @pytest.fixture
        def stage(self) -> Iterator[HelpdeskStage]:
            with AcmeStage() as made:
                yield made

Write ``pytest.register_assert_rewrite("adapters.conformance")`` into your
``conftest.py``, so that a failed test shows what it saw.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NoReturn, TypeVar

import pytest
from pydantic import ValidationError

from adapters.base import Historian, IssueLinker, Shower, Subscriber
from adapters.stages import (
    EMAIL,
    WAIT,
    WORDS,
    Failure,
    HelpdeskStage,
    Missing,
    Stage,
    TrackerStage,
    new_mark,
)
from connector.errors import (
    CredentialsRejected,
    MalformedPayload,
    NotFound,
    SignatureRejected,
    TicketGone,
    TicketMerged,
    VendorBusy,
    VendorError,
    VendorUnavailable,
)
from connector.models import (
    Author,
    Block,
    BlockKind,
    Delivery,
    EventKind,
    Finding,
    IssueCategory,
    IssueChange,
    IssueRef,
    Level,
    Message,
    Note,
    TicketLink,
    TicketStatus,
    WebhookRequest,
)

#: More pages than any stage has; a walk that needs more does not end.
PAGES = 100

MALFORMED = {
    "empty": b"",
    "cut": b"{",
    "no-text": b"\xff\xfe\x00",
    "deep": b"[" * 20_000,
}
STRANGE = (b"null", b"[]", b'"x"', b"1", b"{}", b'{"id": {}}', b'{"type": []}')

Result = TypeVar("Result")


def _or_skip(act: Callable[[], Result]) -> Result:
    try:
        return act()
    except Missing as err:
        _skip(str(err))


def _skip(why: str) -> NoReturn:
    pytest.skip(why)


def _stored(stage: Stage, request: WebhookRequest) -> Delivery:
    kept = stage.adapter.kept_headers
    return Delivery(
        id=1,
        source=stage.adapter.name,
        received_at=stage.now(),
        headers={name: v for name, v in request.headers.items() if name in kept},
        body=request.body,
    )


def _with_body(stage: Stage, body: bytes) -> Delivery:
    """Return a delivery of the vendor in which only the body is another."""
    return replace(_stored(stage, stage.delivery(stage.make())), body=body)


class AdapterConformance:
    """What holds for any vendor: its deliveries, its failures, its health."""

    # -- deliveries --

    def test_delivery_of_the_vendor_is_let_in(self, stage: Stage) -> None:
        stage.adapter.verify(stage.delivery(stage.make()), stage.now())

    def test_unsigned_delivery_is_refused(self, stage: Stage) -> None:
        request = stage.delivery(stage.make())
        with pytest.raises(SignatureRejected):
            stage.adapter.verify(WebhookRequest({}, request.body), stage.now())

    def test_delivery_with_another_body_is_refused(self, stage: Stage) -> None:
        if not stage.signs_body:
            _skip("nothing is signed here")
        request = stage.delivery(stage.make())
        other = WebhookRequest(request.headers, request.body + b" ", request.query)
        with pytest.raises(SignatureRejected):
            stage.adapter.verify(other, stage.now())

    def test_empty_secret_lets_nobody_in(self, stage: Stage) -> None:
        for key in stage.secrets:
            try:
                empty = stage.kind.config.model_validate({**stage.settings, key: ""})
            except ValidationError:
                continue
            adapter = stage.kind.build("empty", empty)
            signed = adapter.sign(b"{}", None, stage.now())
            headers = {name.lower(): value for name, value in signed.headers.items()}
            with pytest.raises(SignatureRejected):
                adapter.verify(
                    WebhookRequest(headers, b"{}", signed.query), stage.now()
                )
            adapter.close()

    def test_what_send_signs_is_let_in(self, stage: Stage) -> None:
        body = stage.delivery(stage.make()).body
        signed = stage.adapter.sign(body, None, stage.now())
        headers = {name.lower(): value for name, value in signed.headers.items()}
        request = WebhookRequest(headers, body, signed.query)
        stage.adapter.verify(request, stage.now())

    def test_delivery_says_what_to_read_again(self, stage: Stage) -> None:
        external_id = stage.make()
        events = stage.adapter.parse(_stored(stage, stage.delivery(external_id)))
        assert external_id in {event.external_id for event in events}
        assert {event.source for event in events} == {stage.adapter.name}
        assert EventKind.IGNORED not in {event.kind for event in events}

    def test_second_delivery_is_not_taken_for_the_first(self, stage: Stage) -> None:
        external_id = stage.make()
        requests = [stage.delivery(external_id) for _ in range(2)]
        first, second = map(stage.adapter.delivery_id, requests)
        assert first == stage.adapter.delivery_id(requests[0])
        assert first is None or first != second

    def test_foreign_event_is_ignored_with_a_reason(self, stage: Stage) -> None:
        request = stage.strange_delivery()
        stage.adapter.verify(request, stage.now())
        events = stage.adapter.parse(_stored(stage, request))
        assert {event.kind for event in events} <= {EventKind.IGNORED}
        assert all(event.reason for event in events)

    @pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
    def test_malformed_body_is_said_to_be(self, stage: Stage, body: bytes) -> None:
        # What others left is not to be thrown away deep down in a body.
        gc.collect()
        with pytest.raises(MalformedPayload):
            stage.adapter.parse(_with_body(stage, body))

    @pytest.mark.parametrize("body", STRANGE)
    def test_strange_body_breaks_nothing(self, stage: Stage, body: bytes) -> None:
        try:
            events = stage.adapter.parse(_with_body(stage, body))
        except MalformedPayload:
            return
        assert all(isinstance(event.external_id, str) for event in events)

    def test_kept_headers_can_be_found(self, stage: Stage) -> None:
        kept = stage.adapter.kept_headers
        assert kept == {name.lower() for name in kept}

    # -- failures --

    def test_what_never_was_is_not_found(self, stage: Stage) -> None:
        with pytest.raises(NotFound):
            stage.read(stage.unknown_id)

    @pytest.mark.parametrize(
        ("failure", "error"),
        [
            (Failure.BUSY, VendorBusy),
            (Failure.DOWN, VendorUnavailable),
            (Failure.CREDENTIALS, CredentialsRejected),
            (Failure.NONSENSE, VendorUnavailable),
        ],
    )
    def test_failure_says_whether_to_try_again(
        self, stage: Stage, failure: Failure, error: type[VendorError]
    ) -> None:
        external_id = stage.make()
        _or_skip(lambda: stage.fail(failure))
        with pytest.raises(error) as caught:
            stage.read(external_id)
        if failure is Failure.BUSY:
            assert caught.value.retry_after == pytest.approx(WAIT, abs=1.5)
        for secret in stage.secret_values():
            assert secret not in str(caught.value)
        stage.heal()
        stage.read(external_id)

    # -- health --

    def test_check_finds_nothing_wrong_where_nothing_is(self, stage: Stage) -> None:
        stage.set_up()
        findings = stage.adapter.check(stage.now())
        assert findings
        assert [one for one in findings if one.level is Level.PROBLEM] == []
        _assert_helpful(findings)

    @pytest.mark.parametrize("failure", Failure)
    def test_check_never_raises(self, stage: Stage, failure: Failure) -> None:
        _or_skip(lambda: stage.fail(failure))
        findings = stage.adapter.check(stage.now())
        _assert_helpful(findings)
        if failure in (Failure.DOWN, Failure.CREDENTIALS):
            assert Level.PROBLEM in {finding.level for finding in findings}
        said = repr(findings)
        assert [secret for secret in stage.secret_values() if secret in said] == []

    def test_settings_show_no_secret(self, stage: Stage) -> None:
        shown = repr(stage.kind.config.model_validate(stage.settings))
        assert [value for value in stage.secret_values() if value in shown] == []


def _assert_helpful(findings: Sequence[Finding]) -> None:
    """Whoever reads that something is wrong has to be told what to do."""
    mute = [one for one in findings if one.level is not Level.OK and not one.remedy]
    assert mute == []


class HelpdeskConformance(AdapterConformance):
    """What holds for any helpdesk."""

    # -- reading --

    def test_words_of_a_customer_are_read(self, stage: HelpdeskStage) -> None:
        external_id = stage.make_ticket(WORDS, EMAIL)
        ticket = stage.adapter.fetch_ticket(external_id)
        assert ticket.ref == (stage.adapter.name, external_id)
        assert ticket.customer.email == EMAIL
        theirs = [c for c in ticket.comments if c.author is Author.CUSTOMER]
        assert [(c.public, c.draft) for c in theirs] == [(True, False)]
        assert "søndag, äiti!" in theirs[0].body
        moments = [ticket.created_at, ticket.updated_at, theirs[0].created_at]
        assert all(moment.tzinfo is not None for moment in moments)

    def test_comments_come_oldest_first(self, stage: HelpdeskStage) -> None:
        external_id = stage.make()
        stage.adapter.add_note(external_id, Note(text="later", mark=new_mark()))
        moments = [
            c.created_at for c in stage.adapter.fetch_ticket(external_id).comments
        ]
        assert len(moments) == 2
        assert moments == sorted(moments)

    def test_note_of_ours_is_no_word_of_the_customer(
        self, stage: HelpdeskStage
    ) -> None:
        external_id = stage.make()
        stage.adapter.add_note(external_id, Note(text="later", mark=new_mark()))
        ours = stage.adapter.fetch_ticket(external_id).comments[-1]
        assert (ours.author, ours.public) != (Author.CUSTOMER, True)
        assert ours.author in (Author.AGENT, Author.ROBOT)
        assert not ours.public

    def test_tags_of_people_are_read(self, stage: HelpdeskStage) -> None:
        external_id = stage.make()
        stage.add_tag(external_id, "human")
        assert "human" in stage.adapter.fetch_ticket(external_id).tags

    def test_ticket_that_never_was_is_gone(self, stage: HelpdeskStage) -> None:
        with pytest.raises(TicketGone):
            stage.adapter.fetch_ticket(stage.unknown_id)

    def test_deleted_ticket_is_read_as_such(self, stage: HelpdeskStage) -> None:
        external_id = stage.make()
        _or_skip(lambda: stage.delete(external_id))
        try:
            ticket = stage.adapter.fetch_ticket(external_id)
        except TicketGone:
            return
        assert ticket.status is TicketStatus.DELETED

    def test_merged_ticket_leads_to_the_other(self, stage: HelpdeskStage) -> None:
        external_id, other = stage.make(), stage.make()
        _or_skip(lambda: stage.merge(external_id, other))
        with pytest.raises(TicketMerged) as caught:
            stage.adapter.fetch_ticket(external_id)
        assert caught.value.into == other

    # -- tags --

    def test_tags_are_changed_beside_those_of_people(
        self, stage: HelpdeskStage
    ) -> None:
        external_id = stage.make()
        stage.add_tag(external_id, "human")
        ours = frozenset({"cc-delivery", "cc-vip"})
        tags = stage.adapter.change_tags(external_id, ours, frozenset())
        assert tags == set(stage.tags(external_id)) == {"human", *ours}
        stage.add_tag(external_id, "second")
        tags = stage.adapter.change_tags(
            external_id, frozenset({"cc-returns"}), frozenset({"cc-vip"})
        )
        assert set(stage.tags(external_id)) == tags
        assert tags == {"human", "second", "cc-delivery", "cc-returns"}

    def test_tags_that_are_right_are_not_written(self, stage: HelpdeskStage) -> None:
        external_id = stage.make()
        stage.add_tag(external_id, "human")
        ours = frozenset({"cc-delivery"})
        stage.adapter.change_tags(external_id, ours, frozenset())
        before = stage.writes()
        absent = frozenset({"cc-vip"})
        tags = stage.adapter.change_tags(external_id, ours, absent)
        assert tags == {"human", "cc-delivery"}
        assert stage.writes() == before

    @pytest.mark.parametrize("failure", [Failure.CUT, Failure.LOST])
    def test_tags_can_be_changed_again_after_a_broken_call(
        self, stage: HelpdeskStage, failure: Failure
    ) -> None:
        external_id = stage.make()
        stage.add_tag(external_id, "human")
        ours = frozenset({"cc-delivery"})
        _or_skip(lambda: stage.fail(failure))
        with pytest.raises(VendorError) as caught:
            stage.adapter.change_tags(external_id, ours, frozenset())
        assert caught.value.retry
        stage.heal()
        stage.adapter.change_tags(external_id, ours, frozenset())
        assert set(stage.tags(external_id)) == {"human", "cc-delivery"}

    def test_tags_of_a_ticket_that_is_gone(self, stage: HelpdeskStage) -> None:
        with pytest.raises(TicketGone):
            stage.adapter.change_tags(
                stage.unknown_id, frozenset({"cc-delivery"}), frozenset()
            )

    # -- notes and messages --

    def test_note_is_for_agents_and_keeps_the_status(
        self, stage: HelpdeskStage
    ) -> None:
        external_id, mark = stage.make(), new_mark()
        status = stage.status(external_id)
        stage.adapter.add_note(external_id, Note(text=WORDS, mark=mark))
        assert stage.status(external_id) == status
        assert stage.messages(external_id) == []
        (note,) = stage.notes(external_id)
        assert WORDS in note

    def test_message_is_sent_and_keeps_the_status(self, stage: HelpdeskStage) -> None:
        external_id = stage.make()
        status = stage.status(external_id)
        message = Message(text=WORDS, mark=new_mark(), draft=False, language="en")
        stage.adapter.send_message(external_id, message)
        assert stage.status(external_id) == status
        (sent,) = stage.messages(external_id)
        assert WORDS in sent

    def test_draft_reaches_no_customer(self, stage: HelpdeskStage) -> None:
        external_id, mark = stage.make(), new_mark()
        message = Message(text=WORDS, mark=mark, draft=True, language="en")
        stage.adapter.send_message(external_id, message)
        assert stage.messages(external_id) == []

    @pytest.mark.parametrize("what", ["note", "message", "draft"])
    def test_write_is_found_by_its_mark(self, stage: HelpdeskStage, what: str) -> None:
        external_id, mark = stage.make(), new_mark()
        written = _write(stage, external_id, what, mark)
        if not self.finds_marks:
            assert stage.adapter.find_mark(external_id, mark) is None
            return
        found = stage.adapter.find_mark(external_id, mark)
        assert found is not None
        assert found.external_id == written
        assert stage.adapter.find_mark(external_id, new_mark()) is None

    #: False where nothing can be asked, and the vendor itself takes a mark once.
    finds_marks = True

    @pytest.mark.parametrize("failure", [Failure.CUT, Failure.LOST])
    @pytest.mark.parametrize("what", ["note", "message"])
    def test_write_with_a_broken_call_is_there_once(
        self, stage: HelpdeskStage, what: str, failure: Failure
    ) -> None:
        """As the outbox does it: look for the mark, and write again without one."""
        external_id, mark = stage.make(), new_mark()
        _or_skip(lambda: stage.fail(failure))
        with pytest.raises(VendorError) as caught:
            _write(stage, external_id, what, mark)
        assert caught.value.retry
        assert caught.value.uncertain or failure is Failure.CUT
        stage.heal()
        found = stage.adapter.find_mark(external_id, mark)
        assert found is None or failure is Failure.LOST
        if found is None:
            _write(stage, external_id, what, mark)
        seen = stage.notes if what == "note" else stage.messages
        assert len(seen(external_id)) == 1

    @pytest.mark.parametrize("what", ["note", "message"])
    def test_nothing_is_written_on_a_ticket_that_is_gone(
        self, stage: HelpdeskStage, what: str
    ) -> None:
        with pytest.raises(TicketGone):
            _write(stage, stage.unknown_id, what, new_mark())


def _write(stage: HelpdeskStage, external_id: str, what: str, mark: str) -> str:
    if what == "note":
        written = stage.adapter.add_note(external_id, Note(text=WORDS, mark=mark))
    else:
        message = Message(text=WORDS, mark=mark, draft=what == "draft", language="en")
        written = stage.adapter.send_message(external_id, message)
    return written.external_id


class TrackerConformance(AdapterConformance):
    """What holds for any tracker."""

    def test_issue_is_created_and_found_by_its_mark(self, stage: TrackerStage) -> None:
        mark = new_mark()
        ref = stage.adapter.create_issue(stage.draft(mark))
        assert ref.url.startswith("http")
        assert {mark, "complaint-connector"} <= set(stage.labels(ref.external_id))
        stage.pass_time()
        assert stage.adapter.find_issue(stage.project, mark) == ref
        assert stage.adapter.find_issue(stage.project, new_mark()) is None

    def test_oldest_issue_with_a_mark_counts(self, stage: TrackerStage) -> None:
        mark = new_mark()
        refs = [stage.adapter.create_issue(stage.draft(mark)) for _ in range(2)]
        stage.pass_time()
        assert stage.adapter.find_issue(stage.project, mark) == refs[0]

    @pytest.mark.parametrize("failure", [Failure.CUT, Failure.LOST])
    def test_create_is_sent_once_whatever_happens(
        self, stage: TrackerStage, failure: Failure
    ) -> None:
        mark, before = new_mark(), stage.issues()
        _or_skip(lambda: stage.fail(failure))
        with pytest.raises(VendorError) as caught:
            stage.adapter.create_issue(stage.draft(mark))
        assert caught.value.retry
        assert caught.value.uncertain or failure is Failure.CUT
        stage.heal()
        stage.pass_time()
        found = stage.adapter.find_issue(stage.project, mark)
        assert (found is not None) is (failure is Failure.LOST)
        assert stage.issues() == before + (failure is Failure.LOST)

    def test_issue_is_read(self, stage: TrackerStage) -> None:
        ref = stage.adapter.create_issue(stage.draft(new_mark()))
        issue = stage.adapter.fetch_issue(ref.external_id)
        assert (issue.ref, issue.project) == (ref, stage.project)
        assert issue.summary == "Discount code is refused"
        assert issue.category in (IssueCategory.TODO, IssueCategory.IN_PROGRESS)
        assert issue.updated_at.tzinfo is not None

    def test_labels_of_people_stay(self, stage: TrackerStage) -> None:
        external_id = stage.make()
        stage.add_label(external_id, "human")
        before = set(stage.labels(external_id))
        change = IssueChange(
            add_labels=frozenset({"cc-ten"}),
            remove_labels=frozenset({"complaint-connector"}),
        )
        for _ in range(2):  # safe to repeat
            stage.adapter.update_issue(external_id, change)
        after = (before | {"cc-ten"}) - {"complaint-connector"}
        assert set(stage.labels(external_id)) == after

    def test_comment_is_found_by_its_mark(self, stage: TrackerStage) -> None:
        external_id, mark = stage.make(), new_mark()
        body = (Block(BlockKind.PARAGRAPH, "Ten customers by now."),)
        written = stage.adapter.comment_issue(external_id, body, mark)
        found = stage.adapter.find_comment(external_id, mark)
        assert found is not None
        assert found.external_id == written.external_id
        assert stage.adapter.find_comment(external_id, new_mark()) is None
        (seen,) = stage.comments(external_id)
        assert "Ten customers by now." in seen

    def test_comment_with_a_lost_answer_is_there_once(
        self, stage: TrackerStage
    ) -> None:
        external_id, mark = stage.make(), new_mark()
        body = (Block(BlockKind.PARAGRAPH, "Ten customers by now."),)
        _or_skip(lambda: stage.fail(Failure.LOST))
        with pytest.raises(VendorError) as caught:
            stage.adapter.comment_issue(external_id, body, mark)
        assert caught.value.uncertain
        stage.heal()
        assert stage.adapter.find_comment(external_id, mark) is not None
        assert len(stage.comments(external_id)) == 1

    def test_done_issue_is_opened_again(self, stage: TrackerStage) -> None:
        external_id = stage.make()
        stage.finish(external_id)
        issue = stage.adapter.fetch_issue(external_id)
        assert issue.category is IssueCategory.DONE
        assert issue.resolution
        assert stage.adapter.reopen_issue(external_id)
        issue = stage.adapter.fetch_issue(external_id)
        assert issue.category is not IssueCategory.DONE
        before = stage.writes()
        assert stage.adapter.reopen_issue(external_id)
        assert stage.writes() == before

    def test_ticket_is_linked_once(self, stage: TrackerStage) -> None:
        external_id = stage.make()
        link = TicketLink(
            global_id="system=desk&id=7",
            url="https://desk.example/7",
            title="desk 7",
        )
        for _ in range(2):
            stage.adapter.link_ticket(external_id, link)
        assert stage.links(external_id) == 1

    def test_deleted_issue_is_not_found(self, stage: TrackerStage) -> None:
        external_id = stage.make()
        stage.delete(external_id)
        body = (Block(BlockKind.PARAGRAPH, "Ten customers by now."),)
        calls: list[Callable[[], object]] = [
            lambda: stage.adapter.fetch_issue(external_id),
            lambda: stage.adapter.comment_issue(external_id, body, new_mark()),
            lambda: stage.adapter.reopen_issue(external_id),
        ]
        for call in calls:
            with pytest.raises(NotFound):
                call()

    def test_reference_is_by_what_never_changes(self, stage: TrackerStage) -> None:
        ref = stage.adapter.create_issue(stage.draft(new_mark()))
        assert isinstance(ref, IssueRef)
        assert ref.source == stage.adapter.name
        assert stage.adapter.fetch_issue(ref.external_id).ref == ref


class IssueLinkerConformance:
    """What holds for any tracker that links issues with each other."""

    def test_issues_can_be_linked_again(self, stage: TrackerStage) -> None:
        new, old = stage.make(), stage.make()
        _link(stage, new, old)
        _link(stage, new, old)

    def test_link_with_a_broken_call_can_be_made_again(
        self, stage: TrackerStage
    ) -> None:
        new, old = stage.make(), stage.make()
        _or_skip(lambda: stage.fail(Failure.LOST))
        with pytest.raises(VendorError) as caught:
            _link(stage, new, old)
        assert caught.value.retry
        stage.heal()
        _link(stage, new, old)

    def test_issue_that_is_gone_is_not_linked(self, stage: TrackerStage) -> None:
        new, old = stage.make(), stage.make()
        stage.delete(old)
        with pytest.raises(NotFound):
            _link(stage, new, old)

    def test_every_issue_with_a_mark_is_found_oldest_first(
        self, stage: TrackerStage
    ) -> None:
        assert isinstance(stage.adapter, IssueLinker)
        mark = new_mark()
        refs = [stage.adapter.create_issue(stage.draft(mark)) for _ in range(3)]
        stage.adapter.create_issue(stage.draft(new_mark()))
        stage.pass_time()
        assert stage.adapter.find_issues(stage.project, mark) == tuple(refs)
        assert stage.adapter.find_issues(stage.project, new_mark()) == ()

    def test_duplicate_can_be_linked_again_while_both_are_there(
        self, stage: TrackerStage
    ) -> None:
        assert isinstance(stage.adapter, IssueLinker)
        new, old = stage.make(), stage.make()
        stage.adapter.link_duplicate(new, old)
        stage.adapter.link_duplicate(new, old)
        stage.delete(old)
        with pytest.raises(NotFound):
            stage.adapter.link_duplicate(new, old)


def _link(stage: TrackerStage, external_id: str, other: str) -> None:
    assert isinstance(stage.adapter, IssueLinker)
    stage.adapter.link_issues(external_id, other)


class ShowerConformance:
    """What holds for any helpdesk that shows issues on tickets."""

    def test_issue_is_shown_once(self, stage: HelpdeskStage) -> None:
        external_id = stage.make()
        _show(stage, external_id)
        written = stage.writes()
        _show(stage, external_id)
        assert stage.writes() == written

    def test_showing_with_a_broken_call_can_be_done_again(
        self, stage: HelpdeskStage
    ) -> None:
        external_id = stage.make()
        _or_skip(lambda: stage.fail(Failure.LOST))
        with pytest.raises(VendorError) as caught:
            _show(stage, external_id)
        assert caught.value.retry
        stage.heal()
        _show(stage, external_id)

    def test_nothing_is_shown_on_a_ticket_that_is_gone(
        self, stage: HelpdeskStage
    ) -> None:
        with pytest.raises(TicketGone):
            _show(stage, stage.unknown_id)


def _show(stage: HelpdeskStage, external_id: str) -> None:
    assert isinstance(stage.adapter, Shower)
    ref = IssueRef("tracker", "10107", "SHOP-7", "https://jira.example/browse/SHOP-7")
    stage.adapter.show_issue(external_id, ref)


class HistorianConformance:
    """What holds for any vendor that can be asked what changed."""

    def test_history_has_everything_and_ends(self, stage: Stage) -> None:
        since = stage.now() - timedelta(minutes=5)
        made = {stage.make() for _ in range(3)}
        stage.pass_time()
        ids, _ = _walk(stage, since, None)
        assert made <= set(ids)

    def test_cursor_goes_on_where_it_was(self, stage: Stage) -> None:
        since = stage.now() - timedelta(minutes=5)
        stage.make()
        stage.pass_time()
        _, cursor = _walk(stage, since, None)
        late = stage.make()
        stage.pass_time()
        ids, _ = _walk(stage, since, cursor)
        assert late in ids

    def test_nothing_new_is_no_endless_walk(self, stage: Stage) -> None:
        since = stage.now()
        _, cursor = _walk(stage, since, None)
        _walk(stage, since, cursor)

    def test_cursor_can_be_stored_and_shown(self, stage: Stage) -> None:
        stage.make()
        stage.pass_time()
        _, cursor = _walk(stage, stage.now() - timedelta(minutes=5), None)
        assert cursor.isprintable()
        assert [value for value in stage.secret_values() if value in cursor] == []


def _walk(stage: Stage, since: datetime, cursor: str | None) -> tuple[list[str], str]:
    """Read every page; return the ids and the last cursor."""
    assert isinstance(stage.adapter, Historian)
    ids: list[str] = []
    for _ in range(PAGES):
        page = stage.adapter.changed(since, cursor)
        ids += page.ids
        cursor = page.cursor
        if not page.more:
            return ids, page.cursor
    raise AssertionError(f"the history has not ended after {PAGES} pages")


class SubscriberConformance:
    """What holds for any vendor whose webhooks are made through its API."""

    address = "https://connector.example/webhooks/source"

    def other_webhooks(self, stage: Stage) -> Collection[str]:
        """Return ids of webhooks there that are somebody else's; make one at first."""
        raise Missing("the stage has no webhooks of others")

    def test_webhooks_are_made_once(self, stage: Stage) -> None:
        adapter = _subscriber(stage)
        assert adapter.subscriptions(self.address) == []
        made = adapter.subscribe(self.address)
        assert made.changed
        there = adapter.subscriptions(self.address)
        assert there
        assert all(one.enabled and not one.missing for one in there)
        again = adapter.subscribe(self.address)
        assert again.changed == ()
        assert {one.external_id for one in again.kept} == {
            one.external_id for one in there
        }
        assert len(adapter.subscriptions(self.address)) == len(there)

    def test_address_that_is_shown_holds_no_secret(self, stage: Stage) -> None:
        adapter = _subscriber(stage)
        made = adapter.subscribe(self.address)
        chosen = [*made.settings.values(), *stage.secret_values()]
        shown = repr((made, adapter.subscriptions(self.address)))
        assert [secret for secret in chosen if secret in shown] == []

    def test_what_the_vendor_chose_is_a_setting(self, stage: Stage) -> None:
        made = _subscriber(stage).subscribe(self.address)
        assert set(made.settings) <= set(stage.kind.config.model_fields)

    def test_webhooks_are_removed_and_nothing_else(self, stage: Stage) -> None:
        adapter = _subscriber(stage)
        others = _or_skip(lambda: set(self.other_webhooks(stage)))
        adapter.subscribe(self.address)
        there = {one.external_id for one in adapter.subscriptions(self.address)}
        assert there.isdisjoint(others)
        assert {one.external_id for one in adapter.unsubscribe(self.address)} == there
        assert adapter.subscriptions(self.address) == []
        assert adapter.unsubscribe(self.address) == []
        assert set(self.other_webhooks(stage)) == others


def _subscriber(stage: Stage) -> Subscriber:
    assert isinstance(stage.adapter, Subscriber)
    return stage.adapter
