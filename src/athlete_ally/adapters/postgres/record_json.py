"""Rows as JSON, made by PostgreSQL itself: the same text for a page, a stream of any size, and the change feed."""

from collections.abc import Collection
from functools import cache

import msgspec

from athlete_ally.core.readings.measurement import Measurement

LINEAGE = ("message_id", "stream_sequence", "reading_index")
"""The columns that lead from a row to its message; told on demand."""


@cache
def columns_of(measurement: Measurement, *, lineage: bool = False, include: frozenset[str] = frozenset()) -> list[str]:
    """Return the columns of a kind that readers get, in the order of the table.

    Bulky columns only where `include` names them; those of the lineage only with `lineage`.
    """
    names = (field.name for field in msgspec.structs.fields(measurement.record_type))
    shown = [name for name in names if name not in measurement.bulky or name in include]
    return [name for name in shown if lineage or name not in LINEAGE] + ["stored_at"]


def row_of(columns: Collection[str], prefix: str) -> str:
    """Return the SQL expressions of these columns; a person's id without the prefix that the reader does not see."""
    own_id = f"substr(held.user_id, {len(prefix) + 1}) AS user_id"
    return ", ".join(own_id if name == "user_id" else f"held.{name}" for name in columns)


def json_of(columns: Collection[str], prefix: str) -> str:
    """Return the SQL expression of a row, named `held`, as a JSON object with these columns."""
    # A row of a subquery keeps the names; json_build_object takes twice as long.
    return f"(SELECT row_to_json(r)::text FROM (SELECT {row_of(columns, prefix)}) AS r)"  # noqa: S608  # columns of ours
