"""Exit codes, the same for every command, and how errors become them."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from enum import IntEnum

from athlete_ally.core.errors import AthleteAllyError, NotVerified, Refused, StalePlan, Withdrawn, WrongTarget


class Exit(IntEnum):
    """The meaning of a command's exit code."""

    AS_DESIRED = 0
    ERROR = 1
    FINDINGS = 2
    REFUSED = 3
    WRONG_TARGET = 4
    STALE_PLAN = 5
    NOT_VERIFIED = 6


_BY_ERROR: dict[type[AthleteAllyError], tuple[Exit, str]] = {
    Refused: (Exit.REFUSED, "refused: "),
    Withdrawn: (Exit.REFUSED, "withdrawn: "),
    WrongTarget: (Exit.WRONG_TARGET, "wrong target: "),
    StalePlan: (Exit.STALE_PLAN, "stale plan: "),
    NotVerified: (Exit.NOT_VERIFIED, "not verified: "),
}


@contextmanager
def explained() -> Generator[None]:
    """Turn an expected error into a message on standard error and an exit code; others keep a traceback."""
    try:
        yield
    except AthleteAllyError as error:
        code, word = _BY_ERROR.get(type(error), (Exit.ERROR, ""))
        sys.stderr.write(f"athlete-ally: {word}{error}\n")
        sys.exit(code)
