"""What tests do with a server that has a certificate."""

from pathlib import Path

from chat_server.server import Server
from tests.support.servers import address_of
from tests.support.tls import Files, make_files


def authority(server: Server) -> str:
    """HOST:PORT."""
    return address_of(server).removeprefix("tls://")


def renew(server: Server, files: Files, folder: Path) -> None:
    """Let a server show another certificate from now on."""
    other = make_files(folder, "other")
    files.certificate.write_bytes(other.certificate.read_bytes())
    files.key.write_bytes(other.key.read_bytes())
    server.reload(server.settings)
