"""The command's side of the operator's socket."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from chat_server.admin.messages import AdminRequest, AnyPart, Done, RefusedPart, decode_part, encode
from chat_server.network import admin_socket
from chat_server.runtime.errors import AdminError
from protocol.errors import ProtocolError
from protocol.framing import FrameDecoder

PATIENCE = 15.0
"""Seconds without a byte after which a server that does not answer is given up."""

RECEIVE_SIZE = 64 * 1024


def ask(data: Path, request: AdminRequest) -> Iterator[AnyPart]:
    """Ask the server of a data folder, and yield the parts of its answer; the last is `Done`.

    Raises:
        AdminError: no server runs there, or it refuses, or does not answer.
    """
    with closing(_connected(data)) as sock:
        sock.settimeout(PATIENCE)
        try:
            sock.sendall(encode(request))
            for part in _parts(sock):
                if isinstance(part, RefusedPart):
                    raise AdminError(part.text)
                yield part
                if isinstance(part, Done):
                    return
        except TimeoutError as error:
            raise AdminError(f"the server did not answer for {PATIENCE:g} seconds.") from error
        except OSError as error:
            raise AdminError(f"the server broke off: {error.strerror or error}.") from error
        except (ProtocolError, ValueError) as error:
            raise AdminError(f"the server is of another version: {error}.") from error
    raise AdminError(
        "the server broke off without an answer: it is stopping, or you are neither its user nor "
        "root."
    )


def is_running(data: Path) -> bool:
    """Whether a server listens in a data folder."""
    try:
        _connected(data).close()
    except AdminError:
        return False
    return True


def _parts(sock: socket.socket) -> Iterator[AnyPart]:
    decoder = FrameDecoder()
    while received := sock.recv(RECEIVE_SIZE):
        for payload in decoder.feed(received):
            yield decode_part(payload)


def _connected(data: Path) -> socket.socket:
    try:
        return admin_socket.connect(data)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise AdminError(
            f"no server runs with the data folder {data}. Name the one that it was started with: "
            "--data DIR."
        ) from error
    except PermissionError as error:
        raise AdminError(
            f"{data / admin_socket.FILE} is for the server's user alone: be that user, or root."
        ) from error
    except (OSError, admin_socket.NoPlaceError) as error:
        raise AdminError(f"the server in {data} cannot be asked: {error}.") from error
