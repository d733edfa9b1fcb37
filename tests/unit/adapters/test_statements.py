"""The SQL that follows from a record type."""

import re
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from athlete_ally.adapters.postgres.statements import statements_for
from athlete_ally.core.readings.measurement import Measurement, Rules
from athlete_ally.core.readings.record import KEY_COLUMNS, Arrival, Record
from athlete_ally.measurements import KINDS, MEASUREMENTS
from athlete_ally.measurements.hrv import HRV, HrvReading

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
each_kind = pytest.mark.parametrize("measurement", MEASUREMENTS, ids=KINDS)


@each_kind
def test_every_field_travels_as_one_parameter(measurement: Measurement) -> None:
    """
    The statement numbers as many parameters as the record has fields, in their order.
    """
    statements = statements_for(measurement)
    names = [field.name for field in msgspec.structs.fields(measurement.record_type)]

    assert names == [column.name for column in statements.columns]
    assert [str(number) for number in range(1, len(names) + 1)] == re.findall(r"\$(\d+)::", statements.upsert)


@each_kind
def test_the_newer_row_stays(measurement: Measurement) -> None:
    """
    A conflict on the key changes everything but the key, and only where the row that is there is older.
    """
    upsert = statements_for(measurement).upsert
    changed = re.findall(r"(\w+) = excluded\.\1", upsert)

    assert f"ON CONFLICT ({', '.join(KEY_COLUMNS)}) DO UPDATE" in upsert
    assert "WHERE (held.captured_at, held.stream_sequence, held.reading_index) < (excluded.captured_at" in upsert
    assert set(KEY_COLUMNS) == {column.name for column in statements_for(measurement).columns} - set(changed)


@each_kind
def test_only_its_own_table_is_named(measurement: Measurement) -> None:
    """
    Both statements are about the kind's table.
    """
    statements = statements_for(measurement)

    assert statements.upsert.startswith(f"INSERT INTO {measurement.table} AS held (")
    assert f" FROM {measurement.table} AS held JOIN " in statements.current


def test_values_travel_column_by_column() -> None:
    """
    One list for each column; arrays as literals, since `unnest` would flatten them, and what is not there as NULL.
    """
    records = [_record("a", rr_intervals=(800.0, 812.5), raw=msgspec.Raw(b'{"a":1.50}')), _record("b", rmssd=4.0)]
    statements = statements_for(HRV)
    arguments = dict(zip([column.name for column in statements.columns], statements.arguments(records), strict=True))

    assert {2} == {len(values) for values in arguments.values()}
    assert (arguments["user_id"], arguments["rr_intervals_ms"]) == (["a", "b"], ["{800.0,812.5}", None])
    assert arguments["raw"] == ['{"a":1.50}', None]
    assert arguments["quality_flags"][0] == "{few-beats}"
    assert [date(2026, 11, 20)] * 2 == arguments["day"]


def test_a_type_without_a_column_is_refused_at_once() -> None:
    """
    A record type with a field that no column type stands for is a programming error, found before any row.
    """

    class OddRecord(Record, frozen=True, kw_only=True):
        odd: complex

    odd = Measurement("odd", "Odd", HRV.decoder, OddRecord, HRV.normalise, ())
    with pytest.raises(KeyError):
        statements_for(odd)


def _record(user: str, **values: Any) -> Record:
    reading = HrvReading(user_id=user, captured_at=NOW, day=NOW.date(), **values)
    return HRV.normalise(reading, Arrival(message_id="m", stream_sequence=1, received_at=NOW), 0, Rules())
