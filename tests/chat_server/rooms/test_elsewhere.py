"""Who is in a room on other servers, and what those here are told of it."""

from chat_server.identity.roles import Role
from chat_server.rooms.elsewhere import Elsewhere
from chat_server.rooms.presence import Changes
from chat_server.storage.interface import MembersChange


class Told:
    """Who is elsewhere, and what was told of it last."""

    def __init__(self, *here: str) -> None:
        self.here = here
        self.elsewhere = Elsewhere()
        self.changes = Changes()

    def note(self, server: str, change: MembersChange, *, whole: bool = False) -> bool:
        """Note it, with nothing left to tell of before."""
        self.changes = Changes()
        return self.elsewhere.note(server, change, self.changes, self.here, whole=whole)


def present(*nicks: str, role: str = "member") -> MembersChange:
    """They came."""
    return MembersChange(present=dict.fromkeys(nicks, role))


def test_who_comes_and_goes_is_told() -> None:
    """With their role; and nothing is told twice."""
    told = Told()
    assert told.note("two", present("ada", role="owner"))
    assert (list(told.changes.joined), told.changes.roles) == (["ada"], {"ada": Role.OWNER})
    assert not told.note("two", present("ada", role="owner"))
    assert told.elsewhere.people() == {"ada": Role.OWNER}
    assert told.note("two", present("ada"))
    assert told.changes.roles == {"ada": Role.MEMBER}
    assert told.note("two", MembersChange(gone=["ada"]))
    assert list(told.changes.left) == ["ada"]
    assert not told.note("two", MembersChange(gone=["ada", "eva"]))
    assert len(told.elsewhere) == 0


def test_another_nick() -> None:
    """It is told as one; unless the new one was there, or the old one is there still."""
    told = Told()
    told.note("two", present("ada"))
    assert told.note("two", MembersChange({"eva": "member"}, [], {"eva": "ada"}))
    assert (told.changes.renamed, list(told.changes.joined)) == ({"eva": "ada"}, [])
    told.note("three", present("max"))
    told.note("two", MembersChange({"max": "member"}, [], {"max": "eva"}))
    assert (list(told.changes.left), told.changes.renamed) == (["eva"], {})


def test_who_is_on_two_servers_came_once_and_leaves_once() -> None:
    """In whichever order they tell; and one who is here is told of by this server."""
    told = Told("zoe")
    told.note("two", present("ada"))
    assert not told.note("three", present("ada", "zoe"))
    assert not told.note("two", MembersChange(gone=["ada"]))
    assert not told.note("three", MembersChange(gone=["zoe"]))
    assert told.elsewhere.people() == {"ada": Role.MEMBER}
    assert told.note("three", MembersChange(gone=["ada"]))


def test_all_of_a_server_are_told_anew() -> None:
    """Who is not named has left; with nobody named, all of that server's have."""
    told = Told()
    told.note("two", present("ada", "eva"))
    told.note("three", present("max"))
    assert told.note("two", present("eva", "zoe"), whole=True)
    assert (list(told.changes.joined), list(told.changes.left)) == (["zoe"], ["ada"])
    assert told.note("two", MembersChange(), whole=True)
    assert sorted(told.changes.left) == ["eva", "zoe"]
    assert list(told.elsewhere.people()) == ["max"]
