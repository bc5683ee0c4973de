"""The session in docs/protocol.md is what the codec writes, and what the server really says."""

import re
import socket
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from protocol.errors import Code
from protocol.framing import HEADER_SIZE, FrameDecoder
from protocol.messages import (
    AnyRequest,
    AnyServerMessage,
    decode_request,
    decode_server_message,
    encode,
)
from tests.support.servers import ROOT, ServerProcess
from tests.support.waiting import DEADLINE

DOCUMENT = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")

_frame = re.compile(
    r"^\*\*(?P<speaker>Ana's client|The server)\*\* [^\n]*\n\n"
    r"```json\n(?P<json>[^\n]*)\n```\n```hex\n(?P<dump>.*?)\n```$",
    re.MULTILINE | re.DOTALL,
)


class Shown(NamedTuple):
    """One frame as the document shows it."""

    by_client: bool
    json: str
    dump: str

    @property
    def data(self) -> bytes:
        """The bytes of the dump's middle column."""
        return b"".join(bytes.fromhex(line[6:53]) for line in self.dump.splitlines())


SESSION = [
    Shown(found["speaker"] == "Ana's client", found["json"], found["dump"])
    for found in _frame.finditer(DOCUMENT)
]
each_frame = pytest.mark.parametrize("shown", SESSION, ids=lambda shown: shown.json[:24])


def test_all_of_the_session_is_found() -> None:
    assert len(SESSION) == DOCUMENT.count("```hex") == 11


@each_frame
def test_the_bytes_are_one_frame_of_the_json_above_them(shown: Shown) -> None:
    (payload,) = FrameDecoder().feed(shown.data)
    assert payload.decode() == shown.json
    assert len(shown.data) == HEADER_SIZE + len(payload)


@each_frame
def test_the_bytes_are_what_the_codec_writes(shown: Shown) -> None:
    assert encode(_decoded(shown)) == shown.data


@each_frame
def test_offsets_and_characters_of_the_dump_are_right(shown: Shown) -> None:
    data = shown.data
    for number, line in enumerate(shown.dump.splitlines()):
        part = data[16 * number : 16 * number + 16]
        characters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)
        assert line == f"{16 * number:04x}  {part.hex(' '):<47}  {characters}"


def test_the_server_answers_as_shown(tmp_path: Path) -> None:
    with (
        ServerProcess.serve(tmp_path / "data") as server,
        socket.create_connection(("127.0.0.1", server.port), DEADLINE) as connection,
        connection.makefile("rb") as stream,
    ):
        for by_client, frames in groupby(SESSION, key=lambda shown: shown.by_client):
            for shown in frames:
                if by_client:
                    connection.sendall(shown.data)
                    continue
                length = int.from_bytes(stream.read(HEADER_SIZE), "big")
                assert _constant(stream.read(length)) == _constant(shown.data[HEADER_SIZE:])
        assert stream.read() == b""


def test_every_code_is_explained() -> None:
    explained = set(re.findall(r"^\| `([a-z_]+)` \|", DOCUMENT, re.MULTILINE))
    assert {str(code) for code in Code} <= explained


@pytest.mark.parametrize("message", [*AnyRequest.__args__, *AnyServerMessage.__args__])
def test_every_type_and_member_is_named(message: type[msgspec.Struct]) -> None:
    assert f"`{message.__struct_config__.tag}`" in DOCUMENT
    for field in msgspec.structs.fields(message):
        assert f"`{field.encode_name}`" in DOCUMENT


def _decoded(shown: Shown) -> Any:
    payload = shown.data[HEADER_SIZE:]
    return decode_request(payload) if shown.by_client else decode_server_message(payload)


def _constant(payload: bytes) -> dict[str, Any]:
    """What a server says, without what differs from run to run."""
    frame: dict[str, Any] = msgspec.json.decode(payload)
    return {name: frame[name] for name in frame if name not in ("session", "server", "time", "log")}
