"""Ctrl-C ends whatever the main thread waits for, also where it does not wake a waiting thread."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chat_client.programs import ENVIRONMENT
from tests.support.servers import ROOT, ServerProcess
from tests.support.waiting import DEADLINE

# As on Windows: the signal comes, and is noticed only once the main thread is back from its wait.
# Here that is so because another thread takes it; the main thread has it blocked.
UNWAKEABLE = """
import signal, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
"""

LISTEN = "import sys\nfrom chat_client.cli import main\nsys.exit(main())"

READ = """
import chat_client, sys
with chat_client.connect(sys.argv[1], nick="bob") as chat:
    room = chat.join("lobby")
    try:
        print("here", flush=True)
        next(room)
    except KeyboardInterrupt:
        sys.exit(130)
"""

WAIT_FOR = READ.replace("next(room)", "room.wait_for(1)")


@pytest.mark.parametrize(("program", "options"), [(LISTEN, ["--json"]), (READ, []), (WAIT_FOR, [])])
def test_ctrl_c_ends_a_wait(tmp_path: Path, program: str, options: list[str]) -> None:
    """Waiting for input, for a message, for one message."""
    reading, writing = os.pipe()
    with (
        ServerProcess.serve(tmp_path) as server,
        subprocess.Popen(
            [sys.executable, "-c", UNWAKEABLE + program, server.address, *options],
            stdin=reading,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=ENVIRONMENT,
        ) as child,
    ):
        assert child.stdout is not None
        os.write(writing, b"said\n")  # by the client; the others leave it
        assert any(b"here" in line or b"said" in line for line in child.stdout)
        child.send_signal(signal.SIGINT)
        try:
            assert child.wait(DEADLINE) == 130
        finally:
            child.kill()
    os.close(reading)
    os.close(writing)
