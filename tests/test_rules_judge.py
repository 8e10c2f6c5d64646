"""What is a complaint, of what type, how urgent; and which words a verdict rests on."""

from __future__ import annotations

import json
import re
import threading

import pytest
from complaints import COMPLAINTS

from rules.folding import fold
from rules.judge import Judge, default_judge
from rules.pack import read_packs
from rules.verdict import Verdict

TURNED = [
    ("en", "I was furious last week, but Aino saved my day. All is well."),
    ("nb", "Jeg var rasende i går, men Kari ordnet alt på fem minutter."),
    ("fi", "Olin aivan raivona, mutta Aino pelasti päiväni. Kiitos hänelle!"),
    ("sv", "Jag var jättearg i går, men Lisa löste allt direkt. Tack!"),
    ("da", "Jeg var rasende, men Mette reddede min dag. Tusind tak!"),
    ("de", "Ich war stinksauer, aber Frau Meier hat alles gerettet. Danke!"),
    ("en", "If the jacket turns out to be too small, how do I send it back?"),
    ("nn", "Kva gjer eg dersom vara er øydelagd når ho kjem?"),
    ("fi", "Mitä teen, jos paketti on vaurioitunut saapuessaan?"),
    ("sv", "Vad händer om varan är trasig när den kommer?"),
    ("da", "Hvad gør jeg, hvis varen er gået i stykker ved levering?"),
    ("de", "Was mache ich, wenn das Paket beschädigt ankommt?"),
    ("sv", "Paketet kom fram i dag och allt var i sin ordning. Trevlig helg!"),
]


@pytest.mark.parametrize(("lang", "text"), TURNED)
def test_what_is_over_or_only_supposed_is_no_complaint(lang: str, text: str) -> None:
    assert not default_judge().judge("", text, lang).complaint


UNASKED = [
    ("en", "The app worked until Tuesday. Now I get a white screen."),
    ("nn", "Eg vil ikkje vere vanskeleg, men no har eg venta tre veker på svar."),
    ("da", "Fantastisk, nu har jeg ventet fire uger på et svar."),
    ("sv", "Jag har väntat tre veckor på ett svar."),
    ("de", "Ich warte nun schon seit drei Wochen auf eine Antwort."),
    ("fi", "Olen odottanut vastausta jo kolme viikkoa."),
]


@pytest.mark.parametrize(("lang", "text"), UNASKED)
def test_what_is_wrong_need_not_be_called_so(lang: str, text: str) -> None:
    assert default_judge().judge("", text, lang).complaint


@pytest.mark.parametrize(("lang", "kind", "text"), COMPLAINTS)
def test_a_complaint_is_recognised_with_its_type(
    lang: str, kind: str, text: str
) -> None:
    verdict = default_judge().judge("", text, lang)
    assert verdict.complaint
    assert verdict.types[0] == kind
    assert verdict.sentiment == "negative"
    assert verdict.lang == lang


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("en", "Which sizes do you have in stock for the blue jacket?"),
        ("en", "Thank you so much, the lamp is lovely!"),
        ("en", "Please change my delivery address to 5 Mill Lane."),
        ("en", "There is no problem with the lamp, I just need the manual."),
        ("nb", "Hvordan kan jeg endre adressen på bestillingen?"),
        ("nb", "Tusen takk for rask levering, jakken er flott!"),
        ("nn", "Kva kostar frakt til Førde?"),
        ("fi", "Onko teillä tätä takkia sinisenä?"),
        ("fi", "Kiitos nopeasta toimituksesta, lamppu on ihana!"),
        ("sv", "Har ni den här jackan i blått?"),
        ("da", "Hvordan ændrer jeg min adresse?"),
        ("de", "Vielen Dank, die Lampe ist wunderschön!"),
    ],
)
def test_questions_thanks_and_requests_are_no_complaints(lang: str, text: str) -> None:
    verdict = default_judge().judge("", text, lang)
    assert not verdict.complaint
    assert verdict.types == ()
    assert verdict.personas == ()


@pytest.mark.parametrize(
    "text",
    [
        "Thanks for fixing the error!",
        "Thank you, the error is gone.",
        "I can log in again, the error disappeared. Thanks",
        "Takk for hjelpen, feilen er borte.",
        "Takk for at dere fikset feilen!",
        "Takk for at de retta feilen!",
        "Feilen er rettet, takk.",
        "Kiitos kun korjasitte vian!",
        "Ongelma on korjattu, kiitos",
        "Kiitos virheen korjaamisesta.",
        "Tack för hjälpen, felet är borta.",
        "Problemet är löst, tack",
        "Tak fordi I rettede fejlen!",
        "Danke, dass Sie den Fehler behoben haben!",
    ],
)
def test_thanks_for_a_fix_are_no_complaint_for_naming_what_was_wrong(text: str) -> None:
    assert not default_judge().judge("", text).complaint


@pytest.mark.parametrize(
    "text",
    [
        "Thanks for fixing the login, but the discount code still fails with an error.",
        "The error is not gone.",
        "You wrote that the error is gone. It is not, the code fails again.",
        "The error is gone but now my order is missing and nobody answers!",
        "Takk, men feilen er ikke borte.",
        "Dere skrev at feilen er rettet, men den er her fortsatt.",
        "Pengene mine er borte, dere svarer ikke!",
        "Vika ei ole poissa.",
        "Sanoitte että vika on korjattu mutta virhe tulee edelleen.",
        "Virker stadig ikke",  # Danish, too short to be told from Norwegian
        "Ei korjaantunut",
        "Funktioniert weiterhin nicht",
        "Felet är inte borta.",
        "Fejlen er ikke væk.",
    ],
)
def test_what_is_said_to_be_fixed_and_is_not_stays_a_complaint(text: str) -> None:
    assert default_judge().judge("", text).complaint


IMPLIED = [
    ("en", "The zip on the tent jammed the first night and we sat in the rain."),
    ("en", "Ordered two, got one, paid for two."),
    ("en", "Your bill is 40 euros higher than the offer I signed."),
    ("en", "The shirt lost its colour after one wash."),
    ("en", "The stroller's wheel came off in the street."),
    ("en", "Sorry to bother you, the mug had a chip. Not important really."),
    ("en", "My voucher was not accepted at the till."),
    ("en", "Close this account, I have had enough."),
    ("nb", "Det står levert, men postkassa er tom."),
    ("nb", "Regningen er 400 kroner høyere enn tilbudet jeg skrev under på."),
    ("nb", "Skjorta mistet fargen etter én vask."),
    ("nb", "Hjulet på vogna falt av midt på gata."),
    ("nb", "Rommet luktet røyk selv om vi bestilte røykfritt."),
    ("fi", "Teltan vetoketju jumittui heti ensimmäisenä yönä ja istuimme sateessa."),
    ("fi", "Tilasin kaksi, sain yhden, maksoin kahdesta."),
    ("fi", "Lasku on 40 euroa suurempi kuin tarjous."),
    ("fi", "Paita menetti värinsä yhden pesun jälkeen."),
    ("fi", "Lähetin kengät takaisin kesäkuussa enkä ole nähnyt rahoja."),
    ("fi", "Laatikossa oli jonkun toisen tilaus."),
    ("fi", "Lahjakorttia ei hyväksytty kassalla."),
    ("sv", "Det står levererat men brevlådan är tom."),
    ("sv", "Servitören suckade när vi bad om vatten."),
    ("sv", "Fem mejl och inte ett svar."),
    ("sv", "Jag skickade tillbaka skorna i juni och har inte sett några pengar."),
    ("sv", "Någon annans beställning låg i kartongen."),
    ("sv", "Presentkortet gick inte att använda i kassan."),
    ("da", "Der står leveret, men postkassen er tom."),
    ("da", "Tjeneren sukkede, da vi bad om vand."),
    ("da", "Fem mails og ikke ét svar."),
    ("da", "Jeg sendte skoene retur i juni og har ikke set nogen penge."),
    ("da", "Der lå en andens bestilling i kassen."),
    (
        "de",
        "Der Reißverschluss am Zelt klemmte gleich in der ersten Nacht.",
    ),
    ("de", "Zwei bestellt, einen bekommen, zwei bezahlt."),
    ("de", "Die Rechnung ist 40 Euro höher als das Angebot."),
    ("de", "Das Hemd hat nach einer Wäsche die Farbe verloren."),
    ("de", "Am Kinderwagen ist mitten auf der Straße ein Rad abgefallen."),
    ("de", "Das Zimmer roch nach Rauch, obwohl wir Nichtraucher gebucht hatten."),
]


@pytest.mark.parametrize(("lang", "text"), IMPLIED)
def test_what_went_wrong_is_a_complaint_without_saying_so(lang: str, text: str) -> None:
    assert default_judge().judge("", text, lang).complaint


EVERYDAY = [
    (
        "en",
        "Hi, I'd like to know if the table can be delivered without a lift.",
    ),
    ("en", "We are moving on the 1st of May, please update our address."),
    ("en", "What happens if the shoes don't fit?"),
    ("en", "Thanks for sorting out the invoice so quickly. No further questions."),
    ("en", "My colleague wants to know whether you ship to Iceland."),
    (
        "en",
        "Just to let you know that the courier was very kind and carried it upstairs.",
    ),
    ("en", "Never used your app before, how do I add a second card?"),
    ("nb", "Vi flytter 1. mai, ny adresse er Storgata 4."),
    ("nb", "Når kommer den blå varianten på lager igjen?"),
    ("nb", "Tusen takk for rask hjelp med fakturaen, nå har jeg ingen flere spørsmål."),
    ("nb", "Er usikker på hvilken størrelse jeg skal velge, er 180 høy."),
    ("nb", "Kan jeg endre leveringsdatoen? Jeg er ikke hjemme tirsdag."),
    ("nb", "Er det mulig å få varene levert uten emballasje?"),
    (
        "fi",
        "Hei, voisitteko lähettää kuitin tilauksesta 5512? Kirjanpito tarvitsee sen.",
    ),
    (
        "fi",
        "Pitääkö minun olla kotona kun paketti tulee, vai voiko sen jättää naapurille?",
    ),
    ("fi", "Joudumme valitettavasti perumaan pöytävarauksen perjantaille."),
    ("fi", "En löydä linkkiä salasanan vaihtoon, missä se on?"),
    ("fi", "Halusin vain sanoa, että kuljettaja oli todella ystävällinen."),
    ("fi", "Oletteko auki sunnuntaisin joulukuussa?"),
    ("sv", "Hej, kan ni skicka kvittot på order 5512? Bokföringen behöver det."),
    ("sv", "Vad händer om skorna inte passar?"),
    ("sv", "När kommer den blå varianten i lager igen?"),
    ("sv", "Jag hittar inte länken för att byta lösenord."),
    ("sv", "Gäller garantin även i Norge?"),
    ("da", "Hej, kan I sende kvitteringen på ordre 5512? Bogholderiet skal bruge den."),
    ("da", "Hvad sker der, hvis skoene ikke passer?"),
    ("da", "Hvornår kommer den blå på lager igen?"),
    ("da", "Jeg kan ikke finde linket til at skifte adgangskode."),
    ("da", "Gælder garantien også i Norge?"),
    ("de", "Wir ziehen am 1. Mai um, neue Adresse: Hauptstraße 4."),
    ("de", "Muss ich zu Hause sein, wenn das Paket kommt?"),
    ("de", "Ich finde den Link zum Ändern des Passworts nicht."),
    ("de", "Gilt die Garantie auch in Norwegen?"),
]


@pytest.mark.parametrize(("lang", "text"), EVERYDAY)
def test_everyday_requests_are_no_complaints(lang: str, text: str) -> None:
    assert not default_judge().judge("", text, lang).complaint


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("problem", "it doesn't work"),
        ("Re:", "Same fault again."),
        ("Sv:", "Samme feil igjen."),
        ("", "virker ikke"),
        ("", "ei toimi"),
        ("", "fungerar inte"),
    ],
)
def test_a_message_that_names_nothing_lacks_information(
    subject: str, text: str
) -> None:
    assert default_judge().judge(subject, text).types == ("insufficient_information",)


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Facebook comment", "The lamp is broken and nobody answers."),
        ("Kommentar på Facebook", "Lampa er ødelagt, og ingen svarer."),
        ("Google-arvostelu 1/5", "Lamppu on rikki eikä kukaan vastaa."),
        ("Facebookkommentar", "Lampan är trasig och ingen svarar."),
    ],
)
def test_what_is_written_in_public_is_said_first(subject: str, text: str) -> None:
    assert default_judge().judge(subject, text).types[0] == "social_media"


QUOTED = re.compile(r': "(.*)" \(')


@pytest.mark.parametrize(("lang", "kind", "text"), COMPLAINTS)
def test_taking_the_named_words_away_changes_the_score(
    lang: str, kind: str, text: str
) -> None:
    judge = default_judge()
    verdict = judge.judge("", text, lang)
    assert verdict.reasons
    folded = fold(text)
    for reason in verdict.reasons:
        words = QUOTED.search(reason)
        assert words is not None
        assert words[1] in folded
        rest = judge.judge("", folded.replace(words[1], " "), lang)
        assert rest.score != verdict.score


@pytest.mark.parametrize(
    ("lang", "denied", "said"),
    [
        ("en", "There were no problems at all.", "There were problems."),
        ("nb", "Det var ingen problemer.", "Det var problemer."),
        ("fi", "Ei ongelmia.", "Ongelmia."),
    ],
)
def test_trouble_denied_weighs_less_than_trouble_said(
    lang: str, denied: str, said: str
) -> None:
    judge = default_judge()
    assert judge.judge("", denied, lang).score < judge.judge("", said, lang).score


def test_surprise_alone_is_no_anger() -> None:
    judge = default_judge().judge
    glad = judge("", "OMG so happy for you all, best shop ever", "en")
    assert (glad.complaint, glad.praise, glad.emotion) == (False, True, 0)
    cross = judge("", "omg, my parcel is broken again", "en")
    assert cross.complaint


def test_praise_denied_is_no_praise() -> None:
    verdict = default_judge().judge("", "The soup was not delicious.", "en")
    assert not verdict.praise
    assert verdict.complaint


def test_a_negation_of_two_words_turns_what_follows() -> None:
    text = (
        "{language: x, covers: [en], negators: [no longer], groups: "
        "[{name: a, effects: {complaint: 2}, words: [moonbeam]}]}"
    )
    judge = Judge(read_packs({"mine.yaml": text}))
    assert judge.judge("", "longer a moonbeam", "en").complaint
    assert not judge.judge("", "no longer a moonbeam", "en").complaint


def test_a_negation_ends_with_its_clause() -> None:
    verdict = default_judge().judge("", "No, the handle is broken.", "en")
    assert verdict.complaint


def test_a_thing_that_might_happen_weighs_less_than_one_that_did() -> None:
    judge = default_judge()
    might = judge.judge("", "What happens if the handle is broken one day?", "en")
    did = judge.judge("", "The handle is broken.", "en")
    assert might.score < did.score


@pytest.mark.parametrize(
    ("text", "emotion"),
    [
        ("The lid does not close.", 0),
        ("I am disappointed, the lid does not close.", 1),
        ("You are thieves, this is a SCAM!!! Give me my money back!", 3),
    ],
)
def test_emotion_grows_with_the_words(text: str, emotion: int) -> None:
    assert default_judge().judge("", text, "en").emotion == emotion


@pytest.mark.parametrize(
    ("lang", "text", "urgency"),
    [
        ("en", "The heater is broken, please send somebody today, urgent!", "high"),
        ("en", "The cup has a scratch, no rush, not a big deal.", "low"),
        ("en", "The cup has a scratch.", "normal"),
        ("nb", "Varmepumpen er ødelagt, det haster!", "high"),
        ("fi", "Lämpöpumppu on rikki, asia on kiireellinen!", "high"),
    ],
)
def test_urgency_follows_the_words(lang: str, text: str, urgency: str) -> None:
    assert default_judge().judge("", text, lang).urgency == urgency


def test_an_automatic_reply_is_never_a_complaint() -> None:
    verdict = default_judge().judge(
        "Automatic reply: your order", "I am out of office. The broken lamp can wait."
    )
    assert verdict.auto_reply
    assert not verdict.complaint
    assert verdict.reasons


def test_only_new_words_count() -> None:
    text = "All good, thank you!\n\nOn 3 March 2025, Ann wrote:\n> This is a SCAM!!!"
    verdict = default_judge().judge("Re: refund", text)
    assert not verdict.complaint
    assert verdict.emotion == 0


def test_a_verdict_survives_being_stored() -> None:
    verdict = default_judge().judge("", "My parcel never arrived, I want a refund.")
    assert Verdict.from_dict(json.loads(json.dumps(verdict.to_dict()))) == verdict
    assert Verdict.from_dict(verdict.to_dict() | {"later": 1}) == verdict


def test_threads_share_one_judge() -> None:
    judge = Judge()
    expected = [judge.judge("", text, lang) for lang, _, text in COMPLAINTS]
    found: list[list[Verdict]] = []

    def work() -> None:
        found.append([judge.judge("", text, lang) for lang, _, text in COMPLAINTS])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


@pytest.mark.parametrize(
    ("lang", "text", "urgency"),
    [
        ("da", "Varen er defekt, og jeg skal bruge den nu og her.", "high"),
        ("da", "Varen er defekt. Kig på det, når I har tid.", "low"),
        ("de", "Die Heizung ist kaputt, wir sind ohne Warmwasser.", "high"),
        ("de", "Die Lampe ist kaputt. Lassen Sie sich Zeit.", "low"),
        ("sv", "Lampan är trasig och vi har bråttom.", "high"),
        ("sv", "Lampan är trasig. Ta det i mån av tid.", "low"),
        ("nn", "Lampa er øydelagd, det er veldig hast.", "high"),
        ("nn", "Lampa er øydelagd. Ta det når det passar.", "low"),
        ("fi", "Lamppu on rikki, se on saatava kuntoon ennen juhannusta.", "high"),
        ("fi", "Lamppu on rikki. Tämä on ihan vaan tiedoksi.", "low"),
    ],
)
def test_how_urgent_people_of_a_language_say_it_is(
    lang: str, text: str, urgency: str
) -> None:
    assert default_judge().judge("", text, lang).urgency == urgency


@pytest.mark.parametrize(
    ("origin", "text"),
    [
        ("website", "The checkout on your website shows an error, very annoying."),
        ("carrier", "Budet fra PostNord leverte pakken hos naboen. Elendig."),
        ("goods", "Tuote oli rikki ja viallinen kun avasin sen. Olen pettynyt."),
        ("staff", "Jag är besviken, er kundtjänst var otrevlig och la på luren."),
        ("terms", "Jeg er utilfreds: fakturaen har et gebyr, der ikke var aftalt."),
        ("customer", "Mein Fehler, versehentlich habe ich das falsch bestellt. "
         "Trotzdem enttäuscht."),
        ("", "I am very disappointed."),
    ],
)  # fmt: skip
def test_complaint_says_in_whose_hands_it_went_wrong(origin: str, text: str) -> None:
    found = default_judge().judge("", text)
    assert found.complaint
    assert found.origin == origin


def test_origin_is_of_complaints_only() -> None:
    found = default_judge().judge("", "Thank you, the courier was wonderful!")
    assert (found.complaint, found.origin) == (False, "")
