"""How the records of a kind go into its table: as a row each, or, for runs, as a row for each point."""

from collections.abc import Sequence
from functools import cache
from itertools import chain, repeat
from typing import Any, Protocol, cast

from athlete_ally.adapters.postgres.sql import load_sql
from athlete_ally.adapters.postgres.statements import Statements, statements_for
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.record import Record
from athlete_ally.core.readings.sample_batch import SampleBatch

Key = tuple[str, ...]
Connection = Any
"""A connection or a pool's proxy of one; the driver's own types don't agree on a common protocol."""

_ADD_SERIES = load_sql("add_series")
_FIND_SERIES = load_sql("find_series")
_MERGE_POINTS = load_sql("merge_points")
_MS_PER_S = 1000


class Table(Protocol):
    """Where the records of a kind are kept."""

    async def write(self, connection: Connection, records: Sequence[Record]) -> set[Key]:
        """Write records of different keys; return the keys of those that are on record now, at least in part."""
        ...

    async def current(self, connection: Connection, records: Sequence[Record]) -> set[Key]:
        """Return the keys of those that are on record, or may be."""
        ...

    async def superseded(self, connection: Connection, records: Sequence[Record]) -> int:
        """Return how many of these records of different keys would change nothing."""
        ...


@cache
def table_for(measurement: Measurement) -> Table:
    """Return the table of a kind."""
    return PointTable() if issubclass(measurement.record_type, SampleBatch) else RowTable(statements_for(measurement))


class RowTable:
    """A row for each key; the newest record stays."""

    def __init__(self, statements: Statements) -> None:
        """Use these statements."""
        self._statements = statements

    async def write(self, connection: Connection, records: Sequence[Record]) -> set[Key]:
        """See the protocol."""
        rows = await connection.fetch(self._statements.upsert, *self._statements.arguments(records))
        return {tuple(row) for row in rows}

    async def current(self, connection: Connection, records: Sequence[Record]) -> set[Key]:
        """See the protocol."""
        keys = [list(column) for column in zip(*(record.key for record in records), strict=True)] or [[], [], [], []]
        ids = [record.message_id for record in records]
        sequences = [record.stream_sequence for record in records]
        rows = await connection.fetch(self._statements.current, ids, sequences, *keys)
        return {tuple(row) for row in rows}

    async def superseded(self, connection: Connection, records: Sequence[Record]) -> int:
        """See the protocol."""
        asked = [(*record.key, *record.order) for record in records]
        columns = list(zip(*asked, strict=True))
        return int(await connection.fetchval(self._statements.superseded, *map(list, columns)))


class PointTable:
    """A row for each point of a series; of two at one instant the newer one stays."""

    async def write(self, connection: Connection, records: Sequence[Record]) -> set[Key]:
        """See the protocol."""
        runs = cast("Sequence[SampleBatch]", records)
        numbers = await _series(connection, runs)
        rows: list[Any] = await connection.fetch(_MERGE_POINTS, *_run_columns(runs, numbers), *_point_columns(runs))
        return {runs[int(row["number"])].key for row in rows}

    async def current(self, connection: Connection, records: Sequence[Record]) -> set[Key]:  # noqa: ARG002  # see below
        """Return all: looking for each point costs as much as writing it, and a second announcement harms nobody."""
        return {record.key for record in records}

    async def superseded(self, connection: Connection, records: Sequence[Record]) -> int:  # noqa: ARG002  # see below
        """Return none: a run is superseded only if each of its points is, which is as dear as writing it."""
        return 0


async def _series(connection: Connection, runs: Sequence[SampleBatch]) -> dict[tuple[str, ...], int]:
    """Return the number of each series, those that are new included."""
    named = {run.series: (run.unit, run.loinc) for run in runs}
    asked = sorted(named)
    columns = [list(column) for column in zip(*asked, strict=True)]
    await connection.execute(
        _ADD_SERIES, *columns, [named[each][0] for each in asked], [named[each][1] for each in asked]
    )
    rows = await connection.fetch(_FIND_SERIES, *columns)
    return {name: row["series"] for name, row in zip(asked, rows, strict=True)}


def _run_columns(runs: Sequence[SampleBatch], numbers: dict[tuple[str, ...], int]) -> list[list[Any]]:
    return [
        list(range(len(runs))),
        [numbers[run.series] for run in runs],
        [run.starts_at for run in runs],
        [run.captured_at for run in runs],
        [run.stream_sequence for run in runs],
        [run.reading_index for run in runs],
    ]


def _point_columns(runs: Sequence[SampleBatch]) -> list[list[Any]]:
    return [
        list(chain.from_iterable(repeat(number, len(run.values)) for number, run in enumerate(runs))),
        [round(offset_s * _MS_PER_S) for run in runs for offset_s in run.offsets_s],
        list(chain.from_iterable(run.lasts_s or repeat(None, len(run.values)) for run in runs)),
        list(chain.from_iterable(run.values for run in runs)),
        list(chain.from_iterable(run.plausible for run in runs)),
    ]
