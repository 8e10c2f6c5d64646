"""Who cannot log in complains of what does not work, not of an invoice."""

from __future__ import annotations

import pytest

from rules.judge import default_judge


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("en", "I cannot log in to my account"),
        ("en", "I can't log into my account on the app"),
        ("nb", "Jeg kan ikke logge inn på min konto"),
        ("nn", "Eg kan ikkje logge inn på kontoen min"),
        ("sv", "Jag kan inte logga in på mitt konto"),
        ("sv", "Kommer inte in på mitt konto"),
        ("da", "Jeg kan ikke logge ind på min konto"),
        ("fi", "En voi kirjautua tilille"),
        ("de", "Ich kann mich nicht in mein Konto einloggen"),
    ],
)
def test_an_account_that_nobody_gets_into_is_no_invoice(lang: str, text: str) -> None:
    assert default_judge().judge("", text, lang).types == ("product_quality",)


def test_an_account_that_money_is_gone_from_is_a_matter_of_invoices() -> None:
    text = "Money is missing from my account"
    assert default_judge().judge("", text, "en").types == ("billing_invoice",)


def test_who_asks_how_to_log_in_does_not_complain() -> None:
    text = "How do I log in to my account?"
    assert not default_judge().judge("", text, "en").complaint
