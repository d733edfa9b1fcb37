"""The contract of a process that tests start: a forked one (see `support/processes.py`) is like a new one."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support import processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="tests fork processes only on Linux")

SAYS = """
import os, signal, sys, threading
print(sys.argv[1:], sys.stdin.read(), sorted(os.environ), signal.getsignal(signal.SIGINT).__name__, sep="|")
print(__name__, threading.active_count(), sorted(os.listdir("/proc/self/fd"))[:3], file=sys.stderr)
"""
ENDS = {
    "end": ("pass", 0),
    "exit code": ("raise SystemExit(7)", 7),
    "text": ("import sys; sys.exit('no')", 1),
    "error": ("1 / 0", 1),
    "killed": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
    "interrupted": ("import os, signal; os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT),
    "at exit": ("import atexit, os; atexit.register(os._exit, 9)", 9),
}


@pytest.fixture(params=[True, False], ids=["forked", "new"])
def is_forked(request: pytest.FixtureRequest) -> bool:
    """Tell which way of starting a process the test is about."""
    return request.param


@pytest.fixture
def run(tmp_path: Path, *, is_forked: bool) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Return what runs a program to its end."""

    def run(program: str, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        path = tmp_path / "program.py"
        path.write_text(program, encoding="utf-8")
        return processes.run(
            [str(path), *arguments], {"LC_ALL": "C.UTF-8", "NAME": "value"}, stdin=stdin, fork=is_forked
        )

    return run


def test_it_gets_what_it_was_given_and_nothing_else(run: Callable[..., subprocess.CompletedProcess[bytes]]) -> None:
    """
    Arguments, standard input and variables are those of the request; signals act as in any process, and no thread runs.
    """
    done = run(SAYS, "--one", "two", stdin=b"typed")

    assert done.stdout.decode() == "['--one', 'two']|typed|['LC_ALL', 'NAME']|default_int_handler\n"
    assert done.stderr.decode() == "__main__ 1 ['0', '1', '2']\n"


@pytest.mark.parametrize("end", ENDS)
def test_its_end_is_reported(run: Callable[..., subprocess.CompletedProcess[bytes]], end: str) -> None:
    """
    The exit code is that of the process, and a signal counts negatively, as with `subprocess`.
    """
    program, code = ENDS[end]

    assert code == run(program).returncode


def test_a_module_runs_as_the_program_does(*, is_forked: bool) -> None:
    """
    `-m athlete_ally` prints what it prints, and exits as it exits.
    """
    done = processes.run(["-m", "athlete_ally", "streams", "no-such"], dict(os.environ), fork=is_forked)

    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"Usage: athlete-ally streams"), done.stderr


def test_two_may_wait_for_it(tmp_path: Path, *, is_forked: bool) -> None:
    """
    While a thread waits for its end, it can be asked and killed, and each who waits learns how it ended.
    """
    path = tmp_path / "program.py"
    path.write_text("import signal\nsignal.pause()\n", encoding="utf-8")
    with (tmp_path / "log").open("wb") as log:
        process = processes.start([str(path)], {}, stdout=log, stderr=log, fork=is_forked)

    with ThreadPoolExecutor(2) as threads:
        ends = [threads.submit(process.wait) for _ in range(2)]
        assert process.poll() is None
        process.kill()
        assert [end.result(20) for end in ends] == [-signal.SIGKILL] * 2


def test_it_lives_until_its_standard_input_ends_or_it_is_killed(tmp_path: Path, *, is_forked: bool) -> None:
    """
    It runs until a test closes its standard input or kills it, and processes do not keep each other's input open.
    """
    path = tmp_path / "program.py"
    path.write_text("import sys\nsys.stdin.read()\n", encoding="utf-8")

    def start(log: Any) -> Any:
        return processes.start([str(path)], {}, stdin=subprocess.PIPE, stdout=log, stderr=log, fork=is_forked)

    with (tmp_path / "log").open("wb") as log:
        first, second = start(log), start(log)
    assert (first.poll(), second.poll()) == (None, None)
    with pytest.raises(subprocess.TimeoutExpired):
        first.wait(0.01)
    first.stdin.close()
    assert first.wait(20) == 0
    second.kill()
    assert second.wait(20) == -signal.SIGKILL
    assert (first.poll(), second.poll()) == (0, -signal.SIGKILL)
    second.stdin.close()
