"""A language is found by few words; one that is not covered is said, not guessed."""

from __future__ import annotations

import pytest

from rules.judge import default_judge
from rules.language import detect


@pytest.mark.parametrize(
    "text",
    [
        "Bonjour, je voudrais savoir pourquoi mon colis est toujours en retard.",
        "Dzień dobry, moja paczka nadal nie dotarła, proszę o szybką pomoc.",
        "Здравствуйте, моя посылка так и не пришла, помогите пожалуйста.",
        "مرحبا، لم يصل طردي حتى الآن وأنا غاضب جدا",
    ],
)
def test_a_language_that_is_not_covered_is_said_and_not_guessed(text: str) -> None:
    verdict = default_judge().judge("", text)
    assert verdict.lang == ""
    assert not verdict.complaint
    assert verdict.reasons[0].startswith("language")


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("en", "Could you tell me when the shop in the main street opens on Sundays?"),
        ("nb", "Kan dere si meg når butikken i hovedgata åpner på søndager?"),
        ("nn", "Kan de seia meg kva tid butikken opnar, eg veit ikkje noko om det?"),
        ("fi", "Voisitteko kertoa, milloin pääkadun kauppa aukeaa sunnuntaisin?"),
        ("sv", "Kan ni säga mig när butiken på huvudgatan öppnar på söndagar?"),
        ("da", "Kan I fortælle mig, hvornår butikken åbner om søndagen i sommer?"),
        ("de", "Können Sie mir sagen, wann das Geschäft am Sonntag öffnet?"),
        ("fi", "ei toimi"),
        ("en", "it doesn't work"),
        ("nn", "Eg veit ikkje"),
        ("nb", "Hun kjøpte boka i går, men siden mangler."),
        ("nb", "Båten og brukeren snudde i gata utenfor."),
        ("da", "Hun købte bogen i går, men siden mangler."),
        ("da", "Båden og brugeren vendte i gaden udenfor."),
        ("sv", "Trevlig personal"),
        ("de", "Das Personal war nett"),
        ("en", "Great service!"),
        ("", ""),
        ("", "?"),
        ("", "12345"),
    ],
)
def test_the_language_is_found(lang: str, text: str) -> None:
    assert detect(text) == lang


def test_a_given_language_is_believed_and_regions_are_dropped() -> None:
    judge = default_judge()
    assert judge.judge("", "Den er ødelagt", "no").lang == "nb"
    assert judge.judge("", "It is broken", "en-GB").lang == "en"
    assert judge.judge("", "C'est cassé", "fr").reasons == (
        "language: fr is not covered",
    )
