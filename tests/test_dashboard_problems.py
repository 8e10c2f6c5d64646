"""The page of a problem: its curve, and what people put right there."""

from __future__ import annotations

from typing import Any

from dashboard_kit import bench, post, signed_in
from flask.testing import FlaskClient
from kit import Bench
from loop_kit import complain, file_issue, fix, the_group

from connector.models import Role
from connector.store import accounts as account_rows
from connector.store import groups

__all__ = ["bench"]


def one_problem(bench: Bench, client: FlaskClient, customers: int) -> tuple[int, str]:
    """Let customers complain and an agent sign in; return the problem and the code."""
    complain(bench, customers)
    bench.settle()
    return the_group(bench)["id"], signed_in(bench, client, Role.AGENT)


def deed_of(done: Any) -> str:
    """Return the number by which what was done can be taken back."""
    return str(done.headers["Location"]).rpartition("=")[2]


def test_what_happened_on_one_day_is_one_mark_on_the_curve(
    bench: Bench, client: FlaskClient
) -> None:
    fix(bench, file_issue(bench))
    page = client.get("/problems/1").text
    assert page.count("&#34;what&#34;") == 1
    assert "&#34;what&#34;: &#34;filed, fixed&#34;" in page


def test_correction_is_done_shown_recorded_and_taken_back(
    bench: Bench, client: FlaskClient
) -> None:
    complain(bench, 1)
    bench.settle()
    group = the_group(bench)
    code = signed_in(bench, client, Role.AGENT)
    done = post(client, f"/problems/{group['id']}/rename", code, title="Codes fail")
    page = client.get(done.headers["Location"]).text
    assert "is called &#39;Codes fail&#39;" in page and "Take it back" in page
    assert the_group(bench)["title"] == "Codes fail"
    number = deed_of(done)
    back = post(client, f"/undo/{number}", code, group=group["id"])
    assert back.status_code == 303
    assert the_group(bench)["title"] == group["title"]
    twice = post(client, f"/undo/{number}", code, group=group["id"])
    assert twice.status_code == 409 and "taken back already" in twice.text
    people = client.get("/activity?box=people").text
    assert "groups rename" in people and "agent" in people


def test_what_was_before_comes_back_as_it_was(
    bench: Bench, client: FlaskClient
) -> None:
    group, code = one_problem(bench, client, 1)

    def do(verb: str, **form: str) -> str:
        done = post(client, f"/problems/{group}/{verb}", code, **form)
        return deed_of(done)

    def seen() -> tuple[object, ...]:
        row = the_group(bench)
        return row["title"], row["state"], row["muted_until"]

    for verb, form in (
        ("rename", {"title": 'The 24" screen'}),
        ("rename", {"title": "Anything"}),
        ("mute", {"until": "2026-03-05"}),
        ("mute", {"until": "2026-03-09"}),
        ("unmute", {}),
    ):
        before = seen()
        number = do(verb, **form)
        assert seen() != before
        assert post(client, f"/undo/{number}", code).status_code == 303
        assert seen() == before
        do(verb, **form)


def test_refused_correction_says_why_and_changes_nothing(
    bench: Bench, client: FlaskClient
) -> None:
    group, code = one_problem(bench, client, 1)
    for verb, form, said in (
        ("merge", {"other": "999"}, "999"),
        ("merge", {"other": "x"}, "expected the number of a problem"),
        ("mute", {"until": "soon"}, "expected a date"),
        ("unmute", {}, "is not muted"),
        ("reconsider", {}, "nobody said that nothing is done"),
        ("link", {"key": "NONE-1"}, "could not be read"),
        ("split", {}, "mark the tickets"),
    ):
        answer = post(client, f"/problems/{group}/{verb}", code, **form)
        assert answer.status_code == 409, verb
        assert said in answer.text, verb
    assert post(client, f"/problems/{group}/explode", code).status_code == 404


def test_wont_do_is_offered_shown_and_taken_back(
    bench: Bench, client: FlaskClient
) -> None:
    group, code = one_problem(bench, client, 2)
    page = client.get(f"/problems/{group}").text
    assert ("/wont-do" in page, "/reconsider" in page) == (True, False)
    done = post(client, f"/problems/{group}/wont-do", code)
    page = client.get(done.headers["Location"]).text
    assert ("/wont-do" in page, "/reconsider" in page) == (False, True)
    assert "<b>declined</b>" in page
    complain(bench, 3, start=2)
    bench.settle()
    assert "said with 2 customers; by now there are 5" in client.get("/").text
    number = deed_of(done)
    post(client, f"/undo/{number}", code, group=group)
    assert the_group(bench)["state"] != "wont_do"


def test_issue_that_is_asked_for_is_let_go_and_that_is_taken_back(
    bench: Bench, client: FlaskClient
) -> None:
    group, code = one_problem(bench, client, 2)
    assert "/unlink" not in client.get(f"/problems/{group}").text
    done = post(client, f"/problems/{group}/file", code)
    assert "/unlink" in client.get(done.headers["Location"]).text
    number = deed_of(done)
    done = post(client, f"/undo/{number}", code, group=group)
    assert the_group(bench)["state"] == "muted"
    page = client.get(done.headers["Location"]).text
    assert ("/unlink" in page, "<b>unlinked</b>" in page) == (False, True)
    number = deed_of(done)
    post(client, f"/undo/{number}", code, group=group)
    bench.settle()
    assert the_group(bench)["state"] == "filed"
    assert post(client, f"/problems/{group}/unlink", code).status_code == 303
    assert the_group(bench)["issue_key"] is None


def test_split_takes_the_marked_tickets_out(bench: Bench, client: FlaskClient) -> None:
    group, code = one_problem(bench, client, 3)
    path = f"/problems/{group}/split"
    done = post(client, path, code, ticket=["support:0"])
    assert done.status_code == 303
    with bench.store.read() as connection:
        found = groups.listing(connection, None, 10)
    assert sorted(row["tickets"] for row in found) == [1, 2]


def test_what_cannot_be_taken_back_is_not_marked_so(
    bench: Bench, client: FlaskClient
) -> None:
    group, code = one_problem(bench, client, 1)
    done = post(client, f"/problems/{group}/mute", code)
    number = int(deed_of(done))
    post(client, f"/problems/{group}/unmute", code)
    assert post(client, f"/undo/{number}", code, group=group).status_code == 409
    with bench.store.read() as connection:
        deed = account_rows.deed(connection, number)
    assert deed is not None and deed["undone_at"] is None
