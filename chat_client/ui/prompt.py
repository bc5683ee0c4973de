"""The input line: its keys, the lines above and below it, and what became of the lines typed.

One prompt runs as long as the program, so that no key falls into a gap between two prompts.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.clipboard import ClipboardData
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition, Filter, has_focus, is_done
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import History
from prompt_toolkit.key_binding import KeyBindings, merge_key_bindings
from prompt_toolkit.key_binding.key_processor import KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import ConditionalContainer, FormattedTextControl, HSplit, Window
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.layout.utils import explode_text_fragments
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style

from chat_client.commands.command import Typed
from chat_client.commands.parse import secret_at
from chat_client.commands.table import COMMANDS
from chat_client.config.credentials import EXPOSED
from chat_client.display.state.model import View
from chat_client.display.status_line import status_line
from chat_client.display.text import cells, one_line
from chat_client.files import user_files
from chat_client.ui import reflow
from chat_client.ui.completion import Cycle, candidates
from chat_client.ui.keyboard import Keyboard

_SOON = 0.3
"""Seconds without a reply after which a line is shown as waiting."""

_WAITING_SHOWN = 3
"""How many of the waiting lines are shown."""


_NOT_IN_PASSWORDS = (
    ("up",),
    ("down",),
    ("pageup",),
    ("tab",),
    ("s-tab",),
    ("c-n",),
    ("c-o",),
    ("c-p",),
    ("c-r",),
    ("c-s",),
    ("c-x", "c-e"),
    ("escape", "enter"),
    ("escape", "<"),
    ("escape", ">"),
    ("escape", "."),
    ("escape", "r"),
)
"""Keys that would complete a password, replace it by an earlier line, or open an editor."""


@dataclass
class Drafts:
    """Lines that were typed and not sent: they wait, failed, or were cleared.

    Attributes:
        waiting: lines without a reply yet, oldest first.
        lost: texts that Alt-R brings back, oldest first.
    """

    waiting: list[Typed] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def overdue(self) -> list[Typed]:
        """Return the lines that have waited so long that the user should see it."""
        now = time.monotonic()
        return [typed for typed in self.waiting if now - typed.at >= _SOON]


@dataclass(frozen=True)
class _Question:
    """A question. The keys y and Ctrl-C mean yes, c means `as_code`, any other key means no."""

    text: str
    action: Callable[[], None]
    as_code: Callable[[], None] | None = None


@dataclass(frozen=True)
class _Hidden:
    """A request for a password. What the user types goes to `action` alone."""

    label: str
    action: Callable[[str], None]


class _Mask(Processor):
    """Shows stars for a password that is typed behind a command."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        document, fragments = transformation_input.document, transformation_input.fragments
        start = secret_at(document.text)
        if start is None:
            return Transformation(fragments)
        place = document.translate_row_col_to_index(transformation_input.lineno, 0)
        masked: StyleAndTextTuples = [
            (style, "*" if place + column > start else text)
            for column, (style, text, *_) in enumerate(explode_text_fragments(fragments))
        ]
        return Transformation(masked)


class _Recall(History):
    """The lines that were typed, in earlier runs, too."""

    def __init__(self) -> None:
        super().__init__()
        self._kept = True

    def add(self, text: str, *, kept: bool) -> None:
        """Remember a line; with `kept`, also for later runs."""
        strings = self.get_strings()
        if strings and strings[-1] == text:
            return
        self._kept = kept
        self.append_string(text)

    def load_history_strings(self) -> Iterable[str]:
        return reversed(user_files.read_typed())

    def store_string(self, string: str) -> None:
        if self._kept:
            user_files.add_typed(string)


class Prompt:
    """See the top of the module. Call every method on the thread of the event loop."""

    def __init__(
        self,
        view: View,
        drafts: Drafts,
        colours: int,
        accept: Callable[[str], bool],
        round_trip: Callable[[], float | None],
        exposed: bool,
    ) -> None:
        """Make the prompt. The caller runs `session`.

        Args:
            view: what the user looks at.
            drafts: lines that are not sent yet.
            colours: how many the terminal has.
            accept: takes a line that was entered; returns False if it is to stay in the editor.
            round_trip: returns the seconds to the server and back, if known.
            exposed: whether others on the network could read a password.
        """
        self._view = view
        self._drafts = drafts
        self._accept = accept
        self._round_trip = round_trip
        self._exposed = exposed
        self._cycle = Cycle()
        self._question: _Question | None = None
        self._hidden: _Hidden | None = None
        self._history = _Recall()
        is_hidden = Condition(lambda: self._hidden is not None)
        self.session: PromptSession[str] = PromptSession(
            self._message,
            history=self._history,
            key_bindings=merge_key_bindings([self._keys(~is_hidden), self._hidden_keys(is_hidden)]),
            is_password=is_hidden,
            input_processors=[_Mask()],
            prompt_continuation=self._continuation,
            reserve_space_for_menu=0,
            enable_suspend=True,
            enable_open_in_editor=~is_hidden,  # which would write it to a file
            tempfile_suffix=".txt",
            erase_when_done=True,
            style=Style.from_dict({"waiting": "italic", "chosen": "noreverse bold"}),
            color_depth=None if colours else ColorDepth.DEPTH_1_BIT,
        )
        self._keyboard = Keyboard(self.session.app.input)
        if reflow.reflows():
            reflow.follow(self.session.app)
        self._add_status_line()

    def ask(
        self,
        question: str,
        action: Callable[[], None],
        as_code: Callable[[], None] | None = None,
    ) -> None:
        """Ask a question below the input line, and run `action` if the answer is yes, `as_code` if
        it is c.
        """
        self._question = _Question(question, action, as_code)
        self.session.app.invalidate()

    def ask_hidden(self, label: str, action: Callable[[str], None]) -> None:
        """Ask for a password in the input line, and run `action` with it unless it is empty."""
        self._hidden = _Hidden(label, action)
        self.session.app.invalidate()

    def remember(self, text: str, *, kept: bool) -> None:
        """Let the Up key bring back a line; with `kept`, also in later runs."""
        self._history.add(text, kept=kept)

    def clear(self) -> None:
        """Empty the editor."""
        self.session.default_buffer.reset()

    @property
    def unfinished(self) -> str:
        """The text in the editor, without a password."""
        text = self.session.default_buffer.text
        return "" if self._hidden else text[: secret_at(text)]

    # -- what it looks like -----------------------------------------------------------------------

    def _message(self) -> StyleAndTextTuples:
        waiting = self._drafts.overdue()
        width = get_app().output.get_size().columns
        fragments: StyleAndTextTuples = [
            ("class:waiting", f"... {_fitted(typed.text, width - 4)}\n")
            for typed in waiting[:_WAITING_SHOWN]
        ]
        if len(waiting) > _WAITING_SHOWN:
            more = len(waiting) - _WAITING_SHOWN
            fragments.append(("class:waiting", f"... and {more} more that wait to be sent\n"))
        return [*fragments, ("", self._where())]

    def _add_status_line(self) -> None:
        """Add the status line below the input line. prompt_toolkit hides its own toolbar on
        terminals that do not report the cursor's position.
        """
        line = Window(FormattedTextControl(self._toolbar), height=1, style="class:bottom-toolbar")
        layout = self.session.layout.container
        assert isinstance(layout, HSplit)  # as a session makes it
        layout.children.append(ConditionalContainer(line, ~is_done))

    def _where(self) -> str:
        if self._hidden:
            return f"{self._hidden.label}: "
        room = self._view.current.name if self._view.current else "no room"
        if self._view.query:
            return f"[to {self._view.query.nick}] "
        silence = self._view.current.silence if self._view.current else ""
        return f"[{room}{silence and f', {silence}'}] "

    def _continuation(self, *_: int) -> str:
        """Return the indent of a further line."""
        return " " * cells(self._where())

    def _toolbar(self) -> StyleAndTextTuples:
        if self._question:
            keys = "y/n, c: as code" if self._question.as_code else "y/n"
            return [("bold", f" {self._question.text} ({keys})")]
        if self._hidden:
            care = EXPOSED if self._exposed else "not shown"
            return [("bold", f" {care}; Enter: done, Ctrl-C: never mind")]
        before = self.session.default_buffer.document.text_before_cursor
        chosen = self._cycle.chosen(before)
        width = get_app().output.get_size().columns
        if chosen is not None and len(self._cycle.offered) > 1:
            return _menu(self._cycle.offered, chosen, width)
        return [("", status_line(self._view, self._round_trip(), width))]

    # -- keys -------------------------------------------------------------------------------------

    def _keys(self, open_line: Filter) -> KeyBindings:
        keys = KeyBindings()
        editing = has_focus(DEFAULT_BUFFER) & open_line

        @keys.add("enter", filter=editing)
        def _enter(event: KeyPressEvent) -> None:
            if self._accept(event.current_buffer.text):
                self.clear()

        @keys.add("escape", "enter", filter=editing)
        def _new_line(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @keys.add("tab", filter=editing)
        def _next_candidate(event: KeyPressEvent) -> None:
            self._complete(event.current_buffer, 1)

        @keys.add("s-tab", filter=editing)
        def _candidate_before(event: KeyPressEvent) -> None:
            self._complete(event.current_buffer, -1)

        @keys.add("c-c", filter=editing)
        def _clear_or_ask(event: KeyPressEvent) -> None:
            if event.current_buffer.text:
                self._drafts.lost.append(event.current_buffer.text)
                self.clear()
            else:
                self.ask("leave?", self.leave)

        @keys.add("c-d", filter=editing & Condition(lambda: self._keyboard.cut))
        def _leave_a_paste(_: KeyPressEvent) -> None:
            self.leave()  # the paste is not shown before this key ends it

        @keys.add("escape", "r", filter=editing)
        def _bring_back(event: KeyPressEvent) -> None:
            if self._drafts.lost:
                lost = self._drafts.lost.pop()
                if event.current_buffer.text:
                    self._drafts.lost.insert(0, event.current_buffer.text)
                self.clear()
                event.current_buffer.insert_text(lost)

        @keys.add("c-o", filter=editing)
        def _edit(event: KeyPressEvent) -> None:
            event.current_buffer.open_in_editor()

        self._add_room_keys(keys, editing)
        self._add_answers(keys, editing)
        return keys

    def _add_answers(self, keys: KeyBindings, editing: Filter) -> None:
        """Add the keys that answer a question. Any other text is typed on as before."""
        asking = Condition(lambda: self._question is not None)

        def answer(event: KeyPressEvent) -> None:
            question, self._question = self._question, None
            if question and event.data in ("y", "Y", "\x03"):
                question.action()
            elif question and question.as_code and event.data in ("c", "C"):
                question.as_code()

        for key in ("y", "Y", "n", "N", "c-c", "enter", "escape"):
            keys.add(key, filter=asking, eager=True)(answer)
        may_be_code = Condition(lambda: bool(self._question and self._question.as_code))
        for key in ("c", "C"):
            keys.add(key, filter=may_be_code, eager=True)(answer)

        @keys.add(Keys.Any, filter=asking & editing)
        def _go_on_typing(event: KeyPressEvent) -> None:
            self._question = None
            event.current_buffer.insert_text(event.data)

    def _hidden_keys(self, hidden: Filter) -> KeyBindings:
        """Return the keys while the user types a password. It is not completed and not kept, and
        no earlier line can be taken for it.
        """
        keys = KeyBindings()

        def end(event: KeyPressEvent, typed: str) -> None:
            asked, self._hidden = self._hidden, None
            self.clear()
            event.app.clipboard.set_data(ClipboardData())  # the user may have cut the password
            if asked and typed:
                asked.action(typed)

        @keys.add("enter", filter=hidden, eager=True)
        def _done(event: KeyPressEvent) -> None:
            end(event, event.current_buffer.text.rstrip("\r\n"))  # a paste may end so

        @keys.add("c-c", filter=hidden, eager=True)
        def _never_mind(event: KeyPressEvent) -> None:
            end(event, "")

        def nothing(_: KeyPressEvent) -> None:
            """Do nothing."""

        for pressed in _NOT_IN_PASSWORDS:
            keys.add(*pressed, filter=hidden, eager=True)(nothing)
        return keys

    def _add_room_keys(self, keys: KeyBindings, editing: Filter) -> None:
        def go(name: str | None) -> None:
            if name is not None:
                self._accept(f"/switch {name}")

        for number in range(1, 10):

            @keys.add("escape", str(number), filter=editing)
            def _nth(_: KeyPressEvent, number: int = number) -> None:
                if number <= len(self._view.rooms):
                    go(list(self._view.rooms)[number - 1])

        @keys.add("c-n", filter=editing)
        def _next(_: KeyPressEvent) -> None:
            go(self._view.neighbour(1))

        @keys.add("c-p", filter=editing)
        def _previous(_: KeyPressEvent) -> None:
            go(self._view.neighbour(-1))

        @keys.add("escape", "a", filter=editing)
        def _busiest(_: KeyPressEvent) -> None:
            go(self._view.busiest())

        @keys.add("pageup", filter=editing)
        def _read_back(_: KeyPressEvent) -> None:
            self._accept(f"/history {self._view.read_back()}")

    def leave(self) -> None:
        """End the prompt, if it runs."""
        app = self.session.app
        if app.is_running and not app.is_done:
            app.exit(exception=EOFError)

    def _complete(self, buffer: Buffer, step: int) -> None:
        before = buffer.document.text_before_cursor
        start, found = candidates(before, self._view, COMMANDS)
        after = self._cycle.advance(before, step, start, found)
        if after != before:
            buffer.delete_before_cursor(len(before))
            buffer.insert_text(after)


def _fitted(text: str, width: int) -> str:
    """Return the beginning of a text on one line; nothing where there is no room."""
    shown = one_line(text)[: max(0, width)]
    while cells(shown) > width and shown:
        shown = shown[:-1]
    return shown


def _menu(offered: list[str], chosen: int, width: int) -> StyleAndTextTuples:
    """Return candidates side by side. The chosen one is among those that fit."""
    first = chosen
    while first and sum(cells(each) + 1 for each in offered[first - 1 : chosen + 1]) < width:
        first -= 1
    fragments: StyleAndTextTuples = []
    for number, each in enumerate(offered[first : first + width], first):
        fragments.append(("class:chosen" if number == chosen else "", f" {each.rstrip()}"))
    return fragments
