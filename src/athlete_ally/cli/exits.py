"""Exit codes, the same for every command, and how errors become them."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from enum import IntEnum

from athlete_ally.core.errors import AthleteAllyError, Refused


class Exit(IntEnum):
    """What a command's exit code means."""

    AS_DESIRED = 0
    ERROR = 1
    FINDINGS = 2
    REFUSED = 3
    WRONG_TARGET = 4
    STALE_PLAN = 5
    NOT_VERIFIED = 6


@contextmanager
def explained() -> Generator[None]:
    """Turn an error that was foreseen into its text on standard error and exit code 1, or 3 where it is a refusal.

    Others keep their traceback.
    """
    try:
        yield
    except Refused as error:
        sys.stderr.write(f"athlete-ally: refused: {error}\n")
        sys.exit(Exit.REFUSED)
    except AthleteAllyError as error:
        sys.stderr.write(f"athlete-ally: {error}\n")
        sys.exit(Exit.ERROR)
