"""What the connector asks of a vendor. All methods are abstract; nothing calls down.

An adapter translates at the border: vendor words in, our words out. It knows nothing of
rules, groups or the database, and imports only ``connector.models``,
``connector.errors`` and this package's shared files. One adapter object is used by
several threads at once. It never retries a call on its own (except once after renewing
an expired token); it raises the ``VendorError`` that says whether to try again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from connector.models import (
    HIGH,
    Block,
    Carried,
    ChangedPage,
    Delivery,
    DirectoryEntry,
    Filled,
    Filling,
    Finding,
    Issue,
    IssueChange,
    IssueDraft,
    IssueRef,
    Message,
    Note,
    Notice,
    Opened,
    ProblemDraft,
    Signed,
    Subscribed,
    Subscription,
    Ticket,
    TicketEvent,
    TicketLink,
    Topic,
    WebhookRequest,
    Written,
)


class Party(ABC):
    """Anybody whom we call. ``name`` is theirs in our own books."""

    name: str

    @abstractmethod
    def check(self, now: datetime) -> list[Finding]:
        """Try credentials and reachability with harmless reads; never raise.

        The first finding is about signing in.
        """

    @abstractmethod
    def close(self) -> None:
        """Give back connections."""


class Channel(Party):
    """A way to reach people of the house."""

    @abstractmethod
    def notify(self, notice: Notice) -> None:
        """Hand a notice over; a second time it can be told by its mark."""


class Directory(Party):
    """Somebody who knows the customers of the house.

    ``keep`` is how long an answer counts, and ``keep_unknown`` one that somebody is not
    known; None where asking costs nothing.
    """

    keep: timedelta | None
    keep_unknown: timedelta | None

    @abstractmethod
    def look_up(self, key: str) -> DirectoryEntry | None:
        """Return what is said of an address, or of SOURCE:ID; None: it is not known."""


class Adapter(Party):
    """The webhook side of any vendor. ``name`` is the source's name."""

    kind: ClassVar[str]
    kept_headers: ClassVar[frozenset[str]]  #: lower case; stored with a delivery

    @abstractmethod
    def verify(self, request: WebhookRequest, now: datetime) -> None:
        """Return if the request is from the vendor, else raise ``SignatureRejected``.

        Looks at raw bytes only; never parses the body.
        """

    @abstractmethod
    def delivery_id(self, request: WebhookRequest) -> str | None:
        """Return what the vendor keeps the same over all attempts of one delivery.

        None where the vendor has no such thing: then every delivery counts as new,
        which is harmless because a delivery only says "look again".
        """

    @abstractmethod
    def parse(self, delivery: Delivery) -> tuple[TicketEvent, ...]:
        """Say what to read again; raise ``MalformedPayload`` if that cannot be told."""

    @abstractmethod
    def sign(self, body: bytes, event: str | None, now: datetime) -> Signed:
        """Sign ``body`` as the vendor would, for replaying recorded payloads.

        ``event`` is the vendor's event name where it travels outside the body; None
        lets the adapter infer it from the body's shape.
        """


class Helpdesk(Adapter):
    """A source of tickets. Ids are the vendor's, as strings."""

    @abstractmethod
    def fetch_ticket(self, external_id: str) -> Ticket:
        """Read a ticket with its comments. Raises ``TicketGone``, ``TicketMerged``."""

    @abstractmethod
    def change_tags(
        self, external_id: str, add: frozenset[str], remove: frozenset[str]
    ) -> frozenset[str]:
        """Add and remove exactly these tags, keep all others; return the tags now.

        Reads first, writes nothing if nothing would change, and looks again after
        writing. Safe to repeat.
        """

    @abstractmethod
    def add_note(self, external_id: str, note: Note) -> Written:
        """Write an internal note without changing the ticket's status."""

    @abstractmethod
    def send_message(self, external_id: str, message: Message) -> Written:
        """Write to the customer, or prepare it where ``message.draft`` is set.

        Keeps the ticket's status. Where the ticket is closed for good, opens the
        vendor's kind of follow-up and says so in ``Written.ticket``.
        """

    @abstractmethod
    def find_mark(self, external_id: str, mark: str) -> Written | None:
        """Find a note, draft or message of ours by its mark, after a lost answer."""


class Tracker(Adapter):
    """Where issues are filed. ``external_id`` is the id that survives a move."""

    @abstractmethod
    def fetch_issue(self, external_id: str) -> Issue:
        """Read an issue. Raises ``NotFound`` if it is gone or hidden."""

    @abstractmethod
    def find_issue(self, project: str, mark: str) -> IssueRef | None:
        """Find the oldest issue that carries ``mark``, after a lost answer.

        The tracker's search may lag: None proves nothing for some minutes.
        """

    @abstractmethod
    def create_issue(self, draft: IssueDraft) -> IssueRef:
        """Create an issue; a call that may have worked is never sent again.

        Fields that the tracker does not take are left out.
        """

    @abstractmethod
    def update_issue(self, external_id: str, change: IssueChange) -> frozenset[str]:
        """Apply a change; return the fields that the tracker did not take.

        Safe to repeat. Text of people stays as it is; nothing is written that would
        change nothing.
        """

    @abstractmethod
    def comment_issue(
        self, external_id: str, body: Sequence[Block], mark: str
    ) -> Written:
        """Add a comment that carries ``mark``."""

    @abstractmethod
    def find_comment(self, external_id: str, mark: str) -> Written | None:
        """Find a comment of ours by its mark, after a lost answer."""

    @abstractmethod
    def reopen_issue(self, external_id: str) -> bool:
        """Move a done issue to a status that is not done. Safe to repeat.

        False if the workflow offers no such transition from here.
        """

    @abstractmethod
    def link_ticket(self, external_id: str, link: TicketLink) -> None:
        """Show a ticket on the issue; the same ``global_id`` is one link only."""


class IssueLinker(ABC):
    """A tracker that can link issues with each other.

    Where an issue cannot be opened again, such a tracker gets a new one for the return
    of its problem, linked to the old one. Any other gets a comment, and that is all.
    """

    @abstractmethod
    def link_issues(self, external_id: str, other_external_id: str) -> None:
        """Link an issue to another that it is related to. Safe to repeat."""

    @abstractmethod
    def find_issues(self, project: str, mark: str) -> tuple[IssueRef, ...]:
        """Return all issues that carry ``mark``, oldest first, as ``find_issue`` would.

        More than one are there if a create was carried out late, or somebody cloned it.
        """

    @abstractmethod
    def link_duplicate(self, external_id: str, original_id: str) -> None:
        """Link an issue as a duplicate of ``original_id``. Safe to repeat.

        Raises ``NotFound`` where there are no such links, and changes nothing else.
        """


class Inviter(ABC):
    """A tracker whose issues people can watch."""

    @abstractmethod
    def add_watcher(self, external_id: str, who: str) -> None:
        """Let somebody watch an issue. Safe to repeat.

        Raises ``VendorRefused`` if that is nobody, or may not see it.
        """

    @abstractmethod
    def check_people(
        self, project: str, components: Collection[str], assignee: str
    ) -> list[Finding]:
        """Say whether a project has these components and this assignee, if any.

        Harmless reads; never raises.
        """


class Prioritizer(ABC):
    """A tracker whose issues have priorities, one higher than the other."""

    @abstractmethod
    def raise_priority(self, external_id: str, priority: str, left: str) -> bool:
        """Raise an issue's priority if it still is as it was ``left``. Safe to repeat.

        False, and nothing written, if somebody changed it, if it is as high already,
        or if the issue takes none. True as well if it is that one.
        """

    @abstractmethod
    def check_priorities(self, priorities: Sequence[str]) -> list[Finding]:
        """Say whether these exist and rise in that order.

        Harmless reads; never raises.
        """


class Shower(ABC):
    """A helpdesk that can show an issue beside a ticket, in a place of its own.

    Whether it does is a setting of it; ``AdapterKind.shows_issues`` tells.
    """

    @abstractmethod
    def show_issue(self, external_id: str, issue: IssueRef) -> None:
        """Show an issue on a ticket. Safe to repeat.

        Raises ``TakesNoWrites`` if that is not to be had here.
        """


class Gatherer(ABC):
    """A helpdesk that can gather tickets about a problem under a ticket of its own.

    Whether it does is a setting of it; ``AdapterKind.gathers_tickets`` tells. Tickets
    that were created like that are ``TicketOutside`` for ``fetch_ticket``.
    """

    @abstractmethod
    def find_problem(self, mark: str) -> str | None:
        """Return the id of the oldest problem's ticket with ``mark``, if there is one.

        After a lost answer None proves nothing for some minutes.
        """

    @abstractmethod
    def create_problem(self, draft: ProblemDraft) -> str:
        """Create the ticket of a problem and return its id; the call is sent once.

        No customer may see it or be told of it.
        """

    @abstractmethod
    def add_incident(self, external_id: str, problem_id: str, mark: str) -> bool:
        """Put a ticket under the one of its problem; the write carries ``mark``.

        False, and nothing written, where a person decided otherwise or either of the
        two is not to be worked on any more.
        """

    @abstractmethod
    def find_incident(self, external_id: str, mark: str) -> Written | None:
        """Find that write, even if a person undid it since, after a lost answer."""


class Hastener(ABC):
    """A helpdesk whose tickets have a priority. ``AdapterKind`` says so, too."""

    @abstractmethod
    def hasten(self, external_id: str, priority: str = HIGH, left: str = "") -> bool:
        """Give a ticket this priority, if it has a lower or none.

        ``priority`` is one of ``PRIORITIES``, or the vendor's own word. False, and
        nothing written, if it is as high already or not worked on any more; or if it
        is lower than it was ``left`` by us, for then somebody decided otherwise.
        Raises ``TakesNoWrites`` where that ticket has no such priority to be set.
        """


class Router(ABC):
    """A helpdesk whose tickets are in a group, an inbox or the like, one at a time.

    ``AdapterKind`` says ``has_places``.
    """

    @abstractmethod
    def route(self, external_id: str, place: str, left: str) -> str:
        """Put a ticket into a place, by its name or id; return the id of that place.

        Empty, and nothing written, if it is there, if somebody has taken it, if it is
        not worked on any more, or if it is not where it was ``left`` by us (empty:
        we never moved it). Raises ``TakesNoWrites`` where there is no such place.
        """

    @abstractmethod
    def check_places(self, places: Collection[str]) -> list[Finding]:
        """Say which of these do not exist. Harmless reads; never raises."""


class Planner(ABC):
    """A helpdesk whose vendor sends a message later, and shows it to agents until then.

    ``send_message`` with ``scheduled_at`` plans it, and is then safe to repeat. The
    vendor does not send it if the customer writes before. ``AdapterKind`` says
    ``plans_messages``.
    """

    @abstractmethod
    def unplan_message(self, external_id: str, message_id: str) -> None:
        """Do not send a planned message; it may stay behind as a draft.

        Safe to repeat; what was sent by now stays so. Raises ``TicketGone``.
        """


class Framer(ABC):
    """A helpdesk that shows a page of ours beside a ticket, in a frame.

    Without ``frame_origins`` it is not set up, and nothing is shown.
    """

    @property
    @abstractmethod
    def frame_origins(self) -> tuple[str, ...]:
        """Return whose pages may hold ours."""

    @abstractmethod
    def opened(self, request: WebhookRequest, now: datetime) -> Opened:
        """Say who opens it beside which ticket. Raises ``SignatureRejected``. Pure."""

    @abstractmethod
    def check_frame(self) -> list[Finding]:
        """Say whether it is set up. Pure."""


class Packager(Framer):
    """A ``Framer`` whose vendor takes an app from an admin, to show the page with."""

    @abstractmethod
    def sidebar_app(self, address: str) -> bytes:
        """Return the file to upload for the page at ``address``. Pure.

        Raises ``VendorRefused`` if the vendor would not show such a page.
        """


class TagRules(ABC):
    """A helpdesk that does not take every word for a tag."""

    @abstractmethod
    def refused_tags(self, tags: Iterable[str]) -> Mapping[str, str]:
        """Return which of ``tags`` the vendor would not take, each with why. Pure."""


class FieldWriter(ABC):
    """A helpdesk whose tickets have fields of its own that we may keep at something.

    Its settings say which; ``AdapterKind.topics`` tells. ``fetch_ticket`` shows them as
    ``Ticket.places``, in the spelling in which ``change_fields`` returns them.
    """

    @abstractmethod
    def change_fields(
        self, external_id: str, wanted: Mapping[Topic, Filling]
    ) -> Mapping[Topic, Filled]:
        """Fill in these fields, keep all others as they are; return what stands there.

        Reads first. A field is written only if it holds what our last write left there
        (before the first: nothing); what it is to hold may stand there already. A
        person's value is left alone. What the field cannot hold leaves it empty. Topics
        for which this ticket has no field are left out. Looks again after writing; safe
        to repeat.
        """

    @abstractmethod
    def check_fields(self, possible: Mapping[Topic, Collection[str]]) -> list[Finding]:
        """Say whether the fields exist and can hold these words.

        A topic without words can be anything. Harmless reads; never raises.
        """


class Carrier(ABC):
    """A helpdesk side whose deliveries can be the tickets: nothing is read again.

    The connector keeps the newest one of each ticket, by ``ticket.updated_at``, and
    uses it wherever it would have read the ticket. What it wrote itself since then it
    adds from its own books.
    """

    @abstractmethod
    def carried(self, delivery: Delivery) -> Carried | None:
        """Return the ticket that ``delivery`` holds; None: it has to be fetched.

        Pure, and the same each time it is asked; ``updated_at`` is never later than
        the delivery was received.
        """


class Historian(ABC):
    """A vendor that can be asked what changed: finds what webhooks missed, and history.

    An adapter may be one beside what else it is.
    """

    @abstractmethod
    def changed(self, since: datetime, cursor: str | None) -> ChangedPage:
        """Return the next page of what changed after ``since``, oldest change first.

        ``cursor`` is the one of the page before, else None. A cursor stays usable over
        days; one the vendor no longer knows means beginning again at ``since``, which
        the adapter does by itself. Things can come twice and must never be left out:
        where the vendor's clock or index lags, the adapter looks back far enough.
        """


class FilingCheck(ABC):
    """A tracker that can tell beforehand whether an issue could be filed."""

    @abstractmethod
    def check_filing(
        self, project: str, issue_type: str, fields: Collection[str]
    ) -> list[Finding]:
        """Prove that an issue can be filed there with ``fields`` set, and reopened.

        Harmless reads; never raises.
        """

    @abstractmethod
    def check_resolutions(self, fixed: Collection[str]) -> list[Finding]:
        """Say which resolutions will count as fixed; ``fixed`` are names that do.

        What the source's own settings say of a resolution goes before them. Harmless
        reads; never raises.
        """


class Pinger(ABC):
    """A vendor of whose deliveries a harmless one can be made, to try the way of them.

    The verdict on it has to be ``IGNORED``, with a reason.
    """

    @abstractmethod
    def ping(self, word: str) -> tuple[bytes, str | None]:
        """Make a delivery that ``parse`` understands and ignores, and its event's name.

        It holds ``word``, so that it can be told from others.
        """


class Subscriber(Pinger):
    """A vendor whose webhooks can be made through its API.

    ``address`` is the public one of our receiver for this source
    (``https://HOST/webhooks/NAME``). Only what carries that address, or our label, is
    ours; nothing else is touched.
    """

    @abstractmethod
    def subscriptions(self, address: str) -> list[Subscription]:
        """Return what of ours exists there, in order or not."""

    @abstractmethod
    def subscribe(self, address: str) -> Subscribed:
        """Make what is missing and mend what is off. Safe to repeat."""

    @abstractmethod
    def unsubscribe(self, address: str) -> list[Subscription]:
        """Remove what of ours exists there, and return it. Safe to repeat."""
