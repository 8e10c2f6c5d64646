"""Settings of a Jira source, and that its README names them all."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from adapters import jira
from adapters.jira.adapter import JiraConfig

README = Path(jira.__file__).with_name("README.md").read_text("utf-8")

CLOUD = {
    "flavour": "cloud",
    "site_url": "https://nordvik.atlassian.net",
    "email": "connector@nordvik.example",
    "api_token": "s3cret-token",
    "webhook_secret": "s3cret-hook",
}
DATA_CENTER = {
    "flavour": "data_center",
    "site_url": "https://jira.nordvik.example/jira",
    "token": "s3cret-pat",
    "webhook_token": "s3cret-0123456789",
}


@pytest.mark.parametrize("settings", [CLOUD, DATA_CENTER])
def test_least_settings_are_enough(settings):
    config = JiraConfig.model_validate(settings)
    assert config.signature_window == timedelta(hours=24)
    assert "s3cret" not in repr(config)


def test_secret_of_an_app_stands_in_for_that_of_a_webhook():
    app = {**CLOUD, "client_secret": "s3cret-of-the-app"}
    del app["webhook_secret"]
    assert "s3cret" not in repr(JiraConfig.model_validate(app))


def test_pasted_line_break_is_not_part_of_a_token():
    config = JiraConfig.model_validate({**CLOUD, "api_token": " s3cret-token\n"})
    assert config.api_token.get_secret_value() == "s3cret-token"


def test_address_ends_without_a_slash():
    config = JiraConfig.model_validate({**CLOUD, "site_url": CLOUD["site_url"] + "/"})
    assert config.site_url == CLOUD["site_url"]


@pytest.mark.parametrize(
    ("settings", "changes", "message"),
    [
        (CLOUD, {"flavour": "server"}, "'cloud' or 'data_center'"),
        (CLOUD, {"email": ""}, "email: needed for flavour cloud"),
        (CLOUD, {"api_token": " "}, "api_token: needed for flavour cloud"),
        (CLOUD, {"webhook_secret": []}, "webhook_secret: needed for flavour cloud"),
        (CLOUD, {"webhook_secret": ""}, "must not be empty"),
        (CLOUD, {"webhook_secret": ["s3cret", " "]}, "must not be empty"),
        (CLOUD, {"webhook_secret": ["s3cret"] * 3}, "expected one value, or two"),
        (CLOUD, {"token": "s3cret"}, "token: belongs to flavour data_center"),
        (CLOUD, {"api_token": "s3cret “x”"}, "holds characters that no token has"),
        (CLOUD, {"api_token": "s3cret x"}, "holds characters that no token has"),
        (CLOUD, {"api_tokens": "s3cret"}, "Extra inputs"),
        (CLOUD, {"client_secret": ["s3cret", ""]}, "must not be empty"),
        (DATA_CENTER, {"client_secret": "s3cret"}, "client_secret: belongs to flavour"),
        (CLOUD, {"projects": {"my shop": {}}}, "expected the key of a project"),
        (CLOUD, {"projects": {"SHOP": {"field": {}}}}, "Extra inputs"),
        (CLOUD, {"resolutions": {"great": ["Done"]}}, "'fixed', 'wont_do'"),
        (
            CLOUD,
            {"resolutions": {"fixed": ["Done"], "wont_do": [" done "]}},
            "under fixed and wont_do",
        ),
        (CLOUD, {"signature_window": "0s"}, "greater than"),
        (CLOUD, {"signature_window": "soon"}, "expected a duration"),
        (CLOUD, {"site_url": "nordvik.atlassian.net"}, "expected an address such as"),
        (CLOUD, {"site_url": "ftp://nordvik.example"}, "expected an address such as"),
        (CLOUD, {"site_url": "https://a:s3cret@n.example"}, "no credentials"),
        (CLOUD, {"site_url": "https://n.example/?a=1"}, "without \\? and #"),
        (CLOUD, {"site_url": "https://n.example/#a"}, "without \\? and #"),
        (CLOUD, {"api_base": "https://n.example/rest/api/3"}, "without /rest"),
        (CLOUD, {"site_url": "https://n.example/browse/A-1"}, "without /rest"),
        (DATA_CENTER, {"token": ""}, "token: needed for flavour data_center"),
        (DATA_CENTER, {"webhook_token": []}, "webhook_token: needed"),
        (DATA_CENTER, {"webhook_token": "s3cret"}, "at least 16 random characters"),
        (DATA_CENTER, {"email": "a@b.example"}, "email: belongs to flavour cloud"),
    ],
)
def test_mistake_is_named_and_no_secret_is_shown(settings, changes, message):
    with pytest.raises(ValidationError, match=message) as caught:
        JiraConfig.model_validate({**settings, **changes})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(JiraConfig.model_fields))
def test_every_setting_is_described_and_in_the_readme(name):
    assert JiraConfig.model_fields[name].description
    assert f"`{name}`" in README


def test_readme_has_the_headings_of_every_adapter():
    headings = [line[3:] for line in README.splitlines() if line.startswith("## ")]
    wanted = ["What it does", "Set up", "Permissions", "Limits", "Troubleshooting"]
    assert [heading for heading in headings if heading in wanted] == wanted
