"""Check readings before they are sent: the person who has the file learns what normalize would dead-letter.

An implausible value of a vendor becomes a dead letter, since we hold the only copy. That of an import stays in the file
of the person, and hundreds of dead letters at once would open the worker's circuit breaker.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

import msgspec

from athlete_ally.core.errors import InvalidReading
from athlete_ally.core.readings.measurement import Rules
from athlete_ally.core.readings.record import Arrival
from athlete_ally.core.readings.sample_batch import SampleBatch
from athlete_ally.formats.parse_result import Finding, Found
from athlete_ally.measurements import MEASUREMENTS

Refusals = Counter[tuple[str, str, str]]
"""The number of refused readings by kind, field and reason; without values."""

_BY_KIND = {measurement.kind: measurement for measurement in MEASUREMENTS}


# What a reading is about. A reading that is wrong there is wrong as a whole; so is a run whose points have no sense.
_NEVER_LEFT_OUT = {
    "userId",
    "capturedAt",
    "date",
    "start",
    "end",
    "source",
    "context",
    "device",
    "code",
    "unit",
    "values",
}


def sound(findings: Iterable[Finding], refusals: Refusals, *, at: datetime) -> Iterator[Finding]:
    """Yield the readings that can be stored and count the others; `at` is the current time, equal in a repetition.

    An impossible field is left out alone; the rest of its reading is kept if it still has a value.
    """
    arrival = Arrival(message_id="", stream_sequence=0, received_at=at)
    for finding in findings:
        kept = _sound(finding, refusals, arrival) if isinstance(finding, Found) else finding
        if kept is not None:
            yield kept


def _sound(found: Found, refusals: Refusals, arrival: Arrival) -> Found | None:
    costs: Refusals = Counter()
    while (problem := _problem(found, costs, arrival)) is not None:
        _, field, _ = problem
        if field in _NEVER_LEFT_OUT or field not in found.reading:
            refusals[next(iter(costs), problem)] += 1
            return None
        costs[problem] += 1
        found = replace(found, reading={name: value for name, value in found.reading.items() if name != field})
    refusals.update(costs)
    return found


def _problem(found: Found, costs: Refusals, arrival: Arrival) -> tuple[str, str, str] | None:
    measurement = _BY_KIND[found.kind]
    good, problems = measurement.decoder.decode_all([msgspec.Raw(msgspec.json.encode(found.reading))])
    for problem in problems:
        return (found.kind, problem.field, problem.message)
    try:
        record = measurement.normalise(good[0], arrival, 0, Rules())
    except InvalidReading as error:
        # Indexes in a list would split the count into single readings and do not help the person.
        return (found.kind, error.field.partition("[")[0], error.problem)
    if isinstance(record, SampleBatch) and (lost := len(found.reading["values"]) - len(record.values)):
        costs[found.kind, "values", f"{record.code}: impossible, left out of its run"] += lost
    return None
