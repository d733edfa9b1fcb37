"""The command line as a real process, on the servers of a test."""

import asyncio
import json
import os
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from athlete_ally.cli.app import cli
from athlete_ally.cli.exits import explained
from athlete_ally.core.errors import AthleteAllyError
from support import processes

TOMORROW = Path(__file__).parents[1] / "system" / "programs" / "tomorrow.py"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Return what it printed with --json."""
        assert self.out.endswith("\n"), (self.code, self.out[-200:], self.err)
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Commands:
    """Runs `athlete-ally` with these settings."""

    environment: dict[str, str]

    async def __call__(self, *arguments: str, tomorrow: bool = False, dies: str = "never", stdin: str = "") -> Outcome:
        """Run a command to its end; `tomorrow` runs the code that knows one field more, and `dies` there at a step."""
        is_tomorrow = tomorrow or dies != "never"
        program = [str(TOMORROW), dies] if is_tomorrow else ["-m", "athlete_ally"]
        # In a thread: under load, asyncio's own pipes were seen to end in the middle of a long output.
        done = await asyncio.to_thread(
            processes.run,
            [*program, *arguments],
            {**os.environ, "PYTHONPATH": str(TOMORROW.parents[1]), **self.environment},
            stdin=stdin.encode(),
            # Tomorrow's code changes a module before others take from it: it needs imports of its own.
            fork=not is_tomorrow,
        )
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


def in_process(environment: dict[str, str], *arguments: str) -> Outcome:
    """Run a command to its end in this process; an error of ours ends it as it ends `athlete-ally`."""
    result = CliRunner(env=environment).invoke(cli, arguments)
    if not isinstance(result.exception, AthleteAllyError):
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        return Outcome(result.exit_code, result.stdout, result.stderr)
    said = StringIO()
    try:
        with redirect_stderr(said), explained():
            raise result.exception
    except SystemExit as end:
        return Outcome(int(end.code or 0), result.stdout, result.stderr + said.getvalue())
