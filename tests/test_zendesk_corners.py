"""Corners of a Zendesk account, with the sandbox: merged, chatting, suspended, gone."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import Mock

import pytest
import requests
import responses
from kit import Clock
from zendesk_kit import Make

from adapters.zendesk import conversations, merging, ratings
from adapters.zendesk.adapter import ZendeskAdapter
from connector.errors import (
    CredentialsRejected,
    TicketGone,
    TicketLocked,
    TicketMerged,
    VendorRefused,
)
from connector.models import (
    Author,
    Comment,
    Delivery,
    Level,
    Message,
    Note,
    TicketEvent,
    TicketRef,
    TicketStatus,
)
from connector.sandbox import Running, zendesk_shapes
from connector.sandbox.stage import AGENT, SYSTEM, Refusal
from connector.sandbox.zendesk_chat import say

REPLY = Message(text="It is fixed.", mark="CC-9B21", draft=False)
NOTE = Note(text="Problem 4", mark="CC-7F3A")
LEGACY = {
    "client_id": None,
    "client_secret": None,
    "email": "bot@fjord.example",
    "api_token": "api-token",
}


def write(sandbox: Running, name: str = "kari") -> str:
    return sandbox.world.write(
        "zendesk", email=f"{name}@mail.example", subject="Late", text="Where is it?"
    )


def delivered(body: str) -> Delivery:
    now = Clock()()
    return Delivery(id=1, source="zd", received_at=now, headers={}, body=body.encode())


# -- ratings --


def words_of_rating(zendesk: ZendeskAdapter, number: str) -> list[Comment]:
    comments = zendesk.fetch_ticket(number).comments
    return [one for one in comments if one.channel == "rating"]


def test_words_beside_a_rating_are_the_customers(
    sandbox: Running, zendesk: ZendeskAdapter, clock: Clock
) -> None:
    number = write(sandbox)
    clock.pass_(days=2)
    rated = clock()
    sandbox.world.rate("zendesk", number, "bad", "It took two weeks!")
    clock.pass_(days=1)
    sandbox.world.agent("zendesk", number, "note", text="looked at it")
    (said,) = words_of_rating(zendesk, number)
    assert (said.author, said.public, said.draft) == (Author.CUSTOMER, True, False)
    assert (said.body, said.is_html) == ("It took two weeks!", False)
    assert said.created_at == rated
    ticket = zendesk.fetch_ticket(number)
    assert said.author_id == ticket.customer.external_id
    assert said.external_id not in {one.external_id for one in ticket.comments[:1]}


def test_rating_without_words_is_no_comment(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    number = write(sandbox)
    sandbox.world.rate("zendesk", number, "good")
    assert words_of_rating(zendesk, number) == []


@pytest.mark.parametrize("status", [403, 404])
def test_rating_that_we_may_not_see_has_no_date_of_its_own(
    sandbox: Running,
    zendesk: ZendeskAdapter,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    """A later "thanks" must not make an old rating look like a new complaint."""
    number, wrote = write(sandbox), clock()
    sandbox.world.rate("zendesk", number, "bad", "It took two weeks!")
    clock.pass_(days=9)
    sandbox.world.write(
        "zendesk",
        email="kari@mail.example",
        subject="",
        text="Thanks.",
        ticket=number,
    )
    refused = Mock(side_effect=Refusal(status, {"error": "not for you"}))
    monkeypatch.setattr(zendesk_shapes, "rating_shape", refused)
    (said,) = words_of_rating(zendesk, number)
    assert (said.is_dated, said.created_at) == (False, wrote)
    refused.assert_called_once()


@pytest.mark.parametrize(
    ("shown", "day"),
    [
        ([{"created_at": "2026-11-02T07:00:00Z"}], 2),
        ({"created_at": "2026-11-02T07:00:00Z"}, 2),
        (
            [{"created_at": "2026-11-02T07:00:00Z", "updated_at": "2026-11-03T07:00Z"}],
            3,
        ),
        ([], None),
        (None, None),
    ],
)
def test_time_of_a_rating_is_read_in_either_shape(
    shown: object, day: int | None
) -> None:
    found = ratings.rated_at({"satisfaction_rating": shown})
    assert (found and found.day) == day


# -- merged --


def test_merged_ticket_leads_to_the_one_it_lives_on_as(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    """Known from the documents alone, as after a restart or with a trigger."""
    source, target = write(sandbox), write(sandbox, "ola")
    sandbox.world.agent("zendesk", source, "merge", into=target)
    with pytest.raises(TicketMerged) as caught:
        zendesk.fetch_ticket(source)
    assert caught.value.into == target
    assert zendesk.fetch_ticket(target).status is not TicketStatus.CLOSED


def test_message_for_a_merged_ticket_goes_to_its_target_and_opens_nothing(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    source, target = write(sandbox), write(sandbox, "ola")
    sandbox.world.agent("zendesk", source, "merge", into=target)
    with pytest.raises(TicketMerged) as caught:
        zendesk.send_message(source, REPLY)
    assert caught.value.into == target
    assert len(sandbox.world.state()["zendesk"]["tickets"]) == 2


def test_merge_is_known_from_its_event_where_documents_do_not_show_it(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    source, target = write(sandbox), write(sandbox, "ola")
    event = {
        "type": "zen:event-type:ticket.merged",
        "detail": {"id": source},
        "event": {"target_ticket_id": target},
    }
    body = json.dumps(event)
    assert [event.external_id for event in zendesk.parse(delivered(body))] == [
        source,
        target,
    ]
    assert zendesk.fetch_ticket(source).status is TicketStatus.NEW  # not closed: not so
    sandbox.world.agent("zendesk", source, "status", status="closed")
    with pytest.raises(TicketMerged) as caught:
        zendesk.fetch_ticket(source)
    assert caught.value.into == target


def test_memory_of_merges_does_not_grow_without_end(zendesk: ZendeskAdapter) -> None:
    for number in range(1, 2500):
        zendesk._account.remember_merge(str(number), "1")
    assert len(zendesk._account.merges) <= 1000
    assert zendesk._account.merges["2499"] == "1"


def merged(*said: str, **more: object) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    document = {"id": 1, "requester_id": 7, "tags": ["closed_by_merge"], **more}
    return document, [{"author_id": 8, "body": words} for words in said]


@pytest.mark.parametrize(
    ("document", "comments", "expected"),
    [
        (*merged("hello", "Merged into #42 today"), ["42"]),
        (*merged("Ble slått sammen med #42."), ["42"]),
        (*merged("about #41", "no number"), []),
        (*merged("Merged into #42", tags=["cc-vip"]), []),
        (*merged("Merged into #42", via={"source": {"rel": "follow_up"}}), []),
        (*merged(), []),
        (*merged("#1 went into #42, as #41 did"), ["42", "41"]),
        (merged()[0], [{"author_id": 7, "body": "my order #42"}], []),
    ],
)
def test_target_of_a_merge_is_read_only_where_zendesk_wrote_it(
    document: dict[str, Any], comments: list[dict[str, Any]], expected: list[str]
) -> None:
    assert merging.merge_targets(document, comments) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [("Request #1 was merged", True), ("#12 and #21", False), ("", False)],
)
def test_target_has_to_name_the_merged_ticket_too(body: str, expected: bool) -> None:
    assert merging.mentions({"body": body}, "1") is expected


def test_order_number_in_an_agents_words_is_no_merge(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    number, other = write(sandbox), write(sandbox, "ola")
    sandbox.world.agent("zendesk", number, "add_tag", tag="closed_by_merge")
    words = f"see #{other} and #999999"
    sandbox.world.agent("zendesk", number, "note", text=words, status="closed")
    assert zendesk.fetch_ticket(number).status is TicketStatus.CLOSED
    sandbox.world.agent("zendesk", other, "delete")
    assert zendesk.fetch_ticket(number).status is TicketStatus.CLOSED


# -- messaging --


def chat(sandbox: Running) -> str:
    world = sandbox.world
    with world.lock:
        user = world.zendesk.ensure_user("kari@mail.example", "Kari")
        ticket = say(world.zendesk, user, "My parcel never came")
        say(world.zendesk, user, "Hi! I am a bot.", ticket, SYSTEM)
        say(world.zendesk, user, "We look into it.", ticket, AGENT)
        say(world.zendesk, user, "This is unacceptable!", ticket)
    return str(ticket.id)


def test_words_of_a_conversation_are_read_with_who_said_them(
    sandbox: Running, zendesk: ZendeskAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversations, "PAGE_SIZE", 2)
    read = zendesk.fetch_ticket(chat(sandbox))
    said = [one for one in read.comments if one.channel == "messaging"]
    assert [(one.author, one.body) for one in said] == [
        (Author.CUSTOMER, "My parcel never came"),
        (Author.ROBOT, "Hi! I am a bot."),
        (Author.AGENT, "We look into it."),
        (Author.CUSTOMER, "This is unacceptable!"),
    ]
    assert all(one.public and not one.is_html for one in said)
    # The stub that stands among the comments is nobody's complaint.
    (stub,) = [one for one in read.comments if one.channel != "messaging"]
    assert stub.public is False


def test_conversation_that_cannot_be_read_does_not_hide_the_ticket(
    sandbox: Running, zendesk: ZendeskAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = chat(sandbox)
    sandbox.world.zendesk.tickets[int(number)].chat.clear()
    assert len(zendesk.fetch_ticket(number).comments) == 1

    def refuse(*_: object) -> None:
        raise Refusal(403, {"error": {"title": "Forbidden"}})

    monkeypatch.setattr("connector.sandbox.zendesk_chat.cursor_page", refuse)
    assert len(zendesk.fetch_ticket(number).comments) == 1


@pytest.mark.parametrize(
    ("content", "body", "is_html"),
    [
        ({"type": "text", "text": "Hei"}, "Hei", False),
        ({"type": "html", "body": "<p>Hei</p>"}, "<p>Hei</p>", True),
        ({"type": "formResponse", "text": "Order: 7"}, "Order: 7", False),
    ],
)
def test_any_kind_of_message_with_text_is_read(
    content: dict[str, str], body: str, is_html: bool
) -> None:
    event = {
        "id": "01J",
        "type": "Messaging::ConversationMessage",
        "created_at": "2026-11-03T08:15:30.861Z",
        "author": {"type": "user", "zen:support:user_id": 7},
        "content": content,
    }
    (comment,) = conversations.chat_comments({"events": [event]})
    assert (comment.body, comment.is_html, comment.author_id) == (body, is_html, "7")


@pytest.mark.parametrize(
    "event",
    [
        {"type": "Comment", "id": "1", "created_at": "2026-11-03T08:15:30Z"},
        {
            "type": "Messaging::ConversationMessage",
            "id": "1",
            "created_at": "2026-11-03T08:15:30Z",
            "content": {"type": "image", "mediaUrl": "https://x.example/y.png"},
        },
        7,
    ],
)
def test_comments_and_pictures_are_not_read_as_messages(event: object) -> None:
    assert conversations.chat_comments({"events": [event]}) == []


def test_message_for_a_conversation_waits_for_a_person(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    number = chat(sandbox)
    with pytest.raises(VendorRefused, match="messaging conversation") as caught:
        zendesk.send_message(number, REPLY)
    assert not caught.value.retry
    assert sandbox.world.ticket("zendesk", number)["messages"] == []
    zendesk.add_note(number, NOTE)
    draft = Message(text="It is fixed.", mark="CC-9B22", draft=True)
    zendesk.send_message(number, draft)
    assert len(sandbox.world.ticket("zendesk", number)["notes"]) == 2


def test_message_for_a_conversation_is_a_comment_if_the_settings_say_so(
    sandbox: Running, make_zendesk: Make
) -> None:
    number = chat(sandbox)
    make_zendesk(messaging_replies=True).send_message(number, REPLY)
    assert len(sandbox.world.ticket("zendesk", number)["messages"]) == 1


def test_conversation_that_is_closed_is_followed_up_by_mail(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    number = chat(sandbox)
    sandbox.world.agent("zendesk", number, "status", status="closed")
    written = zendesk.send_message(number, REPLY)
    assert written.ticket is not None
    opened = sandbox.world.ticket("zendesk", written.ticket.external_id)
    assert opened["followup_of"] == number


def test_message_in_a_conversation_makes_its_ticket_be_read(
    sandbox: Running, zendesk: ZendeskAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []
    desk = sandbox.world.zendesk
    monkeypatch.setattr(desk, "send", lambda event, body: sent.append(body))
    number = chat(sandbox)
    assert len(sent) == 4
    for body in sent:
        (event,) = zendesk.parse(delivered(body.decode()))
        assert isinstance(event, TicketEvent) and event.external_id == number


# -- suspended, deleted, full --


def test_suspended_persons_ticket_is_spam_until_it_is_closed(
    sandbox: Running, zendesk: ZendeskAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = write(sandbox)
    shape = "connector.sandbox.zendesk_shapes.user_shape"
    from connector.sandbox.zendesk_shapes import user_shape

    monkeypatch.setattr(shape, lambda user: {**user_shape(user), "suspended": True})
    assert zendesk.fetch_ticket(number).status is TicketStatus.SPAM
    sandbox.world.agent("zendesk", number, "status", status="closed")
    assert zendesk.fetch_ticket(number).status is TicketStatus.CLOSED


@pytest.mark.parametrize("status", ["deleted", "scrubbed", "DELETED"])
def test_deleted_ticket_that_can_be_read_is_deleted_all_the_same(
    make_zendesk: Make, status: str
) -> None:
    zendesk = make_zendesk(base_url="https://fjord.zendesk.com", **LEGACY)
    stamps = dict.fromkeys(("created_at", "updated_at"), "2026-11-03T08:15:30Z")
    document = {"id": 1, "status": status, "requester_id": None, **stamps}
    with responses.RequestsMock() as web:
        where = "https://fjord.zendesk.com/api/v2/tickets/1"
        web.get(where, json={"ticket": document})
        web.get(f"{where}/comments", json={"comments": []})
        assert zendesk.fetch_ticket("1").status is TicketStatus.DELETED


def test_deleted_ticket_that_cannot_be_read_is_gone(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    number = write(sandbox)
    sandbox.world.agent("zendesk", number, "delete")
    with pytest.raises(TicketGone):
        zendesk.fetch_ticket(number)
    with pytest.raises(TicketGone):
        zendesk.send_message(number, REPLY)


def test_full_ticket_takes_no_comment_but_still_tags(
    sandbox: Running, zendesk: ZendeskAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    from connector.sandbox import zendesk as desk

    number, checked = write(sandbox), desk.checked

    def full(given: Any) -> Any:
        if "comment" in given:
            words = [{"description": "Ticket: has too many comments"}]
            raise desk.invalid({"base": words})
        return checked(given)

    monkeypatch.setattr(desk, "checked", full)
    shown = {"count": {"value": 5000}}
    with responses.RequestsMock() as web:
        web.add_passthru(sandbox.url)
        passed = f"{sandbox.url}/zendesk/api/v2/tickets/{number}/comments/count"
        web.get(passed, json=shown)
        with pytest.raises(TicketLocked, match="5000 comments"):
            zendesk.send_message(number, REPLY)
        with pytest.raises(TicketLocked, match="5000 comments"):
            zendesk.add_note(number, NOTE)
    assert zendesk.change_tags(number, frozenset({"cc-vip"}), frozenset()) == {"cc-vip"}
    assert len(sandbox.world.state()["zendesk"]["tickets"]) == 1  # no follow-up


# -- credentials --


def test_token_that_opens_nothing_stops_the_source_and_not_one_row_each(
    sandbox: Running, make_zendesk: Make
) -> None:
    """The sandbox grants any scope there is, as Zendesk does."""
    zendesk = make_zendesk(scope="tickets-read tickets-write")
    number = write(sandbox)
    with pytest.raises(CredentialsRejected) as caught:
        zendesk.fetch_ticket(number)
    assert caught.value.whole_source
    with pytest.raises(CredentialsRejected):
        zendesk.add_note(number, NOTE)
    (finding,) = [one for one in zendesk.check(Clock()()) if one.level is Level.PROBLEM]
    assert finding.remedy


def test_ticket_that_is_closed_to_us_is_a_matter_of_that_ticket(
    sandbox: Running, zendesk: ZendeskAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbid(*_: object) -> None:
        raise Refusal(403, {"error": {"title": "Forbidden", "message": "No access"}})

    monkeypatch.setattr("connector.sandbox.zendesk.find", forbid)
    with pytest.raises(VendorRefused, match="Forbidden: No access") as caught:
        zendesk.fetch_ticket(write(sandbox))
    assert not caught.value.whole_source


# -- what is never done --


def test_tags_are_never_set_as_a_whole_and_people_never_written(
    sandbox: Running, zendesk: ZendeskAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str, Any]] = []
    plain = requests.Session.request

    def record(session: Any, method: str, url: str, **rest: Any) -> Any:
        sent.append((method, url.partition("/api/v2")[2], rest.get("json")))
        return plain(session, method, url, **rest)

    monkeypatch.setattr(requests.Session, "request", record)
    number = write(sandbox)
    zendesk.change_tags(number, frozenset({"cc-a"}), frozenset())
    zendesk.change_tags(number, frozenset({"cc-b"}), frozenset({"cc-a"}))
    zendesk.add_note(number, NOTE)
    zendesk.send_message(number, REPLY)
    sandbox.world.agent("zendesk", number, "status", status="closed")
    zendesk.change_tags(number, frozenset({"cc-c"}), frozenset({"cc-b"}))
    zendesk.send_message(number, REPLY)
    writes = [(method, path, body) for method, path, body in sent if method != "GET"]
    assert not [one for one in writes if one[:2] == ("POST", f"/tickets/{number}/tags")]
    assert not [path for _, path, _ in writes if "users" in path or "organ" in path]
    updates = [
        body["ticket"] for _, path, body in writes if path == f"/tickets/{number}"
    ]
    assert updates
    assert not [each for each in updates if {"tags", "additional_tags"} & set(each)]


def test_calls_stay_at_the_configured_address_whatever_documents_say(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    """The sandbox's documents link to an address where nobody answers."""
    number = write(sandbox)
    sandbox.world.stage.base_url = "http://127.0.0.1:9"
    sandbox.world.agent("zendesk", number, "status", status="closed")
    zendesk.change_tags(number, frozenset({"cc-vip"}), frozenset())
    read = zendesk.fetch_ticket(number)
    assert read.ref == TicketRef("zd", number)
    assert read.url == f"{sandbox.url}/zendesk/agent/tickets/{number}"
