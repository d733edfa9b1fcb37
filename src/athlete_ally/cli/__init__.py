"""The command line: parse options, print results, set exit codes. One module for each command or group."""

import os
import sys
from contextlib import suppress

from athlete_ally.cli.app import cli
from athlete_ally.cli.exits import explained


def main() -> None:
    """Run the command; turn an expected error into one message and its exit code."""
    _wait_for_readers()
    with explained():
        cli(prog_name="athlete-ally")
    sys.exit(0)


def _wait_for_readers() -> None:
    """Make output wait for a slow reader.

    A process that shares the pipe may have made it non-blocking, as event loops do. Python then writes what fits, 64
    KiB of a long document, drops the rest and ends with exit code 0.
    """
    if sys.platform == "win32":
        return
    for number in (1, 2):
        # It may be closed.
        with suppress(OSError):
            os.set_blocking(number, True)
