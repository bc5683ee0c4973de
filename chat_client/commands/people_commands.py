"""Commands for people: hide somebody, or all who come and go."""

from chat_client.commands.command import Command, Talk, Typed
from chat_client.display.text import fold, one_line
from chat_client.errors import CommandError


def _ignore(talk: Talk, typed: Typed) -> None:
    ignored = talk.view.hiding.ignored
    if not typed.argument:
        talk.note(f"hidden: {', '.join(sorted(ignored))}" if ignored else "nobody is hidden")
        return
    talk.view.hiding.ignore(typed.argument)
    talk.note(f"{typed.argument} is hidden; /unignore {typed.argument} undoes that")


def _unignore(talk: Talk, typed: Typed) -> None:
    nick = fold(typed.needed())
    if nick not in talk.view.hiding.ignored:
        raise CommandError(f"{one_line(nick)} is not hidden: /ignore shows who is")
    talk.view.hiding.show(nick)
    talk.note(f"{typed.argument} is shown again")


def _focus(talk: Talk, typed: Typed) -> None:
    talk.view.hiding.focused = {fold(nick) for nick in typed.argument.split()}
    talk.note(f"only shown: {typed.argument}" if typed.argument else "everybody is shown")


def _quiet(talk: Talk, _: Typed) -> None:
    talk.view.quiet = not talk.view.quiet
    talk.note("who comes and goes is " + ("not told" if talk.view.quiet else "told"))


COMMANDS = (
    Command(
        "ignore",
        "[NICK]",
        "hide a person, also after a restart; without NICK, show whom",
        "people",
        _ignore,
    ),
    Command("unignore", "NICK", "show a person again", "people", _unignore),
    Command(
        "focus",
        "[NICK ...]",
        "hide all but these for now; without NICK, show all",
        "people",
        _focus,
    ),
    Command(
        "quiet",
        "",
        "hide who comes and goes; type it again to show it",
        "people",
        _quiet,
    ),
)
