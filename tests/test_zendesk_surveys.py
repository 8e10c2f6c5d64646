"""Ratings by the newer kind of survey, which come to the same as those before it."""

from __future__ import annotations

from typing import Any

import pytest
import responses
from kit import Clock
from sandbox_kit import TYPE_TAG, stepped
from zendesk_kit import Make

from adapters.zendesk.adapter import ZendeskAdapter
from adapters.zendesk.surveys import LOOK_AGAIN, Answer, Surveys, answers
from connector.errors import VendorBusy, VendorUnavailable
from connector.models import Author, Comment, Delivery, Ticket
from connector.sandbox import Running

WORDS = "The discount code HARVEST30 does not work at checkout. Terrible!"
STAMP = "2024-08-14T12:00:00.000Z"


def solved(sandbox: Running, is_rated_anew: bool = True) -> str:
    """Return a ticket that its customer can rate."""
    sandbox.world.zendesk.has_surveys = is_rated_anew
    number = sandbox.world.write(
        "zendesk", email="kari@mail.example", subject="Late", text="Where is it?"
    )
    sandbox.world.agent("zendesk", number, "reply", text="There.", status="solved")
    return number


def rating(ticket: Ticket) -> tuple[dict[str, str], list[Comment]]:
    fields = {k: v for k, v in ticket.fields.items() if k.startswith("satisfaction")}
    return fields, [one for one in ticket.comments if one.channel == "rating"]


@pytest.mark.parametrize("is_new_kind", [True, False], ids=["newer", "older"])
@pytest.mark.parametrize("score", ["good", "bad"])
def test_answer_to_the_newer_survey_is_a_rating_like_any_other(
    sandbox: Running,
    zendesk: ZendeskAdapter,
    clock: Clock,
    is_new_kind: bool,
    score: str,
) -> None:
    number = solved(sandbox, is_new_kind)
    clock.pass_(days=2)
    sandbox.world.rate("zendesk", number, score, WORDS)
    rated = clock()
    clock.pass_(days=1)
    ticket = zendesk.fetch_ticket(number)
    fields, (said,) = rating(ticket)
    assert fields == {"satisfaction": score, "satisfaction_comment": WORDS}
    assert (said.body, said.author, said.public) == (WORDS, Author.CUSTOMER, True)
    assert (said.author_id, said.created_at) == (ticket.customer.external_id, rated)
    assert [one.created_at for one in ticket.comments] == sorted(
        one.created_at for one in ticket.comments
    )


def test_rating_without_words_is_a_rating_and_no_comment(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    number = solved(sandbox)
    sandbox.world.rate("zendesk", number, "neutral")
    assert rating(zendesk.fetch_ticket(number)) == ({"satisfaction": "neutral"}, [])


def test_newest_rating_counts_and_no_words_are_lost(
    sandbox: Running, zendesk: ZendeskAdapter, clock: Clock
) -> None:
    number = solved(sandbox)
    for score, words in (("bad", "Never again"), ("good", "All is well now")):
        clock.pass_(days=1)
        sandbox.world.rate("zendesk", number, score, words)
    fields, said = rating(zendesk.fetch_ticket(number))
    assert fields["satisfaction"] == "good"
    assert [one.body for one in said] == ["Never again", "All is well now"]
    assert len({one.external_id for one in said}) == 2


def test_words_that_show_in_both_places_are_one_comment(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    number = solved(sandbox, False)
    sandbox.world.rate("zendesk", number, "bad", WORDS)
    sandbox.world.zendesk.has_surveys = True
    sandbox.world.rate("zendesk", number, "bad", WORDS)
    assert len(rating(zendesk.fetch_ticket(number))[1]) == 1


# -- what it costs --


def test_new_ticket_and_one_of_an_older_account_cost_no_call(
    sandbox: Running, zendesk: ZendeskAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths: list[str] = []
    usual = zendesk._account.read

    def read(path: str, *rest: Any) -> Any:
        paths.append(path)
        return usual(path, *rest)

    monkeypatch.setattr(zendesk._account, "read", read)
    new = sandbox.world.write(
        "zendesk", email="ola@mail.example", subject="Late", text="Where is it?"
    )
    zendesk.fetch_ticket(new)
    assert paths == []
    number = solved(sandbox, False)
    for _ in range(3):
        zendesk.fetch_ticket(number)
    assert paths == ["/guide/survey_responses"]


class Told:
    """An account that answers as the test says."""

    def __init__(self, *given: object) -> None:
        self.given = list(given)
        self.calls = 0

    def read(self, path: str, params: object) -> object:
        self.calls += 1
        answer = self.given.pop(0) if self.given else {"survey_responses": []}
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_account_without_surveys_is_asked_once_an_hour() -> None:
    now = [0.0]
    surveys, account = Surveys(lambda: now[0]), Told()
    for seconds, calls in ((0, 1), (1, 1), (LOOK_AGAIN - 1, 1), (LOOK_AGAIN, 2)):
        now[0] = seconds
        assert not surveys.are_sent(account)  # type: ignore[arg-type]
        assert account.calls == calls


def test_account_with_surveys_is_not_asked_again() -> None:
    now = [0.0]
    surveys = Surveys(lambda: now[0])
    account = Told({"survey_responses": [{}]}, VendorUnavailable("answered 503"))
    for seconds in (0, 1, 3 * LOOK_AGAIN):
        now[0] = seconds
        assert surveys.are_sent(account)  # type: ignore[arg-type]
    surveys.expect()
    assert surveys.are_sent(account)  # type: ignore[arg-type]
    assert account.calls == 1


def test_look_that_failed_is_made_again_and_hides_no_ticket() -> None:
    surveys = Surveys(lambda: 0.0)
    account = Told(VendorUnavailable("answered 503"), {"survey_responses": [{}]})
    found = [surveys.are_sent(account) for _ in range(2)]  # type: ignore[arg-type]
    assert found == [False, True]


def test_busy_account_is_left_alone() -> None:
    with pytest.raises(VendorBusy):
        Surveys(lambda: 0.0).are_sent(Told(VendorBusy("answered 429")))  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [400, 403, 404, 422])
def test_account_that_does_not_show_surveys_reads_tickets_all_the_same(
    make_zendesk: Make, status: int
) -> None:
    legacy = {"email": "bot@fjord.example", "api_token": "api-token"}
    url = "https://fjord.zendesk.com"
    adapter = make_zendesk(base_url=url, client_id=None, client_secret=None, **legacy)
    ticket = {"id": 5, "status": "solved", "requester_id": 7}
    ticket |= {"created_at": STAMP, "updated_at": STAMP}
    person = {"id": 7, "role": "end-user", "email": "k@m.example", "user_fields": {}}
    with responses.RequestsMock() as web:
        web.get(f"{url}/api/v2/tickets/5", json={"ticket": ticket, "users": [person]})
        web.get(f"{url}/api/v2/tickets/5/comments", json={"comments": [], "users": []})
        web.get(f"{url}/api/v2/guide/survey_responses", json={}, status=status)
        assert adapter.fetch_ticket("5").ref.external_id == "5"
        assert adapter.fetch_ticket("5").comments == ()
        paths = [call.request.url or "" for call in web.calls]
    assert sum("survey" in path for path in paths) == 1


def test_first_answer_of_an_account_is_read_when_its_event_comes(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    number = solved(sandbox)
    assert rating(zendesk.fetch_ticket(number)) == ({}, [])
    sandbox.world.rate("zendesk", number, "bad", WORDS)
    assert rating(zendesk.fetch_ticket(number)) == ({}, [])  # not for an hour
    body = (
        '{"type": "zen:event-type:ticket.csat_received", "event": {}, '
        f'"detail": {{"id": "{number}"}}}}'
    )
    now = Clock()()
    (event,) = zendesk.parse(
        Delivery(id=1, source="zd", received_at=now, headers={}, body=body.encode())
    )
    assert event.external_id == number
    assert rating(zendesk.fetch_ticket(number))[0]["satisfaction"] == "bad"


# -- how answers are written --


def part(kind: str, **more: object) -> dict[str, object]:
    return {"type": kind, "created_at": STAMP, "updated_at": STAMP, **more}


def response(*parts: object, **more: object) -> dict[str, Any]:
    subjects = [{"id": "99", "type": "ticket", "zrn": "zen:ticket:99"}]
    row = {"id": "01A", "responder_id": 7, "subjects": subjects, "answers": [*parts]}
    return {"survey_responses": [{**row, **more}]}


SCORE = part("rating_scale", rating=1, rating_category="bad")


@pytest.mark.parametrize(
    ("about", "is_read"),
    [
        ({}, True),
        ({"subjects": None, "subject_zrns": ["zen:ticket:99"]}, True),
        ({"subjects": None, "subject_zrns": ["zrn:ticket:99"]}, True),
        ({"subjects": [{"id": 99, "type": "ticket"}]}, True),
        ({"subjects": [{"id": 99, "type": "zen:ticket"}]}, True),
        ({"subjects": [{"id": "4", "type": "ticket", "zrn": "zen:ticket:4"}]}, False),
        ({"subjects": [{"id": "99", "type": "request"}]}, False),
        ({"subjects": [{"id": "199", "type": "ticket"}]}, False),
        ({"subjects": None}, False),
        ({"subjects": [None, 3, {}]}, False),
    ],
)
def test_only_answers_about_the_ticket_are_read(
    about: dict[str, object], is_read: bool
) -> None:
    assert bool(answers(response(SCORE, **about), "99")) is is_read


@pytest.mark.parametrize(
    "parts", [[], [part("skipped")], [part("skipped"), part("skipped")]]
)
def test_survey_that_was_only_sent_is_no_rating(parts: list[object]) -> None:
    assert answers(response(*parts), "99") == []


@pytest.mark.parametrize("page", [None, [], {}, {"survey_responses": "none"}])
def test_page_of_another_shape_has_no_answers(page: object) -> None:
    assert answers(page, "99") == []


LABELLED = {"id": "o1", "label": {"type": "static", "value": "It took too long"}}


@pytest.mark.parametrize(
    ("parts", "score", "words", "reason"),
    [
        ([SCORE], "bad", "", ""),
        ([part("rating_scale", rating_category="GOOD")], "good", "", ""),
        ([part("rating_scale", rating_category="great")], "", "", ""),
        ([part("rating_scale", rating=4)], "", "", ""),
        ([SCORE, part("open_ended", value=" Late \n")], "bad", "Late", ""),
        ([part("open_ended", value={"text": "Late"})], "", "Late", ""),
        ([part("open_ended", value=None), SCORE], "bad", "", ""),
        (
            [
                SCORE,
                part(
                    "closed_ended",
                    selections=[{"option_id": "o1"}],
                    question={"options": [LABELLED, {"id": "o2"}]},
                ),
            ],
            "bad",
            "",
            "It took too long",
        ),
        ([part("closed_ended", selections=[LABELLED])], "", "", "It took too long"),
        ([part("closed_ended", selections=[{"option_id": "o9"}])], "", "", ""),
    ],
)
def test_answer_is_read_in_any_of_its_shapes(
    parts: list[object], score: str, words: str, reason: str
) -> None:
    (found,) = answers(response(*parts), "99")
    assert (found.score, found.words, found.reason) == (score, words, reason)


def test_words_are_as_old_as_they_are_and_not_as_the_rating() -> None:
    later = "2024-08-15T08:00:00Z"
    words = part("open_ended", value="Late", updated_at=later)
    (found,) = answers(response(SCORE, words), "99")
    assert found.at is not None and found.at.isoformat() == "2024-08-15T08:00:00+00:00"
    (undated,) = answers(response({"type": "open_ended", "value": "Late"}), "99")
    assert undated == Answer("01A-survey", "7", None, "", "Late", "")


# -- in the loop


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("is_new_kind", [True, False], ids=["newer", "older"])
def test_complaint_in_a_survey_is_a_complaint(
    database_url: str, is_new_kind: bool
) -> None:
    with stepped(database_url) as scene:
        world = scene.world
        world.zendesk.has_surveys = is_new_kind
        (webhook,) = world.zendesk.webhooks.values()
        webhook.events.append("zen:event-type:ticket.csat_received")
        number = world.write(
            "zendesk", email="kari@mail.example", subject="Size", text="Which size?"
        )
        scene.settle(minutes=1)
        world.agent("zendesk", number, "reply", text="42.", status="solved")
        scene.settle(minutes=1)
        assert TYPE_TAG not in world.ticket("zendesk", number)["tags"]
        world.rate("zendesk", number, "bad", WORDS)
        scene.settle(minutes=1)
        assert TYPE_TAG in world.ticket("zendesk", number)["tags"]
