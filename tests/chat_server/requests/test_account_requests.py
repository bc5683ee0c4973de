"""Requests that change who somebody is: nick, register, login."""

from tests.chat_server.house import House
from tests.chat_server.identity.people import PASSWORD, leave, refused, register


def test_login_gives_the_account_and_its_nick(house: House) -> None:
    """With the rooms: they see a rename."""
    leave(register(house, "Ada"))
    eva = house.enter("eva", "lobby")
    guest = house.enter("guest", "lobby")
    eva.take(lambda frame: "guest" in frame.get("joined", ()))
    reply = guest.ok("login", account="ADA", password=PASSWORD)
    assert (reply["account"], reply["nick"], reply["role"]) == ("Ada", "Ada", "member")
    event = eva.take(lambda frame: bool(frame.get("renamed")))
    assert event["renamed"] == [["guest", "Ada"]]
    guest.say("lobby", "it is me")
    assert eva.messages(1)[0]["from"] == "Ada"
    assert house.connect().hello("guest")["type"] == "welcome"


def test_login_without_a_name_is_of_the_current_nick(house: House) -> None:
    """Who is logged in may do it again."""
    ada = register(house, "ada")
    assert ada.ok("login", password=PASSWORD)["account"] == "ada"
    house.enter("eva").refused("forbidden", "login", password=PASSWORD)


def test_who_logs_in_twice_has_the_nick_on_the_newer_connection(house: House) -> None:
    """The older one is told, and ended: it may be half dead."""
    old = register(house, "ada")
    new = house.enter("guest")
    new.ok("login", account="ada", password=PASSWORD)
    old.expect_end("replaced")
    newest = house.connect()
    assert newest.hello("ada", account_password=PASSWORD)["account"] == "ada"
    new.expect_end("replaced")
    newest.join("lobby")
    assert newest.page("who", room="lobby")["members"] == ["ada"]


def test_two_sessions_of_one_account_have_two_nicks(house: House) -> None:
    """The nick is not taken from one's other connection unless one logs in anew."""
    laptop = register(house, "ada")
    phone = house.enter("phone")
    phone.ok("login", account="ada", password=PASSWORD)
    laptop.expect_end("replaced")
    back = house.connect()
    refused(back.hello("ada", session=laptop.session), "nick_in_use")
    assert back.hello("laptop", session=laptop.session)["account"] == "ada"
    back.refused("nick_in_use", "nick", nick="ada")
    phone.ping()


def test_another_account_can_be_logged_in_to(house: House) -> None:
    """The last one counts."""
    leave(register(house, "ada"))
    eva = register(house, "eva")
    assert eva.ok("login", account="ada", password=PASSWORD)["nick"] == "ada"
    refused(house.connect().hello("eva"), "nick_in_use")
    eva.refused("nick_in_use", "nick", nick="eva")


def test_a_nick_can_be_changed(house: House) -> None:
    """`ok` with the nick; from then on one speaks under it."""
    ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
    assert ada.ok("nick", nick="lovelace")["nick"] == "lovelace"
    ada.say("lobby", "hi")
    assert eva.messages(1)[0]["from"] == "lovelace"


def test_the_new_nick_comes_back_normalised(house: House) -> None:
    """As in `welcome`."""
    assert house.enter("ada").ok("nick", nick="e\u0301va\uff21")["nick"] == "évaA"


def test_a_bad_nick_changes_nothing(house: House) -> None:
    """bad_nick is not fatal."""
    ada = house.enter("ada", "lobby")
    ada.refused("bad_nick", "nick", nick="a b")
    assert ada.page("who", room="lobby")["members"] == ["ada"]
