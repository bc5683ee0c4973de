"""The wheel that the server hands out: pip installs it, and the programs in it run."""

import base64
import csv
import hashlib
import io
import shutil
import subprocess
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from chat_client.version import CLIENT
from chat_server.gateways.web import wheel
from chat_server.gateways.web.wheel import WheelError, build_wheel, wheel_name
from tests.support.servers import ENVIRONMENT, ROOT


def names(data: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(data)).namelist()


def tracked(*suffixes: str) -> set[str]:
    """What the packages hold of files with these suffixes."""
    return {
        path.relative_to(ROOT).as_posix()
        for package in ("protocol", "chat_server", "chat_client")
        for path in (ROOT / package).rglob("*")
        if path.suffix in suffixes
    }


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source checkout of three small packages, which is taken for the code that runs."""
    for package in ("protocol", "chat_server", "chat_client"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "LICENSE").touch()
    (tmp_path / "setup.cfg").write_text(
        "[metadata]\nname = backchannel\nversion = 100%\n"
        "[options.package_data]\nchat_server = py.typed, page/*\nchat_server.room =\n  *.txt\n"
    )
    monkeypatch.setattr(wheel, "_ROOT", tmp_path)
    build_wheel.cache_clear()
    monkeypatch.setattr(wheel, "build_wheel", build_wheel.__wrapped__)
    return tmp_path


@pytest.mark.long
def test_pip_installs_it_and_it_runs(tmp_path: Path) -> None:
    """In a new environment; and what is installed there makes the same wheel, byte for byte."""
    file = tmp_path / wheel_name()
    file.write_bytes(build_wheel())
    folder = tmp_path / "environment"
    venv.create(folder, with_pip=True, symlinks=True)
    python = folder / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet", file], check=True
    )
    # What it depends on is installed beside the tests.
    paths = {"site": sysconfig.get_path("purelib")}
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    (Path(site) / "dependencies.pth").write_text(paths["site"])

    def output(*command: object) -> bytes:
        return subprocess.run(
            [str(each) for each in command],
            check=True, stdout=subprocess.PIPE, cwd=tmp_path, env=ENVIRONMENT, timeout=60,
        ).stdout  # fmt: skip

    assert output(folder / "bin" / "chat-client", "--version").decode().strip() == CLIENT
    assert b"--no-announce" in output(folder / "bin" / "chat-server", "--help")
    begin = "import sys; from chat_server.gateways.web import wheel; "
    assert str(folder) in output(python, "-c", f"{begin}print(wheel.__file__)").decode()
    again = output(python, "-c", f"{begin}sys.stdout.buffer.write(wheel.build_wheel())")
    assert again == file.read_bytes()


def test_it_holds_all_code_and_no_more() -> None:
    """Every module and the data of the packages; no cache and no file of an editor."""
    found = {name for name in names(build_wheel()) if ".dist-info/" not in name}
    assert tracked(".py", ".typed") <= found
    assert not {Path(name).suffix for name in found} & {".pyc", ".pyo", ".orig", ".swp", ""}


def test_its_record_is_right() -> None:
    """Each file with its hash and size, the list itself without."""
    archive = zipfile.ZipFile(io.BytesIO(build_wheel()))
    (record,) = [name for name in archive.namelist() if name.endswith("/RECORD")]
    rows = list(csv.reader(archive.read(record).decode().splitlines()))
    assert sorted(row[0] for row in rows) == sorted(archive.namelist())
    for name, digest, size in rows:
        if name == record:
            assert (digest, size) == ("", "")
            continue
        data = archive.read(name)
        expected = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        assert (digest, size) == (f"sha256={expected}", str(len(data)))


def test_the_same_files_make_the_same_bytes() -> None:
    """Whenever it is made."""
    assert build_wheel.__wrapped__() == build_wheel()


def test_only_what_is_installed_is_handed_out(checkout: Path) -> None:
    """Of a checkout, what setup.cfg names: not what else lies in its folders."""
    (checkout / "chat_server" / "page").mkdir()
    (checkout / "chat_server" / "room").mkdir()
    for name in ("page/app.js", "room/a.txt", "room/a.md", "notes.txt", "py.typed", "code.py"):
        (checkout / "chat_server" / name).touch()
    shutil.copytree(checkout / "chat_server", checkout / "private")
    found = [name for name in names(wheel.build_wheel()) if ".dist-info/" not in name]
    assert found == [
        "chat_client/__init__.py", "chat_server/__init__.py", "chat_server/code.py",
        "chat_server/page/app.js", "chat_server/py.typed", "chat_server/room/a.txt",
        "protocol/__init__.py",
    ]  # fmt: skip


def test_code_that_is_not_installed_is_no_wheel(checkout: Path) -> None:
    """Nor is what runs from where it is not: the reason is one sentence."""
    (checkout / "setup.cfg").unlink()
    (checkout / "chat_server" / "__init__.py").unlink()
    with pytest.raises(WheelError, match=r"not known which files|cannot be read"):
        wheel.build_wheel()


def test_a_file_that_is_gone_is_named(checkout: Path) -> None:
    """The server goes on without handing anything out."""
    (checkout / "LICENSE").unlink()
    (checkout / "chat_server" / "gone.py").symlink_to(checkout / "nowhere")
    with pytest.raises(WheelError, match=r"gone\.py cannot be read: No such file"):
        wheel.build_wheel()
