"""The loop while vendors fail: whatever breaks, the outside ends up the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sandbox_kit import (
    THRESHOLD,
    TYPE_TAG,
    Stepped,
    assert_told_once,
    complain,
    issues,
    judgements,
    live,
    messages,
    our_tags,
    outcome,
    stepped,
    tickets,
    write_calmly,
    writes,
)

from connector.errors import StoreUnavailable
from connector.sandbox import SandboxSettings
from connector.store import deliveries, outbox, sending

KINDS = ["before", "after", "stall", "reset", "reset_after", "429", "503"]

#: Every way in which the connector writes, by what it is for.
WRITES: dict[str, dict[str, str]] = {
    "helpscout tags": {"vendor": "helpscout", "method": "PUT", "path": "/tags$"},
    "helpscout note": {"vendor": "helpscout", "method": "POST", "path": "/notes$"},
    "helpscout message": {"vendor": "helpscout", "method": "POST", "path": "/reply$"},
    "zendesk tags": {"vendor": "zendesk", "method": "PUT", "path": "/tags"},
    "zendesk words": {
        "vendor": "zendesk",
        "method": "PUT",
        "path": r"/tickets/\d+(\.json)?$",
    },
    "jira create": {"vendor": "jira", "method": "POST", "path": "/issue$"},
    "jira link": {"vendor": "jira", "method": "POST", "path": "/remotelink$"},
    "jira property": {"vendor": "jira", "method": "PUT", "path": "/properties/"},
    "jira reopen": {"vendor": "jira", "method": "POST", "path": "/transitions$"},
    "jira comment": {"vendor": "jira", "method": "POST", "path": "/comment$"},
}


#: Retries that come long before the search shows anything.
EAGER = {
    "problems": {"search_lag": "2m"},
    "work": {
        "backoff": "1s",
        "backoff_limit": "2s",
        "attempts": 1000,
        "lost_answer": "10s",
    },
}


def play(scene: Stepped) -> dict[str, Any]:
    """Play the loop once through, the return of the problem included."""
    world = scene.world
    for number in range(THRESHOLD):
        complain(world, number)
        write_calmly(world, number)
    scene.settle()
    scene.settle(minutes=1)
    world.issue(issues(world)[0]["key"], "done")
    scene.settle()
    scene.settle(minutes=1)
    scene.clock.pass_(minutes=1)
    complain(world, THRESHOLD)
    scene.settle()
    world.issue(issues(world)[0]["key"], "done")
    scene.settle()
    scene.settle(minutes=1)
    return outcome(world)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return how things stand after nothing went wrong."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with stepped(f"sqlite:///{folder}/connector.db") as scene:
        stands = play(scene)
        scene.assert_nothing_parked()
    assert len(stands["issues"]) == 1
    assert all(
        len(told) == 1 and notes == 1
        for _, email, _, notes, told in stands["tickets"]
        if email.startswith("customer")
    )
    return stands


@pytest.fixture
def sqlite_url(tmp_path: Any) -> Iterator[str]:
    yield f"sqlite:///{tmp_path}/connector.db"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("write", WRITES)
def test_failing_write_changes_nothing_in_the_end(
    sqlite_url: str, undisturbed: dict[str, Any], write: str, kind: str
) -> None:
    with stepped(sqlite_url, SandboxSettings(jira_index_lag=3)) as scene:
        scene.world.fail(kind, **WRITES[write], times=2, seconds=0.05)
        assert play(scene) == undisturbed
        assert [act for act in scene.world.log() if act["act"] == "fault"]
        scene.assert_nothing_parked()


@pytest.mark.parametrize(
    ("kind", "database_url"),
    [(kind, "sqlite") for kind in KINDS]
    + [(kind, "postgresql") for kind in ("after", "503")],
    indirect=["database_url"],
)
def test_failing_reads_and_writes_everywhere_change_nothing_in_the_end(
    database_url: str, undisturbed: dict[str, Any], kind: str
) -> None:
    with stepped(database_url, SandboxSettings(jira_index_lag=3)) as scene:
        scene.world.fail(kind, probability=0.15, seconds=0.02)
        assert play(scene) == undisturbed
        scene.assert_nothing_parked()


@pytest.mark.parametrize("kind", ["after", "reset_after"])
def test_issue_whose_creation_is_lost_again_and_again_is_created_once(
    sqlite_url: str, kind: str
) -> None:
    # The first try is really lost. The second is carried out, and the search takes
    # longer to show it than the retries take to come.
    with stepped(sqlite_url, SandboxSettings(jira_index_lag=60), **EAGER) as scene:
        create = WRITES["jira create"]
        scene.world.fail("before", **create, times=1)
        scene.world.fail(kind, **create, times=1)
        for number in range(THRESHOLD):
            complain(scene.world, number)
        scene.settle()
        scene.settle(minutes=10)
        assert len(issues(scene.world)) == 1
        scene.assert_nothing_parked()


def test_issue_is_created_once_when_the_sender_dies_before_and_after_creating_it(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stepped(database_url, SandboxSettings(jira_index_lag=100), **EAGER) as scene:
        for number in range(THRESHOLD):
            complain(scene.world, number)
        scene.settle()
        scene.clock.pass_(minutes=1)
        with monkeypatch.context() as patched:
            patched.setattr(scene.runtime.adapters["tracker"], "create_issue", die)
            step_until_dead(scene)
        scene.restart()
        with monkeypatch.context() as patched:
            patched.setattr(sending, "finish", die)
            step_until_dead(scene)
        assert len(issues(scene.world)) == 1
        # The search does not show it yet, and it is long since the first try.
        scene.restart()
        scene.settle(minutes=10)
        assert len(issues(scene.world)) == 1
        scene.assert_nothing_parked()


def step_until_dead(scene: Stepped) -> None:
    with pytest.raises(Dead):
        for _ in range(60):
            scene.step()
            scene.clock.pass_(seconds=5)


class Dead(BaseException):
    """Nothing after this happens in the process it is raised in."""


def die(*args: Any, **more: Any) -> None:
    raise Dead


def test_expiring_tokens_are_renewed_on_the_way(
    sqlite_url: str, undisturbed: dict[str, Any]
) -> None:
    # The sandbox's time runs ahead of the adapters', so tokens also end unannounced.
    with stepped(sqlite_url, SandboxSettings(token_life=2)) as scene:
        assert play(scene) == undisturbed
        scene.assert_nothing_parked()


@pytest.mark.parametrize("down", ["helpscout", "zendesk", "jira"])
def test_vendor_that_is_down_keeps_no_other_waiting(
    database_url: str, down: str
) -> None:
    with live(database_url) as scene:
        world = scene.world
        world.fail("503", vendor=down)
        writers = [complain(world, number) for number in range(THRESHOLD)]
        scene_up = [one for one in writers if one.vendor != down]

        def tagged(some: list[Any]) -> bool:
            return all(TYPE_TAG in _ticket(world, one)["tags"] for one in some)

        scene.until_busy("the others are tagged", lambda: tagged(scene_up))
        assert not [act for act in writes(world) if act["vendor"] == down]
        world.faults.clear()
        scene.until("all are tagged", lambda: tagged(writers) and issues(world))
        assert len(issues(world)) == 1
        assert all(len(judgements(_ticket(world, one))) == 1 for one in writers)
        scene.assert_nothing_parked()


def _ticket(world: Any, one: Any) -> dict[str, Any]:
    return world.ticket(one.vendor, one.ticket)


SECRETS = {
    "support": ("app_secret", "helpscout"),
    "desk": ("client_secret", "zendesk"),
    "tracker": ("api_token", "jira"),
}


@pytest.mark.parametrize("source", SECRETS)
def test_rows_wait_while_credentials_are_refused(sqlite_url: str, source: str) -> None:
    name, vendor = SECRETS[source]
    wrong = {"sources": {source: {name: "not-the-secret"}}}
    with stepped(sqlite_url, **wrong) as scene:
        world = scene.world
        for number in range(THRESHOLD):
            complain(world, number)
        for _ in range(200):  # hours of refusals
            scene.step()
            scene.clock.pass_(minutes=2)
        assert scene.troubles()[source].condition == "refused"
        assert not [act for act in writes(world) if act["vendor"] == vendor]
        scene.assert_nothing_parked()

        # A person corrects the secret and starts again; now something else breaks.
        settings = world.settings
        right = {
            "support": settings.helpscout_app_secret,
            "desk": settings.zendesk_client_secret,
            "tracker": settings.jira_token,
        }
        scene.restart(sources={source: {name: right[source]}})
        world.fail("503", vendor=vendor, times=3)
        scene.settle(minutes=10)
        scene.settle(minutes=1)
        scene.assert_nothing_parked()
        assert scene.troubles() == {}
        assert len(issues(world)) == 1
        assert all(our_tags(ticket) for _, ticket in tickets(world))


# -- the database fails in the middle


@pytest.mark.parametrize("place", [(sending, "finish"), (deliveries, "finish")])
def test_row_whose_end_could_not_be_stored_is_taken_up_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str]
) -> None:
    module, name = place
    real, left = getattr(module, name), [2]

    def fail(*args: Any, **more: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise StoreUnavailable("the database did not answer")
        return real(*args, **more)

    with live(database_url, work={"lease": "60s"}) as scene:
        world = scene.world
        monkeypatch.setattr(module, name, fail)
        one = complain(world, 0, "helpscout")
        scene.until("it is tagged", lambda: our_tags(_ticket(world, one)), 20)
        assert not left[0]
        assert len(judgements(_ticket(world, one))) == 1


def test_message_parked_for_an_unknown_error_is_not_sent_twice_by_a_person(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stepped(sqlite_url) as scene:
        world = scene.world
        desk = scene.runtime.adapters["support"]
        real = desk.send_message

        def strange(*args: Any) -> Any:
            real(*args)
            raise RuntimeError("nobody thought of this")

        writers = [complain(world, n, "helpscout") for n in range(THRESHOLD)]
        scene.settle()
        scene.settle(minutes=1)
        monkeypatch.setattr(desk, "send_message", strange)
        world.issue(issues(world)[0]["key"], "done")
        scene.settle()
        scene.settle(minutes=1)
        assert len(messages(world)) == THRESHOLD
        monkeypatch.setattr(desk, "send_message", real)
        with scene.runtime.store.write() as connection:
            parked = outbox.listing(connection, "parked", 50)
            assert len(parked) == THRESHOLD
            outbox.retry(connection, [row["id"] for row in parked], scene.clock())
        scene.settle()
        scene.assert_nothing_parked()
        assert_told_once(world, writers)


def test_issue_done_before_its_creation_was_recorded_is_noticed_soon(
    sqlite_url: str,
) -> None:
    with stepped(sqlite_url, problems={"reread": "10d"}) as scene:
        world = scene.world
        writers = [complain(world, number) for number in range(THRESHOLD)]
        scene.settle()
        # Created, but we do not know yet; a developer is very quick.
        world.fail("after", **WRITES["jira create"], times=1)
        scene.clock.pass_(minutes=1)
        while not issues(world):
            scene.step()
        world.issue(issues(world)[0]["key"], "done")
        scene.settle()
        scene.settle(minutes=1)
        scene.settle(minutes=1)
        assert_told_once(world, writers)


def test_retries_wait_as_long_as_the_vendor_asks(sqlite_url: str) -> None:
    with stepped(sqlite_url) as scene:
        world = scene.world
        one = complain(world, 0, "helpscout")
        world.fail("429", **WRITES["helpscout tags"], times=1, seconds=90)
        scene.step()
        scene.clock.now += timedelta(seconds=80)
        scene.step()
        assert our_tags(_ticket(world, one)) == []
        scene.clock.now += timedelta(seconds=20)
        scene.settle()
        assert TYPE_TAG in our_tags(_ticket(world, one))
