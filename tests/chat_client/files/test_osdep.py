"""What not every system has."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_what_not_every_system_has_is_in_one_module() -> None:
    """So that the rest runs on Windows as well; the load tester says itself what it needs."""
    unix_only = re.compile(
        r"AF_UNIX|SIGHUP|SIGWINCH|\b(fcntl|termios|pwd|grp|resource|tty|pty)\b(?=\.|$| import)|"
        r"os\.(getuid|geteuid|fork|kill|fchmod|chown)",
        re.M,
    )
    found = {
        path.name
        for path in (ROOT / "chat_client").rglob("*.py")
        if "load" not in path.parts and unix_only.search(path.read_text(encoding="utf-8"))
    }
    assert found == {"osdep.py"}
