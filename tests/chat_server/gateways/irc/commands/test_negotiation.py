"""CAP and AUTHENTICATE."""

import pytest

from tests.chat_server.house import House
from tests.support.irc_peer import IrcHouse, IrcPeer

ALL = [
    "server-time",
    "message-tags",
    "echo-message",
    "batch",
    "labeled-response",
    "sasl",
    "away-notify",
    "draft/chathistory",
    "standard-replies",
    "cap-notify",
    "setname",
    "draft/message-redaction",
]


def test_what_is_listed(irc: IrcHouse) -> None:
    """With values for who understands them."""
    peer = irc.connect()
    peer.send("CAP LS")
    assert peer.expect("CAP", "*", "LS").text.split() == ALL
    peer.send("CAP LS 302")
    with_values = [name.replace("sasl", "sasl=PLAIN") for name in ALL]
    assert peer.expect("CAP", "*", "LS").text.split() == with_values


def test_nobody_comes_in_while_it_lasts(irc: IrcHouse) -> None:
    """CAP END does it."""
    peer = irc.connect()
    peer.send("CAP LS 302", "NICK ana", "USER a 0 * :Ana", "PING x")
    peer.expect("PONG")
    assert all(heard.command == "CAP" for heard in peer.queue)
    peer.send("CAP END")
    peer.expect("001")


def test_a_request_begins_it_too(irc: IrcHouse) -> None:
    """Without a list."""
    peer = irc.connect()
    peer.send("CAP REQ :echo-message", "NICK ana", "USER a 0 * :Ana", "PING x")
    peer.expect("PONG")
    peer.send("CAP END")
    peer.expect("001")


@pytest.mark.parametrize("name", ALL)
def test_each_can_be_had_and_given_up(irc: IrcHouse, name: str) -> None:
    """At any time."""
    peer = irc.enter("ana")
    peer.send(f"CAP REQ :{name}", "CAP LIST", f"CAP REQ :-{name}", "CAP LIST")
    assert peer.expect("CAP", "ana", "ACK").text.split() == [name]
    assert peer.expect("CAP", "ana", "LIST").text.split() == [name]
    assert peer.expect("CAP", "ana", "ACK").text.split() == [f"-{name}"]
    assert peer.expect("CAP", "ana", "LIST").text.split() == []


def test_all_or_nothing(irc: IrcHouse) -> None:
    """One that there is not refuses the rest."""
    peer = irc.enter("ana")
    peer.send("CAP REQ :echo-message nonsense", "CAP LIST")
    assert peer.expect("CAP", "ana", "NAK").text.split() == ["echo-message", "nonsense"]
    assert peer.expect("CAP", "ana", "LIST").text == ""


def test_cap_notify_comes_with_version_302(irc: IrcHouse) -> None:
    """And stays."""
    peer = irc.connect()
    peer.send("CAP LS 302", "CAP LIST", "CAP REQ :-cap-notify")
    peer.expect("CAP", "*", "LS")
    assert peer.expect("CAP", "*", "LIST").text == "cap-notify"
    peer.expect("CAP", "*", "NAK")


@pytest.mark.parametrize("line", ["CAP", "CAP FOO", "CAP ACK :a"])
def test_an_unknown_subcommand(irc: IrcHouse, line: str) -> None:
    """410."""
    peer = irc.connect()
    peer.send("NICK ana", line)
    peer.expect("410", "*")


# -- SASL -----------------------------------------------------------------------------------------


@pytest.fixture
def account(house: House) -> str:
    """The account `ana`, of the password `long secret`."""
    with house.connect() as owner:
        owner.hello("ana")
        owner.ok("register", password="long secret")
        owner.ok("bye")
    return "ana"


@pytest.fixture
def peer(irc: IrcHouse) -> IrcPeer:
    """Somebody who has asked for sasl."""
    peer = irc.connect()
    peer.send("CAP REQ :sasl")
    peer.expect("CAP", "*", "ACK")
    return peer


@pytest.mark.parametrize("authorized", ["", "ana"])
def test_logging_in(peer: IrcPeer, account: str, authorized: str) -> None:
    """900 and 903; then the nick is the account's, whatever was asked for."""
    peer.send("AUTHENTICATE PLAIN")
    peer.expect("AUTHENTICATE", "+")
    peer.send(f"AUTHENTICATE {peer.plain(account, 'long secret', authorized)}")
    peer.expect("900", "*", None, "ana")
    peer.expect("903", "*")
    peer.send("AUTHENTICATE PLAIN")
    peer.expect("907", "*")
    peer.send("NICK other", "USER a 0 * :Ana", "CAP END")
    peer.expect("001", "ana")
    assert any(
        "logged in" in heard.text for heard in peer.ask("WHOIS ana") if heard.command == "330"
    )


def test_it_takes_the_nick_from_a_dead_connection(
    peer: IrcPeer, account: str, house: House
) -> None:
    """Which is told."""
    dead = house.enter("ana", account_password="long secret")
    peer.send("AUTHENTICATE PLAIN", f"AUTHENTICATE {peer.plain(account, 'long secret')}")
    peer.send("NICK ana", "USER a 0 * :Ana", "CAP END")
    peer.expect("001", "ana")
    dead.expect_end("replaced")


@pytest.mark.parametrize(
    ("name", "password"), [("ana", "wrong"), ("nobody", "long secret"), ("a b", "x"), ("ana", "")]
)
def test_a_wrong_password(peer: IrcPeer, account: str, name: str, password: str) -> None:
    """904, and it can be tried again; or one comes in without."""
    peer.send("AUTHENTICATE PLAIN", f"AUTHENTICATE {peer.plain(name, password)}")
    peer.expect("904", "*")
    peer.send("AUTHENTICATE PLAIN", f"AUTHENTICATE {peer.plain(account, 'long secret')}")
    peer.expect("903", "*")


def test_giving_up(peer: IrcPeer) -> None:
    """906 for who aborts; then one comes in as anybody."""
    peer.send("AUTHENTICATE PLAIN", "AUTHENTICATE *")
    peer.expect("906", "*")
    peer.send("NICK eva", "USER a 0 * :Eva", "CAP END")
    peer.expect("001", "eva")


@pytest.mark.parametrize("wrong", ["!!!!", "AAAA", "YQ==", "+", "AGEAYgBj"])
def test_what_is_no_plain(peer: IrcPeer, wrong: str) -> None:
    """904."""
    peer.send("AUTHENTICATE PLAIN", f"AUTHENTICATE {wrong}")
    peer.expect("904", "*")


def test_an_unknown_mechanism(peer: IrcPeer) -> None:
    """908 says which there are."""
    peer.send("AUTHENTICATE SCRAM-SHA-256")
    peer.expect("908", "*", "PLAIN")
    peer.expect("904", "*")


def test_a_long_password_comes_in_pieces(peer: IrcPeer, house: House) -> None:
    """Of 400 bytes, the last shorter, or a +."""
    for name, length in (("eva", 200), ("bob", 146)):
        secret = "ä" * length
        house.enter(name).ok("register", password=secret)
        encoded = peer.plain(name, secret, name)
        pieces = [encoded[start : start + 400] for start in range(0, len(encoded), 400)]
        if len(pieces[-1]) == 400:
            pieces.append("+")
        again = IrcPeer.connect(house.address)
        with again:
            again.send("CAP REQ :sasl", "AUTHENTICATE PLAIN")
            again.send(*(f"AUTHENTICATE {piece}" for piece in pieces))
            again.expect("903", "*")


def test_too_long_a_piece(peer: IrcPeer) -> None:
    """905; and as many pieces as one likes."""
    peer.send("AUTHENTICATE PLAIN", f"AUTHENTICATE {'A' * 401}")
    peer.expect("905", "*")
    peer.send("AUTHENTICATE PLAIN", *[f"AUTHENTICATE {'A' * 400}"] * 9)
    peer.expect("905", "*")


def test_without_the_capability(irc: IrcHouse) -> None:
    """904."""
    peer = irc.connect()
    peer.send("NICK ana", "AUTHENTICATE PLAIN")
    peer.expect("904", "*")


def test_logging_in_later(irc: IrcHouse, account: str, house: House) -> None:
    """The nick changes with it, for everybody."""
    bob = house.enter("bob", "lobby")
    peer = irc.enter("eva", "#lobby", capabilities=("sasl",))
    bob.take(lambda frame: "eva" in frame.get("joined", ()))
    peer.send("AUTHENTICATE PLAIN", f"AUTHENTICATE {peer.plain(account, 'wrong')}")
    peer.expect("904", "eva")
    peer.send("AUTHENTICATE PLAIN", f"AUTHENTICATE {peer.plain(account, 'long secret')}")
    peer.expect("NICK", "ana", source="eva!eva@backchannel")
    peer.expect("900", "ana", "ana!ana@backchannel", "ana")
    peer.expect("903", "ana")
    assert bob.take(lambda frame: bool(frame.get("renamed")))["renamed"] == [["eva", "ana"]]
