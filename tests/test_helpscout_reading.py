"""Reading from the look-alike of Help Scout, which keeps the vendor's traps."""

from __future__ import annotations

import pytest
from helpscout_kit import NOTE, Build, acts, write
from kit import Clock

from adapters.helpscout import HelpScoutAdapter
from connector.errors import TicketGone, TicketMerged, TicketOutside, VendorUnavailable
from connector.models import Author, Message, TicketRef, TicketStatus
from connector.sandbox import World

# -- credentials --


def test_a_token_is_fetched_anew_when_the_vendor_ends_it(
    world: World, helpscout: HelpScoutAdapter, clock: Clock
) -> None:
    number = write(world)
    helpscout.fetch_ticket(number)
    clock.pass_(seconds=world.settings.token_life + 1)
    assert helpscout.fetch_ticket(number).ref == TicketRef("desk", number)


# -- reading --


def test_a_long_conversation_is_read_to_its_first_word(
    world: World, helpscout: HelpScoutAdapter
) -> None:
    number = write(world, text="the first word")
    for place in range(60):
        write(world, ticket=number, text=f"word {place}")
    words = [comment.body for comment in helpscout.fetch_ticket(number).comments]
    assert words == ["the first word", *(f"word {place}" for place in range(60))]


def test_threads_of_a_chat_are_read_although_embedding_cuts_them(
    world: World, helpscout: HelpScoutAdapter
) -> None:
    vendor = world.helpscout
    customer = vendor.ensure_customer("ann@shop.example")
    chat = vendor.open(customer, "Chat", actor="customer", type="chat")
    for place in range(5):
        vendor.customer_writes(customer, "", f"line {place}", chat)
    words = [comment.body for comment in helpscout.fetch_ticket(str(chat.id)).comments]
    assert words == [f"line {place}" for place in range(5)]


def test_a_merged_conversation_redirects_for_sixty_days_and_is_gone_then(
    world: World, helpscout: HelpScoutAdapter, clock: Clock
) -> None:
    old, new = write(world), write(world, email="bo@shop.example")
    world.agent("helpscout", old, "merge", into=new)
    with pytest.raises(TicketMerged) as caught:
        helpscout.fetch_ticket(old)
    assert caught.value.into == new
    with pytest.raises(TicketMerged):
        helpscout.add_note(old, NOTE)
    clock.pass_(days=61)
    with pytest.raises(TicketGone):
        helpscout.fetch_ticket(old)


def test_words_that_a_merge_brought_in_stay_with_who_wrote_them(
    world: World, helpscout: HelpScoutAdapter, clock: Clock
) -> None:
    old = write(world, text="first")
    clock.pass_(minutes=1)
    new = write(world, email="bo@shop.example", text="second")
    world.agent("helpscout", old, "merge", into=new)
    ticket = helpscout.fetch_ticket(new)
    assert ticket.customer.email == "bo@shop.example"
    whose = {one.body: one.author_id for one in ticket.comments}
    assert whose["first"] != ticket.customer.external_id == whose["second"]


def test_a_conversation_that_was_moved_away_is_left_alone(
    world: World, make_helpscout: Build
) -> None:
    number = write(world)
    adapter = make_helpscout(mailboxes=[31])
    assert adapter.fetch_ticket(number).fields["mailbox"] == "31"
    one = world.helpscout.get(int(number))
    world.helpscout.change(one, "mailbox_id", 32, "agent", "convo.moved")
    with pytest.raises(TicketOutside):
        adapter.fetch_ticket(number)


def test_a_deleted_conversation_is_gone(
    world: World, helpscout: HelpScoutAdapter
) -> None:
    number = write(world)
    world.agent("helpscout", number, "delete")
    with pytest.raises(TicketGone):
        helpscout.fetch_ticket(number)


def test_a_chosen_option_has_its_label_although_only_its_id_is_sent(
    world: World, helpscout: HelpScoutAdapter
) -> None:
    number = write(world)
    one = world.helpscout.get(int(number))
    world.helpscout.change(one, "fields", {104: "169", 7: "12"}, "agent", "")
    fields = helpscout.fetch_ticket(number).fields
    assert (fields["Carrier"], fields["Field 7"]) == ("Matkahuolto", "12")


@pytest.mark.parametrize("rating", ["great", "okay", "not_good"])
def test_a_rating_and_the_words_beside_it_are_read_with_the_conversation(
    world: World, helpscout: HelpScoutAdapter, rating: str
) -> None:
    number = write(world)
    world.agent("helpscout", number, "reply", text="On its way.")
    world.rate("helpscout", number, rating, "Two weeks!")
    ticket = helpscout.fetch_ticket(number)
    assert ticket.fields["satisfaction"] == rating
    (said,) = [one for one in ticket.comments if one.channel == "rating"]
    assert (said.author, said.body) == (Author.CUSTOMER, "Two weeks!")


def test_a_status_that_is_not_told_is_never_guessed(
    world: World, helpscout: HelpScoutAdapter
) -> None:
    number = write(world)
    world.helpscout.get(int(number)).status = "snoring"
    with pytest.raises(VendorUnavailable, match="nothing was written"):
        helpscout.add_note(number, NOTE)
    with pytest.raises(VendorUnavailable, match="nothing was written"):
        helpscout.send_message(number, Message(text="x", mark="m", draft=False))
    assert acts(world, "note", "message") == []
    assert helpscout.fetch_ticket(number).status is TicketStatus.UNKNOWN
