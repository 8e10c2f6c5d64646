"""A verdict names the words it rests on, and hostile text cannot break it."""

from __future__ import annotations

import json
import re
import threading

import pytest

from connector.errors import ConfigError
from rules.folding import fold
from rules.judge import Judge, default_judge
from rules.language import COVERED, detect
from rules.notation import beginnings, to_regex
from rules.pack import load_packs, read_packs
from rules.personas import HINTS, CustomerHistory, personas
from rules.verdict import PERSONAS, TYPES, Verdict

COMPLAINTS = [
    ("en", "delivery", "My desk was promised for Monday and still has not arrived."),
    ("en", "product_quality", "The kettle stopped working after two days."),
    ("en", "customer_service", "Your agent was rude and hung up on me."),
    ("en", "billing_invoice", "I was charged twice for the same order in June."),
    ("en", "returns_refunds", "I sent it back a month ago, where is my refund?"),
    ("en", "discount_pricing", "The discount code was not applied to my basket."),
    ("nb", "delivery", "Pakken skulle vært her mandag, men den har ikke kommet."),
    ("nb", "product_quality", "Kaffetrakteren er ødelagt etter to dager."),
    ("nb", "customer_service", "Jeg har ringt fem ganger og ingen svarer."),
    ("nb", "billing_invoice", "Jeg ble trukket to ganger for samme faktura."),
    ("nn", "delivery", "Pakka har ikkje kome, og eg har venta i tre veker."),
    ("nn", "product_quality", "Omnen verkar ikkje, og han er øydelagd alt no."),
    ("fi", "delivery", "Paketti ei ole saapunut, vaikka se luvattiin maanantaiksi."),
    ("fi", "product_quality", "Kahvinkeitin hajosi kahden päivän jälkeen."),
    ("fi", "customer_service", "Olen soittanut viisi kertaa eikä kukaan vastaa."),
    ("fi", "billing_invoice", "Minulta veloitettiin kahdesti samasta laskusta."),
    ("sv", "product_quality", "Kaffebryggaren är trasig efter två dagar."),
    ("da", "product_quality", "Kaffemaskinen er gået i stykker efter to dage."),
    ("de", "product_quality", "Die Kaffeemaschine ist nach zwei Tagen kaputt."),
]


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


@pytest.mark.parametrize(
    ("text", "persona"),
    [
        (
            "You idiots, it is broken again, what the hell is wrong with you",
            "outspoken",
        ),
        ("As one of your premium customers I find the broken seal poor", "premium"),
        ("Late again, for the fourth time in a row, as always", "frequent"),
        ("So sorry to bother you, the cup was broken, no big deal", "quiet"),
    ],
)
def test_words_show_the_persona(text: str, persona: str) -> None:
    assert persona in default_judge().judge("", text, "en").personas


@pytest.mark.parametrize(
    ("history", "name", "evidence"),
    [
        (CustomerHistory(complaints_90d=2), "frequent", "3 complaints in 90 days"),
        (CustomerHistory(tickets_90d=7), "frequent", "8 tickets in 90 days"),
        (CustomerHistory(vip=True, vip_source="list"), "premium", "VIP (list)"),
        (
            CustomerHistory(strong_tickets_90d=2),
            "outspoken",
            "2 strong tickets in 90 days",
        ),
    ],
)
def test_history_shows_the_persona_with_evidence(
    history: CustomerHistory, name: str, evidence: str
) -> None:
    verdict = Verdict(lang="en", complaint=True, score=0.9, emotion=2)
    found = personas(verdict, history)
    assert [(one.name, one.evidence) for one in found] == [(name, evidence)]
    assert found[0].hint == HINTS[name]


def test_no_history_and_no_words_show_no_persona() -> None:
    assert personas(Verdict(complaint=True), CustomerHistory()) == ()
    loud = CustomerHistory(complaints_90d=9, vip=True)
    assert personas(Verdict(auto_reply=True), loud) == ()


def test_who_is_loud_is_not_called_quiet() -> None:
    verdict = Verdict(complaint=True, personas=("outspoken", "quiet"))
    names = [one.name for one in personas(verdict, CustomerHistory())]
    assert names == ["outspoken"]


def test_every_persona_has_a_hint() -> None:
    assert set(HINTS) == set(PERSONAS)


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


def test_packs_cover_the_languages_and_only_types_that_exist() -> None:
    packs = load_packs()
    assert set(packs.by_language) == set(COVERED)
    for pack in packs.by_language.values():
        effects = {effect for one in pack.spec.groups for effect in one.effects}
        assert {"complaint", "emotion", "praise", *PERSONAS} <= effects
        assert effects & set(TYPES) >= set(TYPES) - {
            "insufficient_information",
        }


def test_the_index_lets_through_what_the_patterns_find() -> None:
    text = fold(" ".join(text for _, _, text in COMPLAINTS) + " ødelagt så å bli")
    text += " 12 euro mehr, 5 € mehr. #fail #sobad a 3 hour delay premiumkunder 😡"
    text += " tupla laskutus not yet not good out of out of luck"
    packs = load_packs().by_language
    for lang in set(packs) - {"nn"}:  # nn and nb have one pack
        pack = packs[lang]
        found = {(hit.group.name, hit.start, hit.end) for hit in pack.search(text)}
        groups = (*pack.spec.groups, *pack.shared)
        expected = {
            (group.name, match.start(), match.end())
            for group in groups
            for words in group.words
            for match in re.compile(to_regex(fold(words))).finditer(text)
        }
        assert found == expected


@pytest.mark.parametrize(
    ("words", "begins"),
    [
        ("never arrived", {("never$", "arrived$")}),
        ("damag* (goods|in transit)", {("damag", "goods$"), ("damag", "in$")}),
        ("not [at all] good", {("not$", "good$"), ("not$", "at$")}),
        ("[very] poor show", {("very$", "poor$"), ("poor$", "show$")}),
        ("parcel* ... late", {("parcel", "")}),
        ("doesn't work", {("doesn$", "t$")}),
        ("premium(kunde|medlem)*", {("premiumkunde", ""), ("premiummedlem", "")}),
        ("wait (for *|long)", {("wait$", "for$"), ("wait$", "long$")}),
        ("to (*er|fix) it", {("to$", ""), ("to$", "fix$")}),
        ("(euro|€) more", {("euro$", "more$"), ("€", "")}),
        ("#fail*", {("#", "")}),
        ("*hour late", set()),
        ("... late", set()),
    ],
)
def test_a_match_begins_with_words_that_are_known(
    words: str, begins: set[tuple[str, str]]
) -> None:
    assert beginnings(words) == begins


def test_no_word_of_a_pack_ends_in_something_optional() -> None:
    for pack in load_packs().by_language.values():
        for group in pack.spec.groups:
            for words in group.words:
                assert not words.rstrip().endswith(("]", "...")), (group.name, words)


@pytest.mark.parametrize(
    ("words", "yes", "no"),
    [
        ("broken", "is broken.", "unbroken"),
        ("damag*", "damaged", "undamaged"),
        ("never arrived", "never arrived", "never has arrived"),
        ("not [yet] here", "not here; not yet here", "not really here"),
        ("(late|lost) again", "lost again", "again"),
        ("took ... account", "took 5 from my account", "took it. my account"),
        ("refund ... late", "refund is late", "refund of the big sum i paid was late"),
        ("øde*", "ødelagt", "søde"),
        ("lost (in the post|at sea)", "lost in the post", "lost post"),
        ("😡", "x😡x", "x"),
    ],
)
def test_the_notation_of_packs(words: str, yes: str, no: str) -> None:
    pattern = re.compile(to_regex(words))
    assert pattern.search(yes)
    assert not pattern.search(no)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("language: [", "not YAML"),
        ("language: en", "covers"),
        (
            "{language: x, covers: [en], groups: "
            "[{name: a, effects: {compliant: 1}, words: [b]}]}",
            "'compliant' is no effect",
        ),
        (
            "{language: x, covers: [en], groups: "
            "[{name: a, effects: {complaint: much}, words: [b]}]}",
            "groups.0.effects.complaint",
        ),
    ],
)
def test_a_bad_pack_is_refused_with_the_key(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        read_packs({"mine.yaml": text})


def test_other_packs_have_another_version() -> None:
    text = (
        "{language: x, covers: [en], groups: "
        "[{name: a, effects: {complaint: 2}, words: [moonbeam]}]}"
    )
    packs = read_packs({"mine.yaml": text})
    assert packs.version != load_packs().version
    assert Judge(packs).judge("", "a moonbeam", "en").complaint


@pytest.mark.parametrize(
    ("lang", "text", "persona"),
    [
        ("da", "Undskyld at jeg forstyrrer, men pakken er ikke kommet.", "quiet"),
        ("da", "Varen er i stykker for gud ved hvilken gang.", "frequent"),
        ("da", "Bondefangere! Varen er i stykker.", "outspoken"),
        ("da", "Som erhvervskunde forventer jeg bedre, varen er defekt.", "premium"),
        ("de", "Es ist mir unangenehm, aber die Lampe ist kaputt.", "quiet"),
        ("de", "Schon wieder ist die Lampe kaputt.", "frequent"),
        ("de", "Saftladen! Die Lampe ist kaputt.", "outspoken"),
        ("de", "Als Vielflieger erwarte ich mehr, der Sitz war kaputt.", "premium"),
        ("sv", "Jag vill inte verka jobbig, men lampan är trasig.", "quiet"),
        ("sv", "Lampan är trasig, månad efter månad samma sak.", "frequent"),
        ("sv", "Skojare! Lampan är trasig.", "outspoken"),
        ("sv", "Som storkund är jag besviken, lampan är trasig.", "premium"),
        ("nn", "Eg kvir meg for å skrive, men lampa er øydelagd.", "quiet"),
        ("nn", "Lampa er øydelagd, gjentekne gonger no.", "frequent"),
        ("nn", "Svindlarar! Lampa er øydelagd.", "outspoken"),
        ("fi", "Vähän nolottaa kysyä, mutta lamppu on rikki.", "quiet"),
        ("fi", "Lamppu on rikki jo toistamiseen.", "frequent"),
        ("fi", "Puijareita! Lamppu on rikki.", "outspoken"),
    ],
)
def test_how_people_of_a_language_behave_is_heard(
    lang: str, text: str, persona: str
) -> None:
    assert default_judge().judge("", text, lang).personas == (persona,)


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
