"""`--check`: what is wrong with the settings on this machine, without starting a server."""

from pathlib import Path

import pytest

from chat_server import cli
from tests.chat_server.storage.test_data_folder import needs_unprivileged
from tests.support.servers import ServerProcess


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    """What the program answers without serving."""
    code = cli.main([str(argument) for argument in arguments])
    return code, *capsys.readouterr()


def test_check(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """0 when all is good, else every mistake and 2."""
    file = tmp_path / "chat-server.toml"
    file.write_text("motd = 'hello'")
    assert run(capsys, "--config", file, "--check") == (0, "the settings are good\n", "")
    file.write_text("prot = 1\nrooms = 0")
    code, out, err = run(capsys, "--config", file, "--check", "--port", "x")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 3
    assert all(line.startswith("chat-server: ") for line in err.splitlines())


def test_check_resolves_the_addresses(capsys: pytest.CaptureFixture[str]) -> None:
    """And listens nowhere."""
    code, _, err = run(capsys, "--check", "--host", "999.1.1.1")
    assert code == 2
    assert err.startswith("chat-server: cannot listen on '999.1.1.1'")
    code, _, err = run(capsys, "--check", "--metrics", "999.1.1.1:9100")
    assert code == 2
    assert "no metrics at 999.1.1.1:9100" in err


def test_check_looks_at_what_the_settings_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The data folder and the Unix socket; and makes neither."""
    good = ("--data", tmp_path / "not" / "yet", "--unix", tmp_path / "chat.sock", "--check")
    assert run(capsys, *good)[0] == 0
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    code, _, err = run(
        capsys, "--data", tmp_path / "file" / "data", "--unix", tmp_path / "file", "--check"
    )
    assert code == 2
    assert f"{tmp_path / 'file'} is no folder" in err
    assert "it exists and is no socket" in err
    code, _, err = run(capsys, "--unix", tmp_path / "no" / "chat.sock", "--check")
    assert (code, err.count("\n")) == (2, 1)


@needs_unprivileged
def test_check_asks_whether_it_may_write(tmp_path: Path) -> None:
    """As whoever it is that asks."""
    tmp_path.chmod(0o500)
    with ServerProcess("--check", "--data", tmp_path / "x", unprivileged=True) as server:
        assert server.wait() == 2
        assert f"{tmp_path} cannot be written" in server.stderr
