"""Whether a machine wrote a mail: absences, bounces, answers from calendars.

People write about absences and full mailboxes, too; what is told apart here is how
machines put it.
"""

from __future__ import annotations

import re2

_AUTO_SUBJECT = re2.compile(
    r"(?i)^\W*(?:(?:re|sv|vs|aw)\s?:\s*)?(?:(?:automatic|auto)[- ]?(?:reply|response|"
    r"matic reply)|out of (?:the )?office|ooo\b|autosvar|automatisk svar|"
    r"automatiskt svar|fraværsmelding|frånvaro|ikke på kontoret|fravær\b|"
    r"automaattinen vastaus|automaattivastaus|poissa(?:oloilmoitus|olo)?\s*:|"
    r"poissaolo|automatische antwort|abwesenheit|abwesend|"
    r"undeliver|delivery (?:status notification|failure|has failed)|mail delivery|"
    r"failure notice|returned mail|message not delivered|"
    r"kan ikkje leverast|meldingen kunne ikke leveres|kunne ikke leveres|"
    r"kan ikke leveres|"
    r"meddelandet kunde inte|viestiä ei voitu toimittaa|unzustellbar|"
    r"calendar\s?:|(?:accepted|declined|tentative|tentatively accepted|"
    r"godtatt|akseptert|avslått|godkänt|accepterat|accepteret|hyväksytty|hylätty|"
    r"zugesagt|abgelehnt)\s?:|read\s?:|lest\s?:|luettu\s?:)"
)
_AUTO_TEXT = re2.compile(
    r"(?i)(?:i am|i'm|we are|i will be) (?:currently )?(?:out of (?:the )?office|"
    r"away from (?:the|my) (?:office|desk))"
    # Whoever complains of such answers quotes them in the middle of a sentence.
    r"|(?:^|[.!,:\n])\s*(?:(?:please )?note that )?"
    r"this is an? (?:automatic|automated|auto-generated) (?:reply|response|message)"
    r"|(?:thank you for|thanks for) your (?:e-?mail|message).*"
    r"(?:out of office|back (?:in|at) the office|limited access)"
    r"|(?:jeg|eg|vi) er (?:ikke|ikkje|for tiden ikke|ute av|borte fra) "
    r"(?:på )?kontoret|dette er (?:et|eit) automatisk svar|"
    r"(?:jag är|just nu är jag) inte på kontoret|detta är ett automatiskt|"
    r"dette er et autosvar"
    r"|olen (?:tällä hetkellä )?(?:poissa toimistolta|pois toimistolta|virkavapaalla)|"
    r"tämä on automaattinen (?:vastaus|viesti)"
    r"|ich bin (?:derzeit |zurzeit |aktuell )?(?:nicht im (?:büro|haus)|"
    r"abwesend|außer haus)|dies ist eine automatische"
)
#: The subject of an automatic reply, where it came as the beginning of the text.
_AUTO_LABEL = re2.compile(
    r"(?i)^\W*(?:auto(?:matic|mated)?[- ]?(?:reply|response)|autosvar|automatisk svar|"
    r"automatiskt svar|automaattinen vastaus|automaattivastaus|"
    r"automatische antwort)\s*:"
)
# People tell where they are, too: "I am on holiday in your hotel, and it is cold".
_AWAY = re2.compile(
    r"(?i)\b(?:(?:i am|i'm|we are|i will be) (?:currently )?"
    r"on (?:my |our )?(?:(?:annual|parental|sick|maternity) leave|leave|holidays?|"
    r"vacation)"
    r"|(?:jeg|eg) (?:er|har) (?:nå |no |for tiden |for tida )?(?:på |i )?(?:ferie|"
    r"permisjon|pappaperm|foreldrepermisjon|barsel|orlov)"
    r"|(?:jag är|just nu är jag) (?:just nu )?(?:på semester|ledig|föräldraledig|"
    r"tjänstledig)"
    r"|olen (?:tällä hetkellä )?(?:lomalla|vanhempainvapaalla|perhevapaalla|"
    r"vuosilomalla|sairauslomalla)"
    r"|ich bin (?:derzeit |zurzeit |aktuell )?(?:bis .{1,30} )?im urlaub)\b"
)
# A machine goes on with until when, or tells when there will be an answer, and by whom.
_UNTIL = re2.compile(
    r"(?i)^[\s,;:(–-]*(?:$|until|till?\b|through|from|between|for the|this week|"
    r"next week|and (?:will|return|back)|with (?:limited|no)|today|"
    r"t\.?o\.?m|fram til|fra\b|frå\b|frem til|fram till|från\b|vecka|veckorna|uke\b|"
    r"veke\b|uge\b|i (?:uke|veke|uge|perioden|tiden|dag)|nå\b|asti|saakka|viiko|"
    r"bis\b|vom\b|ab\b|und (?:ab|erst|bin|wieder)|in der zeit|\d)"
)
_ANSWERED_LATER = re2.compile(
    r"(?i)(?:^|\W)(?:(?:be|am|i'm) back\b|(?:when|until|once) i(?:'m| am| get| come)? "
    r"(?:return|back)|return(?:ing)? (?:on|to the office)|get back to you|"
    r"(?:limited|no) access|not (?:read|check)ing|(?:leser|les|läser|læser) "
    r"(?:ikke|ikkje|inte)|en lue|enkä lue|luen viest|"
    r"(?:lese|rufe) .{0,20}(?:nicht|keine)|"
    r"(?:urgent|emergenc)|will (?:reply|respond|answer)|"
    r"(?:er|kommer|vere|være) (?:eg |jeg )?tilbake|(?:er|kommer|vender) (?:jeg )?"
    r"tilbage|hast(?:er|esak)|hastende|(?:svarer|svarar) (?:på|deg|dykk|dere|når)|"
    r"(?:är|kommer) (?:jag )?(?:åter|tillbaka)|åter på|brådskande|akuta|svarar när|"
    r"palaan|kiireel|sijais|vastaan (?:viesti|sähköposti|sinulle|teille|kun)|"
    r"(?:wieder|bin) .{0,40}(?:zurück|erreichbar|für sie da)|dringend|vertret|"
    r"stellvert|kolle(?:ga|ge|gin)\b.{0,40}(?:kontakt|contact|yhteyttä|wenden))"
)
_YOURS = re2.compile(
    r"(?i)^\s*(?:(?:in|at|i|på|hos|im|bei|on)\s)?(?:one of )?"
    r"(?:your|deres|dykkar|jeres|ert|era|ihre?[mnr]?|eure?[mnr]?)\b"
)
_BOUNCE_TEXT = re2.compile(
    r"(?i)(?:this is the mail system|mailer-daemon|"
    r"could not be delivered to one or more|"
    r"delivery to the following recipients? failed|550[ -]5\.\d\.\d"
    r"|kunne (?:dessverre )?(?:ikke leveres|ikkje leverast) til"
    r"|kunde inte levereras till"
    r"|ei (?:valitettavasti )?voitu toimittaa|konnte nicht zugestellt werden"
    r"|address not found\s+your message|recipient address rejected"
    r"|recipient\W{0,2}s? mailbox is full|mailbox is full(?: and can|:| \()"
    r"|mailbox unavailable)"
)
_INVITATION_TEXT = re2.compile(
    r"(?i)(?:has (?:accepted|declined|tentatively accepted) (?:your|the|this) "
    r"(?:invitation|meeting)|har (?:godtatt|akseptert|avslått|takket ja til) "
    r"(?:invitasjonen|møteinnkallingen|innbydinga)|har (?:accepterat|tackat ja till) "
    r"inbjudan|har accepteret invitationen|hyväksyi kutsun|hylkäsi kutsun|"
    r"hat (?:die|ihre) einladung (?:angenommen|abgelehnt))"
)
#: Headers that stand in the text: of a raw mail that a form or a mailbox passed on, or
#: of the report that a bounce is (RFC 3834, RFC 3464).
_AUTO_HEADER = re2.compile(
    r"(?im)^(?:auto-submitted: *auto-|x-auto(?:-?reply|respond)|x-auto-response-"
    r"suppress:|x-failed-recipients:|precedence: *auto_?reply)"
)
_REPORT_HEADER = re2.compile(
    r"(?im)^(?:reporting-mta: |final-recipient: *rfc822|diagnostic-code: *smtp|"
    r"content-type: *multipart/report)"
)
_AUTO_WINDOW = 600  # a machine says so at the top


def encodable(text: str) -> str:
    """Replace lone surrogates, which neither RE2 nor the HTML parser can take."""
    return text.encode("utf-8", "replace").decode("utf-8")


def automatic(subject: str, text: str) -> str:
    """Say why a machine wrote this, or return an empty string."""
    subject, head = encodable(subject[:300]), encodable(text[:_AUTO_WINDOW])
    if _BOUNCE_TEXT.search(head) or _REPORT_HEADER.search(head):
        return "bounce"
    if _AUTO_HEADER.search(head):
        return "automatic reply by its headers"
    if _INVITATION_TEXT.search(head):
        return "calendar answer"
    if _AUTO_LABEL.search(head) or _AUTO_TEXT.search(head) or _is_away(head):
        return "automatic reply in the text"
    if _AUTO_SUBJECT.search(subject):
        return "automatic reply in the subject"
    return ""


def _is_away(head: str) -> bool:
    """Tell whether an absence is told as a machine does, and not by somebody there."""
    said = _AWAY.search(head)
    if said is None:
        return False
    rest = head[said.end() :]
    if _YOURS.search(rest):
        return False
    closed = rest.lstrip(" .!\n")
    return not closed or bool(_UNTIL.search(rest) or _ANSWERED_LATER.search(rest))
