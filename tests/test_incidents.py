"""Problem tickets: what agents see of a problem in their own tool, by the witness.

What the adapter does call by call is in ``test_zendesk_incidents.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sandbox_kit import Stepped, Writer, complain, issues, stepped, writes

from adapters.zendesk.account import Account
from connector.answers import Answer, record
from connector.models import Operation
from connector.sandbox import zendesk_shapes
from connector.sandbox.stage import AGENT
from connector.sandbox.zendesk_desk import INTEGRATION_USER, Ticket, User
from connector.store import outbox

SIX = 6
LOST = {"method": "POST", "path": r"/api/v2/tickets$", "times": 1}


@contextmanager
def gathering(database_url: str, **changes: Any) -> Iterator[Stepped]:
    desk = {"desk": {"problem_tickets": True}}
    with stepped(database_url, **{"sources": desk, **changes}) as scene:
        yield scene


def write_in(scene: Stepped, first: int = 0, count: int = SIX) -> list[Writer]:
    """Let customers complain of one thing at Zendesk until there is an issue."""
    writers = [
        complain(scene.world, number, "zendesk")
        for number in range(first, first + count)
    ]
    scene.settle()
    scene.settle(minutes=1)
    assert len(issues(scene.world)) == 1
    return writers


def problems(scene: Stepped) -> list[Ticket]:
    every = scene.world.zendesk.tickets.values()
    return [one for one in every if one.type == "problem"]


def ticket(scene: Stepped, writer: Writer) -> Ticket:
    return scene.world.zendesk.tickets[int(writer.ticket)]


def change(scene: Stepped, one: Ticket, **changes: Any) -> None:
    """Let an agent change a ticket."""
    with scene.world.lock:
        scene.world.zendesk.update(one, changes, AGENT)


def gathered(scene: Stepped) -> list[str]:
    (problem,) = problems(scene)
    return [str(one.id) for one in scene.world.zendesk.incidents(problem)]


def states(scene: Stepped, operation: Operation) -> list[tuple[str, str]]:
    with scene.runtime.store.read() as connection:
        listed = outbox.listing(connection, None, 200)
    return [(r["state"], r["error"]) for r in listed if r["operation"] == operation]


def test_one_problem_ticket_stands_for_all_tickets_of_a_problem(
    database_url: str,
) -> None:
    with gathering(database_url) as scene:
        writers = write_in(scene)
        (problem,) = problems(scene)
        assert gathered(scene) == [one.ticket for one in writers]
        assert {ticket(scene, one).type for one in writers} == {"incident"}
        assert {ticket(scene, one).status for one in writers} == {"new"}
        newcomer = complain(scene.world, 3, "zendesk", "late@mail.example")
        scene.settle(minutes=1)
        assert gathered(scene) == [one.ticket for one in [*writers, newcomer]]
        assert problems(scene) == [problem]
        scene.assert_nothing_parked()


def test_problem_ticket_is_for_agents_and_masked(database_url: str) -> None:
    with gathering(database_url) as scene:
        complain(scene.world, 0, "zendesk", "kari@mail.example")
        one = scene.world.write(
            "zendesk",
            email="ola@mail.example",
            subject="Discount code",
            text="The discount code HARVEST30 does not work at checkout, error E-7041. "
            "Terrible! Call me on +47 912 34 567 or ola@mail.example",
        )
        write_in(scene, 1)
        (problem,) = problems(scene)
        (issue,) = issues(scene.world)
        (note,) = problem.comments
        assert problem.requester_id == INTEGRATION_USER
        assert not note.public
        assert issue["key"] in note.body and issue["url"] in note.body
        assert "HARVEST30" in note.body
        assert "ola@mail" not in note.body and "912 34 567" not in note.body
        assert one in gathered(scene)
        mailed = [a for a in scene.world.log() if a["detail"].get("mailed")]
        assert mailed == []


def test_problem_ticket_is_no_complaint_itself(database_url: str) -> None:
    with gathering(database_url) as scene:
        write_in(scene)
        (problem,) = problems(scene)
        mark = len(scene.world.log())
        change(scene, problem, comment={"body": "We look into it.", "public": False})
        scene.settle(minutes=30)
        assert writes(scene.world, mark) == []
        assert not [tag for tag in problem.tags if tag.startswith("cc-")]
        (issue,) = issues(scene.world)
        linked = [link["object"]["url"] for link in issue["remote_links"]]
        assert len(linked) == SIX
        assert not [url for url in linked if url.endswith(f"/{problem.id}")]


@pytest.mark.parametrize("kind", ["after", "reset_after"])
def test_create_with_a_lost_answer_leaves_one_problem_ticket(
    database_url: str, kind: str
) -> None:
    with gathering(database_url) as scene:
        scene.world.fail(kind, vendor="zendesk", **LOST)
        writers = write_in(scene)
        scene.settle(minutes=5)
        assert gathered(scene) == [one.ticket for one in writers]
        scene.assert_nothing_parked()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("kind", ["after", "reset_after"])
def test_link_with_a_lost_answer_is_made_once(database_url: str, kind: str) -> None:
    with gathering(database_url) as scene:
        path = r"/api/v2/tickets/\d+$"
        scene.world.fail(kind, vendor="zendesk", method="PUT", path=path, times=3)
        write_in(scene)
        scene.settle(minutes=5)
        assert len(gathered(scene)) == SIX
        made = [a for a in scene.world.log() if a["act"] == "problem_id"]
        assert len(made) == SIX
        scene.assert_nothing_parked()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_problem_that_is_over_gets_no_ticket_until_it_is_back(
    database_url: str,
) -> None:
    with gathering(database_url) as scene:
        scene.world.fail("before", vendor="zendesk", method="GET", path="/tickets$")
        for number in range(SIX):
            complain(scene.world, number, "zendesk")
        for _ in range(60):
            if issues(scene.world):
                break
            scene.step()
            scene.clock.pass_(seconds=20)
        (issue,) = issues(scene.world)
        scene.world.issue(issue["key"], "done")
        for _ in range(4):
            scene.step()
            scene.clock.pass_(seconds=5)
        scene.world.faults.clear()
        scene.settle(minutes=5)
        said = states(scene, Operation.CREATE_PROBLEM)
        assert said == [("observed", "the problem is fixed by now")]
        assert problems(scene) == []
        scene.world.issue(issue["key"], "reopen")
        scene.settle(minutes=5)
        assert len(gathered(scene)) == SIX


@pytest.mark.parametrize("is_keyed", [True, False], ids=["keyed", "keyless"])
def test_killed_between_create_and_record_it_makes_no_second_one(
    database_url: str, is_keyed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody says for how long Zendesk remembers an idempotency key."""
    usual = Account.about_ticket

    def call(self: Account, *what: Any, headers: Any = None, **rest: Any) -> Any:
        kept = headers if is_keyed else None
        return usual(self, *what, headers=kept, **rest)

    monkeypatch.setattr(Account, "about_ticket", call)
    with gathering(database_url) as scene:
        with killed_after(Operation.CREATE_PROBLEM):
            write_in(scene)
        assert len(problems(scene)) == 1 and gathered(scene) == []
        scene.restart()
        scene.settle(minutes=5)
        assert len(gathered(scene)) == SIX
        scene.assert_nothing_parked()


def test_killed_while_linking_it_links_nothing_that_was_undone_meanwhile(
    database_url: str,
) -> None:
    with gathering(database_url) as scene:
        with killed_after(Operation.ADD_INCIDENT):
            write_in(scene)
        (undone,) = scene.world.zendesk.incidents(problems(scene)[0])
        change(scene, undone, problem_id=None, type=None)
        scene.restart()
        scene.settle(minutes=5)
        assert len(gathered(scene)) == SIX - 1
        assert (undone.problem_id, undone.type) == (None, None)
        scene.assert_nothing_parked()


class Killed(BaseException):
    """Nothing catches it, as nothing catches the end of a process."""


@contextmanager
def killed_after(operation: Operation) -> Iterator[None]:
    """End the connector where the vendor has done it and nobody wrote that down."""

    def dying(done: Operation, answer: Answer) -> None:
        if done is operation:
            raise Killed
        record(done, answer)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr("connector.outbox.record", dying)
        yield


def test_ticket_that_a_person_took_out_stays_out(database_url: str) -> None:
    with gathering(database_url) as scene:
        writers = write_in(scene)
        out = ticket(scene, writers[2])
        change(scene, out, problem_id=None)
        text = "It still does not work! HARVEST30 gives E-7041 at checkout. Terrible."
        scene.world.write(
            "zendesk", email=writers[2].email, subject="", text=text, ticket=out.id
        )
        complain(scene.world, 3, "zendesk", "late@mail.example")
        scene.settle(minutes=30)
        scene.restart()
        scene.settle(minutes=60 * 24)
        assert out.problem_id is None
        assert len(gathered(scene)) == SIX


@pytest.mark.parametrize(
    "theirs",
    [{"type": "question"}, {"type": "task"}, {"type": "problem"}, {"status": "closed"}],
    ids=["question", "task", "problem", "closed"],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_ticket_that_people_use_otherwise_is_left(
    database_url: str, theirs: dict[str, str]
) -> None:
    with gathering(database_url) as scene:
        first = complain(scene.world, 0, "zendesk", "first@mail.example")
        one = ticket(scene, first)
        change(scene, one, **theirs)
        write_in(scene)
        (problem,) = [each for each in problems(scene) if each is not one]
        linked = scene.world.zendesk.incidents(problem)
        assert len(linked) == SIX and one not in linked
        assert {key: getattr(one, key) for key in theirs} == theirs
        # What was over is not even tried.
        tried = len(states(scene, Operation.ADD_INCIDENT))
        assert tried == SIX + ("type" in theirs)
        scene.assert_nothing_parked()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_ticket_that_was_marked_as_spam_is_left(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with gathering(database_url) as scene:
        spam = ticket(scene, complain(scene.world, 0, "zendesk", "spam@mail.example"))
        usual = zendesk_shapes.user_shape

        def shape(user: User) -> dict[str, Any]:
            return {**usual(user), "suspended": user.id == spam.requester_id}

        monkeypatch.setattr(zendesk_shapes, "user_shape", shape)
        write_in(scene, 1)
        assert len(gathered(scene)) == SIX
        assert (spam.type, spam.problem_id) == (None, None)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_incident_of_another_problem_stays_with_it(database_url: str) -> None:
    with gathering(database_url) as scene:
        first = ticket(scene, complain(scene.world, 0, "zendesk", "first@mail.example"))
        other = ticket(scene, complain(scene.world, 1, "zendesk", "2nd@mail.example"))
        change(scene, other, type="problem")
        change(scene, first, type="incident", problem_id=other.id)
        write_in(scene)
        assert first.problem_id == other.id
        scene.assert_nothing_parked()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_solving_the_problem_is_left_to_people_and_ends_the_gathering(
    database_url: str,
) -> None:
    with gathering(database_url) as scene:
        writers = write_in(scene)
        scene.world.issue(issues(scene.world)[0]["key"], "done")
        scene.settle(minutes=60)
        (problem,) = problems(scene)
        assert problem.status == "new"
        change(scene, problem, status="solved")
        assert {ticket(scene, one).status for one in writers} == {"solved"}
        newcomer = complain(scene.world, 3, "zendesk", "late@mail.example")
        scene.settle(minutes=10)
        assert ticket(scene, newcomer).problem_id is None
        assert ticket(scene, newcomer).status == "new"
        assert problems(scene) == [problem]
        scene.assert_nothing_parked()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_is_gathered_until_notes_may_be_written(database_url: str) -> None:
    with gathering(database_url, autonomy={"notes": "observe"}) as scene:
        write_in(scene)
        assert problems(scene) == []
        said = states(scene, Operation.CREATE_PROBLEM)
        assert said == [("observed", "autonomy.notes is observe")]
        scene.restart(autonomy={"notes": "act"})
        complain(scene.world, 3, "zendesk", "late@mail.example")
        scene.settle(minutes=10)
        assert len(gathered(scene)) == SIX + 1


@pytest.mark.parametrize(
    "changes",
    [
        {"autonomy": {"notes": "observe"}},
        {"sources": {"desk": {"problem_tickets": False}}},
    ],
    ids=["mode", "setting"],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_asked_for_is_not_done_any_more_once_it_is_switched_off(
    database_url: str, changes: dict[str, Any]
) -> None:
    with gathering(database_url) as scene:
        scene.world.fail("before", vendor="zendesk", method="GET", path="/tickets$")
        for number in range(SIX):
            complain(scene.world, number, "zendesk")
        for _ in range(30):
            scene.step()
            scene.clock.pass_(seconds=20)
        assert [state for state, _ in states(scene, Operation.CREATE_PROBLEM)] == [
            "pending"
        ]
        scene.world.faults.clear()
        scene.restart(**changes)
        scene.settle(minutes=10)
        assert problems(scene) == []
        scene.restart(
            autonomy={"notes": "act"}, sources={"desk": {"problem_tickets": True}}
        )
        complain(scene.world, 3, "zendesk", "late@mail.example")
        scene.settle(minutes=10)
        assert len(gathered(scene)) == SIX + 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_is_gathered_unless_the_settings_ask_for_it(database_url: str) -> None:
    with stepped(database_url) as scene:
        writers = write_in(scene)
        assert problems(scene) == []
        assert {ticket(scene, one).type for one in writers} == {None}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_only_tickets_of_the_helpdesk_are_gathered_there(database_url: str) -> None:
    with gathering(database_url) as scene:
        writers = [complain(scene.world, number) for number in range(SIX)]
        scene.settle()
        scene.settle(minutes=1)
        assert gathered(scene) == [o.ticket for o in writers if o.vendor == "zendesk"]
        assert states(scene, Operation.ADD_INCIDENT) == [("done", "")] * 3
