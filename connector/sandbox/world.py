"""The three look-alikes together: what tests and the demo do to them and read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from connector.sandbox import people
from connector.sandbox.deliveries import Chaos, Deliveries, Webhook
from connector.sandbox.faults import Fault, Faults
from connector.sandbox.helpscout_desk import HelpScoutDesk
from connector.sandbox.jira_shapes import RESOLUTION_IDS
from connector.sandbox.jira_tracker import Issue, JiraTracker
from connector.sandbox.jsm_desk import Request, ServiceDesk
from connector.sandbox.settings import SandboxSettings
from connector.sandbox.stage import AGENT, Json, Stage, to_html, utc_now
from connector.sandbox.witnessed import (
    helpscout_ticket,
    jira_issue,
    zendesk_ticket,
)
from connector.sandbox.zendesk_desk import ZendeskDesk


class Unknown(LookupError):
    """There is no such ticket, issue or vendor; or it cannot be done to it."""


class World:
    """Everything the sandbox holds. All methods may be called from any thread."""

    def __init__(
        self,
        settings: SandboxSettings | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.settings = settings or SandboxSettings()
        self.stage = Stage(self.settings, clock)
        self.lock = self.stage.lock
        self.faults = Faults(self.settings.seed)
        self.deliveries = Deliveries(self.stage)
        self.helpscout = HelpScoutDesk(self.stage, self.deliveries)
        self.zendesk = ZendeskDesk(self.stage, self.deliveries)
        self.jira = JiraTracker(self.stage, self.deliveries)
        self.jsm = ServiceDesk(self.jira)

    def close(self) -> None:
        self.deliveries.close()

    def reset(self) -> None:
        """Forget everything, webhooks and faults too; issued tokens stay good."""
        with self.lock:
            self.deliveries.clear()
            self.faults.clear()
            self.stage.clear()
            for part in (self.helpscout, self.zendesk, self.jira, self.jsm):
                part.clear()

    # -- reading

    def state(self) -> Json:
        """Return everything that was witnessed, as it stands now."""
        with self.lock:
            desk, tracker = self.helpscout, self.jira
            return {
                "helpscout": {
                    "tickets": [
                        helpscout_ticket(desk, one)
                        for one in desk.conversations.values()
                    ],
                    "webhooks": _webhooks(desk.webhooks),
                },
                "zendesk": {
                    "tickets": [
                        zendesk_ticket(self.zendesk, one)
                        for one in self.zendesk.tickets.values()
                    ],
                    "webhooks": _webhooks(self.zendesk.webhooks),
                },
                "jsm": {
                    "tickets": [
                        self.jsm.ticket(one) for one in self.jsm.requests.values()
                    ],
                },
                "jira": {
                    "issues": [
                        jira_issue(tracker, one) for one in tracker.issues.values()
                    ],
                    "webhooks": _webhooks(tracker.webhooks),
                },
            }

    def ticket(self, vendor: str, ticket_id: str | int) -> Json:
        """Return one ticket as ``state`` shows it."""
        with self.lock:
            if vendor == "helpscout":
                found = self.helpscout.conversations.get(int(ticket_id))
                if found is not None:
                    return helpscout_ticket(self.helpscout, found)
            elif vendor == "zendesk":
                ticket = self.zendesk.tickets.get(int(ticket_id))
                if ticket is not None:
                    return zendesk_ticket(self.zendesk, ticket)
            elif vendor == "jsm":
                return self.jsm.ticket(self._request(ticket_id))
        raise Unknown(f"{vendor} has no ticket {ticket_id}")

    def log(self, after: int = 0) -> list[Json]:
        """Return the diary, in order, without its first ``after`` lines."""
        return [act.as_json() for act in self.stage.acts_after(after)]

    # -- customers

    def write(
        self,
        vendor: str,
        *,
        email: str,
        subject: str,
        text: str,
        name: str = "",
        ticket: str | int | None = None,
        organization: str = "",
        language: str = "",
        tags: Sequence[str] = (),
        auto_reply: bool = False,
    ) -> str:
        """Let a customer write, or answer in ``ticket``; return the ticket's id.

        ``auto_reply`` puts the mark of a robot's mail into the subject, because
        neither helpdesk shows mail headers to its interface.
        """
        if auto_reply and not subject.lower().startswith("auto"):
            subject = f"Automatic reply: {subject}"
        with self.lock:
            if vendor == "helpscout":
                desk = self.helpscout
                customer = desk.ensure_customer(email, name, language, organization)
                known = desk.get(int(ticket)) if ticket else None
                if ticket and known is None:
                    raise Unknown(f"helpscout has no ticket {ticket}")
                made = desk.customer_writes(customer, subject, text, known, tags)
                return str(made.id)
            if vendor == "zendesk":
                return self._write_zendesk(
                    email, name, language, organization, subject, text, ticket, tags
                )
            if vendor == "jsm":
                who = self.jsm.ensure_customer(email, name, language, organization)
                one = self._request(ticket) if ticket else None
                sent = self.jsm.customer_writes(who, subject, text, one, tags)
                return sent.issue.id
        raise Unknown(f"nobody writes to {vendor}")

    def _write_zendesk(
        self,
        email: str,
        name: str,
        language: str,
        organization: str,
        subject: str,
        text: str,
        ticket: str | int | None,
        tags: Sequence[str],
    ) -> str:
        desk = self.zendesk
        user = desk.ensure_user(email, name, language, organization)
        known = desk.get(int(ticket)) if ticket else None
        if ticket and known is None:
            raise Unknown(f"zendesk has no ticket {ticket}")
        made = desk.customer_writes(user, subject, text, known)
        if tags:
            desk.change_tags(made, AGENT, add=tags)
        return str(made.id)

    def send_letter(self, vendor: str, letter: people.Letter) -> str:
        """Let the writer of a sample letter send it."""
        return self.write(
            vendor,
            email=letter.email,
            name=letter.name,
            subject=letter.subject,
            text=letter.text,
            organization=letter.organization,
            language=letter.lang,
        )

    def rate(
        self, vendor: str, ticket: str | int, rating: str, comment: str = ""
    ) -> None:
        """Rate: ``great|okay|not_good`` at Help Scout, ``good|bad`` at Zendesk, 1 to 5
        at a service desk."""
        with self.lock:
            if vendor == "helpscout":
                self.helpscout.rate(self._conversation(ticket), rating, comment)
            elif vendor == "zendesk":
                self.zendesk.rate(self._zendesk_ticket(ticket), rating, comment)
            elif vendor == "jsm":
                self.jsm.rate(self._request(ticket), int(rating), comment)
            else:
                raise Unknown(f"nobody rates {vendor}")

    # -- human agents and developers

    def agent(self, vendor: str, ticket: str | int, act: str, **given: Any) -> None:
        """Let a human agent act: reply, note, status, add_tag, remove_tag, merge,
        delete; at Help Scout also field. ``given``: ``text``, ``status``, ``tag`` or
        ``into``; ``field`` (its id) and ``value`` (of a list: the option's id)."""
        with self.lock:
            try:
                if vendor == "helpscout":
                    self._helpscout_agent(self._conversation(ticket), act, given)
                elif vendor == "zendesk":
                    self._zendesk_agent(self._zendesk_ticket(ticket), act, given)
                elif vendor == "jsm":
                    self.jsm.act(self._request(ticket), act, given)
                else:
                    raise Unknown(f"{vendor} has no agents")
            except KeyError as err:
                raise Unknown(f"{act} needs {err.args[0]!r}") from err

    def _helpscout_agent(self, one: Any, act: str, given: Mapping[str, Any]) -> None:
        desk, status = self.helpscout, given.get("status", one.status)
        if act == "reply":
            desk.add_reply(one, to_html(given["text"]), status, AGENT)
        elif act == "note":
            desk.add_note(one, to_html(given["text"]), status, AGENT)
        elif act == "status":
            desk.set_status(one, given["status"], AGENT)
        elif act == "add_tag":
            desk.set_tags(one, [*one.tags, given["tag"]], AGENT)
        elif act == "remove_tag":
            kept = [tag for tag in one.tags if tag != given["tag"]]
            desk.set_tags(one, kept, AGENT)
        elif act == "field":
            entered = {**one.fields, given["field"]: given["value"]}
            filled = {number: value for number, value in entered.items() if value}
            desk.change(one, "fields", filled, AGENT, "convo.custom-fields")
        elif act == "merge":
            desk.merge(one, self._conversation(given["into"]), AGENT)
        elif act == "delete":
            desk.delete(one, AGENT)
        else:
            raise Unknown(f"no agent does {act!r}")

    def _zendesk_agent(self, one: Any, act: str, given: Mapping[str, Any]) -> None:
        desk = self.zendesk
        if act in ("reply", "note"):
            words = {"body": given["text"], "public": act == "reply"}
            status = {"status": given["status"]} if "status" in given else {}
            desk.update(one, {"comment": words, **status}, AGENT)
        elif act == "status":
            desk.update(one, {"status": given["status"]}, AGENT)
        elif act == "add_tag":
            desk.change_tags(one, AGENT, add=[given["tag"]])
        elif act == "remove_tag":
            desk.change_tags(one, AGENT, remove=[given["tag"]])
        elif act == "merge":
            desk.merge(one, self._zendesk_ticket(given["into"]), AGENT)
        elif act == "delete":
            desk.delete(one, AGENT)
        else:
            raise Unknown(f"no agent does {act!r}")

    def issue(
        self,
        id_or_key: str,
        act: str,
        *,
        resolution: str = "",
        text: str = "",
        keep_resolution: bool = False,
        of: str = "",
    ) -> None:
        """Let a developer act: start, done, wont_do, reopen, comment, delete, link.

        The last makes it a duplicate ``of`` another issue, without closing it.
        """
        with self.lock:
            found = self.jira.get(id_or_key)
            if found is None:
                raise Unknown(f"jira has no issue {id_or_key}")
            if act == "comment":
                self.jira.comment(found, _text(self.jira, text), AGENT)
            elif act == "delete":
                self.jira.delete(found, AGENT)
            elif act == "link":
                other = self.jira.get(of)
                if other is None:
                    raise Unknown(f"jira has no issue {of}")
                self.jira.link_issues(found, other, "Duplicate", AGENT)
            else:
                self._move(found, act, resolution, keep_resolution)

    def _move(
        self, issue: Issue, act: str, resolution: str, keep_resolution: bool
    ) -> None:
        names = {"start": "Start", "stop": "Stop", "reopen": "Reopen"}
        name = names.get(act, "Done" if act in ("done", "wont_do") else "")
        chosen = resolution or ("Won't Do" if act == "wont_do" else "Done")
        if chosen not in RESOLUTION_IDS:
            raise Unknown(f"no resolution {chosen!r}")
        for transition in self.jira.transitions(issue):
            if transition.name == name:
                self.jira.move(
                    issue,
                    transition,
                    AGENT,
                    resolution=chosen,
                    keep_resolution=keep_resolution,
                )
                return
        raise Unknown(f"{issue.key} cannot {act} from {issue.status.name}")

    # -- trouble

    def fail(self, kind: str, **given: Any) -> None:
        """Switch a failure on; the words are those of ``Fault``."""
        self.faults.add(Fault(kind=kind, **given))

    def chaos(
        self,
        duplicate_probability: float = 0.0,
        reorder_window_seconds: float = 0.0,
        seed: int | None = None,
    ) -> None:
        """Deliver webhooks twice and out of order from now on."""
        chosen = Chaos(duplicate_probability, reorder_window_seconds)
        self.deliveries.cause_chaos(chosen, seed)

    # -- webhooks

    def subscribe(
        self,
        vendor: str,
        url: str,
        secret: str,
        events: list[str],
        actor: str = AGENT,
        extra: Json | None = None,
    ) -> Webhook:
        """Register a webhook, as the interface does."""
        homes = {
            "helpscout": self.helpscout.webhooks,
            "zendesk": self.zendesk.webhooks,
            "jira": self.jira.webhooks,
        }
        if vendor not in homes:
            raise Unknown(f"no vendor {vendor!r}")
        with self.lock:
            number = self.stage.number(f"{vendor}.webhook")
            name = f"01SANDBOX{number:017d}" if vendor == "zendesk" else str(number)
            added = Webhook(name, vendor, url, secret, events, extra=dict(extra or {}))
            if vendor == "zendesk":
                added.extra.setdefault("name", f"webhook {number}")
            homes[vendor][name] = added
            self.stage.witness(vendor, "webhook_create", name, actor, events=events)
            return added

    # -- inside

    def _conversation(self, ticket: str | int) -> Any:
        found = self.helpscout.get(int(ticket))
        if found is None:
            raise Unknown(f"helpscout has no ticket {ticket}")
        return found

    def _zendesk_ticket(self, ticket: str | int) -> Any:
        found = self.zendesk.get(int(ticket))
        if found is None:
            raise Unknown(f"zendesk has no ticket {ticket}")
        return found

    def _request(self, ticket: str | int) -> Request:
        found = self.jsm.get(str(ticket))
        if found is None:
            raise Unknown(f"jsm has no request {ticket}")
        return found


def _webhooks(webhooks: Mapping[str, Webhook]) -> list[Json]:
    return [webhook.as_json() for webhook in webhooks.values()]


def _text(tracker: JiraTracker, text: str) -> str:
    if not text.strip():
        raise Unknown("comment needs 'text'")
    return text
