"""Logging in to Jira, looking at the account, and one client for each thread."""

from __future__ import annotations

import re
import threading

import pytest
import responses
from jira_kit import CLOUD, DC, GATEWAY, NOW, REF, SERVER, raw_issue

from adapters.jira import KIND
from adapters.jira.settings import Place
from connector.models import Level

# -- credentials --


def test_cloud_gets_mail_and_token_and_data_center_its_own_token(
    web, cloud, data_center, monkeypatch, tmp_path
):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login thief password thief\n")
    monkeypatch.setenv("NETRC", str(netrc))
    basic = "Basic Y29ubmVjdG9yQG5vcmR2aWsuZXhhbXBsZTpzM2NyZXQtdG9rZW4="
    web.get(f"{CLOUD}/issue/1", json=raw_issue())
    web.get(f"{DC}/issue/1", json=raw_issue())
    cloud.fetch_issue("1")
    data_center.fetch_issue("1")
    headers = [call.request.headers for call in web.calls]
    assert [each["Authorization"] for each in headers] == [basic, "Bearer s3cret-pat"]
    assert {each["User-Agent"] for each in headers} == {"complaint-connector"}


# -- check --


def test_check_names_the_account_and_the_server(web, cloud):
    web.get(f"{CLOUD}/myself", json={"displayName": "Connector"})
    info = {
        "version": "1001.0.0",
        "deploymentType": "Cloud",
        "serverTime": "2026-11-20T11:04:00.000+0100",
    }
    web.get(f"{CLOUD}/serverInfo", json=info)
    web.get(f"{GATEWAY}/rest/webhooks/1.0/webhook", status=403)
    found = cloud.check(NOW)
    assert [finding.level for finding in found[:2]] == [Level.OK, Level.OK]
    assert found[0].message == "signed in as Connector"
    assert found[1].message == "Jira 1001.0.0"


def test_check_tells_wrong_flavour_and_clock(web, data_center):
    web.get(f"{DC}/myself", json={"name": "connector"})
    info = {"deploymentType": "Cloud", "serverTime": "2026-11-20T10:06:00.000+0000"}
    web.get(f"{DC}/serverInfo", json=info)
    _, flavour, clock = data_center.check(NOW)
    assert (flavour.level, flavour.remedy) == (Level.PROBLEM, "set flavour to cloud")
    assert clock.level is Level.WARNING
    assert "360 s" in clock.message


def test_check_without_a_clock_says_nothing_about_it(web, data_center):
    web.get(f"{DC}/myself", json={})
    web.get(f"{DC}/serverInfo", json={"deploymentType": "Server", "version": "10.3.24"})
    web.get(f"{SERVER}/rest/jira-webhook/1.0/webhooks", json=[])
    said = [finding.subject for finding in data_center.check(NOW)]
    assert "jira: clock" not in said


@pytest.mark.parametrize(
    ("code", "body", "remedy"),
    [
        (401, "", "make a new token"),
        (403, "<html>", "check site_url"),
        (500, "", "check site_url"),
        (200, "[]", "check site_url"),
    ],
)
def test_failed_login_is_a_finding_and_not_tried_again(web, cloud, code, body, remedy):
    web.get(f"{CLOUD}/myself", status=code, body=body)
    (finding,) = cloud.check(NOW)
    assert finding.level is Level.PROBLEM
    assert finding.remedy.startswith(remedy)


def test_server_that_answers_login_only_is_a_finding(web, cloud):
    web.get(f"{CLOUD}/myself", json={"displayName": "Connector"})
    web.get(f"{CLOUD}/serverInfo", status=500)
    assert [finding.level for finding in cloud.check(NOW)] == [Level.OK, Level.PROBLEM]


ODD = [
    "null",
    "7",
    "[]",
    "[null, 3]",
    "{}",
    '{"permissions": 3, "values": [null], "total": "many", "issues": [{"id": null}]}',
    '{"issueTypes": [{"name": "Bug", "id": null}], "fields": [{}], "total": null}',
    '[{"name": null, "url": 3, "events": 7, "id": []}]',
    '[{"url": "https://[/webhooks/jira", "configuration": 3}]',
    '{"deploymentType": 3, "baseUrl": 5, "serverTime": [], "timeZone": {}}',
]


@pytest.mark.parametrize("body", ODD)
def test_looking_survives_answers_of_any_shape(cloud, data_center, body):
    """What is asked first is answered well, so that all of it is asked."""
    known = {
        "/myself": {"displayName": "Connector"},
        "/serverInfo": {"deploymentType": "Cloud"},
    }
    for adapter in (cloud, data_center):
        site = adapter.config.model_copy(update={"projects": {"SHOP": Place()}})
        looking = KIND.build("jira", site)
        for good in ((), ("/myself",), ("/myself", "/serverInfo")):
            with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
                for name in good:
                    mock.get(re.compile(re.escape(name)), json=known[name])
                mock.get(re.compile("."), body=body)
                assert looking.check(NOW)
        looking.close()


# -- threads --


def test_each_thread_has_a_client_of_its_own_and_keeps_it(web, cloud):
    web.get(f"{CLOUD}/issue/1", json=raw_issue())
    seen: list[int] = []
    both = threading.Barrier(2, timeout=10)

    def read() -> None:
        for _ in range(2):
            cloud.fetch_issue("1")
            seen.append(id(cloud._client._own()))
        both.wait()

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(seen) == 4
    assert len(set(seen)) == 2


def test_adapter_can_be_used_after_close(web, cloud):
    web.get(f"{CLOUD}/issue/1", json=raw_issue())
    cloud.fetch_issue("1")
    cloud.close()
    assert cloud.fetch_issue("1").ref == REF


def test_private_certificate_is_checked_against_its_own_authorities(data_center):
    assert data_center._client._own()._session.verify is True
    config = data_center.config.model_copy(update={"ca_bundle": "/etc/ssl/own.pem"})
    private = KIND.build("jira", config)
    assert private._client._own()._session.verify == "/etc/ssl/own.pem"
    private.close()


def test_library_neither_waits_nor_retries(cloud):
    session = cloud._client._own()._session
    assert session.timeout == (5.0, 30.0)
    assert session.max_retries == 0
    assert session.trust_env is False
    assert cloud._client._own()._is_cloud
