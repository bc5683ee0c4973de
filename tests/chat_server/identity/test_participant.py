"""What is known of somebody wherever they are spoken of."""

import pytest

from chat_server.identity.participant import Participant
from chat_server.identity.roles import Role
from protocol.text import nick_key, nick_skeleton


def test_a_new_participant_is_a_member_without_an_account() -> None:
    """Whatever they were in a session of before is the registry's to give them."""
    eva = Participant(b"token", "Eva", 7)
    assert (eva.token, eva.number, eva.nick) == (b"token", 7, "Eva")
    assert (eva.account, eva.role) == (None, Role.MEMBER)


@pytest.mark.parametrize("nick", ["Ian", "lan", "\uff45\uff56\uff41", "\u0430d\u0430"])
def test_what_a_nick_is_compared_by_changes_with_it(nick: str) -> None:
    """The key and the looks are always those of the present nick."""
    eva = Participant(b"token", "eva")
    eva.take_nick(nick)
    assert (eva.nick, eva.key, eva.skeleton) == (nick, nick_key(nick), nick_skeleton(nick))
