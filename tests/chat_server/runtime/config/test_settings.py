"""The settings: one for each field; what a running server takes; what clients are told."""

from dataclasses import fields
from typing import Any

from chat_server.runtime.config.settings import LIFTED_LIMITS, SETTINGS, Settings


def test_every_field_is_a_setting_with_its_help() -> None:
    """There is one definition of each."""
    assert {each.field for each in SETTINGS.values()} == {each.name for each in fields(Settings)}
    for setting in SETTINGS.values():
        assert setting.help
        assert not setting.help.endswith(".")


def test_only_what_is_live_is_taken_by_a_running_server() -> None:
    """The rest waits for a restart, and is named."""
    before = Settings()
    new, changed, later = before.taking_live(Settings(motd="hello", port=1, tls=True))
    assert (new.motd, new.port, new.tls) == ("hello", before.port, False)
    assert [each.name for each in changed] == ["motd"]
    assert [each.name for each in later] == ["port", "tls"]


def test_what_speaks_tls_takes_other_certificates() -> None:
    """The files may change while the server runs; whether it speaks TLS may not."""
    new, changed, later = Settings(tls=True).taking_live(Settings(tls=True, tls_cert=None, port=1))
    assert (new.tls, [each.name for each in changed]) == (True, [])
    assert [each.name for each in later] == ["port"]


def test_limits_are_told_by_their_names() -> None:
    """What `no_limits` lifts is None to a client."""
    lifted: dict[str, Any] = dict.fromkeys(LIFTED_LIMITS)
    limits = Settings(**lifted).limits()
    assert all(limits[name] is None for name in LIFTED_LIMITS)
    assert limits["rooms"] == Settings().rooms
