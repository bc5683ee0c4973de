"""The queue before the screen is bounded, and the keyboard is read whatever a server sends."""

import asyncio
import io
import itertools
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pexpect
import pytest
from prompt_toolkit import PromptSession
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output

from chat_client.display.state.model import View
from chat_client.display.terminal_lines import Lines
from chat_client.events import Connected, Ended, Entered
from chat_client.ui import screen as screen_module
from chat_client.ui.screen import Screen
from protocol.messages import Direct, Message, Presence
from tests.chat_client.foreign import Frame, Line, foreign_server
from tests.chat_client.programs import Terminal
from tests.support.waiting import DEADLINE, eventually


@pytest.fixture
def screen() -> Iterator[Screen]:
    """The queue of a loop that does not run: this thread writes it."""
    loop = asyncio.new_event_loop()
    yield Screen(loop)
    loop.close()


@pytest.fixture
def view() -> View:
    """Ana's, in the lobby."""
    made = View(Lines(), "server", "on")
    list(made.take(Connected("ana", "s/1", "", again=False)))
    list(made.take(Entered("lobby", "", 3, 0, 0, 0, again=False)))
    return made


def crowd(number: int) -> Presence:
    return Presence("lobby", [f"{number} {each}" for each in range(1000)], [], [], 3)


def long_message(number: int) -> Message:
    return Message("lobby", number, 0.0, "ben", "text", "a" * 50_000)


def long_direct(number: int) -> Direct:
    return Direct(0.0, f"ben{number}", "ana", "a" * 50_000)


@pytest.mark.parametrize("make", [crowd, long_message, long_direct])
def test_what_weighs_much_waits(
    screen: Screen, view: View, make: Callable[[int], Presence | Message | Direct]
) -> None:
    """Down to the server, so that a flood takes no memory; all of it is shown."""
    lengths = []

    def flood() -> None:
        for number in range(1, 101):
            screen.post(make(number))
            lengths.append(len(screen._items))

    flooding = threading.Thread(target=flood)
    flooding.start()
    while flooding.is_alive():
        screen.write_some(view)
    screen.write_rest(view)
    assert len(lengths) == 100
    assert max(lengths) <= screen_module._WEIGHT // 50_000 + 1


def test_nobody_waits_once_the_user_has_left(
    screen: Screen, view: View, capsys: pytest.CaptureFixture[str]
) -> None:
    """Events without space are dropped, but not the client's own notes."""
    screen.release()

    def flood() -> None:
        for number in range(1, 101):
            screen.post(long_message(number))
        screen.post("-- not sent: hi")

    flooding = threading.Thread(target=flood)
    flooding.start()
    flooding.join(DEADLINE)
    assert not flooding.is_alive()
    screen.write_rest(view)
    shown = capsys.readouterr().out
    assert shown.endswith("-- not sent: hi\n")
    assert len(shown) < 2 * screen_module._WEIGHT


def test_what_a_flood_left_is_not_shown_to_the_end(
    screen: Screen, view: View, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who left waits for a moment of it at most, and reads how it ended and what was not sent."""
    monkeypatch.setattr(screen_module, "_BATCH", 5)
    monkeypatch.setattr(screen_module, "_REST", 0.0)
    for number in range(1, 11):
        screen.post(Message("lobby", number, 0.0, "ben", "text", f"number {number}"))
    screen.post("-- not sent: hi")
    screen.post(Ended("kicked", "kicked"))
    screen.write_rest(view)
    shown = capsys.readouterr().out
    assert "number 5" in shown
    assert "number 6" not in shown
    assert "-- not sent: hi\n" in shown
    assert "the chat is over: kicked" in shown


def test_a_batch_ends_where_it_took_long(
    screen: Screen,
    view: View,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """However few items it has: there may be a key to be read."""
    monkeypatch.setattr(screen_module, "_BATCH_TIME", -1.0)
    for number in range(3):
        screen.post(f"line {number}")
    assert screen.write_some(view)
    assert capsys.readouterr().out == "line 0\n"
    screen.write_rest(view)
    assert capsys.readouterr().out == "line 1\nline 2\n"


@pytest.mark.parametrize("steps", range(8))
def test_no_line_is_lost_as_the_prompt_ends(
    view: View, capsys: pytest.CaptureFixture[str], steps: int
) -> None:
    """However far the loop is with the end: it is written above the prompt, or after it."""
    above = io.StringIO()

    async def leave() -> Screen:
        screen = Screen(asyncio.get_running_loop())
        output = Vt100_Output(above, lambda: Size(rows=24, columns=80), term="xterm")
        with create_pipe_input() as keys:
            session: PromptSession[str] = PromptSession(input=keys, output=output)
            writer = asyncio.create_task(screen.write(session, view))
            prompt = asyncio.create_task(session.prompt_async())
            while not session.app.is_running:
                await asyncio.sleep(0)
            session.app.exit(exception=EOFError)
            for _ in range(steps):
                await asyncio.sleep(0)
            screen.post("the last words")
            with suppress(EOFError):
                await prompt
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        return screen

    asyncio.run(leave()).write_rest(view)
    assert (above.getvalue() + capsys.readouterr().out).count("the last words") == 1


def presences() -> Iterator[Frame]:
    for number in itertools.count():
        joined = [f"{number}eve{each}" for each in range(4000)]
        yield {"type": "presence", "joined": joined, "left": [], "renamed": [], "members": 5}


def messages() -> Iterator[Frame]:
    for seq in itertools.count(1):
        yield {"type": "message", "seq": seq, "kind": "text", "text": "eve 漢字 " * 2000}


def directs() -> Iterator[Frame]:
    for number in itertools.count():
        yield {"type": "direct", "from": f"eve{number}", "to": "ana", "text": "eve 漢字 " * 2000}


@pytest.mark.long
@pytest.mark.parametrize("keys", ["\x04", "\x03"])
@pytest.mark.parametrize("frames", [presences, messages, directs])
def test_a_flood_does_not_lock_the_keyboard(
    frames: Callable[[], Iterator[Frame]], keys: str, home: dict[str, str]
) -> None:
    """Ctrl-D leaves, and so do Ctrl-C and a yes, while a server sends as fast as it can."""
    usual: dict[str, Any] = {"room": "lobby", "time": 1.0, "from": "eve"}

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        with suppress(OSError):
            for frame in frames():
                line.send(frame.pop("type"), **{**usual, **frame})

    with (
        foreign_server(script) as address,
        Terminal(address, "--nick", "ana", environment=home) as ana,
    ):
        child = ana.child  # read as it is: pyte is slower than the flood

        def reads_keys() -> bool:
            with suppress(pexpect.TIMEOUT):
                child.read_nonblocking(65536, timeout=0)
            return not ana.local_modes & termios.ECHO

        eventually(reads_keys)
        child.expect([b"eve", b"joined"])
        child.send(keys)
        if keys == "\x03":
            child.expect(b"leave")
            child.send("y")
        child.expect(pexpect.EOF)
