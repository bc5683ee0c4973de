"""The file of servers that are known."""

import threading
from pathlib import Path

from chat_client.files.known_servers import Entry, KnownServers

ONE, OTHER = "1" * 64, "2" * 64


def test_two_clients_at_once_lose_nothing(tmp_path: Path) -> None:
    """Each adds 20 servers; all are there, once, and nobody ever sees half a file."""
    path = tmp_path / "known"

    def add(who: int) -> None:
        for number in range(20):
            KnownServers(path).add(f"host{who}:{number}", ONE)
            KnownServers(path).add(f"both:{number}", ONE)

    threads = [threading.Thread(target=add, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if path.exists():
            assert path.read_text().endswith("\n")
    for thread in threads:
        thread.join()
    servers = [line.split()[0] for line in path.read_text().splitlines() if line[0] != "#"]
    assert len(servers) == len(set(servers)) == 100


def test_the_first_of_two_clients_wins(tmp_path: Path) -> None:
    """Two that see different certificates at the same moment do not both believe theirs."""
    servers = KnownServers(tmp_path / "known")
    assert servers.add("h:1", ONE) is None
    entry = servers.add("h:1", OTHER)
    assert entry is not None
    assert entry.fingerprint == ONE


def test_people_may_edit_it(tmp_path: Path) -> None:
    """Other lines stay as they are. A server is found in any line."""
    path = tmp_path / "known"
    path.write_text(f"# mine\n\n  h:1   sha256:{ONE}\nnonsense\nH:1 sha256:{OTHER} 2026-01-01 x")
    servers = KnownServers(path)
    servers.put("h:1", OTHER)
    servers.put("new:2", ONE)
    kept, *rest = path.read_text().split("\nh:1 ")
    assert kept == f"# mine\n\nnonsense\nH:1 sha256:{OTHER} 2026-01-01 x"
    assert servers.find("h:1") == Entry(OTHER, 5)
    assert len(rest) == 1


def test_no_line_of_the_file_stands_for_another_server(tmp_path: Path) -> None:
    """Names are compared as a whole, comments are ignored, and the first of two lines counts."""
    file = tmp_path / "known_servers"
    good, other = "a" * 64, "b" * 64
    file.write_text(
        f"# school:7878 sha256:{other}\n"
        f"x.school:7878 sha256:{other}\nschool:78 sha256:{other}\nschool:7878x sha256:{other}\n"
        f"school:7878 sha256:{other[:-1]}\nschool:7878 md5:{other}\n"
        f"school:7878 sha256:{good} 2026-11-21\nschool:7878 sha256:{other}\n"
    )
    entry = KnownServers(file).find("school:7878")
    assert entry is not None
    assert (entry.fingerprint, entry.line) == (good, 7)
