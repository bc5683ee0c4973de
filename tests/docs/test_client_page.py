"""docs/client.md names every record of `--json`, and every member of the client's own."""

import re
from dataclasses import fields, is_dataclass
from typing import get_args

import msgspec
import pytest

from chat_client.events import Event
from tests.support.servers import ROOT

PAGE = ROOT.joinpath("docs", "client.md").read_text(encoding="utf-8")
SECTION = PAGE.split("## In pipes and scripts")[1].split("## Exit codes")[0]
ROWS = {
    name: members
    for names, members in re.findall(r"^\| (`[a-z`, ]+`) \| (.*) \|$", SECTION, re.MULTILINE)
    for name in re.findall("[a-z]+", names)
}


@pytest.mark.parametrize("kind", get_args(Event))
def test_every_record_has_its_row(kind: type) -> None:
    """With each member that it has, where the protocol's page does not say it."""
    if is_dataclass(kind):
        members = ROWS[kind.__name__.lower()]
        assert [each.name for each in fields(kind) if f"`{each.name}`" not in members] == []
    else:
        tag = msgspec.inspect.type_info(kind).tag  # type: ignore[attr-defined]
        assert "as [the protocol](protocol.md#events) has them" in ROWS[str(tag)]
