"""The tests mirror the packages: each module has the test file of its name."""

from pathlib import Path

from tests.docs.test_layers import PACKAGES
from tests.support.servers import ROOT

DATA = "data without behaviour"
BY_CLIENTS = "test_registration.py, test_events.py and commands/ speak to it as clients do"

WITHOUT = {
    "chat_client/display/state/room_view.py": DATA,
    "chat_client/errors.py": DATA,
    "chat_client/events.py": DATA,
    "chat_client/load/model/load_errors.py": DATA,
    "chat_client/version.py": DATA,
    "chat_server/gateways/irc/client.py": BY_CLIENTS,
    "chat_server/gateways/irc/commands/table.py": "each command has its own test file",
    "chat_server/gateways/irc/irc_gateway.py": BY_CLIENTS,
    "chat_server/gateways/irc/live.py": BY_CLIENTS,
    "chat_server/gateways/irc/network.py": BY_CLIENTS,
    "chat_server/gateways/irc/welcome.py": BY_CLIENTS,
    "chat_server/gateways/irc/wire/capabilities.py": "commands/test_negotiation.py",
    "chat_server/gateways/irc/wire/irc_codec.py": "rooms/test_codec.py tries every codec",
    "chat_server/gateways/irc/wire/sasl.py": "commands/test_negotiation.py",
    "chat_server/gateways/native.py": "test_gateway.py tries every gateway",
    "chat_server/gateways/telnet.py": "test_lines.py",
    "chat_server/gateways/web/site.py": "test_http.py",
    "chat_server/identity/store/records.py": DATA,
    "chat_server/storage/shared_stays.py": "redis/processes/test_redis_stays.py has what does it",
    "chat_server/storage/shared_writes.py": "redis/processes/test_redis_writes.py has what does it",
    "chat_server/version.py": DATA,
    "protocol/messages/live.py": DATA,
}
"""Modules without a test file of their name, and why, or where their tests are instead."""


def modules() -> set[str]:
    """All of ours; what only imports others is tested where it is used."""
    return {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if path.name not in ("__init__.py", "__main__.py")
    }


def namesake_of(module: str) -> Path:
    path = Path(module)
    return ROOT / "tests" / path.parent / f"test_{path.name}"


def test_each_module_has_the_test_file_of_its_name() -> None:
    """Whoever changes a module finds its tests without looking for them."""
    missing = {module for module in modules() if not namesake_of(module).exists()}
    assert sorted(missing - WITHOUT.keys()) == []
    # An exception is for a module that is there and still has none.
    assert sorted(WITHOUT.keys() - missing) == []
