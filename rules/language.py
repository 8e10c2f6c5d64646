"""Which of the covered languages a text is in, or none.

Only language; nothing here looks at meaning. An answer of ``""`` means "not covered, or
too short to tell", and callers must say so instead of guessing.
"""

from __future__ import annotations

import math
import re
import threading
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Any

from py3langid.langid import MODEL_FILE, LanguageIdentifier

COVERED = ("en", "nb", "nn", "fi", "sv", "da", "de")
_MODEL_NAMES = {"nb": "no"}
_OUR_NAMES = {"no": "nb"}
# Neighbours that would otherwise be mistaken for one of ours.
_FOREIGN = (
    "fr es it pt nl pl cs sk hu ro et lv lt ru uk bg el tr ar fa he zh ja ko vi so is"
).split()
_WINDOW = 300
_FOREIGN_CHARS = 25  # below this a foreign verdict is noise
_SURE = 0.60
_SURE_OF_FEW = 0.45  # one or two words
_HINT_WORDS = 12  # up to this many words the small words decide alone
_SHORT_SHARE, _SHORT_LEAD = 0.2, 0.6
_LONG_SHARE, _LONG_LEAD = 0.12, 0.5
# What Norwegian and Danish spell differently, wherever it stands in a word.
_NORWEGIAN = re.compile(
    r"(?:kk|gg|tt|pp|ss|nn|ll|mm|ff)(?:[\s.,!?]|$)|[ks]jon|kj|gj(?!or)|øy|ei|"
    r"[aeiouyæøå][kpt]e[nrt]?\b|[bdghklmnprstv]{2}a\b|het(?:en|er)?\b|"
    r"\b(?:av(?!is)|ut|opp)\w{3}|sosial|sent(?:er|r)|prosess|vikt|rikt|"
    r"\b(?:av|ut|opp|etter|mye|hva|noe|noen|nå|dere|vært|ble|blir|blitt|seg|deg|meg|"
    r"hadde|henne|hennes|mann|annen|annet|sa|si|ta|tar|gi|gir|ga|ha|bli|uten|mellom|"
    r"gjennom|siste|neste|sånn|kanskje|fram|vår|våre|bak|tilbake|bok|mat|vet|helt|"
    r"bor|stor[et]|minst|nok|enn|enda|ennå|jobb|språk|bruk|tok|gikk|fikk|uke|like)\b"
)
_DANISH = re.compile(
    r"tion|[aiouæøå]d(?:[\s.,!?]|$)|øj|ej|(?<!aller)ede(?:[\s.,!?]|$)|æ(?!r)|"
    r"igt\b|hed(?:en)?\b|"
    r"\b(?:g|k|sk)ø[^y]|\baf(?!r)\w{3}|\bud(?!yr)\w{3}|\bop(?!p|er|ti)\w{3}|"
    r"soci|centr|proces|[rv]igti|kvinde|"
    r"\b(?:af|ud|op|efter|meget|hvad|noget|nogen|nogle|nu|været|blev|blevet|bliver|"
    r"sig|dig|mig|os|jer|havde|hende|hendes|mand|anden|sagde|sige|siger|tage|tager|"
    r"give|giver|have|har haft|blive|uden|mellem|gennem|sidste|sådan|måske|vores|"
    r"bag|tilbage|bog|mad|ved jeg|mindst|end|endnu|sprog|brug|brugt|tog|gik|"
    r"fik|uge|uger|lige|lave|laver|lavet|folk|dog|kun|gerne|"
    r"alligevel|mere)\b"
)
_SIGNS_ENOUGH = 3.0  # as many need no model
_SPELLING, _DOUBT = 0.5, 0.12  # what a sign weighs; the model leans to Danish
_MANY_WORDS, _CLEAR_LEAD = 24, 2.0  # neighbours share words; leads add up
_NEIGHBOURS = ("nb", "nn", "sv", "da")
_BEYOND_LATIN = re.compile("[\u0250-\U0010ffff]")
_lock = threading.Lock()

# Words that are frequent in mail and belong to few of these languages. They decide
# where they agree, which is nearly always; the model is asked for the rest.
_HINTS: dict[str, str] = {
    "en": "the and my your is are not it this with what when please i you was have "
    "doesn't don't can't hello thanks broken order refund problem complaint how "
    "does of to that be we they he she which there their been has had were "
    "about could should who if because from would will why where did just only "
    "very our but any an on in at me do can get got now no one all out up so as "
    "by or than then these am i'm it's didn't isn't won't i've still never "
    "after before again know need want great good excellent awesome amazing "
    "nice love loved best better friendly staff food place price prices store "
    "highly recommend recommended item today tomorrow yesterday week weeks "
    "month months year years people said says make made new more some other "
    "into also many first two way day days see think go going come came take "
    "took work works worked used using well much back even right really here "
    "thing things terrible horrible awful wonderful customer every always "
    "another between under during against while such most those old little own "
    "same through too his him us them something anything nothing everyone "
    "someone money home house world life since until part lot call called phone "
    "email account card thank sorry yes sure bad wrong ago each few both let "
    "getting give given told ask asked soon for",
    "nb": "ikke jeg dere hva hvor når fra det er og på ikkje takk virker samme igjen "
    "feil bestilling hvordan noe mye deg meg hei fungerer klage min mitt mine "
    "av til med som den de nå noen gjøre gjør vært ble blitt litt uten disse "
    "gikk fikk annet annen sier bare ennå fortsatt kanskje hvorfor etter sin "
    "eller men hadde gi finnes hjelp mulig flere dager ganger vet kommer skulle "
    "trenger betaler pakken å dette om for har vil kan var seg ha så opp inn ut "
    "kunne måtte bestilt fått være blir blei sa si ta tar ga gir fram snart enn "
    "helt egen eget egne andre første siste siden mens deres selv slik sånn "
    "veldig både inne ute borte her der hun han hans hennes henne mann mannen "
    "dag uke uker måned år bør ville skal må mot under over også bok boken boka "
    "språk norsk norske norge mellom gjennom tilbake hverken verken øye øyne "
    "hjem hjemme kveld natta natten barna ungdom jobb jobben jobber nettopp "
    "virkelig egentlig derfor bak foran langt enig klar bruk bruker brukte tok "
    "lagt synes tror tenker kjøpt kjøpe kjøpte sendt betalt levert ganske "
    "ordnet dårlig bra kun altså meget selvfølgelig samt heller kroner gode "
    "mange i igjennom mennesker ellers hele menneske ide hvem god fint fine fin "
    "alltid aldri hvis altfor tid nye stor to at super",
    "nn": "ikkje eg dykk dykkar kva korleis kvar frå noko mykje ein eit vart vore "
    "kome framleis saman berre meir dei vere vera seier ho sjå sjølv òg fekk "
    "gjekk fleire finst vert blei heile heilt gjer kjem kvifor kor nokon nokre "
    "sidan sende trur no desse elles verte difor medan mellom då å verkar veit "
    "tek sa hjå skal på av til blir seie sagt gjere gjort tok teke gjev gav gje "
    "fram eigen eige eigne andre fyrste første siste fått mens dette deira seg "
    "slik veldig både enno opp inne ute her der han hans henne mann mannen dag "
    "veke veker månad år bør måtte ville må mot under over også bok boka språk "
    "norsk norske noreg gjennom tilbake attende auge heim heime kveld natta "
    "borna ungdom jobb jobben jobbar nettopp verkeleg eigentleg bak framfor "
    "einig klar utan bruk brukar brukte lagt synest tenkjer kjøpt kjøpe kjøpte "
    "sendt betalt levert ganske ordna dårleg bra nye nytt mange einaste "
    "einskilde vidare høgre saka leiaren leiar kommunen fylket ser verda tida "
    "sida auka meiner skulen rett kring ikring fleste betre mest gode i alltid "
    "aldri om hele god fint fin kan kven stor tid to",
    "fi": "ei ja on että se mitä miten kun en oli ole olen teillä minun tilaus toimi "
    "kiitos hei moi missä taas sama vika ongelma tämä onko jos lasku "
    "reklamaatio joka ovat mutta kuin hän myös niin sen jo vain nyt voi mukaan "
    "sekä tai olisi ollut vielä kanssa siitä mikä jossa eivät ne tästä tässä "
    "minä te me koska sitten kuitenkin siis vaikka minulle teidän sitä kaikki "
    "mitään aina vuoden kuinka tuli saa ehkä hyvin miksi eikä edes enää oo tuo "
    "mun sun sä mä joku ettei pitäisi hänen hänellä heidän meidän sinun sinä "
    "teidät täällä tuolla siellä sieltä tuolta jonka joita jolla johon josta "
    "joissa vai kuten koko paljon vähän hieman uusi uuden vanha suuri pieni "
    "hyvä hyvää huono erittäin todella aivan melko monta monet moni kerran "
    "kertaa vuotta vuonna päivä päivää viikko viikkoa aika aikaa nähdä näkee "
    "sanoi sanoo tehdä tekee tekivät teki pitää täytyy haluan haluaa haluavat "
    "voin voit voivat voimme saan saada sain saanut mennä meni tulee tullut "
    "annoin antaa ottaa otti juuri heti usein joskus silloin ennen jälkeen "
    "ilman varten kohti läpi yli alla päällä luona suomen suomi suomessa "
    "helsinki ihmiset ihminen ihmisiä mies nainen lapsi talo asia asiat asiaa "
    "paitsi myöskin eivätkä eikö olivat oltiin olemme olette ollaan katsoi "
    "miehen super",
    "sv": "inte jag och är ni hur vad när från på det att har fungerar tack samma "
    "igen hej klagomål er min mitt mina något mycket men ett för här hon till "
    "av ska måste göra gör vara blev bara där allt kanske också hade varför nog "
    "även eller än ju finns kunde själv nån sig någon många fick säger efter "
    "utan sedan under sin var kan vill oss dem deras åt vid som den de en så om "
    "upp ut hos mig dig ej helt bra blir säga sade sa ta tar tog gav ge ger "
    "fram nu egen eget egna några andra första sista fått medan dessa sådan "
    "sådana väldigt både ännu inne ute borta han hans hennes henne man mannen "
    "dag vecka veckor månad år bör ville skall mot över bok boken språk svensk "
    "svenska sverige stockholm mellan genom tillbaka varken öga ögon hem hemma "
    "kväll natten barn barnen unga jobb jobbet arbetar precis verkligen "
    "egentligen därför bakom framför långt överens klar använder använde lagt "
    "tycker tror tänker köpt köpa köpte skickat betalt levererat ganska ordnat "
    "dålig dåligt mer mest hela människor pengar alltid aldrig rekommenderar "
    "kund kunder trots inom i alla god goda fint fina fin tid nya stor samt "
    "kronor vem personal trevlig trevligt bemötande snabb snabbt nöjd super",
    "da": "ikke jeg og er i hvad hvor når fra det har virker tak samme igen hej klage "
    "jer min mit mine noget meget af hvordan fejl ud op havde mere mod nogen "
    "været bliver blev gøre blevet hende siger os lad efter hvornår uden nogle "
    "anden inden tilbage fået giver sådan lige vores også jeres altid hjælp fik "
    "lidt gik sige endnu kunne skulle til at den de en for med som var vil kan "
    "på sig mig dig så være sagde tage tager gav give frem nu helt egen eget "
    "egne andre første sidste siden mens dette disse deres selv sådanne både "
    "inde ude borte her der hun han hans hendes mand manden dag uge uger måned "
    "år bør måtte ville skal må imod under over bog bogen sprog dansk danske "
    "danmark københavn mellem gennem hverken øje øjne hjem hjemme aften natten "
    "børn børnene unge job jobbet arbejder netop virkelig egentlig derfor bag "
    "foran langt enig klar bruger brugte tog lagt synes tror tænker købt købe "
    "købte sendt betalt leveret ganske ordnet dårlig kigge lave laver lavet "
    "folk penge pengene personligt igennem ellers mennesker mange kroner "
    "vigtigt rigtigt naturligvis selvfølgelig imidlertid drenge piger altså "
    "alligevel dog samt hvilket hvilken kun bare hvorfor flere snart hele om "
    "alle hvem ide god gode fint fine fin aldrig hvis altfor tid nye stor "
    "forkert lort jo faktisk syntes godt da to super time",
    "de": "nicht ich und ist sie wie was wann von das die der habe funktioniert danke "
    "gleiche wieder hallo beschwerde mein meine ein eine fehler es den dem des "
    "zu mit im auf für auch sich als an werden aus er hat dass nach bei einer "
    "um noch wird einen einem über sind oder war vor zum zur aber wir ihr ihre "
    "haben wurde kann keine mehr wenn nur schon sehr uns mir bis durch seit mal "
    "immer man kein dann gut gute guter gutes alles toll super leider schlecht "
    "schlechter prima jetzt heute gestern morgen einfach macht machen gibt "
    "diese dieser dieses diesem jahr jahre zeit lang weil also etwas nichts "
    "alle allem beim vom ins ganz gern gerne doch viel viele weniger unter "
    "gegen während ohne seine seinen seiner ihren ihrer ihrem unser unsere "
    "lieferung bestellung ware freundlich hier dort denn weiter müssen muss "
    "können konnte sollte wollte worden würde hätte wäre gewesen neue neuen "
    "neuer damit darauf dafür dabei deutschland schön will so in am bahn "
    "personal",
}
# Small words that those languages do not share: with these it is not one of ours.
_ELSEWHERE = frozenset(
    "le la les une est pas je vous dans que qui pour avec sur sont mais el los las "
    "una por con para del como pero muy mi il che di per sono non della questo anche "
    "een het niet ik van dat zijn voor maar ook naar bij wij jullie heeft geen nie się "
    "jest na że jak czy que não uma com os mas está ekki það við ég eru fyrir".split()
)


def detect(text: str) -> str:
    """Return the language of ``text``, or an empty string."""
    sample = text[:_WINDOW]
    letters = sum(map(str.isalpha, sample))
    if letters < 3 or not _mostly_latin(sample, letters):
        return ""
    words = _words(sample)
    votes = _votes(words)
    found = _agreed(words, votes) or _modelled(sample, letters, few=len(words) < 3)
    return _told_apart(found, sample, votes) if found in _NEIGHBOURS else found


def _told_apart(found: str, sample: str, votes: Mapping[str, float]) -> str:
    """Correct a neighbour by the letters and endings that only some of them have."""
    folded = sample.casefold()
    swedish = sum(map(folded.count, "äö")) - sum(map(folded.count, "æø"))
    if swedish > 0:
        return "sv"
    if found == "sv" and swedish < 0:
        found = "nb"
    if found not in ("nb", "da"):
        return found
    signs = votes.get("nb", 0.0) - votes.get("da", 0.0)
    if abs(signs) < _SIGNS_ENOUGH:
        signs += len(_NORWEGIAN.findall(folded)) - len(_DANISH.findall(folded))
    if abs(signs) >= _SIGNS_ENOUGH:
        return "nb" if signs > 0 else "da"
    return "da" if _danish_odds(sample) > _SPELLING * signs + _DOUBT else "nb"


def _danish_odds(sample: str) -> float:
    """Return the model's logarithmic odds of Danish against Norwegian."""
    found = dict(_model().rank(sample.encode("utf-8", "replace").decode("utf-8")))
    return math.log((found["da"] + 1e-9) / (found["no"] + 1e-9))


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFC", text).casefold().replace("’", "'")
    return [
        word for word in (w.strip(".,;:!?()\"«»”“'") for w in folded.split()) if word
    ]


def _mostly_latin(text: str, letters: int) -> bool:
    if not _BEYOND_LATIN.search(text):
        return True
    latin = sum(1 for char in text if char.isalpha() and char < "\u0250")
    return latin * 2 > letters


@cache
def _hint_table() -> dict[str, tuple[tuple[str, float], ...]]:
    owners: dict[str, list[str]] = {}
    for lang, words in _HINTS.items():
        for word in words.split():
            if lang not in owners.setdefault(word, []):
                owners[word].append(lang)
    return {
        word: tuple((lang, 1 / len(langs)) for lang in langs)
        for word, langs in owners.items()
    }


def _votes(words: list[str]) -> dict[str, float]:
    table = _hint_table()
    votes: dict[str, float] = {}
    for word in words:
        for lang, weight in table.get(word, ()):
            votes[lang] = votes.get(lang, 0.0) + weight
    return votes


def _agreed(words: list[str], votes: dict[str, float]) -> str:
    """Return the language that the small words agree on, if they do."""
    if not votes:
        return ""
    long = len(words) > _HINT_WORDS
    ranked = sorted(votes.items(), key=lambda item: -item[1])
    best, most = ranked[0]
    least, lead = (_LONG_SHARE, _LONG_LEAD) if long else (_SHORT_SHARE, _SHORT_LEAD)
    if most < max(0.5, least * len(words)):
        return ""
    second = ranked[1][1] if len(ranked) > 1 else 0.0
    clear = len(words) >= _MANY_WORDS and most - second >= _CLEAR_LEAD
    if second > lead * most and not clear:
        return ""
    if long and sum(word in _ELSEWHERE for word in words) > most / 2:
        return ""
    return best


@cache
def _model() -> Any:
    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages({_MODEL_NAMES.get(one, one) for one in COVERED} | set(_FOREIGN))
    return model


def _modelled(sample: str, letters: int, few: bool) -> str:
    with _lock:  # loading takes half a second; do it once
        model = _model()
    clean = sample.encode("utf-8", "replace").decode("utf-8")
    ranked = model.rank(clean)
    best, sure = ranked[0]
    if few and (sure < _SURE_OF_FEW or best in _FOREIGN):
        return ""
    if best in _FOREIGN:
        if sure >= _SURE and letters >= _FOREIGN_CHARS:
            return ""
        best = next(lang for lang, _ in ranked if lang not in _FOREIGN)
    return _OUR_NAMES.get(best, str(best))
