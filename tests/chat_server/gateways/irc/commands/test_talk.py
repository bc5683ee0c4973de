"""PRIVMSG, NOTICE, TAGMSG: who hears what, and what comes back."""

from functools import partial

import pytest

from tests.chat_server.house import House
from tests.support.irc_peer import Heard, IrcHouse

EVERYTHING = ("echo-message", "labeled-response", "batch", "message-tags", "server-time")


def test_a_room_hears_it(house: House, irc: IrcHouse) -> None:
    """Whoever is in it, however they are here; who said it hears nothing."""
    bob = house.enter("bob", "a")
    ana, eva = irc.enter("ana", "#a"), irc.enter("eva", "#a")
    ana.send("PRIVMSG #a :hello all", "PRIVMSG #A :\x01ACTION waves\x01", "NOTICE #a :mind")
    found = [bob.messages(1)[0] for _ in range(3)]
    assert [(each["kind"], each["text"]) for each in found] == [
        ("text", "hello all"),
        ("action", "waves"),
        ("text", "mind"),
    ]
    assert eva.expect("PRIVMSG", "#a", "hello all").source == "ana!ana@backchannel"
    eva.expect("PRIVMSG", "#a", "\x01ACTION waves\x01")
    eva.expect("NOTICE", "#a", "mind")
    bob.say("a", "hello ana")
    assert ana.expect("PRIVMSG", "#a", "hello ana", source="bob!bob@backchannel").tags == {}
    assert not [heard for heard in ana.sync() if heard.nick == "ana"]


def test_what_is_long_comes_in_several_lines(house: House, irc: IrcHouse) -> None:
    """And what has line feeds; what was one message has one msgid."""
    bob = house.enter("bob", "a")
    ana = irc.enter("ana", "#a", capabilities=("message-tags", "server-time"))
    text = "one\n\n" + "wörd " * 300 + "\n" + "\U0001f600" * 400
    bob.say("a", text)
    bob.say("a", "end", kind="action")
    found: list[Heard] = []
    while not found or "end" not in found[-1].text:
        found.append(ana.expect("PRIVMSG", "#a"))
    assert [heard.tags.get("msgid") for heard in found] == [
        "a/1",
        *[None] * (len(found) - 2),
        "a/2",
    ]
    assert len({heard.tags["time"] for heard in found[:-1]}) == 1
    assert "".join(heard.text for heard in found[:-1]) == text.replace("\n\n", "\n \n").replace(
        "\n", ""
    )


def test_a_long_action_is_one_in_each_line(house: House, irc: IrcHouse) -> None:
    """Each line by itself says so."""
    bob = house.enter("bob", "a")
    ana = irc.enter("ana", "#a")
    bob.say("a", "x" * 700, kind="action")
    found = [ana.expect("PRIVMSG", "#a").text for _ in range(2)]
    assert all(text.startswith("\x01ACTION ") and text.endswith("\x01") for text in found)
    assert sum(text.count("x") for text in found) == 700


def test_notices_are_from_the_server(house: House, irc: IrcHouse) -> None:
    """See also test_order."""
    assert house.server is not None
    owner = house.enter("owner", "a")
    owner.ok("claim", secret=house.server.owner_secret)
    ana = irc.enter("ana", "#a")
    owner.ok("announce", room="a", text="five\nminutes")
    ana.expect("NOTICE", "#a", "five", source="backchannel")
    ana.expect("NOTICE", "#a", "minutes", source="backchannel")


def test_formatting_is_left_out(house: House, irc: IrcHouse) -> None:
    """No text has control characters here."""
    bob = house.enter("bob", "a")
    irc.enter("ana", "#a").send("PRIVMSG #a :\x02bold\x02 \x0304,12red\x03 \x1ditalic\x0f")
    assert bob.messages(1)[0]["text"] == "bold red italic"


def test_one_person(house: House, irc: IrcHouse) -> None:
    """Both ways; CTCP goes no further."""
    bob = house.enter("bob")
    ana, eva = irc.enter("ana"), irc.enter("eva")
    ana.send(
        "PRIVMSG bob :psst", "PRIVMSG BOB :\x01ACTION winks\x01", "PRIVMSG bob :\x01VERSION\x01"
    )
    ana.send("PRIVMSG eva,bob :both", "NOTICE eva :mind")
    found = [bob.expect("direct")["text"] for _ in range(3)]
    assert found == ["psst", "* ana winks", "both"]
    eva.expect("PRIVMSG", "eva", "both", source="ana!ana@backchannel")
    eva.expect("NOTICE", "eva", "mind", source="ana!ana@backchannel")
    bob.ok("tell", to="ana", text="yes?\nno")
    ana.expect("PRIVMSG", "ana", "yes?", source="bob!bob@backchannel")
    ana.expect("PRIVMSG", "ana", "no")


@pytest.mark.parametrize(
    ("line", "numerics"),
    [
        ("PRIVMSG", ["411"]),
        ("PRIVMSG #a", ["412"]),
        ("PRIVMSG #a :", ["412"]),
        ("PRIVMSG nobody :x", ["401"]),
        ("PRIVMSG #none :x", ["403"]),
        ("PRIVMSG #b :x", ["404"]),
        ("PRIVMSG #ä :x", ["403"]),
        ("PRIVMSG a,b,c,d,e :x", ["407"]),
        ("PRIVMSG * :x", ["401"]),
        ("PRIVMSG #a :\x07", ["404"]),
        ("PRIVMSG #a :\x02", ["404"]),
        ("NOTICE", []),
        ("NOTICE #a", []),
        ("NOTICE nobody :x", []),
        ("NOTICE #none :x", []),
        ("NOTICE #b :x", []),
        ("TAGMSG #a", ["421"]),
    ],
)
def test_mistakes(house: House, irc: IrcHouse, line: str, numerics: list[str]) -> None:
    """The numeric that fits; of a NOTICE nothing is ever said."""
    house.enter("bob", "b")
    assert irc.enter("ana", "#a").commands(line) == numerics


def test_too_long_a_line(irc: IrcHouse) -> None:
    """417, and nothing is said."""
    ana, eva = irc.enter("ana", "#a"), irc.enter("eva", "#a")
    ana.expect("JOIN", "#a", source="eva!eva@backchannel")
    assert ana.commands(f"PRIVMSG #a :{'x' * 500}") == ["417"]
    assert ana.commands(f"PRIVMSG #a :{'x' * 498}") == []
    assert sum(eva.expect("PRIVMSG").text.count("x") for _ in range(2)) == 498


def test_what_is_not_utf8_is_refused(irc: IrcHouse) -> None:
    """By a FAIL, or a notice."""
    ana = irc.enter("ana", "#a", capabilities=("standard-replies",))
    ana.send_raw(b"PRIVMSG #a :\xff\r\n")
    ana.expect("FAIL", "*", "INVALID_UTF8")
    eva = irc.enter("eva")
    eva.send_raw(b"PRIVMSG #a :\xff\r\n")
    eva.expect("NOTICE", "eva", source="backchannel")


# -- echoes and labels ----------------------------------------------------------------------------


def _is(command: str, target: str, heard: Heard) -> bool:
    return (heard.command, heard.params[0]) == (command, target)


def test_an_echo(irc: IrcHouse) -> None:
    """As others hear it: with the same time and msgid."""
    ana = irc.enter("ana", "#a", capabilities=EVERYTHING)
    eva = irc.enter("eva", "#a", capabilities=("message-tags", "server-time"))
    ana.send("PRIVMSG #a :hello", "NOTICE #a :mind", "PRIVMSG eva :psst", "NOTICE eva :hey")
    for command, target in (
        ("PRIVMSG", "#a"),
        ("NOTICE", "#a"),
        ("PRIVMSG", "eva"),
        ("NOTICE", "eva"),
    ):
        wanted = partial(_is, command, target)
        echo, heard = ana.take(wanted), eva.take(wanted)
        assert echo == heard
        assert set(echo.tags) == {"time", "msgid"}


def test_a_label_is_on_the_echo(irc: IrcHouse) -> None:
    """And on nobody else's line."""
    ana = irc.enter("ana", "#a", capabilities=EVERYTHING)
    eva = irc.enter("eva", "#a", capabilities=EVERYTHING)
    ana.send(
        "@label=one PRIVMSG #a :hello", "@label=two PRIVMSG eva :psst", "@label=3 NOTICE #a :x"
    )
    found = [ana.expect("PRIVMSG") for _ in range(2)]
    labels = {heard.params[0]: heard.tags["label"] for heard in found}
    assert labels == {"#a": "one", "eva": "two"}
    assert ana.expect("NOTICE", "#a").tags["label"] == "3"
    assert [("label" in eva.expect("PRIVMSG").tags) for _ in range(2)] == [False, False]


def test_a_label_without_an_echo_is_acknowledged(irc: IrcHouse) -> None:
    """When it is stored."""
    ana = irc.enter("ana", "#a", capabilities=("labeled-response", "batch"))
    ana.send("@label=one PRIVMSG #a :hello")
    assert ana.expect("ACK").tags == {"label": "one"}
    ana.send("@label=two PRIVMSG #none :hello")
    assert ana.expect("403").tags == {"label": "two"}
    ana.send("@label=three NOTICE #none :hello")
    assert ana.expect("ACK").tags == {"label": "three"}


def test_several_lines_are_a_batch(irc: IrcHouse) -> None:
    """Of one line, to several, or long."""
    ana = irc.enter("ana", "#a", "#b", capabilities=EVERYTHING)
    ana.send("@label=one PRIVMSG #a,#b,nobody :hello")
    found = [*ana.until("BATCH"), *ana.until("BATCH")]
    assert found[0].tags["label"] == "one"
    assert found[0].params[1] == "labeled-response"
    assert sorted(heard.command for heard in found[1:-1]) == ["401", "PRIVMSG", "PRIVMSG"]
    assert {heard.tags["batch"] for heard in found[1:-1]} == {found[0].params[0][1:]}
    ana.send(f"@label=two PRIVMSG #a :{'x' * 495}")
    found = [*ana.until("BATCH"), *ana.until("BATCH")]
    assert [heard.command for heard in found[1:-1]] == ["PRIVMSG", "PRIVMSG"]


def test_labels_need_both_capabilities(irc: IrcHouse) -> None:
    """Without batches there are none."""
    ana = irc.enter("ana", capabilities=("labeled-response",))
    assert ana.ask("@label=one PING x")[0].tags == {}


@pytest.mark.parametrize(
    "line",
    [
        "PING x",
        "MOTD",
        "WHOIS ana",
        "WHO ana",
        "NAMES #a",
        "MODE #a",
        "TOPIC #a",
        "LIST",
        "JOIN #b",
        "PART #a",
        "AWAY :x",
        "NICK other",
        "NONSENSE",
        "VERSION",
        "ISON ana",
        "TOPIC #a :new",
        "SETNAME :me",
        "MODE #a +m",
        "KICK #a ana",
        "CAP LIST",
        "CHATHISTORY LATEST #a * 5",
        "LUSERS",
        "OPER owner x",
        "PONG x",
    ],
)
def test_every_line_is_answered_with_its_label(irc: IrcHouse, line: str) -> None:
    """One line, a batch, or an ACK."""
    ana = irc.enter("ana", "#a", capabilities=(*EVERYTHING, "setname"))
    ana.send(f"@label=it {line}")
    heard = ana.take(lambda heard: "label" in heard.tags)
    assert heard.tags["label"] == "it"
    if heard.command == "BATCH":
        reference = heard.params[0][1:]
        end = ana.take(
            lambda heard: heard.command == "BATCH" and heard.params[0] == f"-{reference}"
        )
        assert end.params == (f"-{reference}",)
    assert all("label" not in heard.tags for heard in ana.sync())


# -- the clients' own tags ------------------------------------------------------------------------


def test_tags_of_the_clients_own(house: House, irc: IrcHouse) -> None:
    """Those with a + go to who has message-tags, on messages and alone; others to nobody."""
    ana = irc.enter("ana", "#a", capabilities=("message-tags", "echo-message"))
    eva = irc.enter("eva", "#a", capabilities=("message-tags",))
    ida = irc.enter("ida", "#a", capabilities=("server-time",))
    bob = house.enter("bob", "a")
    ana.send(r"@+baz=a\:b;fizz=buzz PRIVMSG #a :hi", r"@+typing=active;x=y TAGMSG #a")
    for peer in (ana, eva):
        heard = peer.expect("PRIVMSG", "#a", "hi")
        assert heard.tags == {"+baz": "a;b", "msgid": heard.tags["msgid"]}
    echo, heard = ana.expect("TAGMSG", "#a"), eva.expect("TAGMSG", "#a")
    assert echo == heard
    assert heard.tags == {"+typing": "active", "msgid": heard.tags["msgid"]}
    assert set(ida.expect("PRIVMSG", "#a", "hi").tags) == {"time"}
    assert not [heard for heard in ida.sync() if heard.command == "TAGMSG"]
    assert bob.messages(1)[0]["text"] == "hi"
    ana.send("@+react=x TAGMSG eva", "@+react=y PRIVMSG eva :hi")
    assert eva.expect("TAGMSG", "eva").tags["+react"] == "x"
    assert eva.expect("PRIVMSG", "eva").tags["+react"] == "y"
    assert ana.expect("PRIVMSG", "eva").tags["+react"] == "y"


def test_tags_that_are_refused(house: House, irc: IrcHouse) -> None:
    """To nobody, to where one is not, and in a frozen room."""
    assert house.server is not None
    owner = house.enter("owner", "a", "b")
    owner.ok("claim", secret=house.server.owner_secret)
    owner.ok("freeze", room="a")
    ana = irc.enter("ana", "#a", capabilities=("message-tags",))
    lines = [f"@+a=b TAGMSG {target}" for target in ("#a", "#b", "#c", "#ä", "nobody", "")]
    assert ana.commands(*lines) == ["404", "404", "404", "403", "401", "411"]


def test_the_limit_of_tags(irc: IrcHouse) -> None:
    """4,096 bytes with the @ and the blank are passed on whole; one more is 417."""
    ana = irc.enter("ana", "#a", capabilities=("message-tags", "echo-message"))
    ana.send(f"@foo=bar;+baz={'a' * 4081} TAGMSG #a", f"@foo=bar;+baz={'a' * 4082} TAGMSG #a")
    assert ana.expect("TAGMSG").tags["+baz"] == "a" * 4081
    ana.expect("417")


def test_replies_and_changes(house: House, irc: IrcHouse) -> None:
    """A reply has IRCv3's tag, in both directions. Who edits or deletes is heard in a notice."""
    bob = house.enter("bob", "a")
    ana = irc.enter("ana", "#a", capabilities=("message-tags",))
    eva = irc.enter("eva", "#a")
    first = bob.say("a", "is recv blocking?")
    ana.expect("PRIVMSG", "#a", "is recv blocking?")
    ana.send(f"@+draft/reply=a/{first};+x=1 PRIVMSG #a :yes")
    reply = bob.take(lambda frame: frame.get("text") == "yes")
    assert reply["reply_to"] == first
    second = bob.say("a", "thanks", reply_to=reply["seq"])
    tags = ana.expect("PRIVMSG", "#a", "thanks").tags
    assert tags["+draft/reply"] == tags["+reply"] == f"a/{reply['seq']}"
    bob.ok("edit", room="a", seq=second, text="thank you\nall")
    edit = ana.expect("NOTICE", "#a", f"(edited message {second}) thank you")
    assert edit.source == "bob!bob@backchannel"
    assert edit.tags["+draft/reply"] == f"a/{second}"
    assert ana.expect("NOTICE", "#a", "all").source == "bob!bob@backchannel"
    bob.ok("delete", room="a", seq=first)
    ana.expect("NOTICE", "#a", f"(deleted message {first})")
    assert eva.expect("NOTICE", "#a", f"(edited message {second}) thank you").tags == {}
    ana.send("@+draft/reply=a/999 PRIVMSG #a :to nothing")
    ana.expect("404")
    ana.send("@+draft/reply=other/1 PRIVMSG #a :elsewhere")
    assert "reply_to" not in bob.take(lambda frame: frame.get("text") == "elsewhere")


def test_who_comes_later_gets_the_latest_state(house: House, irc: IrcHouse) -> None:
    """Without the text of what was deleted, and with a word where it was edited."""
    bob = house.enter("bob", "a")
    seq = bob.say("a", "a secret")
    bob.say("a", "tee")
    bob.ok("edit", room="a", seq=seq + 1, text="tea")
    bob.ok("delete", room="a", seq=seq)
    late = irc.enter("late", capabilities=("message-tags", "server-time"))
    late.send("JOIN #a")
    late.expect("PRIVMSG", "#a", "(deleted)")
    late.expect("PRIVMSG", "#a", "tea (edited)")
    assert not [heard for heard in late.sync() if "secret" in str(heard)]
