"""Commands for yourself: your nick, your account, whether you are there."""

from collections.abc import Iterator
from typing import get_args

from chat_client.commands.command import Command, Pages, Talk, Typed
from chat_client.display.state.model import Bell
from chat_client.display.terminal_lines import HINT, with_article
from chat_client.display.text import one_line
from chat_client.errors import CommandError, Refused
from protocol.errors import Code


def _nick(talk: Talk, typed: Typed) -> None:
    try:
        nick = talk.chat.rename(typed.needed())
    except Refused as error:
        if error.code != Code.NICK_IN_USE:
            raise
        text = error.text.rstrip(" .")
        raise Refused(
            error.code, f"{text}. If it is your account's: /login @{typed.argument}"
        ) from None

    def rename() -> Iterator[str]:
        talk.view.nick = nick
        yield talk.lines.system(f"you are {nick} now")

    talk.post(rename)


def _away(talk: Talk, typed: Typed) -> None:
    talk.view.leave_for(typed.argument)
    talk.note("you are away: who writes to you or names you is told once; /back ends that")


def _back(talk: Talk, _: Typed) -> None:
    talk.view.come_back()
    talk.note("you are back")


def _bell(talk: Talk, typed: Typed) -> None:
    for mode in get_args(Bell):
        if typed.needed() == mode:
            talk.view.bell = mode
            talk.note(f"the bell is {mode}")
            return
    raise CommandError(f"{one_line(typed.argument)!r} is none of these: type {typed.command.usage}")


def _register(talk: Talk, typed: Typed) -> None:
    talk.chat.register(*typed.secrets)
    talk.note(
        f"the nick {talk.chat.nick} is your account now: --login at the start, or /login, is how "
        "to have it again"
    )


def _login(talk: Talk, typed: Typed) -> None:
    talk.chat.login(typed.secrets[0], typed.argument.removeprefix("@") or None)
    _identify(talk, f"you are logged in as {talk.chat.nick}")


def _password(talk: Talk, typed: Typed) -> None:
    talk.chat.change_password(*typed.secrets)
    talk.note("the password is changed; whoever else was logged in to your account is out")


def _logout(talk: Talk, typed: Typed) -> None:
    account = talk.chat.account
    nick = talk.chat.logout(typed.argument or None)
    _identify(talk, f"you are {nick} now, and logged out; /login @{account} is the way back")


def _claim(talk: Talk, typed: Typed) -> None:
    before = talk.chat.role
    role = talk.chat.claim(*typed.secrets)
    if role == before:
        talk.note(f"you are {with_article(role)} already")
        return
    _identify(talk, f"you are {with_article(role)} now: {HINT}", told=True)
    talk.post(Pages([talk.lines.system(line) for line in _what_now(talk.chat.account)]))


def _what_now(account: str | None) -> tuple[str, str, str]:
    """What somebody does next who is in charge for the first time."""
    stay = "1. /register now: with its password you are the owner again, anywhere"
    if account is not None:
        stay = f"1. you stay that: /login @{account} makes you the owner again, anywhere"
    return (
        stay,
        "2. /freeze: only you talk; /unfreeze: all do; /hands: who wants to",
        "3. /op NICK makes a moderator; /rules shows what holds in the room",
    )


def _identify(talk: Talk, text: str, *, told: bool = False) -> None:
    """Let the view know who the user is now, and say so; unless an event did, with `told`."""
    nick, role = talk.chat.nick, talk.chat.role

    def know() -> Iterator[str]:
        known = told and talk.view.role == role
        talk.view.nick, talk.view.role = nick, role
        if known:
            return
        yield talk.lines.system(text)

    talk.post(know)


COMMANDS = (
    Command("nick", "NICK", "take another nick", "you", _nick, asks=True),
    Command(
        "away",
        "[WHY]",
        "tell whoever writes to you or names you, once, that you are away",
        "you",
        _away,
    ),
    Command("back", "", "you are here again", "you", _back),
    Command(
        "bell",
        "on|off|all",
        "ring for your name and direct messages, never, or always",
        "you",
        _bell,
    ),
    Command(
        "register",
        "[PASSWORD]",
        "make your nick yours alone; asks for the password if none is typed",
        "you",
        _register,
        asks=True,
        private=True,
        secrets=("new password",),
        twice=True,
    ),
    Command(
        "login",
        "[@ACCOUNT] [PASSWORD]",
        "take the nick of your account; asks for the password if none is typed",
        "you",
        _login,
        asks=True,
        private=True,
        secrets=("password",),
    ),
    Command(
        "password",
        "",
        "give your account another password; asks for the old one and the new one",
        "you",
        _password,
        asks=True,
        private=True,
        secrets=("old password", "new password"),
        twice=True,
    ),
    Command(
        "logout",
        "[NICK]",
        "leave your account, and be called NICK from then on",
        "you",
        _logout,
        asks=True,
        leaves=True,
    ),
    Command(
        "claim",
        "[SECRET]",
        "become the owner, with what the server showed at its first start",
        "you",
        _claim,
        asks=True,
        private=True,
        secrets=("the owner's secret",),
    ),
)
