"""Who knows the customers: a table in a file, and the interface of a CRM."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import responses
from kit import START
from pydantic import ValidationError

from adapters.directory.crm import CrmConfig, CrmDirectory
from adapters.directory.table import TableConfig, TableDirectory
from connector.errors import CredentialsRejected, VendorError, VendorUnavailable
from connector.models import DirectoryEntry, Level

TABLE = "email;vip;Segment;name\nKari@mail.example;yes;Gold;Kari\nsupport:7;;;\n"
URL = "https://crm.example/people?email={address}&full=1"
GOLD = DirectoryEntry(True, {"segment": "gold"})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "customers.csv"
    path.write_text(TABLE, encoding="utf-8-sig")
    return path


def change(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    later = file.stat().st_mtime_ns + 1
    os.utime(file, ns=(later, later))


def table(file: Path, **more: Any) -> TableDirectory:
    return TableDirectory("directory:list", TableConfig(path=file, **more))


# -- a table


def test_table_tells_of_an_address_or_a_key(file: Path) -> None:
    known = table(file)
    fields = {"segment": "Gold", "name": "Kari"}
    assert known.look_up("kari@mail.example") == DirectoryEntry(True, fields)
    assert known.look_up("support:7") == DirectoryEntry(None, {})
    assert known.look_up("ola@mail.example") is None
    assert known.check(START)[0].message == "knows 2 customers"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_columns_may_have_other_names_and_signs_between_them(
    file: Path, separator: str
) -> None:
    lines = [["Mail", "level"], ["a@b.example", "Platinum"], ["c@d.example", "none"]]
    change(file, "\n".join(separator.join(line) for line in lines))
    known = table(file, key="mail", vip="level", vip_values=["platinum"])
    assert known.look_up("a@b.example") == DirectoryEntry(True, {})
    assert known.look_up("c@d.example") == DirectoryEntry(False, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("email;vip\nsecret@mail.example\n", "line 2: 1 columns, expected 2"),
        ("email;vip\n\na@b.example;yes\n;yes\n", "line 4: there is no email"),
        ("email;vip\na@b.example;\nA@b.example;yes\n", "line 3: the same email"),
        ("mail;vip\n", "line 1: there is no column 'email'"),
        ("email;vip;VIP\n", "line 1: two columns"),
        ("email;vip;domain\n", "line 1: a column cannot be called 'domain'"),
        ("", "line 1: there is no column 'email'"),
    ],
)
def test_broken_line_is_named_and_the_table_before_it_stays(
    file: Path, text: str, said: str
) -> None:
    known = table(file)
    assert known.look_up("kari@mail.example") is not None
    change(file, text)
    assert known.look_up("kari@mail.example") is not None
    (finding,) = known.check(START)
    assert finding.level is Level.PROBLEM
    assert said in finding.message and "what was before is in force" in finding.message
    assert "secret" not in finding.message
    with pytest.raises(VendorUnavailable, match="line"):
        table(file).look_up("kari@mail.example")
    change(file, "email\nola@mail.example\n")
    assert known.look_up("kari@mail.example") is None
    assert known.look_up("ola@mail.example") == DirectoryEntry(None, {})


def test_file_that_is_taken_away_is_told_of(file: Path) -> None:
    known = table(file)
    known.look_up("x@y.example")
    file.unlink()
    assert known.look_up("kari@mail.example") is not None
    assert known.check(START)[0].level is Level.PROBLEM


# -- a CRM


def crm(**more: Any) -> CrmDirectory:
    settings = {"url": URL, "token": "secret", "vip": "crm.tier"}
    fields = {"fields": {"segment": "crm.tier", "since": "years.0"}}
    raw = {**settings, **fields, "vip_values": ["gold"], **more}
    return CrmDirectory("directory:crm", CrmConfig(**raw))


@pytest.mark.parametrize(
    ("answer", "more", "said"),
    [
        ({"crm": {"tier": "gold"}}, {}, GOLD),
        ({"data": [{"crm": {"tier": "gold"}}]}, {"person": "data.0"}, GOLD),
        ({"data": []}, {"person": "data.0"}, None),
        ({"crm": {"tier": "tin"}}, {}, DirectoryEntry(False, {"segment": "tin"})),
        ({"crm": None, "years": [7]}, {}, DirectoryEntry(None, {"since": "7"})),
        ({"crm": {"tier": ["gold"]}}, {}, DirectoryEntry(None, {})),
        ([], {}, None),
    ],
)
@responses.activate
def test_answer_is_read_where_the_settings_say(
    answer: object, more: dict[str, Any], said: DirectoryEntry | None
) -> None:
    responses.get("https://crm.example/people", json=answer)
    assert crm(**more).look_up("a+b@c.example") == said
    (call,) = responses.calls
    assert (
        call.request.url == "https://crm.example/people?email=a%2Bb%40c.example&full=1"
    )
    assert call.request.headers["Authorization"] == "Bearer secret"


@responses.activate
def test_customer_that_a_crm_does_not_have_is_unknown() -> None:
    responses.get("https://crm.example/people", status=404, json={})
    assert crm().look_up("a@b.example") is None
    assert crm().look_up("support:7") is None  # has no address: nobody is asked
    assert len(responses.calls) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 401, "json": {"error": "a@b.example"}}, CredentialsRejected),
        ({"status": 503}, VendorUnavailable),
        ({"status": 302}, VendorError),
        ({"body": "<html>"}, VendorUnavailable),
    ],
)
@responses.activate
def test_error_of_a_crm_names_no_customer(
    answer: dict[str, Any], error: type[VendorError]
) -> None:
    responses.get("https://crm.example/people", **answer)
    with pytest.raises(error) as caught:
        crm().look_up("a@b.example")
    assert "a@b" not in str(caught.value)
    (finding,) = crm().check(START)
    assert (finding.level, "secret" in str(finding)) == (Level.PROBLEM, False)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"url": "https://crm.example/people"}, "{address}"),
        ({"url": "crm.example/{address}"}, "https://"),
        ({"fields": {"email": "x"}}, "expected names"),
    ],
)
def test_settings_that_cannot_work_are_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        crm(**more)
