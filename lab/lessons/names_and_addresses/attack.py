"""localhost has two addresses. Does the server answer at both?"""

import contextlib
import errno
import os
import socket
import time

from lab.stage.errors import ServerError
from lab.stage.lesson import Server
from lab.stage.ports import free_port
from lab.stage.stage import Stage, Table, Verdict

LOOPBACKS = ("127.0.0.1", "::1")


def has(host: str) -> bool:
    """Whether this machine has an address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True


SERVERS = [
    Server("broken.py", "localhost is 127.0.0.1", not has("::1")),
    Server("mended.py", "localhost is every loopback address", True),
]
GUILTY = ['listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))']


def attack(stage: Stage) -> Verdict:
    """Come by each address that localhost may mean."""
    answers = {}
    for number, host in enumerate(LOOPBACKS):
        stage.step(f"A client comes to {host}.")
        answers[host] = _answer(stage, f"ana{number}", host) if has(host) else "not on this machine"
    numbers = {f"at {host}": answer for host, answer in answers.items()}
    failed = [host for host, answer in answers.items() if answer.startswith("no: ")]
    if failed:
        return Verdict(
            False,
            f"Nobody answers at {failed[0]}. A program that asks for localhost may get that "
            "address first, and says that the server is down.",
            numbers,
        )
    return Verdict(True, "The server answers wherever localhost leads.", numbers)


def _answer(stage: Stage, name: str, host: str) -> str:
    try:
        client = stage.connect(name, host=host)
    except ServerError as error:
        return f"no: {error}"
    if not client.is_welcome():
        return "no: it is not greeted"
    stage.say(client, "hello")
    return "answered" if client.hears_text(name, "hello") else "no: what it says is not answered"


def beside() -> list[Table]:
    """What names mean, what connecting says, and which ports there are."""
    return [_names(), _codes(), _ports()]


def _names() -> Table:
    rows = [["getaddrinfo('localhost')", _addresses("localhost")]]
    rows.append(["getaddrinfo('no-such-host.invalid')", _addresses("no-such-host.invalid")])
    rows.append(["gethostbyaddr('127.0.0.1')", _name_of("127.0.0.1")])
    rows.append(["gethostname()", socket.gethostname()])
    return Table("What names and addresses mean here", ["call", "result"], rows)


def _addresses(name: str) -> str:
    try:
        found = socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return f"gaierror {error.errno}: {error.strerror}"
    return ", ".join(f"{family.name} {address[0]}" for family, _, _, _, address in found)


def _name_of(address: str) -> str:
    try:
        name, aliases, addresses = socket.gethostbyaddr(address)
    except OSError as error:
        return str(error)
    return f"{name}, aliases {aliases}, addresses {addresses}"


def _codes() -> Table:
    rows = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        rows.append(["somebody listens", *_code("127.0.0.1", port)])
    rows.append(["nobody listens", *_code("127.0.0.1", free_port())])
    rows.append(["0.0.0.0 is this machine", *_code("0.0.0.0", free_port())])
    rows.append(["its queue of connections is full", *_code_of_full()])
    rows.append(["a broadcast address", *_code("255.255.255.255", 9)])
    with socket.socket() as nonblocking:
        nonblocking.setblocking(False)
        code = nonblocking.connect_ex(("127.0.0.1", free_port()))
        rows.append(["a socket that does not block", *_named(code)])
    return Table("What connect_ex returns", ["the other side", "code", "means"], rows)


def _code_of_full() -> list[str]:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as listener,
        contextlib.ExitStack() as stack,
    ):
        port: int = listener.getsockname()[1]
        for _ in range(2):  # nobody accepts them
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        return _code("127.0.0.1", port)


def _code(host: str, port: int) -> list[str]:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        start = time.monotonic()
        code = probe.connect_ex((host, port))
        if code == errno.EAGAIN and time.monotonic() - start >= 0.5:
            return [str(code), "no answer within half a second"]
        return _named(code)


def _named(code: int) -> list[str]:
    name = errno.errorcode.get(code, "")
    return [f"{code} {name}".strip(), os.strerror(code) if code else "connected"]


def _ports() -> Table:
    rows = []
    for port, what in ((0, "the system chooses"), (80, "below 1024"), (65536, "too high")):
        try:
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", port))
                got = f"bound to {listener.getsockname()[1]}"
        except (OSError, OverflowError) as error:
            got = getattr(error, "strerror", None) or str(error)
        rows.append([str(port), what, got])
    return Table("What bind says to a port", ["port", "", "result"], rows)
