"""Reports are the result of minutes: none is emptied, whatever becomes of the standard output."""

import json
import os
import signal
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from chat_client.load.control import command_line
from chat_client.load.model.load_errors import LoadError, UsageError
from chat_client.load.report.output import check_writable, write_file
from tests.chat_client.load.faulty import faulty_server
from tests.chat_client.load.runs import COMMAND, start
from tests.chat_client.programs import ENVIRONMENT
from tests.support.peer import Peer
from tests.support.servers import ROOT, address_of, running_server
from tests.support.waiting import DEADLINE, eventually

SHORT = ("--clients", "3", "--duration", "0.4", "--warm-up", "0", "--processes", "1")
KINDS = ("json", "csv", "html")


@pytest.fixture
def reports(tmp_path: Path) -> list[Path]:
    """Reports of an earlier run."""
    paths = [tmp_path / f"report.{kind}" for kind in KINDS]
    for path in paths:
        path.write_text("yesterday's")
    return paths


def asked_for(reports: list[Path]) -> list[str]:
    """The options that name the reports."""
    return [part for path in reports for part in (f"--{path.suffix[1:]}", str(path))]


def are_of_yesterday(reports: list[Path]) -> bool:
    """Whether the reports are unchanged, and no other file is in their folder."""
    assert sorted(reports[0].parent.iterdir()) == sorted(reports)
    return all(path.read_text() == "yesterday's" for path in reports)


def are_new(reports: list[Path]) -> bool:
    """Whether all reports are new and complete, and no other file is in their folder."""
    assert sorted(reports[0].parent.iterdir()) == sorted(reports)
    texts = {path.suffix: path.read_text() for path in reports}
    assert json.loads(texts[".json"])["format"] == 2
    assert texts[".csv"].startswith("second,")
    assert texts[".html"].endswith("</html>\n")
    return True


def test_a_server_that_is_not_there(
    reports: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """An unreachable server leaves the reports as they are."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{held.getsockname()[1]}"
        assert command_line.main([address, *asked_for(reports)]) == command_line.WRONG_USE
    assert "nobody listens there" in capsys.readouterr().err
    assert are_of_yesterday(reports)


def test_ctrl_c_before_the_load(server: str, reports: list[Path]) -> None:
    """Ctrl-C during the ramp prints a sentence, and leaves the reports as they are."""
    with Peer.connect(server) as peer:
        peer.hello("ana")
        program = start(
            server,
            "--clients",
            "20",
            "--ramp",
            "600",
            "--nick-prefix",
            "ramp",
            *asked_for(reports),
        )
        eventually(lambda: "ramp-0" in [each["room"] for each in peer.page("rooms")["rooms"]])
    program.send_signal(signal.SIGINT)
    _, err = program.communicate(timeout=DEADLINE)
    assert program.returncode == command_line.INTERRUPTED
    assert "nothing to report; no file was changed" in err
    assert are_of_yesterday(reports)


def test_a_second_ctrl_c_amid_the_load(reports: list[Path]) -> None:
    """The second Ctrl-C ends the run without a report. The old reports stay."""
    with faulty_server(hold=(1, 10**9)) as address:
        program = start(address, "--clients", "2", "--patience", "600", *asked_for(reports))
        assert program.stdout is not None
        while " said/s" not in program.stdout.readline():
            assert program.poll() is None
        program.send_signal(signal.SIGINT)
        while " drain " not in program.stdout.readline():
            assert program.poll() is None
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=DEADLINE)
    assert program.returncode == command_line.INTERRUPTED
    assert are_of_yesterday(reports)


def test_a_reader_that_has_seen_enough(server: str, reports: list[Path]) -> None:
    """With `| head -1` or `| grep -q` the run goes on, and its verdict is the exit code."""
    program = start(server, *SHORT, "--nick-prefix", "head", *asked_for(reports))
    assert program.stdout is not None
    program.stdout.readline()
    program.stdout.close()
    assert program.stderr is not None
    assert program.stderr.read() == ""
    program.stderr.close()
    assert program.wait(DEADLINE) == 0
    assert are_new(reports)


def test_nobody_reads_and_nothing_is_kept(server: str) -> None:
    """Without a reader and without a report, the load ends early and silently."""
    program = start(server, "--clients", "3", "--duration", "600", "--nick-prefix", "unread")
    assert program.stdout is not None
    program.stdout.readline()
    program.stdout.close()
    assert program.stderr is not None
    assert program.stderr.read() == ""
    program.stderr.close()
    assert program.wait(DEADLINE) == command_line.INTERRUPTED


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_standard_output_that_is_full(server: str, reports: list[Path]) -> None:
    """The exit code is 1, the reason is printed, and the reports are written."""
    arguments = [*COMMAND, server, *SHORT, "--nick-prefix", "full", *asked_for(reports)]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            arguments,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=ENVIRONMENT,
            timeout=DEADLINE,
            check=False,
        )
    assert done.stderr == (
        "chat-load: cannot write to the standard output: No space left on device\n"
    )
    assert done.returncode == command_line.FAILED
    assert are_new(reports)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed(server: str, reports: list[Path], closed: str) -> None:
    """Some schedulers start programs with closed streams."""
    line = f'exec "$@" {closed}'
    name = f"closed{closed.count('-')}{ord(closed[0])}"
    done = subprocess.run(
        [
            "sh",
            "-c",
            line,
            "sh",
            *COMMAND,
            server,
            *SHORT,
            "--nick-prefix",
            name,
            *asked_for(reports),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=ENVIRONMENT,
        timeout=DEADLINE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert are_new(reports)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_report_that_cannot_be_written(
    server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the disk is full, the other reports are written, and the exit code is 1."""
    other = tmp_path / "report.html"
    run = [server, *SHORT, "--nick-prefix", "disk", "--json", "/dev/full", "--html", str(other)]
    assert command_line.main(run) == command_line.FAILED
    out, err = capsys.readouterr()
    assert err == "chat-load: cannot write '/dev/full': No space left on device\n"
    assert "the audit" in out
    assert other.read_text().endswith("</html>\n")


def test_a_report_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    """The new report has the permissions of the old one, and a link stays a link."""
    old, link, new = tmp_path / "old", tmp_path / "link", tmp_path / "new"
    old.write_text("yesterday's")
    old.chmod(0o640)
    link.symlink_to("old")
    number = old.stat().st_ino
    check_writable(str(link), str(new))
    assert old.read_text() == "yesterday's"
    write_file(str(link), b"today's")
    write_file(str(new), b"today's")
    assert (old.read_text(), new.read_text(), link.is_symlink()) == ("today's", "today's", True)
    assert old.stat().st_ino != number
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    (tmp_path / "usual").touch()
    assert new.stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_report_that_is_cut_short_leaves_the_one_before(tmp_path: Path) -> None:
    """A limit on the size of files stands for a disk that becomes full."""
    report = tmp_path / "report"
    report.write_text("yesterday's")
    script = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "from chat_client.load.report.output import write_file\n"
        "write_file(sys.argv[1], bytes(100_000))\n"
    )
    done = subprocess.run(
        [COMMAND[0], "-c", script, str(report)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=ENVIRONMENT,
        timeout=DEADLINE,
        check=False,
    )
    assert "LoadError: cannot write" in done.stderr
    assert report.read_text() == "yesterday's"
    assert list(tmp_path.iterdir()) == [report]


def test_what_cannot_be_written_is_said_before_the_run(tmp_path: Path) -> None:
    """A folder cannot be written, and neither can a file in a folder that does not exist."""
    with pytest.raises(UsageError, match="Is a directory"):
        check_writable(str(tmp_path))
    with pytest.raises(UsageError, match="No such file"):
        check_writable(str(tmp_path / "none" / "report"))
    with pytest.raises(LoadError, match="No such file"):
        write_file(str(tmp_path / "none" / "report"), b"x")


def test_a_pipe_is_written_as_it_is(tmp_path: Path) -> None:
    """A pipe, such as `--json >(jq ...)`, is written and not replaced."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    check_writable(str(pipe))
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE)
    write_file(str(pipe), b"figures")
    out, _ = reader.communicate(timeout=DEADLINE)
    assert out == b"figures"
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_ctrl_c_amid_a_search_for_the_limit(server: str, reports: list[Path]) -> None:
    """Ctrl-C during the ramp of a later step writes what was found before."""
    program = start(
        server,
        "--find-limit",
        "p99<60s",
        "--rate",
        "10",
        "--duration",
        "0.3",
        "--warm-up",
        "0",
        "--ramp",
        "0.5",
        "--clients",
        "3",
        "--processes",
        "1",
        "--nick-prefix",
        "search",
        *asked_for(reports),
    )
    assert program.stdout is not None
    while not program.stdout.readline().startswith("-- 20 "):
        assert program.poll() is None
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=DEADLINE)
    assert (program.returncode, err) == (command_line.INTERRUPTED, "")
    assert "p99<60s held up to 10 messages/s" in out
    found = json.loads(reports[0].read_text())
    assert (found["limit_per_s"], found["interrupted"], len(found["steps"])) == (10.0, True, 1)


def test_the_server_dies_amid_a_search_for_the_limit(reports: list[Path]) -> None:
    """The reports have what was found before, and the reason why the search broke off."""
    with running_server() as mortal:
        program = start(
            address_of(mortal),
            "--find-limit",
            "p99<60s",
            "--rate",
            "10",
            "--duration",
            "0.3",
            "--warm-up",
            "0",
            "--clients",
            "3",
            "--processes",
            "1",
            *asked_for(reports),
        )
        assert program.stdout is not None
        while not program.stdout.readline().startswith("-- 20 "):
            assert program.poll() is None
    out, err = program.communicate(timeout=DEADLINE * 2)
    assert (program.returncode, err) == (command_line.FAILED, "")
    assert "The search broke off: " in out
    assert json.loads(reports[0].read_text())["broke_off"]
