"""Moderators and classes: freeze, hands, and what is done to people."""

from tests.chat_server.gateways.page.site import Site, claim
from tests.support.browser import Page


def test_a_frozen_room_and_a_raised_hand(site: Site) -> None:
    """The hand is seen by the moderator, who gives the floor."""
    teacher, ben = site.enter("teacher"), site.enter("ben")
    claim(teacher, site)
    teacher.click("[aria-label='Moderate this room']")
    teacher.choose("Freeze")
    ben.see("The room is frozen", "#frozen")
    ben.enter("I know it")
    ben.see("Not sent:", "#unsent")
    ben.choose("Raise your hand")
    teacher.see("Hands up: 1", "#people")
    teacher.choose("Let speak")
    ben.see("and ben may speak", "#messages")
    ben.choose("Send again")
    teacher.see_said("I know it")
    teacher.until(lambda: not teacher.texts(".hands-up li"), "the hand is down")
    teacher.choose("Let everybody talk")
    ben.until(lambda: not ben.is_shown("#frozen"), "the bar is gone")
    ben.enter("and more")
    teacher.see_said("and more")


def test_a_moderator_who_comes_in_sees_the_hands(site: Site) -> None:
    """In the order in which they were raised; also after a reload."""
    teacher, ben, carla = site.enter("teacher"), site.enter("ben"), site.enter("carla")
    claim(teacher, site)
    teacher.enter("/freeze")
    for number, page in enumerate((carla, ben), 1):
        page.choose("Raise your hand")
        teacher.see(f"Hands up: {number}", "#people")
    teacher.reload()
    teacher.until(lambda: teacher.texts(".hands-up bdi") == ["carla", "ben"], "both, in order")
    carla.choose("Take your hand down")
    teacher.until(lambda: teacher.texts(".hands-up bdi") == ["ben"], "one is left")


def test_people_are_kicked_muted_and_banned_with_a_reason(site: Site) -> None:
    """The page says so to whom it happens, and does not come back by itself."""
    teacher, ben = site.enter("teacher"), site.enter("ben")
    claim(teacher, site)
    teacher.until(lambda: "ben" in teacher.texts(".person bdi"), "ben is listed")
    teacher.choose("ben", ".person bdi")
    teacher.choose("Kick …")
    teacher.see("Kick ben")
    teacher.click("#field-reason")
    teacher.type("too loud")
    teacher.press("Enter")
    ben.see("You were thrown out")
    ben.see("too loud")
    ben.choose("Come in again")
    ben.see("#lobby", "#header")
    teacher.enter("/ban ben 1h not again")
    ben.see("You cannot come in")
    ben.see("not again")
    teacher.enter("/bans")
    teacher.see("not again", "dialog")
    teacher.choose("Let in again")
    teacher.see("Bans and mutes", "dialog")
    teacher.until(lambda: not teacher.texts(".bans li"), "the list is empty")
    ben.choose("Try again")
    ben.see("#lobby", "#header")


def test_slow_lock_and_announce(site: Site) -> None:
    """Each is told in the room."""
    teacher, ben = site.enter("teacher"), site.enter("ben")
    claim(teacher, site)
    teacher.enter("/slow 1h")
    ben.see("slow", "#messages")
    ben.enter("one")
    teacher.see_said("one")
    ben.enter("two")
    ben.see("Not sent:", "#unsent")
    teacher.enter("/slow off")
    teacher.enter("/lock")
    ben.see("locked", "#messages .is-notice:last-of-type")
    other = site.enter("carla")
    other.see("You are not in #lobby", "#toasts")
    teacher.enter("/unlock")
    teacher.enter("/announce the bell rings at noon")
    ben.see("the bell rings at noon", "#messages")


def test_members_see_nothing_of_moderation(site: Site) -> None:
    """And are refused if they type it."""
    ben = site.enter("ben")
    assert not ben.is_shown("[aria-label='Moderate this room']")
    ben.enter("/kick ana")
    ben.until(lambda: ben.text("#input-error"), "it is refused")


def test_an_account_and_its_password(site: Site) -> None:
    """Made, left, and taken up in another browser, which ends the first."""
    ana = site.enter("ana")
    ana.enter("/register")
    ana.see("Make an account", "dialog")
    for name in ("password", "again"):
        ana.click(f"#field-{name}")
        ana.type("correct horse battery")
    ana.press("Enter")
    ana.see("is your account now")
    assert "correct horse" not in ana.run("JSON.stringify([localStorage, sessionStorage])")
    other = site.open()
    other.until(lambda: other.is_shown("[name=nick]"), "the field for the nick")
    other.type("ana")
    other.click("summary")
    other.click("[name=accountPassword]")
    other.type("correct horse battery")
    other.press("Enter")
    other.see("ana", "#people")
    ana.see("Open in another tab")
    other.enter("/logout anna")
    other.see("logged out")
    other.see("anna", "#people")


def test_a_new_owner_reads_what_to_do_now(site: Site) -> None:
    """Three lines, and the account that keeps the role, in the same breath."""
    teacher = site.enter("teacher")
    teacher.enter(f"/claim {site.secret}")
    teacher.see("What to do now", "#messages")
    assert teacher.texts("#messages .local dt") == ["1.", "2.", "3."]
    teacher.choose("Make an account")
    teacher.see("Make an account", "dialog")
    teacher.click("#field-password")
    teacher.type("correct horse")
    teacher.click("#field-again")
    teacher.type("correct horse")
    teacher.press("Enter")
    teacher.see("The nick teacher is your account now", "#messages")
    again = site.enter("visitor")
    again.enter("/login @teacher correct horse")
    again.until(lambda: again.is_shown("[aria-label='Moderate this room']"), "the owner again")


def test_who_is_in_charge_has_a_badge(site: Site) -> None:
    """In the list and at what they say; it goes when the role does."""
    teacher, ben = site.enter("teacher"), site.enter("ben")
    claim(teacher, site)
    teacher.enter("hello all")
    ben.see_said("hello all")
    ben.until(lambda: ben.count(".message .rank.is-owner") == 1, "at the message")
    ben.until(lambda: ben.count("#people .rank.is-owner") == 1, "in the list")
    teacher.enter("/op ben")
    ben.until(lambda: ben.count("#people .rank.is-moderator") == 1, "ben's own")
    teacher.see("ben is a moderator now", "#messages")
    teacher.until(lambda: teacher.count("#people .rank") == 2, "both are marked")
    teacher.enter("/deop ben")
    teacher.until(lambda: teacher.count("#people .rank") == 1, "one is a member again")


def placeholder(page: Page) -> str:
    """What stands in the empty message field."""
    shown: str = page.run("document.querySelector('#input').placeholder")
    return shown


def test_whoever_may_not_talk_reads_why(site: Site) -> None:
    """At once, above the field and in it; and again when it is over."""
    teacher, ben = site.enter("teacher"), site.enter("ben")
    claim(teacher, site)
    teacher.enter("/mute ben 1h too loud")
    ben.see("You are muted by teacher: too loud, until", "#frozen")
    assert placeholder(ben) == "You are muted here"
    teacher.enter("/unmute ben")
    ben.until(lambda: not ben.is_shown("#frozen"), "the bar is gone")
    assert placeholder(ben) == "Message #lobby"
    teacher.enter("/rules read-only on")
    ben.see("only moderators speak here", "#frozen")
    ben.see("read only", "#header")


def test_a_room_for_those_who_are_invited(site: Site) -> None:
    """Who is not cannot see it; whose invitation is taken back is out."""
    teacher, ben = site.enter("teacher"), site.enter("ben")
    claim(teacher, site)
    teacher.enter("/join staff")
    teacher.see("#staff", "#header")
    teacher.enter("/rules invite-only on")
    teacher.see("invite only", "#header")
    ben.enter("/join staff")
    ben.see("You are not in #staff")
    teacher.enter("/invite ben")
    ben.see("teacher lets you into #staff")
    ben.enter("/join staff")
    ben.see("#staff", "#header")
    teacher.enter("/rules")
    teacher.see("What holds in #staff", "dialog")
    teacher.see("ben", "dialog dl.rules")
    teacher.press("Escape")
    teacher.enter("/uninvite ben")
    ben.see("You are no longer in #staff")
