"""What PostgreSQL's errors mean to us, decided by SQLSTATE.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from collections.abc import Generator
from contextlib import contextmanager

import asyncpg

from athlete_ally.core.errors import AthleteAllyError, Unavailable

# 22 data exception, 23 integrity constraint violation, 54 program limit exceeded: this row will never go in.
_ROW_CLASSES = ("22", "23", "54")


class RowRefused(AthleteAllyError):
    """The database refuses a row for what it contains; `sqlstate` says why, without quoting the row."""

    def __init__(self, sqlstate: str) -> None:
        """Keep the state only: the server's text may quote values."""
        super().__init__(f"the database refuses the row (SQLSTATE {sqlstate})")
        self.sqlstate = sqlstate


@contextmanager
def translated() -> Generator[None]:
    """Turn driver errors into ours.

    Raises:
        RowRefused: the data is at fault.
        Unavailable: anything else. A missing table or privilege is the operator's to mend, not the message's fault.
    """
    try:
        yield
    except asyncpg.PostgresError as error:
        sqlstate = error.sqlstate or "unknown"
        if sqlstate.startswith(_ROW_CLASSES):
            raise RowRefused(sqlstate) from error
        raise Unavailable(f"PostgreSQL can't do it now: {type(error).__name__} (SQLSTATE {sqlstate})") from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError) as error:
        # InternalClientError, too: the driver's answer when it is asked something after the server's unasked goodbye.
        raise Unavailable(f"PostgreSQL can't be reached: {type(error).__name__}") from error


# "the character with code zero (sometimes called NUL) cannot be stored":
# https://www.postgresql.org/docs/current/datatype-character.html
def is_text(value: str) -> bool:
    """Tell whether a column of texts may hold this: what comes from outside may contain NUL."""
    return "\0" not in value
