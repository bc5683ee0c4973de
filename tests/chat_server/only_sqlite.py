"""What cannot hold in a run with `--log redis`, and why: those tests are skipped there.

Each name is a file in `tests/chat_server`, or one of its tests. `tests/support/test_engine.py` sees
that all of them are there.
"""

ONLY_SQLITE: dict[str, tuple[str, ...]] = {
    "on Redis the votes that come together are one write: see test_joined_writes.py": (
        "moderation/test_polls.py::test_votes_of_one_moment_share_a_commit",
    ),
    "it looks into the files of SQLite's history": (
        "moderation/test_people_actions.py::test_of_who_is_banned_nothing_is_kept",
        "test_security.py::test_files_are_private_whatever_the_umask",
    ),
}
"""Names by reason."""

_REASONS = {name: reason for reason, names in ONLY_SQLITE.items() for name in names}

_PREFIX = "tests/chat_server/"


def why_only_sqlite(test: str) -> str | None:
    """Return why a test cannot hold on Redis; None if it can.

    Args:
        test: its node id, such as `tests/chat_server/test_cli.py::test_one[2]`.
    """
    name = test.removeprefix(_PREFIX).partition("[")[0]
    return _REASONS.get(name) or _REASONS.get(name.partition("::")[0])
