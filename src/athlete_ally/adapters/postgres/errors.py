"""What PostgreSQL's errors mean to us, decided by SQLSTATE.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg

from athlete_ally.core.errors import AthleteAllyError, Misconfigured, Unavailable

# 22 data exception, 23 integrity constraint violation, 54 program limit exceeded: this row will never go in.
_ROW_CLASSES = ("22", "23", "54")
# 25006 read-only transaction, 57P operator intervention, 08 connection exception. A session takes over the defaults of
# its role and database when it begins, and keeps them: one that may not write will never write, nor will those that
# began with it, so that all are replaced.
_SESSION_STATES = ("25006", "57P", "08")
# 08P01: a pooler refuses what our session is set to; 26000, 42P05: it gave a session with our statements to others.
_POOLER_STATES = ("08P01", "26000", "42P05")
POOLER_REMEDY = (
    "set pool_mode = session and ignore_startup_parameters = idle_in_transaction_session_timeout for this database in "
    "pgbouncer.ini, or connect to PostgreSQL itself"
)


class RowRefused(AthleteAllyError):
    """The database refuses a row for what it contains; `sqlstate` says why, without quoting the row."""

    def __init__(self, sqlstate: str) -> None:
        """Keep the state only: the server's text may quote values."""
        super().__init__(f"the database refuses the row (SQLSTATE {sqlstate})")
        self.sqlstate = sqlstate


@contextmanager
def row_refusals() -> Generator[None]:
    """Turn the driver's errors about a row into ours, and pass on all others.

    Raises:
        RowRefused: the data is at fault.
    """
    try:
        yield
    except asyncpg.PostgresError as error:
        if _state(error).startswith(_ROW_CLASSES):
            raise RowRefused(_state(error)) from error
        raise


@asynccontextmanager
async def translated(pool: "asyncpg.Pool[Any]") -> AsyncGenerator[None]:
    """Turn driver errors into ours, and replace the sessions of a pool once one of them is of no use.

    Raises:
        RowRefused: the data is at fault.
        Misconfigured: a pooler between us and the server does not give us a session of our own.
        Unavailable: anything else. A missing table or privilege is for the operator to fix, not the message's fault.
    """
    try:
        with row_refusals():
            yield
    except asyncpg.PostgresError as error:
        sqlstate = _state(error)
        if sqlstate.startswith(_SESSION_STATES):
            await pool.expire_connections()
        if sqlstate in _POOLER_STATES:
            raise Misconfigured(
                f"a pooler at DATABASE_URL refuses it (SQLSTATE {sqlstate}): {POOLER_REMEDY}"
            ) from error
        raise Unavailable(f"PostgreSQL can't do it now: {type(error).__name__} (SQLSTATE {sqlstate})") from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError) as error:
        # InternalClientError, too: the driver's answer when it is asked something after the server's unasked goodbye.
        raise Unavailable(f"PostgreSQL can't be reached: {type(error).__name__}") from error


def _state(error: asyncpg.PostgresError) -> str:
    return error.sqlstate or "unknown"


# "the character with code zero (sometimes called NUL) cannot be stored":
# https://www.postgresql.org/docs/current/datatype-character.html
def is_text(value: str) -> bool:
    """Tell whether a column of texts may hold this: what comes from outside may contain NUL."""
    return "\0" not in value
