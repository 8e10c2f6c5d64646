"""How a customer behaves, from the ticket and what they did before, with evidence.

Internal only: names and hints are for agents and never leave the helpdesk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from rules.verdict import PERSONAS, Verdict

FREQUENT_COMPLAINTS = 3  # in 90 days, the present one included
FREQUENT_TICKETS = 8

HINTS = {
    "outspoken": "Strong words: answer calmly, name one concrete next step and a time, "
    "and do not argue about the tone.",
    "premium": "Expects the best: answer personally, skip standard phrases, name one "
    "contact who follows it to the end.",
    "frequent": "Has complained before: read the earlier tickets first, and say what "
    "will be different this time.",
    "quiet": "Plays it down: take it as seriously as a loud complaint, and ask whether "
    "anything else went wrong.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerHistory:
    """What the customer did before this ticket."""

    complaints_90d: int = 0
    tickets_90d: int = 0
    vip: bool = False
    vip_source: str = ""  #: who says so, for the evidence
    strong_tickets_90d: int = 0  #: earlier tickets with emotion 3


class Persona(NamedTuple):
    name: str
    evidence: str

    @property
    def hint(self) -> str:
        """One line for the agent's note."""
        return HINTS[self.name]


def personas(verdict: Verdict, history: CustomerHistory) -> tuple[Persona, ...]:
    """Return who this customer is at the moment; several can be true at once."""
    if verdict.auto_reply:
        return ()
    evidence = {name: "the words of this ticket" for name in verdict.personas}
    evidence |= _from_history(verdict, history)
    if "outspoken" in evidence:
        evidence.pop("quiet", None)
    return tuple(Persona(name, evidence[name]) for name in PERSONAS if name in evidence)


def _from_history(verdict: Verdict, history: CustomerHistory) -> dict[str, str]:
    found: dict[str, str] = {}
    complaints = history.complaints_90d + verdict.complaint
    if verdict.complaint and complaints >= FREQUENT_COMPLAINTS:
        found["frequent"] = f"{complaints} complaints in 90 days"
    elif verdict.complaint and history.tickets_90d + 1 >= FREQUENT_TICKETS:
        found["frequent"] = f"{history.tickets_90d + 1} tickets in 90 days"
    if history.vip:
        source = f" ({history.vip_source})" if history.vip_source else ""
        found["premium"] = f"VIP{source}"
    if history.strong_tickets_90d >= 2 and verdict.emotion >= 2:
        found["outspoken"] = f"{history.strong_tickets_90d} strong tickets in 90 days"
    return found
