"""The demo: customers, agents and developers of the sandbox, and a real connector.

The connector runs as ``complaint-connector run`` in a process of its own and knows
nothing of the demo; what is told comes from what the sandbox witnessed.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from connector.errors import ConnectorError
from connector.sandbox import Running, SandboxSettings, World, serve
from connector.sandbox.people import Letter, incident, letters

DESKS = {"helpscout": "support", "zendesk": "desk"}
NAMES = {"helpscout": "Help Scout", "zendesk": "Zendesk", "jira": "Jira"}
PATIENCE = 60.0  # seconds for any one step of the story
EVERYDAY = 36  # letters about this and that, before the incident is over
THRESHOLD = 5
NEWCOMERS = 5  # after the issue was filed; one of them is a VIP
AGAIN = "incident-discount-again"
MARKER = ".demo"  # only a folder that holds this is written over
WRITTEN = ("config.yaml", "connector.db*", "connector.log")

HELPSCOUT_EVENTS = [
    "convo.created",
    "convo.customer.reply.created",
    "convo.tags",
    "convo.merged",
    "convo.deleted",
    "satisfaction.ratings",
]
ZENDESK_EVENTS = [
    "zen:event-type:ticket.created",
    "zen:event-type:ticket.comment_added",
    "zen:event-type:ticket.merged",
    "zen:event-type:ticket.soft_deleted",
    "zen:event-type:ticket.csat_received",
]
JIRA_EVENTS = ["jira:issue_created", "jira:issue_updated", "jira:issue_deleted"]


class DemoFailed(ConnectorError):
    """A step of the story did not happen; the text says which."""


def sandbox_config(
    url: str, sandbox: SandboxSettings, database: str, port: int
) -> dict[str, Any]:
    """Write the configuration of a connector between the three look-alikes.

    Times are short, so that a story of weeks can be watched in a minute.
    """
    cloud = sandbox.jira_flavour == "cloud"
    credentials = (
        {
            "email": sandbox.jira_email,
            "api_token": sandbox.jira_token,
            "webhook_secret": sandbox.jira_webhook_secret,
        }
        if cloud
        else {
            "token": sandbox.jira_token,
            "webhook_token": sandbox.jira_webhook_secret,
        }
    )
    return {
        "server": {"port": port},
        "database": {"url": database},
        "sources": {
            "support": {
                "kind": "helpscout",
                "app_id": sandbox.helpscout_app_id,
                "app_secret": sandbox.helpscout_app_secret,
                "webhook_secret": sandbox.helpscout_webhook_secret,
                "api_base": f"{url}/helpscout",
                "web_base": f"{url}/helpscout",
            },
            "desk": {
                "kind": "zendesk",
                "base_url": f"{url}/zendesk",
                "client_id": sandbox.zendesk_client_id,
                "client_secret": sandbox.zendesk_client_secret,
                "webhook_secret": sandbox.zendesk_webhook_secret,
            },
            "tracker": {
                "kind": "jira",
                "flavour": sandbox.jira_flavour,
                "site_url": f"{url}/jira",
                **credentials,
            },
        },
        "autonomy": {"messages": "act"},
        "vip": {"domains": ["fjordbank.example"]},
        "problems": {
            "tracker": "tracker",
            "project": sandbox.jira_projects[0],
            "customers": THRESHOLD,
            "fast_customers": 0,
            "settle": "1s",
            "fix_settle": "1s",
            "search_lag": "5s",
            "counts_every": "1s",
        },
        "work": {"tick": "500ms", "lost_answer": "5s"},
    }


def subscribe(world: World, connector: str, sandbox: SandboxSettings) -> None:
    """Register the connector's webhooks, as an admin does by hand."""
    world.subscribe(
        "helpscout",
        f"{connector}/webhooks/support",
        sandbox.helpscout_webhook_secret,
        HELPSCOUT_EVENTS,
    )
    world.subscribe(
        "zendesk",
        f"{connector}/webhooks/desk",
        sandbox.zendesk_webhook_secret,
        ZENDESK_EVENTS,
    )
    query = (
        ""
        if sandbox.jira_flavour == "cloud"
        else f"?token={sandbox.jira_webhook_secret}"
    )
    world.subscribe(
        "jira",
        f"{connector}/webhooks/tracker{query}",
        sandbox.jira_webhook_secret,
        JIRA_EVENTS,
    )


@dataclass
class Story:
    """Plays the people, waits for what the connector does, and tells it."""

    world: World
    connector: str
    console: Console
    pace: float
    told: int = 0
    sent: dict[str, Letter] = field(default_factory=dict)
    _desk: int = 0

    def tell(self) -> None:
        """Play the whole loop. Raises ``DemoFailed``."""
        before, back = list(incident()), list(incident(AGAIN))
        mixed = iter(list(letters(1))[:EVERYDAY])
        self._say("Customers write", "complaints, thanks, questions, absences")
        for letter in before[: THRESHOLD - 1]:
            self._everyday(mixed, 6)
            self._write(letter)
        self._everyday(mixed, EVERYDAY)
        self._until("every complaint is judged", self._is_quiet)
        self._show_tickets()
        if self._issues():
            raise DemoFailed("an issue was filed below the threshold")
        self._say(
            "Below the threshold",
            f"{THRESHOLD - 1} customers cannot use their discount code: no issue yet",
        )
        self._write(before[THRESHOLD - 1])
        self._until("one issue is filed", lambda: len(self._issues()) == 1)
        for letter in before[THRESHOLD : THRESHOLD + NEWCOMERS]:
            self._write(letter)
        self._until("the newcomers are linked", self._is_quiet)
        issue = self._issues()[0]
        self._show_issue(issue)
        self._show_problem(issue)
        self.world.issue(issue["key"], "start")
        self.world.issue(issue["key"], "done")
        self._say("The product team", f"resolves {issue['key']} as fixed")
        expected = self._affected(issue)
        self._until(
            "every affected customer is told",
            lambda: len(self._messages()) >= len(expected) and self._is_quiet(),
        )
        self._show_messages(expected)
        self._write(back[0])
        self._until(
            "the issue is reopened", lambda: self._issues()[0]["category"] != "done"
        )
        self._until("everything is quiet", self._is_quiet)
        if len(self._issues()) != 1 or len(self._messages()) != len(expected):
            raise DemoFailed("something was done twice")
        self._say("It came back", f"one more complaint reopened {issue['key']}")

    # -- people

    def _everyday(self, mixed: Iterator[Letter], count: int) -> None:
        for _, letter in zip(range(count), mixed, strict=False):
            self._write(letter)

    def _write(self, letter: Letter) -> None:
        desk = list(DESKS)[self._desk % len(DESKS)]
        self._desk += 1
        ticket = self.world.send_letter(desk, letter)
        self.sent[f"{desk}:{ticket}"] = letter
        time.sleep(self.pace)

    # -- what was witnessed

    def _issues(self) -> list[dict[str, Any]]:
        return list(self.world.state()["jira"]["issues"])

    def _tickets(self) -> list[tuple[str, dict[str, Any]]]:
        state = self.world.state()
        return [(desk, one) for desk in DESKS for one in state[desk]["tickets"]]

    def _messages(self) -> list[tuple[str, dict[str, Any]]]:
        return [
            (f"{desk}:{ticket['id']}", message)
            for desk, ticket in self._tickets()
            for message in ticket["messages"]
            if message["actor"] == "api"
        ]

    def _affected(self, issue: dict[str, Any]) -> set[str]:
        links = {link["object"]["url"] for link in issue["remote_links"]}
        return {
            ticket["customer"]["email"]
            for _, ticket in self._tickets()
            if ticket["url"] in links
        }

    def _is_quiet(self) -> bool:
        """Nothing is on its way to the connector, and nothing waits in it."""
        if self.world.deliveries.pending():
            return False
        status = self._status()
        waiting = ("pending", "claimed", "sending")
        rows = {**status["inbox"]}, {**status["outbox"]}
        settling = any(group["state"] == "ready" for group in status["problems"])
        return not settling and not any(
            part.get(state, 0) for part in rows for state in waiting
        )

    def _status(self) -> dict[str, Any]:
        answer = requests.get(f"{self.connector}/status.json", timeout=10)
        answer.raise_for_status()
        return dict(answer.json())

    def _until(self, what: str, true: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        quiet = 0
        while time.monotonic() < end:
            quiet = quiet + 1 if true() else 0
            if quiet >= 2:  # not just between two steps
                return
            time.sleep(0.25)
        raise DemoFailed(f"waited {PATIENCE:.0f} s in vain until {what}")

    # -- telling

    def _say(self, who: str, what: str) -> None:
        self.console.print(f"[bold]{escape(who)}[/bold]: {escape(what)}")

    def _show_tickets(self) -> None:
        table = Table(title="What agents see in their usual tool", title_justify="left")
        for column in ("helpdesk", "customer wrote", "language", "tags"):
            table.add_column(column, overflow="fold")
        shown = sorted(self._tickets(), key=_weight)
        for desk, ticket in shown[:16]:
            letter = self.sent[f"{desk}:{ticket['id']}"]
            table.add_row(
                NAMES[desk],
                escape(ticket["subject"][:48]),
                letter.lang,
                escape(" ".join(ticket["tags"])),
            )
        self.console.print(table)
        count = sum(bool(ticket["tags"]) for _, ticket in self._tickets())
        self._say(
            "Tagged",
            f"{count} of {len(self._tickets())} tickets; a complaint gets one internal "
            "note with the reason",
        )

    def _show_issue(self, issue: dict[str, Any]) -> None:
        self._say("Filed", f"{issue['key']}: {issue['summary']}")
        for line in issue["description"].splitlines():
            if line.strip():
                self.console.print(f"    {escape(line)}", style="dim", highlight=False)
        self.console.print(f"    [link={issue['url']}]{issue['url']}[/link]")

    def _show_problem(self, issue: dict[str, Any]) -> None:
        """Show what agents read of the problem on its tickets."""
        tags = [
            tag
            for _, ticket in self._tickets()
            for tag in ticket["tags"]
            if tag.startswith("cc-problem-")
        ]
        lines = [
            line
            for _, ticket in self._tickets()
            for note in ticket["notes"]
            for line in note["text"].splitlines()
            if line.startswith(f"Known problem: {issue['key']}")
        ]
        if not tags or not lines:
            raise DemoFailed("the problem is not shown on its tickets")
        where = f"{tags[0]} on {len(tags)} tickets, and a note on each:"
        self._say("Agents see", where)
        self.console.print(f"    {escape(lines[0])}", style="dim", highlight=False)

    def _show_messages(self, expected: set[str]) -> None:
        messages = self._messages()
        if len(messages) != len(expected):
            raise DemoFailed(
                f"{len(expected)} customers are affected, {len(messages)} were told"
            )
        self._say("Told", f"{len(messages)} customers, once each:")
        for where, message in messages:
            letter = self.sent[where]
            line = next(row for row in message["text"].splitlines()[1:] if row.strip())
            self.console.print(f"    {letter.lang}  {escape(line[:96])}", style="dim")


def _weight(pair: tuple[str, dict[str, Any]]) -> tuple[bool, int]:
    """Sort tickets for showing: VIPs first, then those with much to see."""
    tags = pair[1]["tags"]
    return "cc-vip" not in tags, -len(tags)


def free_port(preferred: int) -> int:
    """Return ``preferred`` if nobody listens there, else a port that is free."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DemoFailed("no free port on this machine")


@contextmanager
def running_connector(config: Path, url: str, log: Path) -> Iterator[int]:
    """Run a connector until the block ends; give its process id."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "connector", "run", "--config", str(config)],
            stdout=out,
            stderr=out,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    try:
        _await_ready(url, process, log)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=90)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=10)


def _await_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            if requests.get(f"{url}/readyz", timeout=2).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.1)
    raise DemoFailed(f"the connector did not start; its log is {log}")


def make_room(folder: Path) -> None:
    """Empty the demo's own folder, or mark a new one as the demo's.

    Raises ``DemoFailed`` where files of somebody else would be lost.
    """
    marker = folder / MARKER
    if not marker.exists():
        theirs = sorted(
            path.name for pattern in WRITTEN for path in folder.glob(pattern)
        )
        if theirs:
            raise DemoFailed(
                f"{folder} holds {', '.join(theirs)}, which the demo did not make and "
                "would overwrite; name another folder with --folder"
            )
        folder.mkdir(parents=True, exist_ok=True)
        marker.write_text("The demo may overwrite everything here.\n")
    for old in folder.glob("connector.db*"):
        old.unlink()


def play(
    folder: Path,
    console: Console,
    *,
    port: int = 8800,
    sandbox_port: int = 8820,
    pace: float = 0.15,
    then: Callable[[Running, str], None] = lambda running, url: None,
) -> None:
    """Play the story in ``folder``; call ``then`` while everything still runs."""
    settings = SandboxSettings()
    make_room(folder)
    port = free_port(port)
    url = f"http://127.0.0.1:{port}"
    world = World(settings)
    with serve(world, port=free_port(sandbox_port)) as sandbox:
        config = folder / "config.yaml"
        database = f"sqlite:///{(folder / 'connector.db').resolve()}"
        written = sandbox_config(sandbox.url, settings, database, port)
        config.write_text(yaml.safe_dump(written, sort_keys=False), encoding="utf-8")
        console.print(f"Sandbox       {sandbox.url}/   (Help Scout, Zendesk, Jira)")
        console.print(f"Connector     {url}/   (status)")
        console.print(f"Configuration {config}, log {folder / 'connector.log'}\n")
        with running_connector(config, url, folder / "connector.log"):
            subscribe(world, url, settings)
            Story(world, url, console, pace).tell()
            then(sandbox, url)
