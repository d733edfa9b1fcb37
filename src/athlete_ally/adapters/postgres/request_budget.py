"""The budget of requests in PostgreSQL: one count for all workers."""

from datetime import datetime
from typing import Any

import asyncpg

from athlete_ally.adapters.postgres.pool import writing
from athlete_ally.adapters.postgres.sql import load_sql
from athlete_ally.core.vendor.api import Rate

_TAKE = load_sql("take_budget")
_RESTS = """
SELECT extract(epoch FROM rest_until - clock_timestamp())::float8 FROM vendor_rest
WHERE vendor = $1 AND rest_until > clock_timestamp()
"""
_REST = """
INSERT INTO vendor_rest AS known VALUES ($1, $2)
ON CONFLICT (vendor) DO UPDATE SET rest_until = greatest(known.rest_until, excluded.rest_until)
"""
# A window that is just over when it is looked at.
_SHORTEST_S = 0.05


class _Spent(Exception):
    """A window is full; what was taken from the others goes back."""

    def __init__(self, left_s: float) -> None:
        super().__init__()
        self.left_s = left_s


class PostgresRequestBudget:
    """The `Budget` port."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        """Use connections of this pool."""
        self._pool = pool

    async def take(self, whose: str, rates: tuple[Rate, ...]) -> float:
        """See the port."""
        async with writing(self._pool) as connection:
            resting_s = await connection.fetchval(_RESTS, whose)
            if resting_s is not None:
                return max(float(resting_s), _SHORTEST_S)
            try:
                async with connection.transaction():
                    for rate in sorted(rates, key=lambda each: each.window_s):
                        row: Any = await connection.fetchrow(_TAKE, whose, rate.window_s)
                        _check(row["used"], rate, row["left_s"])
            except _Spent as spent:
                return max(spent.left_s, _SHORTEST_S)
        return 0.0

    async def rest(self, whose: str, until: datetime) -> None:
        """See the port."""
        async with writing(self._pool) as connection:
            await connection.execute(_REST, whose, until)


def _check(used: int, rate: Rate, left_s: float) -> None:
    if used > rate.requests:
        raise _Spent(left_s)
