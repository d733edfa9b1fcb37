"""The SQL of a kind, derived from its record type: a new kind brings a migration, and no statement."""

import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.record import KEY_COLUMNS, Record

_ORDER_COLUMNS = ("captured_at", "stream_sequence", "reading_index")


@dataclass(frozen=True, slots=True)
class Column:
    """How one field travels: `wire_type` in the array that is unnested, `table_type` in the table."""

    name: str
    wire_type: str
    table_type: str
    encode: Callable[[Any], Any] = lambda value: value


@dataclass(frozen=True, slots=True)
class Statements:
    """The statements for one kind's table."""

    columns: tuple[Column, ...]
    upsert: str
    current: str
    superseded: str

    def arguments(self, records: Sequence[Record]) -> list[list[Any]]:
        """Return one list of values for each column, as `upsert` wants them."""
        return [[column.encode(getattr(record, column.name)) for record in records] for column in self.columns]


@cache
def statements_for(measurement: Measurement) -> Statements:
    """Return the statements for a kind."""
    columns = tuple(_column(field.name, field.type) for field in msgspec.structs.fields(measurement.record_type))
    return Statements(
        columns, _upsert(measurement.table, columns), _current(measurement.table), _superseded(measurement.table)
    )


def _upsert(table: str, columns: Sequence[Column]) -> str:
    """Insert all rows at once; where a row of the key is there, the newer of the two stays."""
    names = ", ".join(column.name for column in columns)
    arrays = ", ".join(f"${number}::{column.wire_type}[]" for number, column in enumerate(columns, start=1))
    values = ", ".join(f"new.{column.name}::{column.table_type}" for column in columns)
    changes = ", ".join(
        f"{column.name} = excluded.{column.name}" for column in columns if column.name not in KEY_COLUMNS
    )
    held = ", ".join(f"held.{name}" for name in _ORDER_COLUMNS)
    excluded = ", ".join(f"excluded.{name}" for name in _ORDER_COLUMNS)
    return (
        f"INSERT INTO {table} AS held ({names}, created_position, changed_position) "  # noqa: S608  # names come from our own record types
        f"SELECT {values}, position, position FROM unnest({arrays}) AS new ({names}), change_position() AS position "
        f"ON CONFLICT ({', '.join(KEY_COLUMNS)}) DO UPDATE SET {changes}, stored_at = clock_timestamp(), "
        "changed_position = excluded.changed_position "
        f"WHERE ({held}) < ({excluded}) "
        f"RETURNING {', '.join(KEY_COLUMNS)}"
    )


def _current(table: str) -> str:
    """Ask which rows, given as message, sequence and key, are the current ones of their keys."""
    return (
        f"SELECT {', '.join(f'held.{name}' for name in KEY_COLUMNS)} FROM {table} AS held "  # noqa: S608  # as above
        "JOIN unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[]) "
        f"AS asked (message_id, stream_sequence, {', '.join(KEY_COLUMNS)}) "
        f"USING (message_id, stream_sequence, {', '.join(KEY_COLUMNS)})"
    )


def _superseded(table: str) -> str:
    """Count those of the keys and orders given for which the table holds something as new or newer."""
    names = ", ".join((*KEY_COLUMNS, *_ORDER_COLUMNS))
    held = ", ".join(f"held.{name}" for name in _ORDER_COLUMNS)
    asked = ", ".join(f"asked.{name}" for name in _ORDER_COLUMNS)
    return (
        f"SELECT count(*) FROM {table} AS held "  # noqa: S608  # as above
        "JOIN unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bigint[], $7::integer[]) "
        f"AS asked ({names}) USING ({', '.join(KEY_COLUMNS)}) WHERE ({held}) >= ({asked})"
    )


def _column(name: str, annotation: Any) -> Column:
    annotation = _without_none(annotation)
    if name == "raw":
        return Column(name, "text", "json")
    if get_origin(annotation) is tuple:
        # unnest flattens nested arrays, so that an array travels as its literal.
        element = "text" if get_args(annotation)[0] is str else "real"
        return Column(name, "text", f"{element}[]", _array_literal)
    if get_origin(annotation) is Literal:
        return Column(name, "text", "text")
    table_type = {
        str: "text",
        int: "bigint",
        float: "double precision",
        date: "date",
        datetime: "timestamptz",
    }[annotation]
    return Column(name, table_type, table_type)


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in {Union, types.UnionType}:
        return next(member for member in get_args(annotation) if member is not type(None))
    return annotation


def _array_literal(values: Sequence[str] | Sequence[float] | None) -> str | None:
    return None if values is None else "{" + ",".join(map(str, values)) + "}"
