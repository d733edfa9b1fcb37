"""The command line: parse, print, exit code. One module for each command or group."""

import sys

from athlete_ally.cli.app import cli
from athlete_ally.cli.exits import explained


def main() -> None:
    """Run the command; an error of ours becomes one clear text and its exit code."""
    with explained():
        cli(prog_name="athlete-ally")
    sys.exit(0)
