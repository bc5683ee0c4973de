"""MODE and KICK: what moderators do, what others see of it, and what nobody else may."""

from collections.abc import Callable

import pytest

from tests.chat_server.house import House
from tests.chat_server.moderation.order_house import OrderedHouse
from tests.support.clock import ManualClock
from tests.support.irc_peer import Heard, IrcHouse, IrcPeer, irc_house
from tests.support.servers import running_server
from tests.support.waiting import eventually


def names(found: list[Heard]) -> list[str]:
    """Those in the 353s."""
    return [nick for heard in found if heard.command == "353" for nick in heard.text.split()]


def moderator(place: OrderedHouse, ordered_irc: IrcHouse, *capabilities: str) -> IrcPeer:
    """Somebody on IRC, in the lobby, who keeps order."""
    peer = ordered_irc.enter("olga", "#lobby", capabilities=capabilities)
    place.ada.ok("op", who="olga")
    peer.expect("MODE", "#lobby", "+o", "olga")
    return peer


def test_the_modes_of_a_room(place: OrderedHouse, ordered_irc: IrcHouse) -> None:
    """n always, t unless everybody may set the topic; m while frozen, i while locked."""
    ordered_irc.enter("eve", "#other").sync()
    assert ordered_irc.enter("zoe", "#other").ask("MODE #other")[0].params[2] == "+nt"
    peer = ordered_irc.enter("ana", "#lobby")
    (heard,) = peer.ask("MODE #lobby")
    assert heard.params[1:] == ("#lobby", "+nt")
    place.ada.ok("freeze", room="lobby")
    peer.expect("MODE", "#lobby", "+m", source="backchannel")
    place.ada.ok("lock", room="lobby", locked=True)
    peer.expect("MODE", "#lobby", "+i", source="backchannel")
    peer.send("MODE #lobby")
    peer.expect("324", "ana", "#lobby", "+imnt")
    place.ada.ok("unfreeze", room="lobby")
    peer.expect("MODE", "#lobby", "-m")


def test_ranks(place: OrderedHouse, ordered_irc: IrcHouse) -> None:
    """@ for moderators, + for who may speak in a frozen room."""
    peer = ordered_irc.enter("ana", "#lobby")
    assert names(peer.ask("NAMES #lobby")) == ["@ada", "ana", "@mia"]
    place.ada.ok("freeze", room="lobby", speakers=["ana"])
    peer.expect("MODE", "#lobby", "+m")
    assert names(peer.ask("NAMES #lobby")) == ["@ada", "+ana", "@mia"]


def test_one_role_changes(place: OrderedHouse, ordered_irc: IrcHouse) -> None:
    """The client is told in each of its rooms."""
    peer = moderator(place, ordered_irc)
    assert names(peer.ask("NAMES #lobby")) == ["@ada", "@mia", "@olga"]
    place.ada.ok("deop", who="olga")
    peer.expect("MODE", "#lobby", "-o", "olga")


def test_freezing(place: OrderedHouse, ordered_irc: IrcHouse) -> None:
    """+m and -m; who may not speak gets 404 with the reason."""
    peer = moderator(place, ordered_irc)
    ana = ordered_irc.enter("ana", "#lobby")
    peer.send("MODE #lobby +m")
    for each in (peer, ana):
        each.expect("MODE", "#lobby", "+m")
        each.take(lambda heard: (heard.command, heard.params[0]) == ("NOTICE", "#lobby"))
    ana.send("PRIVMSG #lobby :may I?")
    assert "frozen" in ana.expect("404", "ana", "#lobby").text
    peer.send("MODE #lobby +v ana")
    peer.expect("MODE", "#lobby", "+v", "ana", source="olga!olga@backchannel")
    ana.send("PRIVMSG #lobby :I may")
    peer.expect("PRIVMSG", "#lobby", "I may")
    peer.send("MODE #lobby -v ana")
    peer.expect("MODE", "#lobby", "-v", "ana")
    ana.send("PRIVMSG #lobby :no more")
    ana.expect("404")
    peer.send("MODE #lobby -m")
    ana.expect("MODE", "#lobby", "-m")


def test_locking(place: OrderedHouse, ordered_irc: IrcHouse) -> None:
    """+i and -i tell everybody; who may not come in gets 473."""
    peer = moderator(place, ordered_irc)
    ana = ordered_irc.enter("ana")
    peer.send("MODE #lobby +i")
    peer.expect("MODE", "#lobby", "+i", source="backchannel")
    assert ana.commands("JOIN #lobby") == ["473"]
    peer.send("MODE #lobby -i")
    peer.expect("MODE", "#lobby", "-i")
    assert "366" in ana.commands("JOIN #lobby")


@pytest.mark.parametrize("mask", ["bob", "bob!*@*", "bob!bob@backchannel"])
def test_banning(place: OrderedHouse, ordered_irc: IrcHouse, mask: str) -> None:
    """Of the whole server; the list is for moderators, and -b ends it."""
    peer = moderator(place, ordered_irc)
    bob = ordered_irc.enter("bob", "#lobby")
    peer.send(f"MODE #lobby +b {mask}")
    assert [heard.command for heard in bob.read_to_end()][-2:] == ["465", "ERROR"]
    peer.expect("MODE", "#lobby", "+b", mask)
    again = ordered_irc.connect()
    again.send("NICK bob", "USER b 0 * :Bob")
    assert [heard.command for heard in again.read_to_end()] == ["465", "ERROR"]
    (ban, end) = [heard for heard in peer.ask("MODE #lobby b") if heard.command in ("367", "368")]
    assert ban.params[1:4] == ("#lobby", "bob!*@*", "olga")
    assert end.command == "368"
    assert ordered_irc.enter("ana", "#lobby").commands("MODE #lobby +b") == ["368"]
    peer.send("MODE #lobby -b bob!*@*")
    peer.expect("MODE", "#lobby", "-b", "bob!*@*")
    ordered_irc.enter("bob")


@pytest.mark.parametrize(("mask", "who"), [("*!*@10.0.0.7", "10.0.0.7"), ("$a:bob", "@bob")])
def test_banning_addresses_and_accounts(
    place: OrderedHouse, ordered_irc: IrcHouse, mask: str, who: str
) -> None:
    """As IRC writes them."""
    place.enter("bob").ok("register", password="long secret")
    peer = moderator(place, ordered_irc)
    peer.send(f"MODE #lobby +b {mask}")
    peer.expect("MODE", "#lobby", "+b", mask)
    assert [ban["who"] for ban in place.ada.page("bans")["bans"]] == [who]
    assert any(heard.params[2:3] == (mask,) for heard in peer.ask("MODE #lobby b"))


def test_making_moderators(place: OrderedHouse, ordered_irc: IrcHouse) -> None:
    """For owners, as everywhere."""
    assert place.running.owner_secret
    peer = ordered_irc.enter("olga", "#lobby")
    ana = ordered_irc.enter("ana", "#lobby")
    peer.send(f"OPER owner {place.running.owner_secret}")
    peer.expect("MODE", "#lobby", "+o", "olga")
    peer.expect("381", "olga")
    peer.send("MODE #lobby +o ana")
    ana.expect("MODE", "#lobby", "+o", "ana")
    peer.expect("MODE", "#lobby", "+o", "ana")
    peer.send("MODE #lobby -o ana")
    ana.expect("MODE", "#lobby", "-o", "ana")


@pytest.mark.parametrize(
    "line",
    [
        "MODE #lobby +m",
        "MODE #lobby -i",
        "MODE #lobby +b ada",
        "KICK #lobby ada",
        "MODE #lobby +v ana",
        "MODE #lobby +o ana",
    ],
)
def test_for_nobody_else(place: OrderedHouse, ordered_irc: IrcHouse, line: str) -> None:
    """482."""
    assert place.ada
    peer = ordered_irc.enter("ana", "#lobby")
    peer.send(line)
    peer.expect("482", "ana", "#lobby")


@pytest.mark.parametrize(
    ("line", "numerics"),
    [
        ("MODE", ["461"]),
        ("MODE #none", ["403"]),
        ("MODE #lobby +x", ["472"]),
        ("MODE #lobby +n", ["324"]),
        ("MODE #lobby +v", ["461"]),
        ("MODE #lobby +o", ["461"]),
        ("MODE nobody", ["401"]),
        ("MODE ada", ["502"]),
        ("MODE olga", ["221"]),
        ("MODE olga +i", ["221"]),
        ("MODE olga +x", ["501"]),
        ("MODE #lobby +b a:b:c", ["401"]),
        ("MODE #lobby -b nobody", ["401"]),
        ("MODE #other +m", ["442"]),
        ("KICK", ["461"]),
        ("KICK #lobby", ["461"]),
        ("KICK #none ana", ["403"]),
        ("KICK #lobby nobody", ["441"]),
        ("KICK #other ada", ["442"]),
        ("KICK #lobby ada", ["482"]),
    ],
)
def test_mistakes(
    place: OrderedHouse, ordered_irc: IrcHouse, line: str, numerics: list[str]
) -> None:
    """The numeric that fits."""
    place.enter("bob", "other")
    peer = moderator(place, ordered_irc)
    place.ada.ping()
    peer.sync()
    peer.queue.clear()
    found = peer.ask(line)
    assert [heard.command for heard in found if heard.command != "NOTICE"] == numerics


def test_a_kick(place: OrderedHouse, ordered_irc: IrcHouse, clock: ManualClock) -> None:
    """From the server, as is said; others on IRC see a KICK, and the one it is about too."""
    peer = moderator(place, ordered_irc)
    ana, bob = ordered_irc.enter("ana", "#lobby"), ordered_irc.enter("bob", "#lobby")
    clock.advance(1)
    ana.expect("JOIN", "#lobby", source="bob!bob@backchannel")
    peer.send("KICK #lobby bob :enough")
    assert "of the server" in peer.take(lambda heard: "thrown out of" in heard.text).text
    last = bob.read_to_end()[-2:]
    assert [heard.command for heard in last] == ["KICK", "ERROR"]
    assert last[0].params == ("#lobby", "bob", "enough")
    assert last[0].source == "olga!olga@backchannel"
    clock.advance(1)
    ana.expect("KICK", "#lobby", "bob", "enough", source="olga!olga@backchannel")
    assert "enough" in ana.expect("NOTICE", "#lobby", source="backchannel").text


def test_being_thrown_out_by_others(place: OrderedHouse, ordered_irc: IrcHouse) -> None:
    """Who is on IRC reads why."""
    bob = ordered_irc.enter("bob", "#lobby")
    place.ada.ok("kick", who="bob", reason="enough")
    assert [heard.command for heard in bob.read_to_end()][-2:] == ["KICK", "ERROR"]


def test_a_kick_by_others_is_a_kick(
    place: OrderedHouse, ordered_irc: IrcHouse, clock: ManualClock
) -> None:
    """From the server; a notice of the room says more. Who is thrown out need not be on IRC."""
    ana = ordered_irc.enter("ana", "#lobby")
    place.enter("bob", "lobby")
    clock.advance(1)
    ana.expect("JOIN", "#lobby", source="bob!bob@backchannel")
    place.ada.ok("kick", who="bob", reason="enough")
    clock.advance(1)
    ana.expect("KICK", "#lobby", "bob", source="backchannel")
    assert "enough" in ana.expect("NOTICE", "#lobby", source="backchannel").text


def test_who_may_not_speak_gives_no_reason(
    place: OrderedHouse, ordered_irc: IrcHouse, clock: ManualClock
) -> None:
    """A mute binds what is said in going, too."""
    ana, bob = ordered_irc.enter("ana", "#lobby"), ordered_irc.enter("bob", "#lobby")
    clock.advance(1)
    ana.expect("JOIN", "#lobby", source="bob!bob@backchannel")
    place.ada.ok("mute", who="bob", seconds=60)
    bob.send("QUIT :last words")
    bob.read_to_end()
    clock.advance(1)
    assert ana.expect("QUIT", source="bob!bob@backchannel").text == "gone"


def test_slow_mode_and_mutes(place: OrderedHouse, ordered_irc: IrcHouse) -> None:
    """404 with the reason, and how long to wait."""
    ana = ordered_irc.enter("ana", "#lobby")
    place.ada.ok("slow", room="lobby", seconds=60)
    ana.send("PRIVMSG #lobby :one", "PRIVMSG #lobby :two")
    assert "wait" in ana.expect("404", "ana", "#lobby").text
    place.ada.ok("mute", who="ana", seconds=60)
    ana.send("PRIVMSG #lobby :three")
    assert "muted" in ana.expect("404", "ana", "#lobby").text
    bob = place.enter("bob")
    ana.send("PRIVMSG bob :four", "NICK other", "TOPIC #lobby :five", "AWAY :six", "SETNAME :seven")
    refused = [ana.take(lambda heard: "muted" in heard.text).command for _ in range(5)]
    assert sorted(refused) == ["482", *["NOTICE"] * 4]
    bob.ping()


def test_hands(place: OrderedHouse, ordered_irc: IrcHouse) -> None:
    """Moderators on IRC are told."""
    peer = moderator(place, ordered_irc)
    bob = place.enter("bob", "lobby")
    place.ada.ok("freeze", room="lobby")
    bob.ok("hand", room="lobby", up=True)
    heard = peer.take(lambda heard: "hand" in heard.text and "raised" in heard.text)
    assert (heard.command, heard.params[0]) == ("NOTICE", "#lobby")


@pytest.mark.parametrize(
    ("line", "numeric"),
    [("OPER", "461"), ("OPER owner", "461"), ("OPER root x", "491"), ("OPER owner wrong", "464")],
)
def test_oper(irc: IrcHouse, line: str, numeric: str) -> None:
    """`OPER owner SECRET`, or the numeric that fits."""
    assert irc.enter("ana").commands(line) == [numeric]


def test_the_rate_limit() -> None:
    """Over it a line is refused, with the seconds to wait; who goes on is a flooder."""
    with (
        running_server(requests_per_second=1.0, requests_burst=60) as server,
        House(server) as house,
        irc_house(house.address) as irc,
    ):
        ana = irc.enter("ana", "#a", capabilities=("standard-replies",))
        ana.send(*["PRIVMSG #a :x"] * 60)
        heard = ana.expect("404", "ana", "#a")
        assert "wait" in heard.text
        ana.send("NICK other")
        assert "wait" in ana.expect("263", "ana", "NICK").text
        ana.send(*["PRIVMSG #a :x"] * 100)
        assert ana.read_to_end()[-1].command == "ERROR"


def answers(peer: IrcPeer, line: str) -> list[str]:
    """The commands of what a line is answered, without what a room is told."""
    told = ("NOTICE", "MODE", "JOIN")
    return [heard.command for heard in peer.ask(line) if heard.command not in told]


def tell_presence(place: OrderedHouse, clock: ManualClock) -> None:
    """Let it be time to tell rooms who came, went, and has another role."""
    clock.advance(1)
    place.running.timers.wake()


def test_inviting(place: OrderedHouse, ordered_irc: IrcHouse) -> None:
    """INVITE is answered by 341; who is invited reads it, and comes into a room with +i."""
    peer = moderator(place, ordered_irc)
    ana, bob = ordered_irc.enter("ana"), ordered_irc.enter("bob")
    peer.send("MODE #lobby +i")
    peer.expect("MODE", "#lobby", "+i")
    assert answers(ana, "JOIN #lobby") == ["473"]
    peer.send("INVITE ana #lobby")
    peer.expect("341", "olga", "ana", "#lobby")
    ana.expect("INVITE", "ana", "#lobby", source="olga!olga@backchannel")
    assert "366" in ana.commands("JOIN #lobby")
    for line in ("INVITE bob #lobby", "MODE #lobby", "PRIVMSG #lobby :hi", "TOPIC #lobby"):
        assert answers(bob, line) == ["403"]
    assert answers(bob, "LIST") == ["321", "323"]
    assert answers(peer, "INVITE nobody #lobby") == ["401"]
    assert answers(peer, "INVITE ana") == ["461"]


def test_who_is_uninvited_is_thrown_out_of_the_room(
    place: OrderedHouse, ordered_irc: IrcHouse
) -> None:
    """IRC reads it as a KICK by the server."""
    ana = ordered_irc.enter("ana", "#lobby")
    place.ada.ok("set_rules", room="lobby", invite_only=True)
    ana.expect("MODE", "#lobby", "+i")
    place.ada.ok("uninvite", room="lobby", who="ana")
    ana.expect("KICK", "#lobby", "ana", source="backchannel")
    assert answers(ana, "JOIN #lobby") == ["473"]


def test_topics_and_announcements(place: OrderedHouse, ordered_irc: IrcHouse) -> None:
    """+t and -t; +m while a room is read-only, which a freeze that ends does not take away."""
    peer = moderator(place, ordered_irc)
    ana = ordered_irc.enter("ana", "#lobby")
    assert answers(ana, "TOPIC #lobby :mine") == ["482"]
    peer.send("MODE #lobby -t")
    ana.expect("MODE", "#lobby", "-t")
    eventually(lambda: "TOPIC" in ana.commands("TOPIC #lobby :mine"))
    peer.send("MODE #lobby +t")
    ana.expect("MODE", "#lobby", "+t")
    place.ada.ok("set_rules", room="lobby", read_only=True)
    ana.expect("MODE", "#lobby", "+m")
    place.ada.ok("freeze", room="lobby")
    place.ada.ok("unfreeze", room="lobby")
    place.ada.ok("set_rules", room="lobby", read_only=False)
    ana.expect("MODE", "#lobby", "-m")
    modes = [heard.params[1] for heard in ana.ask("PING x") if heard.command == "MODE"]
    assert modes == []


def is_mode(*params: str) -> Callable[[Heard], bool]:
    """Whether a line is a MODE with these parameters."""
    return lambda heard: heard.command == "MODE" and heard.params == params


def test_who_is_in_charge_is_seen_by_all(
    place: OrderedHouse, ordered_irc: IrcHouse, clock: ManualClock
) -> None:
    """MODE +o when somebody is appointed, and when somebody in charge comes in; -o at the end."""
    ana = ordered_irc.enter("ana", "#lobby", "#other")
    place.ada.ok("op", who="ana")
    for room in ("#lobby", "#other"):
        ana.take(is_mode(room, "+o", "ana"))
    place.enter("bob", "lobby")
    place.ada.ok("op", who="bob")
    tell_presence(place, clock)
    ana.take(is_mode("#lobby", "+o", "bob"))
    place.ada.join("other")
    tell_presence(place, clock)
    ana.take(lambda heard: heard.command == "JOIN" and heard.params == ("#other",))
    ana.take(is_mode("#other", "+o", "ada"))
    place.ada.ok("deop", who="bob")
    tell_presence(place, clock)
    ana.take(is_mode("#lobby", "-o", "bob"))


def test_whoever_is_muted_reads_it(place: OrderedHouse, ordered_irc: IrcHouse) -> None:
    """In each of their rooms, and when it ends."""
    ana = ordered_irc.enter("ana", "#lobby")
    place.mia.ok("mute", who="ana", reason="spam")
    assert "muted by mia: spam" in ana.expect("NOTICE", "#lobby").text
    place.mia.ok("unmute", who="ana")
    assert "may talk again" in ana.expect("NOTICE", "#lobby").text


def test_nobody_reads_the_real_name_of_who_is_muted(
    place: OrderedHouse, ordered_irc: IrcHouse
) -> None:
    """Nor that with which they come again: they could say anything in it."""
    bob = ordered_irc.enter("bob", "#lobby")
    place.mia.ok("mute", who="bob")
    bob.send("QUIT")
    bob.read_to_end()
    ordered_irc.enter("bob", "#lobby")
    found = ordered_irc.enter("ana", "#lobby").ask("WHOIS bob", "WHO bob")
    assert [each.text for each in found if each.command in ("311", "352")] == ["bob", "0 bob"]


def test_nobody_reads_what_who_is_muted_wrote_of_themself_before(
    place: OrderedHouse, ordered_irc: IrcHouse
) -> None:
    """Away text and real name: not when somebody asks, nor when they come into a room."""
    bob = ordered_irc.enter("bob", "#lobby")
    bob.ask("AWAY :insults", "SETNAME :insults")
    ana = ordered_irc.enter("ana", "#lobby", "#garden", capabilities=("away-notify",))
    place.mia.ok("mute", who="bob")
    bob.expect("NOTICE", "#lobby")
    bob.join("#garden")
    ana.expect("JOIN", "#garden", source="bob!bob@backchannel")
    found = ana.ask("WHOIS bob", "WHO bob", "WHO #lobby", "PRIVMSG bob :hello?")
    assert not [each for each in found if "insults" in each.text]
    assert "301" not in [each.command for each in found]
    place.mia.ok("unmute", who="bob")


def test_nobody_reads_parting_words_in_a_room_where_they_may_not_speak(
    place: OrderedHouse, ordered_irc: IrcHouse
) -> None:
    """Nor why somebody is away who is there: it is frozen for these as for what is said."""
    capabilities = ("away-notify", "setname")
    ana = ordered_irc.enter("ana", "#lobby", capabilities=capabilities)
    bob = ordered_irc.enter("bob", "#lobby", "#garden")
    ida = ordered_irc.enter("ida", "#garden", capabilities=capabilities)
    place.ada.ok("freeze", room="lobby")
    bob.expect("MODE", "#lobby", "+m")
    bob.ask("AWAY :lunch", "SETNAME :Robert")
    ida.expect("AWAY", "lunch")
    ida.expect("SETNAME", "Robert")
    bob.ask("PART #lobby :insults")
    heard = ana.sync()
    assert not [each for each in heard if each.command in ("AWAY", "SETNAME")]
    bob.join("#lobby")
    bob.send("QUIT :insults")
    bob.read_to_end()
    heard += ana.sync()
    assert [each.params for each in heard if each.command == "PART"] == [("#lobby",)]
    assert [each.params for each in heard if each.command == "QUIT"] == [("gone",)]
    assert [each.params for each in heard if each.command == "AWAY"] == [("away",)]
