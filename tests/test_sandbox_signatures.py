"""The sandbox signs as the vendors do: known values, not our own arithmetic."""

from datetime import UTC, datetime

import pytest

from connector.sandbox.signatures import (
    helpscout_signature,
    jira_headers,
    jira_signature,
    zendesk_headers,
    zendesk_signature,
)

PUBLIC = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="


@pytest.mark.parametrize(
    ("made", "known"),
    [
        (
            helpscout_signature("asdfasdf", b'{"id":123}'),
            "7S2+kN8bZsrdAEADJ+yYfWWsf/4=",
        ),
        (
            zendesk_signature(
                PUBLIC, "2021-03-25T05:09:27Z", b'{"event":"ticket.updated","id":123}'
            ),
            "S/RDdU2ERmj7LHDDoWJ2onPYH+t7/f2+LTM4dL7UiLM=",
        ),
        (
            jira_signature("It's a Secret to Everybody", b"Hello World!"),
            "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9",
        ),
    ],
    ids=["helpscout", "zendesk", "jira"],
)
def test_signature_is_the_published_one(made, known):
    assert made == known


def test_zendesk_signs_each_attempt_with_its_own_time():
    first, second = (
        zendesk_headers("s", "w", "inv", b"{}", datetime(2026, 1, 1, 0, m, tzinfo=UTC))
        for m in (0, 8)
    )
    invocation = "X-Zendesk-Webhook-Invocation-Id"
    signature = "X-Zendesk-Webhook-Signature"
    assert first[invocation] == second[invocation]
    assert first[signature] != second[signature]


def test_jira_data_center_neither_signs_nor_numbers():
    headers = jira_headers("secret", "id-1", 2, b"{}", cloud=False)
    assert not [name for name in headers if name.startswith("X-")]


def test_jira_cloud_numbers_retries_only():
    first = jira_headers("secret", "id-1", 1, b"{}", cloud=True)
    again = jira_headers("secret", "id-1", 2, b"{}", cloud=True)
    assert "X-Atlassian-Webhook-Retry" not in first
    assert again["X-Atlassian-Webhook-Retry"] == "1"
