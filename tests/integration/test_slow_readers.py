"""What a command prints arrives whole, however slowly it is read."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="what a process waits for is found in /proc")
def test_a_full_pipe_that_does_not_block_loses_nothing() -> None:
    """
    The pipe is full and non-blocking, as a parent's event loop leaves it: the whole document comes once it is read.
    """
    command = [sys.executable, "-m", "athlete_ally", "streams", "explain", "--json"]
    whole = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    filling = 0
    while True:
        try:
            filling += os.write(writer, b" " * 1024)
        except BlockingIOError:
            break
    with subprocess.Popen(command, stdout=writer) as slow:
        os.close(writer)
        waits_for = Path(f"/proc/{slow.pid}/wchan")
        # A kernel may keep to itself what a process waits for.
        deadline_s = time.monotonic() + 10
        while slow.poll() is None and time.monotonic() < deadline_s:
            if "pipe" in waits_for.read_text(encoding="ascii"):
                break
            time.sleep(0.02)
        with os.fdopen(reader, "rb") as read:
            came = read.read()

    assert (0, whole) == (slow.returncode, came[filling:])
