"""Make checks and report them: one line each on a terminal, or one JSON document; exit code 0 or 1."""

import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from smoke_client import NO_ANSWER, Service, reason, why_absent

COLOURS = {"pass": "32", "fail": "31", "skip": "33"}


class Failed(Exception):
    """A check saw something else than it expected."""

    def __init__(self, *, expected: str, saw: object, remedy: str) -> None:
        """Name what was expected, what was seen, and what to do."""
        super().__init__(f"expected {expected}; saw {saw}; {remedy}")


class Skipped(Exception):
    """A check can't be made here; the message says why."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold: `look` returns what was seen, or raises Failed or Skipped."""

    name: str
    look: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one check."""

    name: str
    outcome: Literal["pass", "fail", "skip"]
    detail: str


def examine(services: Sequence[Service], checks: Sequence[Check], *, as_json: bool) -> int:
    """Make every check, say what was seen, and return the exit code: 0 when none failed, else 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a Windows code page may lack what a service answers
            stream.reconfigure(errors="backslashreplace")
    results: list[Result] = []
    complaint = _complaint(services)
    if complaint is None:
        for result in map(_make, checks):
            results.append(result)
            if not as_json:
                print(_line(result), flush=True)
    passed = complaint is None and all(result.outcome != "fail" for result in results)
    if as_json:
        print(json.dumps({"passed": passed, "error": complaint, "checks": [asdict(result) for result in results]}))
    if complaint is not None:
        print(complaint, file=sys.stderr)
    return 0 if passed else 1


def _complaint(services: Sequence[Service]) -> str | None:
    for service in services:
        if why := why_absent(service):
            return (
                f"no answer from {service.name} at {service.base_url}/health ({why}): "
                "start it with `athlete-ally up`, or name the right URL (see --help)"
            )
    return None


def _make(check: Check) -> Result:
    try:
        return Result(check.name, "pass", check.look())
    except Skipped as skipped:
        return Result(check.name, "skip", str(skipped))
    except Failed as failed:
        return Result(check.name, "fail", str(failed))
    except NO_ANSWER as error:
        lost = Failed(expected="an answer", saw=reason(error), remedy="see whether the service still runs, and its log")
        return Result(check.name, "fail", str(lost))


def _line(result: Result) -> str:
    label = result.outcome.upper()
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR") and _shows_colour():
        label = f"\x1b[{COLOURS[result.outcome]}m{label}\x1b[0m"
    return f"{label} {result.name}: {result.detail}"


def _shows_colour() -> bool:
    # The old Windows console prints escape sequences as they are; Windows Terminal announces itself.
    return os.environ.get("TERM") != "dumb" if os.name != "nt" else "WT_SESSION" in os.environ
