"""Commands for the program itself: connect, help, quit."""

from chat_client.commands.command import IN_CHARGE, Command, Pages, Talk, Typed
from chat_client.errors import CommandError
from chat_client.events import MEMBER

_KEYS = (
    "Tab completes; Alt-1..9, Ctrl-N and Ctrl-P go to a room, Alt-A to the one with most news; "
    "PgUp reads back; Alt-Enter makes a new line; Ctrl-O opens your editor; Up and Ctrl-R find "
    "what you typed before; Alt-R brings back what was not sent or was cleared; Ctrl-L draws the "
    "screen again; Ctrl-C clears the line, or asks whether to leave; Ctrl-D leaves"
)


def _reconnect(talk: Talk, typed: Typed) -> None:
    if talk.chat.connected:
        raise CommandError("you are connected; /quit ends the program")
    if typed.argument == "off":
        talk.chat.pause()
        talk.view.stop_retrying()
        talk.note("no more tries; /reconnect makes one")
        return
    talk.view.retry()
    talk.chat.retry()


def _help(talk: Talk, typed: Typed) -> None:
    if typed.argument == "keys":
        talk.post(talk.lines.indented(_KEYS))
        return
    group = [each for each in talk.commands if each.group == typed.argument]
    if group or typed.argument:
        told = group or [talk.commands.find(typed.argument.removeprefix("/"))]
        talk.post(Pages([talk.lines.indented(_told(each)) for each in told]))
        return
    usages: dict[str, list[str]] = {"talk": ["TEXT", "//TEXT"]}
    for each in talk.commands:
        usages.setdefault(each.group, []).append(f"/{each.name}")  # all is on one screen
    if talk.view.role == MEMBER:
        usages[IN_CHARGE] = [f"/help {IN_CHARGE}"]
    for name, listed in usages.items():
        talk.post(talk.lines.indented(f"{name}: {'  '.join(listed)}"))
    talk.post(talk.lines.indented("/help keys: Tab and others; /help COMMAND tells more"))


def _told(each: Command) -> str:
    others = f" (also /{', /'.join(each.aliases)})" if each.aliases else ""
    return f"{each.usage}  {each.help}{others}"


def _quit(talk: Talk, _: Typed) -> None:
    talk.quit()


COMMANDS = (
    Command(
        "reconnect",
        "[off]",
        "try to connect now; off: try no more until you say so",
        "program",
        _reconnect,
    ),
    Command("help", "[COMMAND|GROUP]", "show what can be typed", "program", _help, ("?",)),
    Command(
        "quit",
        "",
        "end the program; so does Ctrl-D",
        "program",
        _quit,
        ("exit", "bye"),
        leaves=True,
    ),
)
