"""Settings for every test of the project."""

import os
import signal
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.chat_server.only_sqlite import why_only_sqlite
from tests.support import engine, home
from tests.support.starting import starts_programs

# A deadline for each example says nothing on a machine that does other things at the same time;
# every test has its own timeout. The same examples each time, so that what a change broke is what
# the change broke.
settings.register_profile(
    "backchannel",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# For whoever looks for what no run has found yet: `--hypothesis-profile=explore`.
settings.register_profile("explore", settings.get_profile("backchannel"), derandomize=False)
settings.load_profile("backchannel")

# A script ignores Ctrl-C for what it runs in the background, and nohup a hang-up. The programs that
# the tests start would inherit that, and take it as meant.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# What the user has set is not to be tested, nor are the user's own files.
os.environ.update(home.VARIABLES)
for _name in [name for name in os.environ if name.startswith("CHAT_")]:
    del os.environ[_name]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for the engine of every server that a test starts."""
    help = "where the servers that tests start keep their logs (default: sqlite)"
    parser.addoption("--log", choices=engine.ENGINES, default=engine.ENGINES[0], help=help)


def pytest_configure(config: pytest.Config) -> None:
    """Choose that engine."""
    if config.getoption("log") == "redis":
        config.add_cleanup(engine.use_redis().close)


@pytest.fixture(autouse=True)
def _own_files() -> Iterator[None]:
    """Each test begins as a user who has never been anywhere."""
    yield
    home.forget()


@pytest.hookimpl(tryfirst=True)  # ahead of the choice by `-m`
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what starts a program, as a browser, as long; skip what cannot hold on Redis there."""
    for item in items:
        if isinstance(item, pytest.Function) and starts_programs(item):
            item.add_marker(pytest.mark.long)
        why = why_only_sqlite(item.nodeid) if config.getoption("log") == "redis" else None
        if why is not None:
            item.add_marker(pytest.mark.skip(reason=f"only on SQLite: {why}"))
