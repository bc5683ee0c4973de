"""Writes the parts of the page in the browser that are defined elsewhere: `commands.json` from the
terminal client's table of commands, and in `index.html` the list of modules to load beforehand.

.venv/bin/python -m docs.page_parts
"""

import json
from pathlib import Path

from chat_client.commands.table import COMMANDS

FOLDER = Path(__file__).parents[1] / "chat_server" / "gateways" / "page"
INDEX = FOLDER / "index.html"
BEGIN = (
    "    <!-- preload: every module, so that the browser need not find one behind the other -->\n"
)
END = "    <!-- /preload -->\n"


def command_table() -> str:
    """Return `commands.json`."""
    return json.dumps(COMMANDS.exported(), indent=1) + "\n"


def with_modules(page: str) -> str:
    """Return `index.html` with the list as it is to be."""
    before, _, rest = page.partition(BEGIN)
    modules = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.js"))
    links = "".join(
        f'    <link rel="modulepreload" href="/assets/{module}">\n'
        for module in modules
        if not module.endswith(("wall.js", "live.js"))
    )
    return before + BEGIN + links + END + rest.partition(END)[2]


def main() -> None:
    """Write both."""
    (FOLDER / "commands.json").write_text(command_table(), encoding="utf-8")
    INDEX.write_text(with_modules(INDEX.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
