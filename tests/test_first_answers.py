"""What is asked at a first start: wrong answers, lists, going back, a restart."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from first_kit import (
    ADDRESS,
    USER,
    Walk,
    answer_all,
    answer_helpdesk,
    desk,
    path,
    sandbox,
    walk,
)

from connector.config import load
from connector.sandbox import Running

__all__ = ["path", "sandbox", "walk"]


def test_wrong_key_is_told_and_mended(walk: Walk, sandbox: Running) -> None:
    walk.go("helpdesks", kind="zendesk", name="support")
    wrong = walk.post("source/support/1", **desk(sandbox, client_secret="no such"))
    assert wrong.status_code == 422
    assert (
        "support answered 401: invalid_client" in wrong.text
        and "What to do: " in wrong.text
    )
    assert "no such" not in wrong.text
    assert 'role="alert"' in wrong.text and 'name="anyway"' in wrong.text
    assert walk.go("source/support/1", **desk(sandbox)) == "helpdesks"


def test_who_wants_to_goes_on_without_being_let_in(
    walk: Walk, sandbox: Running
) -> None:
    walk.go("helpdesks", kind="zendesk", name="support")
    walk.post("source/support/1", **desk(sandbox, client_secret="no such"))
    kept = desk(sandbox, client_secret="", anyway="1")
    assert walk.go("source/support/1", **kept) == "helpdesks"
    assert "not complete" not in walk.get("helpdesks")


def test_answer_that_is_no_setting_is_told_at_its_place(walk: Walk) -> None:
    walk.go("helpdesks", kind="zendesk", name="support")
    answers = {"base_url": "no address", "client_id": "", "client_secret": "x"}
    page = walk.post("source/support/1", **answers).text
    assert "support.base_url: expected an address" in page
    assert "support.client_id: missing; fill it in" in page
    assert 'value="no address"' in page


@pytest.mark.parametrize(
    ("step", "answers", "said"),
    [
        ("helpdesks", {"kind": "zendesk", "name": "Our Desk"}, "name: use lower-case"),
        ("helpdesks", {"kind": "zendesk", "name": "jira"}, "name: jira is taken"),
        ("helpdesks", {"kind": "memory", "name": "a"}, "kind: choose one"),
        ("tracker", {"kind": "zendesk"}, "kind: choose one"),
        ("address", {"public_url": "here"}, "server.public_url: expected an address"),
        ("mode", {"language": "xx"}, "problems.language: expected 'en'"),
    ],
)
def test_wrong_answer_names_its_key_and_what_to_do(
    walk: Walk, step: str, answers: dict[str, str], said: str
) -> None:
    answer = walk.post(step, **answers)
    assert answer.status_code == 422
    assert said in answer.text.replace("&#39;", "'")


def test_projects_are_listed_and_others_can_be_typed(
    walk: Walk, sandbox: Running
) -> None:
    known = sandbox.world.settings
    walk.go("helpdesks", kind="jira_service_management", name="support")
    walk.go("source/support/1", flavour="cloud", site_url=f"{sandbox.url}/jira")
    walk.go("source/support/2", email=known.jira_email, api_token=known.jira_token)
    listed = walk.get("source/support/3")
    assert 'value="CARE"' in listed and 'value="SUP"' in listed
    walk.go("source/support/3", projects="SUP", **{"projects-typed": "HID, SUP"})
    assert walk.start.draft.said("support")["projects"] == ["SUP", "HID"]
    again = walk.get("source/support/3")
    assert 'value="SUP" checked' in again and 'value="HID"' in again


def test_back_shows_what_was_typed_but_no_secret(walk: Walk, sandbox: Running) -> None:
    answer_helpdesk(walk, sandbox)
    page = walk.get("source/support/1")
    assert f'value="{sandbox.url}/zendesk"' in page
    assert sandbox.world.settings.zendesk_client_secret not in page
    assert "leave this empty to keep it" in page
    assert walk.go("source/support/1", **desk(sandbox, client_secret="")) == "helpdesks"


def test_secret_goes_only_where_it_was_meant_for(walk: Walk, sandbox: Running) -> None:
    answer_helpdesk(walk, sandbox)
    elsewhere = desk(sandbox, base_url="http://127.0.0.1:9/other", client_secret="")
    answer = walk.post("source/support/1", **elsewhere)
    assert answer.status_code == 422
    assert "support.client_secret: missing" in answer.text


def test_after_a_restart_only_secrets_are_asked_again(
    walk: Walk, path: Path, sandbox: Running
) -> None:
    answer_all(walk, sandbox)
    (kept,) = path.parent.glob("*.draft")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    for secret in (
        sandbox.world.settings.zendesk_client_secret,
        sandbox.world.settings.jira_token,
        walk.start.token,
    ):
        assert secret not in kept.read_text(encoding="utf-8")
    later = Walk(path)
    later.enter()
    assert f'value="{sandbox.url}/zendesk"' in later.get()
    assert "Something is still to be answered" in later.get("finish")
    assert later.post("finish", **USER).status_code == 422
    only = desk(sandbox)
    assert later.go("source/support/1", **only) == "helpdesks"
    credentials = {
        "email": sandbox.world.settings.jira_email,
        "api_token": sandbox.world.settings.jira_token,
    }
    later.go("source/jira/2", **credentials)
    assert "Who may sign in" in later.get()
    assert later.start.draft.answers.public_url == ADDRESS
    later.go("finish", **USER)
    assert load(path).problems.project == "SHOP"


@pytest.mark.parametrize(
    "kept",
    [
        b"{",
        b"\xff",
        b'{"tracker": "jira"}',
        b'{"sources": {"../x": {"kind": "generic"}}}',
        b'{"sources": {"x": {"kind": "gone"}}}',
    ],
)
def test_draft_that_cannot_be_read_begins_anew(path: Path, kept: bytes) -> None:
    path.with_name("config.yaml.draft").write_bytes(kept)
    walk = Walk(path)
    walk.enter()
    assert "Which helpdesk" in walk.get()


def test_draft_is_written_over_nothing_else(walk: Walk, path: Path) -> None:
    other = path.with_name("other")
    other.write_text("mine", encoding="utf-8")
    path.with_name("config.yaml.draft.new").symlink_to(other)
    walk.go("helpdesks", kind="generic", name="forms")
    assert other.read_text(encoding="utf-8") == "mine"
    assert "forms" in path.with_name("config.yaml.draft").read_text(encoding="utf-8")


def test_helpdesk_is_taken_out_and_another_tracker_chosen(
    walk: Walk, sandbox: Running
) -> None:
    answer_all(walk, sandbox)
    walk.go("helpdesks", kind="generic", name="forms")
    walk.go("helpdesks/forms/remove")
    walk.go("tracker", kind="")
    assert list(walk.start.draft.answers.sources) == ["support"]
    assert walk.post("helpdesks/forms/remove").status_code == 404
    walk.go("finish", **USER)
    assert load(walk.start.path).problems.tracker is None
