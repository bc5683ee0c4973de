"""Registration: in any order, with every mistake there is, and with what it ends in."""

from itertools import permutations

import pytest

from tests.chat_server.house import House
from tests.support.irc_peer import IrcHouse, IrcPeer, irc_house
from tests.support.servers import address_of, running_server

TOKENS = {
    "NETWORK=Backchannel",
    "CASEMAPPING=ascii",
    "CHANTYPES=#",
    "NICKLEN=32",
    "CHANNELLEN=51",
    "TOPICLEN=4000",
    "MODES=1",
    "UTF8ONLY",
    "CHATHISTORY=100",
    "MSGREFTYPES=msgid,timestamp",
    "SAFELIST",
    "PREFIX=(ov)@+",
}


@pytest.mark.parametrize("order", list(permutations(["NICK ana", "USER a 0 * :Ana", "PASS x"])))
def test_in_any_order(irc: IrcHouse, order: tuple[str, ...]) -> None:
    """001 to 005, and the message of the day, or that there is none."""
    peer = irc.connect()
    peer.send(*order)
    found = peer.until("422")
    assert [heard.command for heard in found[:5]] == ["001", "002", "003", "004", "005"]
    assert all(heard.params[0] == "ana" for heard in found)
    assert found[0].source == "backchannel"
    tokens = {token for heard in found if heard.command == "005" for token in heard.params[1:-1]}
    assert {heard.text for heard in found if heard.command == "005"} == {
        "are supported by this server"
    }
    assert tokens >= TOKENS


def test_byte_by_byte(irc: IrcHouse) -> None:
    """However the stream is cut, with what follows."""
    peer = irc.connect()
    for byte in b"nick ana\nuser a 0 * :Ana\njoin #a\nPI":
        peer.send_raw(bytes([byte]))
    peer.expect("001")
    peer.expect("366", "ana", "#a")
    peer.send("NG x")
    peer.expect("PONG", "backchannel", "x")


def test_the_message_of_the_day() -> None:
    """Line by line; cut where it is too long."""
    motd = "welcome\nto all\n" + "x" * 600
    with running_server(motd=motd) as server, IrcPeer.connect(address_of(server)) as peer:
        found = peer.register("ana")
        assert [heard.text for heard in found if heard.command == "372"][:2] == [
            "- welcome",
            "- to all",
        ]
        assert [heard.command for heard in peer.ask("MOTD")] == ["375", "372", "372", "372", "376"]


@pytest.mark.parametrize(
    "line", ["JOIN #a", "JOIN :", "PRIVMSG #a :hi", "WHO", "NONSENSE", "OPER a b"]
)
def test_nothing_else_before_it(irc: IrcHouse, line: str) -> None:
    """451; and it goes on (irssi sends `JOIN :` first)."""
    peer = irc.connect()
    peer.send("CAP LS 302", line, "CAP END")
    peer.expect("451", "*")
    assert peer.register("ana")


@pytest.mark.parametrize(
    "nick", ["a,b", "a!b", "a@b", "1a", "*", "#a", "+a", "a" * 33, "10.0.0.7", "Backchannel"]
)
def test_a_bad_nick(irc: IrcHouse, nick: str) -> None:
    """432 with the reason; another one may follow."""
    peer = irc.connect()
    peer.send("USER a 0 * :Ana", f"NICK {nick}")
    heard = peer.expect("432", "*", nick)
    assert len(heard.text) > 20
    peer.send("NICK ana")
    peer.expect("001", "ana")


def test_no_nick(irc: IrcHouse) -> None:
    """431."""
    peer = irc.connect()
    peer.send("NICK :", "NICK")
    peer.expect("431", "*")
    peer.expect("431", "*")


@pytest.mark.parametrize(
    "line", ["USER", "USER a", "USER a b c", "USER : 0 * :a", "USER a 0 * :", "PASS"]
)
def test_too_few_parameters(irc: IrcHouse, line: str) -> None:
    """461."""
    peer = irc.connect()
    peer.send("NICK ana", line)
    peer.expect("461", "*", line.split()[0])


def test_a_nick_in_use(house: House, irc: IrcHouse) -> None:
    """433, whoever has it; and one that looks like it, too."""
    house.enter("ana")
    peer = irc.connect()
    peer.send("NICK ANA", "USER a 0 * :Ana")
    peer.expect("433", "*", "ANA")
    peer.send("NICK eva")
    peer.expect("001", "eva")


def test_what_is_said_once(irc: IrcHouse) -> None:
    """462 afterwards."""
    peer = irc.enter("ana")
    assert peer.commands("USER a 0 * :Ana", "PASS x") == ["462", "462"]


def test_leaving_before_it(irc: IrcHouse) -> None:
    """ERROR, and the end."""
    peer = irc.connect()
    peer.send("NICK ana", "QUIT :bye")
    assert [heard.command for heard in peer.read_to_end()] == ["ERROR"]


def test_a_port_checker(irc: IrcHouse) -> None:
    """It sends QUIT alone."""
    peer = irc.connect()
    peer.send("QUIT :bye")
    assert [heard.command for heard in peer.read_to_end()] == ["ERROR"]


def test_pings_are_answered_before_it(irc: IrcHouse) -> None:
    """A client may measure first."""
    peer = irc.connect()
    peer.send("PING :a b")
    peer.expect("PONG", "backchannel", "a b")


def test_the_time_for_it_is_limited() -> None:
    """Whatever is sent meanwhile, if it is no line."""
    with running_server(hello_timeout=0.3) as server, IrcPeer.connect(address_of(server)) as peer:
        peer.send_raw(b"CAP LS 302\r\n" + b"x" * 9000)
        assert [heard.command for heard in peer.read_to_end()] == ["CAP", "ERROR"]


# -- passwords ------------------------------------------------------------------------------------


def test_the_servers_password() -> None:
    """PASS, and nothing else."""
    with running_server(password="let us in") as server, irc_house(address_of(server)) as irc:
        for lines in ([], ["PASS :wrong one"]):
            peer = irc.connect()
            peer.send(*lines, "NICK ana", "USER a 0 * :Ana")
            assert [heard.command for heard in peer.read_to_end()] == ["464", "ERROR"]
        peer = irc.connect()
        peer.send("PASS :let us in")
        assert peer.register("ana")


def test_an_account_by_pass(house: House, irc: IrcHouse) -> None:
    """PASS account:secret logs in, and the nick is the account's."""
    with house.connect() as owner:
        owner.hello("ana")
        owner.ok("register", password="long secret")
        owner.ok("bye")
    peer = irc.connect()
    peer.send("PASS :ana:long secret", "NICK other", "USER a 0 * :Ana")
    peer.expect("001", "ana")
    wrong = irc.connect()
    wrong.send("PASS :ana:wrong secret", "NICK other", "USER a 0 * :Ana")
    assert [heard.command for heard in wrong.read_to_end()] == ["464", "ERROR"]


def test_a_nick_of_an_account_is_not_for_others(house: House, irc: IrcHouse) -> None:
    """433, as long as nobody logs in."""
    house.enter("ana").ok("register", password="long secret")
    peer = irc.connect()
    peer.send("NICK ana", "USER a 0 * :Ana")
    peer.expect("433", "*", "ana")


# -- the other ways in ----------------------------------------------------------------------------


def test_it_can_be_turned_off() -> None:
    """Then an IRC client is nobody."""
    with running_server(irc=False) as server, IrcPeer.connect(address_of(server)) as peer:
        peer.send("NICK ana")
        peer._socket.settimeout(20)
        assert b"frame_too_large" in peer._socket.recv(65536)


def test_on_a_port_with_tls_one_line_says_so() -> None:
    """And nothing of the protocol."""
    with running_server(tls=True) as server:
        address = str(address_of(server)).replace("tls:", "tcp:")
        with IrcPeer.connect(address) as peer:
            peer.send("CAP LS 302")
            (heard,) = peer.read_to_end()
            assert heard.command == "ERROR"
            assert "TLS" in heard.text
        with IrcPeer.connect(address_of(server)) as peer:
            assert peer.register("ana")
