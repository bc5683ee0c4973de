"""PING, MOTD, LUSERS, VERSION, TIME, and what there is not."""

import pytest

from tests.support.irc_peer import IrcHouse, IrcPeer
from tests.support.servers import address_of, running_server


@pytest.mark.parametrize(
    ("line", "numerics"),
    [
        ("PING", ["461"]),
        ("PONG", []),
        ("PONG :x", []),
        ("MOTD", ["422"]),
        ("LUSERS", ["251", "252", "254", "255", "265", "266"]),
        ("VERSION", ["351", "005", "005"]),
        ("TIME", ["391"]),
        ("NONSENSE a b", ["421"]),
        ("privmsg", ["411"]),
        ("INVITE ana #a", ["403"]),
    ],
)
def test_what_it_says(irc: IrcHouse, line: str, numerics: list[str]) -> None:
    """Case does not matter."""
    found = irc.enter("ana").ask(line)
    assert [heard.command for heard in found] == numerics
    assert all(heard.params[0] == "ana" and heard.source == "backchannel" for heard in found)


def test_an_unknown_command_is_named(irc: IrcHouse) -> None:
    """As it was sent, in capitals."""
    assert irc.enter("ana").ask("nonsense")[0].params[1] == "NONSENSE"


def test_a_ping_is_answered_with_its_word(irc: IrcHouse) -> None:
    """Whatever the word is."""
    peer = irc.enter("ana")
    peer.send("PING :a b c", "PING token other")
    peer.expect("PONG", "backchannel", "a b c")
    peer.expect("PONG", "backchannel", "token")


def test_who_is_silent_is_asked_and_who_answers_stays() -> None:
    """PING and PONG, as with everybody; who answers nothing is gone."""
    with running_server(ping_interval=0.1, patience=0.5) as server:
        address = address_of(server)
        with IrcPeer.connect(address) as there, IrcPeer.connect(address) as gone:
            there.register("ana")
            gone.register("eva")
            there.join("#a")
            gone.send("JOIN #a")
            there.expect("JOIN", "#a", source="eva!eva@backchannel")
            there.expect("QUIT", source="eva!eva@backchannel")
