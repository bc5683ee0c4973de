"""`chat-load` as a user starts it, against the real server at a small scale."""

import signal
import socket
from pathlib import Path

import pytest

from chat_client.load.control import command_line
from chat_client.load.report.report_json import read_result, write_result
from tests.chat_client.load.faulty import faulty_server
from tests.chat_client.load.runs import start, wrong
from tests.chat_client.load.samples import sample
from tests.support.leaks import nothing_left_behind
from tests.support.servers import address_of, running_server
from tests.support.waiting import DEADLINE

SHORT = ("--duration", "0.4", "--warm-up", "0.2")


def test_a_run_with_all_its_reports(
    server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run with rooms, processes, sizes and a ramp passes, and leaves nothing behind."""
    files = {kind: str(tmp_path / f"report.{kind}") for kind in ("json", "csv", "html")}
    with nothing_left_behind():
        code = command_line.main(
            [
                server,
                *SHORT,
                "--clients",
                "12",
                "--rooms",
                "3",
                "--rate",
                "200",
                "--talkers",
                "50",
                "--processes",
                "2",
                "--size",
                "40-200",
                "--ramp",
                "0.1",
                "--seed",
                "7",
                "--nick-prefix",
                "full",
                "--fail-if",
                "lost>0",
                "--fail-if",
                "p99>60s",
                *(part for kind, path in files.items() for part in (f"--{kind}", path)),
            ]
        )
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    # Where other programs have the cores, the load tester is late, and says that it was the limit.
    assert "FAILED" not in out
    assert "  ✓ the audit: every member got every message once and in order, 480" in out
    assert "✓ not p99>60s" in out
    assert out.endswith("".join(f"wrote {path}\n" for path in files.values()))
    result = read_result(files["json"])
    assert result.whole.sent == result.whole.confirmed == 120
    assert result.received == result.expected == 480
    assert result.whole.connect.total == 12
    # A third was due in the warm-up. A latency counts where its text was due, however late it was.
    assert result.measured.ok.total == 80
    assert result.measured.delivery.total == 320
    assert "seed 7" in result.command
    assert result.server_side is not None
    assert Path(files["csv"]).read_text().startswith("second,")
    assert "FAILED" not in Path(files["html"]).read_text()


def test_a_threshold_that_is_crossed(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 1, as CI needs it."""
    arguments = [server, *SHORT, "--clients", "4", "--nick-prefix", "t", "--fail-if", "p50>0us"]
    assert command_line.main(arguments) == command_line.FAILED
    assert "✗ not p50>0us: delivery p50 is" in capsys.readouterr().out


@pytest.mark.long
def test_a_server_that_limits_its_clients(capsys: pytest.CaptureFixture[str]) -> None:
    """Refusals are counted by their code, and the verdict says how to lift the limit."""
    # Before the run the load tester asks whether rooms may be removed: that takes twenty. The rest
    # lets a client join, and is less than it says.
    with running_server(requests_per_second=1.0, requests_burst=40) as limited:
        code = command_line.main(
            [
                address_of(limited),
                *SHORT,
                "--clients",
                "2",
                "--talkers",
                "50",
                "--rate",
                "90",
                "--fail-if",
                "errors>0",
            ]
        )
    out = capsys.readouterr().out
    assert code == command_line.FAILED
    assert "rate_limited" in out
    assert "--no-limits" in out


def test_a_server_with_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The password comes from the environment or a file, and no report contains it."""
    monkeypatch.delenv("CHAT_PASSWORD_FILE", raising=False)
    secret, report = tmp_path / "secret", tmp_path / "report.json"
    secret.write_text("open sesame\n")
    with running_server(password="open sesame") as guarded:
        run = [address_of(guarded), *SHORT, "--clients", "2", "--processes", "1"]
        monkeypatch.setenv("CHAT_PASSWORD", "guess")
        assert "given by --password-file or CHAT_PASSWORD" in wrong(capsys, *run)
        assert command_line.main([*run, "--password-file", str(secret), "--json", str(report)]) == 0
    assert "sesame" not in report.read_text()
    assert "sesame" not in capsys.readouterr().out
    assert "cannot be read" in wrong(capsys, *run, "--password-file", str(tmp_path / "none"))


def test_the_limit(server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No rate keeps the condition: the curve is printed, and the exit code is 1."""
    page = tmp_path / "limit.html"
    code = command_line.main(
        [
            server,
            "--find-limit",
            "p50<1us",
            "--rate",
            "2",
            "--duration",
            "0.2",
            "--warm-up",
            "0",
            "--clients",
            "3",
            "--processes",
            "1",
            "--html",
            str(page),
        ]
    )
    assert code == command_line.FAILED
    assert "p50<1us held at no rate that was tried." in capsys.readouterr().out
    assert "The limit" in page.read_text()


def test_compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`compare` prints two reports side by side, and writes a page."""
    one, page = tmp_path / "one.json", tmp_path / "compared.html"
    one.write_bytes(write_result(sample()))
    assert command_line.main(["compare", str(one), str(one), "--html", str(page)]) == 0
    assert "delivery p99.9" in capsys.readouterr().out
    assert "Load tests compared" in page.read_text()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_load_and_reports(server: str, signum: int, tmp_path: Path) -> None:
    """The exit code is 130, and the verdict is that of the time until then."""
    report = tmp_path / "report.json"
    program = start(
        server,
        "--clients",
        "4",
        "--duration",
        "600",
        "--warm-up",
        "0",
        "--rate",
        "50",
        "--nick-prefix",
        f"stop{signum}",
        "--json",
        str(report),
    )
    assert program.stdout is not None
    assert " said/s" in program.stdout.readline()
    program.send_signal(signum)
    out, err = program.communicate(timeout=DEADLINE)
    assert (program.returncode, err) == (command_line.INTERRUPTED, "")
    assert "  ✓ the audit" in out
    assert "ended the load early" in out
    assert read_result(str(report)).interrupted


def test_a_second_ctrl_c_stops_at_once() -> None:
    """The second Ctrl-C ends the wait for the last replies, without report and traceback."""
    with faulty_server(hold=(5, 10**9)) as address:
        program = start(
            address,
            "--clients",
            "2",
            "--duration",
            "600",
            "--patience",
            "600",
            "--warm-up",
            "0",
            "--rate",
            "50",
        )
        assert program.stdout is not None
        assert " said/s" in program.stdout.readline()
        program.send_signal(signal.SIGINT)
        while " drain " not in program.stdout.readline():
            assert program.poll() is None
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=DEADLINE)
    assert (program.returncode, err) == (command_line.INTERRUPTED, "")
    assert "the audit" not in out


def test_nobody_listens(capsys: pytest.CaptureFixture[str]) -> None:
    """If nobody listens, the exit code is that of wrong use."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{held.getsockname()[1]}"
        assert f"cannot connect to {address}: nobody listens there" in wrong(capsys, address)


def test_no_chat_server(capsys: pytest.CaptureFixture[str]) -> None:
    """Something accepts the connection and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE)
        program = start(f"127.0.0.1:{listener.getsockname()[1]}")
        listener.accept()[0].close()
        _, err = program.communicate(timeout=DEADLINE)
    assert program.returncode == command_line.WRONG_USE
    assert "closed the connection without a word" in err
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--json", "/no/such/folder/x"], "cannot write '/no/such/folder/x': No such file"),
        (["--json", "x", "--csv", "./x"], "'./x' is given for two reports"),
        (["--unix", "/no/such/socket"], "cannot connect to unix:/no/such/socket"),
        (["--own-server", "--unix", "/no/such/socket"], "cannot connect to unix:/no/such/socket"),
        (["compare", "/no/such", "/report"], "cannot read '/no/such'"),
        (["--clients", "100000000"], "need more open files"),
    ],
)
def test_what_cannot_begin(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    """The exit code is 2, with a sentence. A HOST replaces the own server."""
    assert says in wrong(capsys, *arguments)
