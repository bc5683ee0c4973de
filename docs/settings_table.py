"""Write the table of settings in operating.md, from the server's own definition of them.

.venv/bin/python -m docs.settings_table
"""

from pathlib import Path

from chat_server.runtime.config.setting_types import Setting
from chat_server.runtime.config.settings import SETTINGS, Settings
from protocol.common.setting_rules import NONE

PAGE = Path(__file__).with_name("operating.md")
HEAD = "| in the file | option | usually | what |\n|---|---|---|---|\n"
BEGIN, END = "<!-- settings: python -m docs.settings_table -->\n", "<!-- /settings -->\n"


def table() -> str:
    """Return the table: first the settings that people set, then those that few need."""
    settings = sorted(SETTINGS.values(), key=lambda each: each.rare)
    return HEAD + "".join(_line(each) for each in settings)


def with_table(page: str) -> str:
    """Return a page with the table brought up to date."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


def _line(setting: Setting) -> str:
    option = "" if setting.secret else f"`{setting.flag}`"
    key = f"(only `{setting.variable}`)" if setting.secret else f"`{setting.name}`"
    restart = "" if setting.live else " ↻"
    what = setting.help.replace("|", "\\|")
    return f"| {key}{restart} | {option} | {_default(setting)} | {what} |\n"


def _default(setting: Setting) -> str:
    if setting.name == "data":  # it depends on the user
        return "`~/.local/share/backchannel`"
    value = setting.rule.write(getattr(Settings(), setting.field))
    if value in ("", []):
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(f"`'{each}'`" for each in value)
    return NONE if value == NONE else f"`{value}`"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
